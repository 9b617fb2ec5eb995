"""Lexicon induction: accounting by hand, retrieval against a loop, conventions of the published programs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import logsumexp
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
RETRIEVALS = ("nn", "csls", "invsoftmax", "invnn")

# hit; its second translation is the hit; miss, konut has the vector of cat; the only translations have no vector;
# several words, no vector; one translation of a covered word has no vector
PAIRS = [
    ("water", "su"),
    ("house", "konut"),
    ("house", "ev"),
    ("cat", "kedi"),
    ("idle", "rölantide"),
    ("idle", "boş"),
    ("dog", "su"),
    ("New York", "New York"),
    ("water", "sular"),
    ("cat", "ev kedisi"),
]


def random_pair(seed: int, n: int = 60, m: int = 40, width: int = 5) -> tuple[WordVectors, WordVectors]:
    rng = np.random.default_rng(seed)
    source = WordVectors([f"s{i}" for i in range(n)], rng.normal(size=(n, width)))
    near = source.matrix[:m] + 0.5 * rng.normal(size=(m, width))
    return source, WordVectors([f"t{i}" for i in range(m)], near)


def test_accounting_of_a_dictionary_made_by_hand() -> None:
    score = induction_accuracy(SOURCE, TARGET, PAIRS, retrieval="nn", ks=(1, 4))
    # water, house, cat of water, house, cat, idle, dog; New York is left out
    assert (score.n_sources, score.n_covered, score.coverage, score.n_multiword) == (5, 3, 3 / 5, 1)
    # cat: konut is better, su and ev tie with kedi at 0: rank 1 + 1 + 2 / 2 = 3
    assert score.precision == {1: 2 / 3, 4: 1.0}
    assert score.strict == {1: 2 / 5, 4: 3 / 5}
    assert score.mrr == pytest.approx((1 + 1 + 1 / 3) / 3)
    assert score.strict_mrr == pytest.approx((1 + 1 + 1 / 3) / 5)
    assert (score.n_source_words, score.n_target_words) == (4, 4)


def test_entries_of_several_words_may_count_as_missing_or_be_means() -> None:
    missing = induction_accuracy(SOURCE, TARGET, PAIRS, retrieval="nn", multiword="oov")
    assert (missing.n_sources, missing.n_covered, missing.n_multiword) == (6, 3, 0)
    source = WordVectors(["red", "wine", "beer"], [[2, 0, 0], [0, 1, 0], [0, 0, 1]])
    target = WordVectors(["vin", "rouge", "bière"], [[0, 1, 0], [3, 0, 0], [0, 0, 1]])
    pairs = [("red wine", "vin rouge"), ("beer", "bière"), ("red ale", "bière")]
    means = induction_accuracy(source, target, pairs, retrieval="nn", multiword="mean", ks=(1,))
    # the mean of unit vectors of red and wine is that of rouge and vin: a candidate made for this entry, and a hit
    assert (means.n_sources, means.n_covered, means.precision) == (3, 2, {1: 1.0})
    assert induction_accuracy(source, target, pairs, retrieval="nn").n_multiword == 2


@pytest.mark.parametrize("written", ["New York", "New_York"])
def test_entries_of_several_words_count_where_the_vocabulary_has_them(written: str) -> None:
    source = WordVectors([written, "su"], np.eye(2))
    score = induction_accuracy(source, source, [("New York", "New York")], ks=(1,))
    assert (score.precision, score.n_multiword) == ({1: 1.0}, 0)


def muse(scores: NDArray, pairs: list[tuple[str, str]], k: int) -> float:
    """MUSE's count: pairs with both words in the vocabularies; a source word is right if one of its pairs is."""
    usable = [(SOURCE.index[s], TARGET.index[t]) for s, t in pairs if s in SOURCE.index and t in TARGET.index]
    right: dict[int, int] = {}
    for s, t in usable:
        right[s] = min(right.get(s, 0) + int(t in np.argsort(-scores[s], kind="stable")[:k]), 1)
    return sum(right.values()) / len(right)


def vecmap(scores: NDArray, pairs: list[tuple[str, str]]) -> tuple[float, float]:
    """VecMap's count: accuracy over source words with a usable pair, and its coverage."""
    usable: dict[int, set[int]] = {}
    missing = set()
    for s, t in pairs:
        if s in SOURCE.index and t in TARGET.index:
            usable.setdefault(SOURCE.index[s], set()).add(TARGET.index[t])
        else:
            missing.add(s)
    missing -= {SOURCE.words[row] for row in usable}
    right = sum(int(scores[s].argmax() in golds) for s, golds in usable.items())
    return right / len(usable), len(usable) / (len(usable) + len(missing))


def test_both_published_conventions_on_the_dictionary_made_by_hand() -> None:
    single = [(s, t) for s, t in PAIRS if " " not in s + t]
    scores = SOURCE.unit().matrix @ TARGET.unit().matrix.T
    ours = induction_accuracy(SOURCE, TARGET, single, retrieval="nn", ks=(1, 2))
    accuracy, coverage = vecmap(scores, single)
    # they agree on accuracy; MUSE does not tell coverage; neither counts idle and dog as wrong, as strict does
    assert ours.precision[1] == accuracy == muse(scores, single, 1) == 2 / 3
    assert ours.coverage == coverage == 3 / 5
    assert ours.strict[1] == 2 / 5
    # with oov, entries of several words are to VecMap words like others (where a file with TABs lets it read them)
    ours = induction_accuracy(SOURCE, TARGET, PAIRS, retrieval="nn", ks=(1,), multiword="oov")
    assert (ours.precision[1], ours.coverage) == vecmap(scores, PAIRS)
    # where scores tie they part: all alike, MUSE and VecMap take the first word, ours has found nothing
    alike = np.ones((4, 4))
    assert muse(alike, [("water", "su")], 1) == 1.0
    same = [WordVectors(side.words, alike) for side in (SOURCE, TARGET)]
    assert induction_accuracy(*same, [("water", "su")], retrieval="nn", ks=(1,)).precision[1] == 0.0


def test_vectors_all_alike_find_nothing() -> None:
    alike = WordVectors([f"w{i}" for i in range(50)], np.ones((50, 3)))
    for retrieval in ("nn", "csls", "invsoftmax"):
        score = induction_accuracy(alike, alike, [(w, w) for w in alike.words], retrieval=retrieval)
        assert score.precision == {1: 0.0, 5: 0.0, 10: 0.0}


@pytest.mark.parametrize("retrieval", RETRIEVALS)
def test_figures_equal_sorting_all_scores(retrieval: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xl_staticemb.lexicon.bli._SCORES_AT_ONCE", 100)  # several blocks
    source, target = random_pair(0)
    pairs = [(f"s{i}", f"t{i}") for i in range(30)] + [(f"s{i}", f"t{i + 1}") for i in range(0, 30, 3)]
    golds = {i: {i, i + 1} if i % 3 == 0 else {i} for i in range(30)}
    cos = source.unit().matrix.astype(np.float64) @ target.unit().matrix.T
    scores = {
        "nn": cos,
        "csls": csls_scores(source.matrix, target.matrix, 4),
        "invsoftmax": 20 * cos - logsumexp(20 * cos, axis=0),
        "invnn": -np.argsort(np.argsort(-cos, axis=0), axis=0) + cos / 2,
    }[retrieval]
    found = induction_accuracy(
        source, target, pairs, retrieval=retrieval, ks=(1, 2, 5), n_neighbours=4, temperature=20.0
    )
    # with several translations a hit at k allows as many others above as are no translations
    ranks = []
    for i, gold in golds.items():
        others = [j for j in range(40) if j not in gold]
        ranks.append(1 + sum(scores[i, j] > max(scores[i, g] for g in gold) for j in others))
    for k in (1, 2, 5):
        assert found.precision[k] == pytest.approx(np.mean([rank <= k for rank in ranks]))
    assert found.mrr == pytest.approx(np.mean([1 / rank for rank in ranks]))


def test_the_neighbourhood_of_targets_is_taken_over_the_whole_source_vocabulary() -> None:
    source, target = random_pair(1)
    few = WordVectors(source.words[:30], source.matrix[:30])
    pairs = [(f"s{i}", f"t{i}") for i in range(30)]
    whole, part = (induction_accuracy(side, target, pairs, ks=(1,), n_neighbours=3) for side in (source, few))
    scores = csls_scores(source.matrix[:30], target.matrix, 3, sources=source.matrix)
    assert whole.precision[1] == np.mean(scores.argmax(axis=1) == np.arange(30))
    assert part.mrr != whole.mrr


def test_case_of_entries_follows_the_vocabulary() -> None:
    lowered = WordVectors(["istanbul", "su"], np.eye(2))
    cased = WordVectors(["İstanbul", "su"], np.eye(2))
    pairs = [("İstanbul", "İstanbul"), ("SU", "su")]
    assert induction_accuracy(lowered, lowered, pairs, ks=(1,)).coverage == 1.0
    assert induction_accuracy(lowered, cased, pairs, ks=(1,)).coverage == 1.0
    assert induction_accuracy(cased, cased, pairs, ks=(1,)).coverage == 0.5
    assert induction_accuracy(lowered, lowered, [*pairs, ("su", "su")], lower="never", ks=(1,)).coverage == 1 / 3
    merged = induction_accuracy(lowered, lowered, [("Su", "istanbul"), ("su", "SU")], ks=(1,))
    assert (merged.n_sources, merged.precision) == (1, {1: 1.0})


def test_rows_that_are_not_finite_are_never_right() -> None:
    matrix = np.eye(3, dtype=np.float32)
    matrix[1] = np.nan
    broken = WordVectors(["a", "b", "c"], matrix)
    for retrieval in RETRIEVALS:
        score = induction_accuracy(
            broken, broken, [(w, w) for w in "abc"], retrieval=retrieval, ks=(1,), n_neighbours=1
        )
        assert score.precision[1] == 2 / 3, retrieval
        assert score.mrr == pytest.approx(2 / 3)


def test_a_planted_rotation_is_learned_from_half_of_the_dictionary() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(300, 20))
    source = WordVectors([f"s{i}" for i in range(300)], x)
    rotated = x @ ortho_group.rvs(20, random_state=1) + 0.05 * rng.normal(size=x.shape)
    target = WordVectors([f"t{i}" for i in range(300)], rotated)
    mapped = WordVectors(source.words, source.matrix @ orthogonal_map(x[:150], target.matrix[:150]))
    pairs = [(f"s{i}", f"t{i}") for i in range(150, 300)]
    for retrieval in RETRIEVALS:
        assert induction_accuracy(mapped, target, pairs, retrieval=retrieval).precision[1] > 0.95
        assert induction_accuracy(source, target, pairs, retrieval=retrieval).precision[1] < 0.1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"retrieval": "cosine"}, "'cosine' is not known; it can be nn, csls, invsoftmax, invnn"),
        ({"pairs": [("Water", "su")], "lower": "never"}, "none of the 1 source words has vectors"),
        ({"target": WordVectors(["su"], np.ones((1, 2)))}, "widths are 4 and 2"),
        ({"lower": "maybe"}, "lower is 'maybe'; it can be auto, always, never"),
        ({"multiword": "drop"}, "multiword is 'drop'; it can be skip, oov, mean"),
        ({"ks": (0,)}, "at 1 or more"),
        ({"n_neighbours": 0}, "at least 1"),
        ({"retrieval": "invsoftmax", "temperature": -1.0}, "above 0"),
    ],
)
def test_bad_requests_are_refused(change: dict, words: str) -> None:
    asked: dict[str, Any] = {"source": SOURCE, "target": TARGET, "pairs": [("water", "su")], **change}
    with pytest.raises(StaticembError, match=words):
        induction_accuracy(**asked)


@pytest.mark.data
def test_a_real_dictionary_of_many_translations(data_folder: Path) -> None:
    pairs = [
        pair
        for part in ("n", "v", "a")
        for pair in read_dictionary(data_folder / "muse_pos" / f"en-de.5000-6500.{part}.txt")
    ]
    rng = np.random.default_rng(2)
    english = sorted({s for s, _ in pairs})
    # each translation has the vector of its first source word, so every source word whose words are its own is found
    german: dict[str, int] = {}
    for s, t in pairs:
        german.setdefault(t, english.index(s))
    vectors = rng.normal(size=(len(english), 50))
    source = WordVectors(english, vectors)
    target = WordVectors(list(german), vectors[list(german.values())])
    score = induction_accuracy(source, target, pairs, retrieval="nn", ks=(1,))
    own = {english[row] for row in german.values()}
    assert (score.n_sources, score.coverage) == (len(english), 1.0)
    assert score.precision[1] >= len(own) / len(english) - 0.1  # several words with one vector tie
    assert score.n_sources < len(pairs)
