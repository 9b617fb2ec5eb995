"""Lexicon induction: accounting by hand, retrieval against a loop, real dictionaries."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ortho_group

from xl_staticemb import (
    StaticembError,
    WordVectors,
    csls_scores,
    induction_accuracy,
    orthogonal_map,
    read_dictionary,
)

EYE = np.eye(4)
SOURCE = WordVectors(["water", "house", "cat", "idle"], EYE)
TARGET = WordVectors(["su", "ev", "kedi", "konut"], EYE[[0, 1, 3, 2]])


def test_accounting_of_a_dictionary_made_by_hand() -> None:
    pairs = [
        ("water", "su"),  # hit
        ("house", "konut"),  # its second translation is the hit
        ("house", "ev"),
        ("cat", "kedi"),  # miss: konut has the vector of cat
        ("idle", "rölantide"),  # the only translation has no vector
        ("idle", "boş"),
        ("New York", "New York"),  # several words, no vector
        ("water", "sular"),  # one translation of a covered word has no vector
    ]
    score = induction_accuracy(SOURCE, TARGET, pairs, retrieval="nn", ks=(1, 4))
    assert (score.n_sources, score.n_covered, score.coverage) == (5, 3, 3 / 5)
    # cat: konut is better, su and ev tie with kedi at 0: rank 1 + 1 + 2 / 2 = 3
    assert score.precision == {1: 2 / 3, 4: 1.0}
    assert score.strict == {1: 2 / 5, 4: 3 / 5}


def test_entries_of_several_words_count_where_the_vocabulary_has_them() -> None:
    source = WordVectors(["New York", "su"], np.eye(2))
    assert induction_accuracy(source, source, [("New York", "New York")], ks=(1,)).precision == {1: 1.0}


def test_vectors_all_alike_find_nothing() -> None:
    alike = WordVectors([f"w{i}" for i in range(50)], np.ones((50, 3)))
    score = induction_accuracy(alike, alike, [(w, w) for w in alike.words], retrieval="nn")
    assert score.precision == {1: 0.0, 5: 0.0, 10: 0.0}


@pytest.mark.parametrize("retrieval", ["nn", "csls"])
def test_precision_equals_sorting_all_scores(retrieval: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xl_staticemb.bli._SCORES_AT_ONCE", 100)  # several blocks
    rng = np.random.default_rng(0)
    source = WordVectors([f"s{i}" for i in range(60)], rng.normal(size=(60, 5)))
    target = WordVectors([f"t{i}" for i in range(40)], source.matrix[:40] + 0.5 * rng.normal(size=(40, 5)))
    pairs = [(f"s{i}", f"t{i}") for i in range(30)] + [(f"s{i}", f"t{i + 1}") for i in range(0, 30, 3)]
    golds = {i: {i, i + 1} if i % 3 == 0 else {i} for i in range(30)}
    if retrieval == "csls":
        scores = csls_scores(source.matrix, target.matrix, 4)
    else:
        scores = source.unit().matrix @ target.unit().matrix.T
    found = induction_accuracy(source, target, pairs, retrieval=retrieval, ks=(1, 2, 5), n_neighbours=4)
    # with several translations a hit at k allows as many others above as are no translations
    for k in (1, 2, 5):
        hits = 0
        for i, gold in golds.items():
            others = [j for j in np.argsort(-scores[i]) if j not in gold]
            hits += max(scores[i, j] for j in gold) > scores[i, others[k - 1]]
        assert found.precision[k] == hits / 30


def test_a_planted_rotation_is_learned_from_half_of_the_dictionary() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(300, 20))
    source = WordVectors([f"s{i}" for i in range(300)], x)
    rotated = x @ ortho_group.rvs(20, random_state=1) + 0.05 * rng.normal(size=x.shape)
    target = WordVectors([f"t{i}" for i in range(300)], rotated)
    mapped = WordVectors(source.words, source.matrix @ orthogonal_map(x[:150], target.matrix[:150]))
    pairs = [(f"s{i}", f"t{i}") for i in range(150, 300)]
    assert induction_accuracy(mapped, target, pairs).precision[1] > 0.95
    assert induction_accuracy(source, target, pairs).precision[1] < 0.1


def test_bad_requests_are_refused() -> None:
    with pytest.raises(StaticembError, match="'cosine' is not known; it can be nn or csls"):
        induction_accuracy(SOURCE, TARGET, [("water", "su")], retrieval="cosine")
    with pytest.raises(StaticembError, match="none of the 1 source words"):
        induction_accuracy(SOURCE, TARGET, [("Water", "su")])
    with pytest.raises(StaticembError, match="widths are 4 and 2"):
        induction_accuracy(SOURCE, WordVectors(["su"], np.ones((1, 2))), [("water", "su")])


def test_dictionaries_with_tabs_and_with_spaces(tmp_path: Path) -> None:
    path = tmp_path / "en-tr.txt"
    path.write_text("\ufeffwater su\r\nNew York\tNew York\n\nhouse   ev\nhouse\tkonut ", encoding="utf-8")
    expected = [("water", "su"), ("New York", "New York"), ("house", "ev"), ("house", "konut")]
    assert read_dictionary(path) == expected


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"a b\nword\n", r"d\.txt:2: expected source<TAB>target, found 'word'"),
        (b"a\tb\tc\n", r"d\.txt:1: "),
        (b"a b c\n", r"d\.txt:1: "),
        (b"a b\n\xe9 b\n", r"d\.txt:2: not UTF-8 \(byte 0xe9\)"),
        (b"\n", "holds no pairs"),
    ],
)
def test_broken_dictionaries_are_named_by_line(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "d.txt"
    path.write_bytes(data)
    with pytest.raises(StaticembError, match=words):
        read_dictionary(path)
    with pytest.raises(StaticembError, match="no such file"):
        read_dictionary(tmp_path / "none")


@pytest.mark.data
def test_real_dictionaries_are_read_whole(data_folder: Path) -> None:
    files = [
        *(data_folder / "bli_xling").rglob("*.tsv"),
        *(data_folder / "bli_panlex").rglob("*.trans"),
        *(data_folder / "muse_pos").glob("*.txt"),
    ]
    assert len(files) > 50
    for path in files:
        assert len(read_dictionary(path)) == sum(1 for line in path.read_bytes().split(b"\n") if line.strip()), path
