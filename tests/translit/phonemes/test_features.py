"""Feature vectors and feature edit distances: panphon's own numbers, and the laws of a distance."""

import warnings
from collections.abc import Callable
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.translit.epitran_oracle import feature_table

from xl_translit import (
    FEATURES,
    TranslitError,
    feature_edit_distance,
    feature_edit_distance_matrix,
    feature_edit_distances,
    feature_vectors,
)
from xl_translit.phonemes.features import _table

WORDS = ["", "a", "t͡ʃaj", "kitap", "kʰɑːɾ", "t͈a!", "ŋ˥˩", "t¹a⁵", "ɲʝœɥ", "merhaba", "ˈhɛloʊ", "界"]
IPA = st.text(st.sampled_from("abdeiktnʃʒxŋʔː˥͡ʰ̃1¹"), max_size=7)


@cache
def panphon_distance() -> "object":
    with warnings.catch_warnings(action="ignore"):
        from panphon.distance import Distance
    return Distance()


@cache
def peer(weighted: bool, normalized: bool) -> Callable[[str, str], float]:
    name = ("weighted_" if weighted else "") + "feature_edit_distance" + ("_div_maxlen" if normalized else "")
    return getattr(panphon_distance(), name)


def test_names_are_panphons() -> None:
    assert list(FEATURES) == feature_table().names


def test_every_segment_of_the_inventory_has_panphons_features() -> None:
    table = feature_table()
    for name, features in table.seg_dict.items():
        assert feature_vectors(name).tolist() == [features.numeric()], name
    for row, (_, features) in zip(_table(), table.segments, strict=True):
        assert row.tolist() == features.numeric()


@pytest.mark.parametrize("word", WORDS)
def test_vectors_are_panphons(word: str) -> None:
    vectors = feature_vectors(word)
    assert vectors.dtype == np.int8
    assert vectors.shape == (len(vectors), 24)
    assert vectors.tolist() == feature_table().word_to_vector_list(word, numeric=True)


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("normalized", [True, False])
@given(pairs=st.lists(st.tuples(IPA, IPA), max_size=8))
@settings(deadline=None, max_examples=60)
def test_distances_are_panphons(weighted: bool, normalized: bool, pairs: list[tuple[str, str]]) -> None:
    a, b = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    got = feature_edit_distances(a, b, weighted=weighted, normalized=normalized)
    # the same additions in the same order: equal to the last bit but for the order of the 24 features
    assert got == pytest.approx([peer(weighted, normalized)(x, y) for x, y in pairs], abs=1e-12)


def test_a_distance_is_one() -> None:
    matrix = feature_edit_distance_matrix(WORDS)
    assert (matrix == matrix.T).all()
    assert (np.diag(matrix) == 0).all()
    assert (matrix >= 0).all()
    through = matrix[:, :, None] + matrix[None, :, :]  # a to b to c, shape (a, b, c)
    assert (matrix[:, None, :] <= through + 1e-9).all()


def test_matrix_and_pairs_agree() -> None:
    other = ["kitab", "", "t͡ʃ"]
    matrix = feature_edit_distance_matrix(WORDS, other, normalized=True)
    assert matrix.shape == (len(WORDS), 3)
    for i, word in enumerate(WORDS):
        assert matrix[i].tolist() == [feature_edit_distance(word, o, normalized=True) for o in other]
    assert feature_edit_distance_matrix([], other).shape == (0, 3)
    assert feature_edit_distance_matrix([]).shape == (0, 0)


def test_more_pairs_than_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    a = [x for x, _ in pairwise(WORDS * 3)]
    b = [y for _, y in pairwise(WORDS * 3)]
    whole = feature_edit_distances(a, b)
    monkeypatch.setattr("xl_translit.phonemes.features._CHUNK", 4)
    assert feature_edit_distances(a, b).tolist() == whole.tolist()


def test_voicing_costs_less_than_another_place() -> None:
    assert 0 < feature_edit_distance("kitap", "kitab") < feature_edit_distance("kitap", "kitaq")


def test_lists_of_unlike_length_are_refused() -> None:
    with pytest.raises(TranslitError, match="hold 1 and 2 words; pairs need as many of each"):
        feature_edit_distances(["a"], ["a", "b"])
