"""Links of Clear Bible: a hand-written sample in their layout, read, linked and judged book by book."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Run

import xl_cli
from xl_analysis import GoldLinks, alignment_scores, link_words
from xl_cli import CliError
from xl_cli.words.bible_links import BOOKS, FETCH, read_bible_links
from xl_encoders import ModelConfig, load_encoder, new_encoder
from xl_encoders.model.encoder import save_model
from xl_tasks import Row

# Two books; the second verse of the first has a link to an excluded word, one to a word of another verse, and no other.
SOURCE = """id\ttext\tlemma
n40001001001\tΒίβλος\tβίβλος
n40001001002\tγενέσεως\tγένεσις
n40001001003\tἸησοῦ\tἸησοῦς
n40001002001\tἈβραὰμ\tἈβραάμ
n41001001001\tἈρχὴ\tἀρχή
n41001001002\tεὐαγγελίου\tεὐαγγέλιον
"""
TARGET = """id\tsource_verse\ttext\texclude
40001001001\t40001001\tThe\t
40001001002\t40001001\trecord\t
40001001003\t40001001\t,\ty
40001001004\t40001001\tof\t
40001001005\t40001001\tJesus\t
40001002001\t40001002\tAbraham\t
40001002002\t40001002\t.\ty
41001001001\t41001001\tThe\t
41001001002\t41001001\tbeginning\t
41001001003\t41001001\tgospel\t
"""
# Not in the order of the verses.
RECORDS = [
    (["n41001001001"], ["41001001001", "41001001002"]),
    (["n41001001002"], ["41001001003"]),
    (["n40001001001"], ["40001001001", "40001001002", "40001001003"]),
    (["n40001001003"], ["40001001005"]),
    (["n40001002001"], ["40001002002", "40001001005"]),
]
LINKS = Path("data/eng/alignments/BSB/SBLGNT-BSB-manual.json")


def write(folder: Path, records: list[tuple[list[str], list[str]]] = RECORDS) -> Path:
    (folder / LINKS).parent.mkdir(parents=True, exist_ok=True)
    for name, text in (("data/sources/SBLGNT.tsv", SOURCE), ("data/eng/targets/BSB/nt_BSB.tsv", TARGET)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    content = {
        "documents": [{"docid": "SBLGNT", "scheme": "BCVWP"}, {"docid": "BSB", "scheme": "BCVWP"}],
        "roles": ["source", "target"],
        "records": [{"source": source, "target": target, "meta": {}} for source, target in records],
    }
    (folder / LINKS).write_text(json.dumps(content), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "tiny"
    words = [line.split("\t")[column] for text, column in ((SOURCE, 1), (TARGET, 2)) for line in text.split("\n")[1:-1]]
    save_model(new_encoder(words, ModelConfig(size="pico", pieces=30, max_len=32), seed=1), folder)
    return folder


def test_verses_are_in_the_order_of_the_text_without_excluded_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = read_bible_links(write(tmp_path))
    assert first.left == ["Βίβλος", "γενέσεως", "Ἰησοῦ"]
    assert first.right == ["The", "record", "of", "Jesus"]
    assert first.links == {(0, 0), (0, 1), (2, 3)}
    assert (first.number, first.book) == ("40001001", "MAT")
    assert (second.book, second.links) == ("MRK", {(0, 0), (0, 1), (1, 2)})
    assert "3 links of SBLGNT-BSB-manual are left out" in capsys.readouterr().err
    assert read_bible_links(tmp_path / LINKS) == [first, second]
    assert (len(BOOKS), BOOKS[0], BOOKS[39], BOOKS[-1]) == (66, "GEN", "MAT", "REV")


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    def fault(path: Path) -> str:
        with pytest.raises(CliError) as caught:
            read_bible_links(path)
        return str(caught.value)

    for name in ("none", "gold.txt"):
        told = f"{tmp_path / name} holds no links of Clear Bible; fetch some with {FETCH.format(tmp_path / name)}"
        assert told in fault(tmp_path / name)
    folder = write(tmp_path / "a", [(["n40001001009"], ["40001001001"])])
    assert f"{folder / LINKS}: a link has word n40001001009, which SBLGNT has not" in fault(folder)
    folder = write(tmp_path / "a", [(["n40001001001"], ["40001001099"])])
    assert "40001001099, which BSB has not; are text and links of one version?" in fault(folder)
    assert "no link within a verse" in fault(write(tmp_path / "a", RECORDS[-1:]))
    table = write(tmp_path / "a") / "data/sources/SBLGNT.tsv"
    table.write_text(SOURCE + "n41001001003\n", encoding="utf-8")
    assert f"{table}:8: a word has id, text, lemma" in fault(folder)
    table.unlink()
    assert "no folder above it has the text of its words, sources/SBLGNT.tsv" in fault(folder)
    shutil.copy(folder / LINKS, (folder / LINKS).with_name("other.json"))
    assert f"{folder} holds 2 files of links; name one, such as {folder / LINKS}" in fault(folder)
    for text in (
        "[",
        "[]",
        "{}",
        '{"documents": [], "records": []}',
        '{"documents": [{"docid": "a"}], "records": [1]}',
    ):
        (folder / LINKS).write_text(text, encoding="utf-8")
        assert f"{LINKS.name} is no file of links of Clear Bible" in fault(folder / LINKS)


def figures(model: Path, gold: Path, **more: Any) -> dict[tuple[str, str], Row]:
    rows = xl_cli.analyze(
        "align-words", model=model, gold=gold, source="grc", target="eng", layer="1", method="ot", unit="word", **more
    )
    return {(row.metric, row.data): row for row in rows}


@pytest.mark.parametrize("shifted", [False, True])
def test_each_book_has_the_error_of_its_own_verses(shifted: bool, model: Path, tmp_path: Path) -> None:
    """By the library's parts: vectors of the words of a verse, the links of the plan, against the links of the file."""
    found = figures(model, write(tmp_path), shifted=shifted)
    verses = read_bible_links(tmp_path)
    encoder = load_encoder(str(model))
    gold = [GoldLinks(verse.links, verse.links) for verse in verses]
    links = []
    for number, verse in enumerate(verses):
        right = verses[1 - number if shifted else number].right
        vectors = [
            encoder.word_vectors([" ".join(words)], layer=1, how="mean", words=[spans(words)])[0].vectors
            for words in (verse.left, right)
        ]
        links.append(link_words(*vectors, method="ot").pairs)
    name = LINKS.stem
    for book, at in (("MAT", slice(0, 1)), ("MRK", slice(1, 2))):
        row = found["book_aer", f"{name} {book}"]
        assert row.value == pytest.approx(alignment_scores(links[at], gold[at]).aer)
        assert (row.n, row.source, row.target, row.noise) == (1, "grc_Grek", "eng_Latn", "shifted" if shifted else "")
    assert found["aer", name].value == pytest.approx(alignment_scores(links, gold).aer)


def spans(words: list[str]) -> list[tuple[int, int]]:
    starts = [len("".join(f"{word} " for word in words[:place])) for place in range(len(words))]
    return [(start, start + len(word)) for start, word in zip(starts, words, strict=True)]


def test_a_limit_is_one_of_each_book(model: Path, tmp_path: Path) -> None:
    records = [*RECORDS, (["n40001002001"], ["40001002001"])]
    name = LINKS.stem
    assert figures(model, write(tmp_path, records))["book_aer", f"{name} MAT"].n == 2
    found = figures(model, tmp_path, limit=1)
    assert {data: row.n for (metric, data), row in found.items() if metric == "book_aer"} == {
        f"{name} MAT": 1,
        f"{name} MRK": 1,
    }


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--tokenized", "--tokenized: no meaning with a --gold whose words are given"),
        ("--engine space", "--engine: no meaning with a --gold whose words are given"),
        ("--shifted --links a.links", "--links: no meaning with --shifted, whose pairs do not belong together"),
        ("--text a --text b --limit 3 --shifted", "--limit and --shifted: no meaning with --text, which is one pair"),
    ],
)
def test_options_without_a_meaning_are_refused(options: str, told: str, xl: Run, tmp_path: Path) -> None:
    done = xl("analyze", "align-words", "--model", "m", "--gold", tmp_path, *options.split())
    assert (done.returncode, told in done.stderr) == (2, True), done.stderr


def test_without_gold_nothing_is_shifted_and_no_verse_there(xl: Run, model: Path, tmp_path: Path) -> None:
    call = ("analyze", "align-words", "--model", model)
    done = xl(*call, "--files", "a.tsv", "--shifted")
    assert (done.returncode, "--shifted: no meaning without --gold" in done.stderr) == (2, True)
    done = xl(*call, "--gold", tmp_path / "bible-alignments")
    assert (done.returncode, "holds no links of Clear Bible; fetch some with uv pip" in done.stderr) == (1, True)
