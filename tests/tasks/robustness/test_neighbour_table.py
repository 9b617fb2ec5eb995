"""Tables of neighbours: what is written comes back, what is broken is named, and cosines against a full product."""

import gzip
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_staticemb import WordVectors, write_vectors
from xl_tasks import NeighbourTable, TaskError, nearest_words, read_neighbours, write_neighbours
from xl_tasks.robustness.neighbour_table import neighbours_for

# Letters of several scripts, combining marks, a line separator that is text, quotes and commas; no white space.
CHARS = "abcÉßışİ한글ไทยक्षñ\u2028'\",:.-"
WORDS = st.text(CHARS, min_size=1, max_size=6)


def tables(*, scored: bool) -> st.SearchStrategy[NeighbourTable]:
    score = st.integers(-1000, 1000).map(lambda n: n / 1000)

    def made(entries: dict[str, list[tuple[str, float]]]) -> NeighbourTable:
        entries = {
            word: sorted((pair for pair in pairs if pair[0] != word), key=lambda pair: -pair[1])
            for word, pairs in entries.items()
        }
        neighbours = {word: tuple(other for other, _ in pairs) for word, pairs in entries.items()}
        scores = {word: tuple(value for _, value in pairs) for word, pairs in entries.items() if pairs}
        return NeighbourTable(neighbours, scores if scored else {})

    pairs = st.lists(st.tuples(WORDS, score), max_size=4, unique_by=lambda pair: pair[0])
    return st.dictionaries(WORDS, pairs, min_size=1, max_size=6).map(made)


@settings(max_examples=60, deadline=None)
@given(
    table=st.one_of(tables(scored=True), tables(scored=False)),
    suffix=st.sampled_from([".tsv", ".json", ".tsv.gz", ".json.zst"]),
)
def test_what_is_written_comes_back(
    tmp_path_factory: pytest.TempPathFactory, table: NeighbourTable, suffix: str
) -> None:
    path = tmp_path_factory.mktemp("table") / f"table{suffix}"
    write_neighbours(path, table)
    read = read_neighbours(path)
    assert read.neighbours == table.neighbours
    assert list(read.neighbours) == list(table.neighbours)
    assert read.scores == ({} if "json" in suffix else table.scores)
    assert read.n_pairs == sum(len(others) for others in table.neighbours.values())


def test_a_line_separator_is_text(tmp_path: Path) -> None:
    write_neighbours(tmp_path / "t.tsv", NeighbourTable({":": (), "\u2028": ("a",), "\u2029": ()}, {}))
    assert read_neighbours(tmp_path / "t.tsv").neighbours == {":": (), "\u2028": ("a",), "\u2029": ()}


def test_layouts(tmp_path: Path) -> None:
    """The three of them, with a byte-order mark, CRLF, empty lines, spaces, repetitions, the word itself."""
    lists = tmp_path / "lists.tsv"
    lists.write_bytes("\ufeffbig\tlarge huge  large big\r\n\r\nodd\t\r\n".encode())
    assert read_neighbours(lists).neighbours == {"big": ("large", "huge"), "odd": ()}
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("big\thuge\t0.5\nold\taged\t0.9\nbig\tvery large\t0.75\nodd\t\n", encoding="utf-8")
    table = read_neighbours(pairs)
    assert table.neighbours == {"big": ("very large", "huge"), "old": ("aged",), "odd": ()}
    assert table.scores == {"big": (0.75, 0.5), "old": (0.9,)}
    packed = tmp_path / "table.json.gz"
    packed.write_bytes(gzip.compress(json.dumps({"big": ["large", "big", "very large"], "odd": []}).encode()))
    assert read_neighbours(packed).neighbours == {"big": ("large", "very large"), "odd": ()}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("t.tsv", "big\tlarge\nsmall\n", r"t\.tsv:2: expected word<TAB>neighbours"),
        ("t.tsv", "\tlarge\n", r"t\.tsv:1: expected"),
        ("t.tsv", "big\t\t0.5\n", r"t\.tsv:1: expected"),
        ("t.tsv", "a\tb\t0.5\t1\n", r"t\.tsv:1: expected"),
        ("t.tsv", "big\tlarge\n\nbig\thuge\n", r"t\.tsv:3: 'big' stands there already"),
        ("t.tsv", "big\tlarge\t0.5\nbig\thuge\n", r"t\.tsv:2: 'big' stands there already"),
        ("t.tsv", "big\tlarge\nbig\thuge\t0.5\n", r"t\.tsv:2: 'big' stands there already"),
        ("t.tsv", "big\tlarge\t0.5\nbig\tlarge\t0.4\n", r"t\.tsv:2: 'big' has the neighbour 'large' already"),
        ("t.tsv", "big\tlarge\thalf\n", r"t\.tsv:1: the score 'half' is no finite number"),
        ("t.tsv", "big\tlarge\tnan\n", r"t\.tsv:1: the score 'nan'"),
        ("t.tsv", "\n", r"t\.tsv: holds no words"),
        ("t.json", "{}", r"t\.json: holds no words"),
        ("t.json", '{"a": ["b"],\n"a": ["c"]}', r"t\.json:2: 'a' stands there already"),
        ("t.json", '{"a": ["b"],\n\n"ß": "c"}', r"t\.json:3: 'ß' must have a list of words"),
        ("t.json", '{"a": {"b": 1}}', r"t\.json:1: 'a' must have a list"),
        ("t.json", '{"a": [""]}', r"t\.json:1: 'a' must have a list"),
        ("t.json", '{"a": [["b", 0.5]]}', r"t\.json:1: 'a' must have a list"),
        ("t.json", '{"a": ["b"],\n"c": [}', r"t\.json:2: not JSON"),
        ("t.json", '["a"]', r"t\.json:1: not an object but list"),
    ],
    ids=str,
)
def test_what_is_broken_is_named(tmp_path: Path, name: str, text: str, words: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TaskError, match=words):
        read_neighbours(path)


def test_words_that_a_line_cannot_hold(tmp_path: Path) -> None:
    spaced = NeighbourTable({"big": ("very large",)}, {})
    with pytest.raises(TaskError, match="cannot hold 'very large'"):
        write_neighbours(tmp_path / "t.tsv", spaced)
    write_neighbours(tmp_path / "t.json", spaced)
    write_neighbours(tmp_path / "s.tsv", NeighbourTable(spaced.neighbours, {"big": (0.5,)}))
    for name in ("t.json", "s.tsv"):
        assert read_neighbours(tmp_path / name).neighbours == spaced.neighbours
    with pytest.raises(TaskError, match=r"ends in \.json or \.tsv"):
        write_neighbours(tmp_path / "t.txt", spaced)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s.tsv", "t.json"]


def some_vectors(n_words: int = 60, seed: int = 0) -> WordVectors:
    matrix = np.random.default_rng(seed).normal(size=(n_words, 8))
    matrix[7] = 3 * matrix[5] + 0.01 * matrix[0]  # longer, and nearly in the same direction
    return WordVectors([f"w{i}" for i in range(n_words - 1)] + ["New York"], matrix)


@pytest.mark.parametrize(("k", "least", "limit"), [(3, 0.5, 0), (1, 0.2, 0), (8, 0.0, 25), (100, -1.0, 10)])
def test_nearest_words_are_those_of_the_full_product(k: int, least: float, limit: int) -> None:
    vectors = some_vectors()
    table = nearest_words(vectors, n_neighbours=k, min_similarity=least, limit=limit)
    rows = range(limit or 59)  # the last word has a space
    unit = vectors.matrix.astype(np.float64) / np.linalg.norm(vectors.matrix.astype(np.float64), axis=1, keepdims=True)
    expected = {}
    for i in rows:
        others = sorted((-float(unit[i] @ unit[j]), j) for j in rows if j != i)
        if found := [(f"w{j}", -cosine) for cosine, j in others if -cosine >= least][:k]:
            expected[f"w{i}"] = found
    assert table.neighbours == {word: tuple(other for other, _ in found) for word, found in expected.items()}
    for word, found in expected.items():
        assert table.scores[word] == pytest.approx([score for _, score in found], abs=1e-5)
        assert max(table.scores[word]) <= 1
    assert table.neighbours["w5"][0] == "w7"


def test_words_without_direction_or_company() -> None:
    """A row of zeros is near nobody; the only word has no neighbour."""
    zero = WordVectors(["a", "b", "c"], np.array([[1.0, 0], [1, 0.1], [0, 0]]))
    assert nearest_words(zero, min_similarity=0.5).neighbours == {"a": ("b",), "b": ("a",)}
    assert len(nearest_words(WordVectors(["a"], np.ones((1, 2))), min_similarity=-1)) == 0


def test_restricting(tmp_path: Path) -> None:
    table = NeighbourTable({"a": ("b", "c", "d"), "e": ("f", "g")}, {"a": (0.9, 0.6, 0.4)})
    few = table.restrict(2, 0.7)
    assert few.neighbours == {"a": ("b",), "e": ("f", "g")}
    assert few.scores == {"a": (0.9,)}
    assert table.restrict(1).neighbours == {"a": ("b",), "e": ("f",)}
    assert table.restrict(9, 0.95).neighbours["a"] == ()


def test_a_language_finds_its_table(tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "README.txt").write_text("Tables.\n")
    (folder / "eng_Latn.tsv").write_text("big\tlarge huge\n", encoding="utf-8")
    (folder / "tr.json").write_text('{"büyük": ["iri"]}', encoding="utf-8")
    vectors = some_vectors()
    write_vectors(folder / "Swahili.safetensors", vectors)
    options: dict[str, Any] = {"n_neighbours": 1, "min_similarity": 0.3}
    assert neighbours_for(folder, "eng_Latn", **options).neighbours == {"big": ("large",)}
    assert neighbours_for(folder, "tur_Latn", **options).neighbours == {"büyük": ("iri",)}
    swahili = nearest_words(vectors, **options)
    assert neighbours_for(folder, "swh_Latn", **options) == swahili
    assert neighbours_for(folder / "Swahili.safetensors", "eng_Latn", **options) == swahili
    assert neighbours_for(folder / "eng_Latn.tsv", "tur_Latn", **options).neighbours == {"big": ("large",)}
    with pytest.raises(TaskError, match=r"fra_Latn.*eng_Latn.*tur_Latn|eng_Latn.*tur_Latn"):
        neighbours_for(folder, "fra_Latn", **options)


@pytest.mark.slow
def test_a_table_of_the_published_size_and_form_is_read_whole(tmp_path: Path) -> None:
    """Robust-XLT's counter-fitted table: one JSON object in one line, 49,975 keys, 24,384 of them with no neighbour."""
    rng = random.Random(0)
    keys = [f"w{i}" for i in range(49_974)] + ["Paris"]
    listed = {key: [] if i < 24_384 else rng.sample(keys, rng.randint(1, 8)) for i, key in enumerate(keys)}
    (tmp_path / "counterfitted_neighbors.json").write_text(json.dumps(listed), encoding="utf-8")
    table = read_neighbours(tmp_path / "counterfitted_neighbors.json")
    assert len(table) == 49_975
    assert sum(not others for others in table.neighbours.values()) == sum(
        all(other == key for other in others) for key, others in listed.items()
    )
    assert all(
        table.neighbours[key] == tuple(other for other in others if other != key) for key, others in listed.items()
    )
    assert "paris" not in table.neighbours  # words are looked up as they are written
    # no scores are told, so that a least similarity leaves all of them
    assert table.restrict(8, 0.9).n_pairs == table.n_pairs
