"""Many languages in one space: rotations planted for each, a language that is better left alone, held-out words."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import ortho_group

from xl_staticemb import (
    MappingConfig,
    Normalization,
    StaticembError,
    WordVectors,
    induction_accuracy,
    map_to_pivot,
    split_dictionary,
)

N, WIDTH = 400, 16


def space(matrix: NDArray, prefix: str) -> WordVectors:
    return WordVectors([f"{prefix}{i}" for i in range(len(matrix))], Normalization().fit_apply(matrix))


def languages() -> tuple[WordVectors, dict[str, WordVectors], dict[str, list[tuple[str, str]]]]:
    """A pivot, two rotations of it (one noisier), and one that shares its space already but has a wrong dictionary."""
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(N, WIDTH))
    spaces = {
        "aa": space(matrix @ ortho_group.rvs(WIDTH, random_state=1) + 0.05 * rng.normal(size=(N, WIDTH)), "a"),
        "bb": space(matrix @ ortho_group.rvs(WIDTH, random_state=2) + 0.3 * rng.normal(size=(N, WIDTH)), "b"),
        "cc": space(matrix + 0.05 * rng.normal(size=(N, WIDTH)), "c"),
    }
    pairs = {name: [(f"{name[0]}{i}", f"p{i}") for i in range(0, N, 2)] for name in spaces}
    train, _ = split_dictionary(pairs["cc"])
    wrong = {source: f"p{rng.integers(N)}" for source, _ in train}
    pairs["cc"] = [(source, wrong.get(source, target)) for source, target in pairs["cc"]]
    return space(matrix, "p"), spaces, pairs


@pytest.mark.parametrize("mode", ["orthogonal", "pull_back", "per_pair"])
def test_all_languages_meet_the_pivot_and_each_other(mode: str) -> None:
    pivot, spaces, pairs = languages()
    found = dict(map_to_pivot(spaces.items(), pivot, pairs, mode=mode))
    assert {name: each.aligned for name, each in found.items()} == {"aa": True, "bb": True, "cc": False}
    mapped = {name: WordVectors(spaces[name].words, spaces[name].matrix @ found[name].matrix) for name in spaces}
    for name, each in found.items():
        other = WordVectors(pivot.words, pivot.matrix @ each.pivot)
        unseen = [(f"{name[0]}{i}", f"p{i}") for i in range(1, N, 2)]
        assert induction_accuracy(mapped[name], other, unseen).precision[1] > 0.9
        if mode != "per_pair":
            np.testing.assert_array_equal(each.pivot, np.eye(WIDTH))
    if mode != "per_pair":  # aa and cc never saw each other
        between = [(f"a{i}", f"c{i}") for i in range(N)]
        assert induction_accuracy(mapped["aa"], mapped["cc"], between).precision[1] > 0.9
    if mode == "orthogonal":
        np.testing.assert_allclose(found["aa"].matrix @ found["aa"].matrix.T, np.eye(WIDTH), atol=1e-5)


def test_scores_are_those_of_the_held_out_words() -> None:
    pivot, spaces, pairs = languages()
    train, test = split_dictionary(pairs["bb"], 0.3)
    (_, found), = map_to_pivot([("bb", spaces["bb"])], pivot, pairs, held_out=0.3)  # fmt: skip
    mapped = WordVectors(spaces["bb"].words, spaces["bb"].matrix @ found.matrix)
    assert found.aligned_score == induction_accuracy(mapped, pivot, test).precision[1]
    assert found.unaligned_score == induction_accuracy(spaces["bb"], pivot, test).precision[1]
    assert (found.n_pairs, found.n_held_out) == (len(train), len(test))
    # what is held out has no part in the map
    spoilt = [*train, *((source, "p0") for source, _ in test)]
    (_, again), = map_to_pivot([("bb", spaces["bb"])], pivot, {"bb": spoilt}, held_out=0.3, choose=False)  # fmt: skip
    np.testing.assert_array_equal(again.matrix, found.matrix)


def test_without_a_choice_the_map_is_kept() -> None:
    pivot, spaces, pairs = languages()
    (_, found), = map_to_pivot([("cc", spaces["cc"])], pivot, pairs, choose=False)  # fmt: skip
    assert found.aligned
    assert found.unaligned_score is not None
    assert found.aligned_score is not None
    assert found.unaligned_score > found.aligned_score


def test_a_choice_that_cannot_be_made_is_said() -> None:
    pivot, spaces, pairs = languages()
    (_, few), = map_to_pivot([("aa", spaces["aa"])], pivot, {"aa": pairs["aa"][:30]}, held_out=0.1)  # fmt: skip
    assert few.aligned
    assert "too few to choose by; the map is kept" in few.warnings[-1]
    narrow = WordVectors(spaces["aa"].words, spaces["aa"].matrix[:, :12])
    (_, other), = map_to_pivot([("aa", narrow)], pivot, pairs)  # fmt: skip
    assert other.unaligned_score is None
    assert "the widths differ" in other.warnings[-1]


def test_the_split_keeps_a_word_together_and_knows_nothing_of_the_rest() -> None:
    pairs = [(f"w{i % 500}", f"t{i}") for i in range(1000)]
    train, test = split_dictionary(pairs, 0.2)
    assert not {source for source, _ in train} & {source for source, _ in test}
    assert sorted(train + test) == sorted(pairs)
    assert 60 < len({source for source, _ in test}) < 140  # 100 expected, standard deviation 9
    fewer = split_dictionary(pairs[::-3], 0.2)[1]
    assert set(fewer) <= set(test)
    with pytest.raises(StaticembError, match="between 0 and 1, not 1"):
        split_dictionary(pairs, 1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mode": "star"}, "pivot mode 'star' is not known"),
        ({"mode": "pull_back", "config": MappingConfig.preset("orthogonal")}, "does not go with map 'orthogonal'"),
        ({"config": MappingConfig.preset("supervised")}, "does not go with map 'advanced'"),
        ({"mode": "pull_back", "config": MappingConfig.preset("supervised", width=3)}, "no way back"),
        ({"mode": "per_pair", "config": MappingConfig.preset("unsupervised")}, "make them with induce_dictionary"),
        ({"dictionaries": {}}, "aa: there is no dictionary"),
        ({"dictionaries": {"aa": [("no", "none")] * 2}}, "aa: no pair of the dictionary has vectors"),
    ],
)
def test_senseless_options_are_refused(options: dict, words: str) -> None:
    pivot, spaces, pairs = languages()
    dictionaries = options.pop("dictionaries", pairs)
    with pytest.raises(StaticembError, match=words):
        list(map_to_pivot(spaces.items(), pivot, dictionaries, **options))
