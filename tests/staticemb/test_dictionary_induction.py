"""Induced dictionaries: a planted rotation, and every option against a loop over whole matrices of scores."""

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import ortho_group
from tests.thinned import thinned

from xl_staticemb import StaticembError, WordVectors, csls_scores, induce_dictionary


def planted(noise: float, n: int = 200, width: int = 30) -> tuple[WordVectors, WordVectors]:
    """Source words s0 ... and their noisy copies t0 ... in another order, in one space after a rotation."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, width))
    turn = ortho_group.rvs(width, random_state=0)
    order = rng.permutation(n)
    z = (x @ turn + noise * rng.normal(size=x.shape))[order]
    return WordVectors([f"s{i}" for i in range(n)], x @ turn), WordVectors([f"t{i}" for i in order], z)


SOURCE, TARGET = planted(0.9)


def test_a_planted_rotation_gives_its_pairs_back() -> None:
    source, target = planted(0.1)
    found = induce_dictionary(source, target)
    assert {(s, t) for s, t, _ in found} == {(f"s{i}", f"t{i}") for i in range(200)}
    assert [score for *_, score in found] == sorted((score for *_, score in found), reverse=True)


def test_mutual_pairs_are_right_more_often() -> None:
    share = {
        direction: np.mean([s[1:] == t[1:] for s, t, _ in induce_dictionary(SOURCE, TARGET, direction=direction)])
        for direction in ("mutual", "forward", "backward")
    }
    assert share["mutual"] > max(share["forward"], share["backward"]) > 0.3


@pytest.mark.parametrize("k", thinned([1, 3], 2))
@pytest.mark.parametrize("retrieval", ["nn", "csls", "invsoftmax"])
@pytest.mark.parametrize("direction", ["mutual", "forward", "backward", "union"])
def test_pairs_are_those_of_a_loop(direction: str, retrieval: str, k: int) -> None:
    x, z = SOURCE.matrix[:90], TARGET.matrix[:90]
    cos = SOURCE.unit().matrix[:90].astype(np.float64) @ TARGET.unit().matrix[:90].T
    ahead, back = cos, cos.T
    if retrieval == "csls":
        ahead, back = csls_scores(x, z, 5), csls_scores(z, x, 5)
    if retrieval == "invsoftmax":
        ahead, back = (7 * c - logsumexp(7 * c, axis=0) for c in (cos, cos.T))
    forward = {(i, int(j)): ahead[i, j] for i in range(90) for j in np.argsort(-ahead[i])[:k]}
    backward = {(int(i), j): back[j, i] for j in range(90) for i in np.argsort(-back[j])[:k]}
    pairs = {
        "mutual": forward.keys() & backward.keys(),
        "forward": forward.keys(),
        "backward": backward.keys(),
        "union": forward.keys() | backward.keys(),
    }[direction]
    sides = {"forward": [forward], "backward": [backward]}.get(direction, [forward, backward])
    wanted = {
        (SOURCE.words[i], TARGET.words[j]): np.mean([side[i, j] for side in sides if (i, j) in side]) for i, j in pairs
    }
    found = induce_dictionary(
        SOURCE, TARGET, direction=direction, retrieval=retrieval, k=k, cutoff=90, n_neighbours=5, temperature=7.0
    )
    assert {(s, t) for s, t, _ in found} == wanted.keys()
    for s, t, score in found:
        assert score == pytest.approx(wanted[s, t], abs=2e-5)  # float32, times 7


def test_what_is_named_does_not_appear() -> None:
    every = induce_dictionary(SOURCE, TARGET)
    (s0, t0, _), (s1, _, _), (_, t2, _) = every[:3]
    found = induce_dictionary(
        SOURCE, TARGET, exclude_pairs=[(s0.upper(), t0), (s1, t2)], exclude_sources=[s1], exclude_targets=[t2.upper()]
    )
    assert found == every[3:]


def test_scores_and_numbers_are_cut() -> None:
    every = induce_dictionary(SOURCE, TARGET)
    least = every[20][2]
    assert induce_dictionary(SOURCE, TARGET, min_score=least) == every[:21]
    assert induce_dictionary(SOURCE, TARGET, max_pairs=7) == every[:7]
    assert induce_dictionary(SOURCE, TARGET, min_score=99.0) == []


def test_identical_strings_and_words_with_tabs_may_be_left_out() -> None:
    source = WordVectors(["taxi", "a\tb", "eau", "pain"], np.eye(4))
    target = WordVectors(["taxi", "ab", "water", "bread"], np.eye(4))
    found = induce_dictionary(source, target, skip_identical=True, n_neighbours=1)
    assert [(s, t) for s, t, _ in found] == [("eau", "water"), ("pain", "bread")]
    assert len(induce_dictionary(source, target, n_neighbours=1)) == 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"direction": "both"}, "'both' is not known; it can be mutual, forward, backward, union"),
        ({"cutoff": 0}, "cutoff must be at least 1"),
        ({"k": 0}, "k must be at least 1"),
        ({"max_pairs": 0}, "max_pairs must be at least 1"),
        ({"retrieval": "cosine"}, "'cosine' is not known"),
    ],
)
def test_bad_requests_are_refused(change: dict, words: str) -> None:
    with pytest.raises(StaticembError, match=words):
        induce_dictionary(SOURCE, TARGET, **change)
