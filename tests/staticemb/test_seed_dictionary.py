"""First dictionaries: by word, and the unsupervised one against a slow loop."""

import logging

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import sqrtm

from xl_staticemb import MappingConfig, StaticembError, seed_pairs, unsupervised_pairs

SOURCE = ["the", "7", "cat", "12a", "1984", "dog", "x", "٣"]
TARGET = ["dog", "1984", "gato", "x", "12a", "7", "٣"]


def words(pairs: tuple[NDArray, NDArray]) -> list[tuple[str, str]]:
    return [(SOURCE[left], TARGET[right]) for left, right in zip(*pairs, strict=True)]


def test_given_pairs_keep_their_order_and_missing_ones_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    dictionary = [("cat", "gato"), ("the", "el"), ("bird", "x"), ("dog", "gato"), ("cat", "gato")]
    with caplog.at_level(logging.WARNING):
        found = seed_pairs("pairs", SOURCE, TARGET, dictionary)
    assert words(found) == [("cat", "gato"), ("dog", "gato"), ("cat", "gato")]
    assert "2 of 5 pairs have a word without vectors" in caplog.text
    assert found[0].dtype == np.int64


def test_identical_strings_and_numerals_come_in_the_order_of_the_source() -> None:
    assert [left for left, _ in words(seed_pairs("identical", SOURCE, TARGET))] == ["7", "12a", "1984", "dog", "x", "٣"]
    assert words(seed_pairs("numerals", SOURCE, TARGET)) == [("7", "7"), ("1984", "1984")]


@pytest.mark.parametrize(
    ("kind", "dictionary", "match"),
    [
        ("unsupervised", None, "dictionary 'unsupervised' is not known"),
        ("pairs", None, "pairs need a dictionary"),
        ("identical", [("a", "b")], "identical words need no dictionary"),
        ("pairs", [("a", "b")], "no pair of the dictionary has vectors on both sides"),
    ],
)
def test_what_cannot_be_done_is_refused(kind: str, dictionary: list | None, match: str) -> None:
    with pytest.raises(StaticembError, match=match):
        seed_pairs(kind, SOURCE, TARGET, dictionary)
    with pytest.raises(StaticembError, match="share no word"):
        seed_pairs("identical", ["a"], ["b"])
    with pytest.raises(StaticembError, match="share no numeral"):
        seed_pairs("numerals", ["a"], ["a"])


def loop_pairs(x: NDArray, z: NDArray, k: int, csls: int) -> tuple[list[int], list[int]]:
    profiles = []
    for side in (x[:k], z[:k]):
        rows = []
        for row in np.real(sqrtm(side @ side.T)):  # (M M^T)^(1/2)
            ordered = np.array(sorted(row))
            rows.append(ordered / np.sqrt(sum(ordered**2)))
        centred = np.array(rows) - np.mean(rows, axis=0)
        profiles.append([row / np.sqrt(sum(row**2)) for row in centred])
    scores = np.array([[float(a @ b) for b in profiles[1]] for a in profiles[0]])
    if csls:
        r_x = [np.mean(sorted(row)[-csls:]) for row in scores]
        r_z = [np.mean(sorted(column)[-csls:]) for column in scores.T]
        scores = np.array([[scores[i, j] - r_x[i] / 2 - r_z[j] / 2 for j in range(k)] for i in range(k)])
    return [*range(k), *scores.argmax(0)], [*scores.argmax(1), *range(k)]


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize(("limit", "csls"), [(25, 10), (4000, 3), (30, 0)])
def test_the_unsupervised_start_equals_a_slow_loop(precision: str, limit: int, csls: int) -> None:
    rng = np.random.default_rng(0)
    # more dimensions than words, so that scipy's square root has no zeros to stumble over
    x, z = rng.normal(size=(40, 50)).astype(np.float32), rng.normal(size=(37, 45)).astype(np.float32)
    config = MappingConfig.preset("unsupervised", unsupervised_words=limit, csls=csls, unsupervised_precision=precision)
    found = unsupervised_pairs(x, z, config)
    left, right = loop_pairs(x.astype(float), z.astype(float), min(limit, 37), csls)
    np.testing.assert_array_equal(found[0], left)
    np.testing.assert_array_equal(found[1], right)


def test_a_dictionary_in_the_wrong_direction_is_named(caplog: pytest.LogCaptureFixture) -> None:
    source, target = ["su", "ev", "taxi"], ["water", "house", "taxi"]
    pairs = [("water", "su"), ("house", "ev"), ("taxi", "taxi")]
    with caplog.at_level(logging.WARNING):
        seed_pairs("pairs", source, target, [(t, s) for s, t in pairs])
        assert "exchanged" not in caplog.text
        seed_pairs("pairs", source, target, pairs)
    assert "1 of the 3 pairs fit as they stand, 3 with their sides exchanged" in caplog.text
