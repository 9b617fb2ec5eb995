"""Cosines of gradients against the definition written out, and the laws they obey."""

import numpy as np
import pytest

from xl_analysis import AnalysisError, gradient_cosines


def gradients(seed: int) -> dict[int, list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    return {0: [rng.normal(size=(5, 3))], 1: [rng.normal(size=(3, 3)), rng.normal(size=3)], 2: [rng.normal(size=4)]}


def test_cosines_are_those_of_the_flat_vectors() -> None:
    sides = {name: gradients(seed) for seed, name in enumerate(("mlm", "seq", "ot"))}
    found = gradient_cosines(sides)
    assert found.names == ("mlm", "seq", "ot")
    for layer, matrix in [*found.by_layer.items(), (None, found.overall)]:
        flat = [
            np.concatenate([each.ravel() for n, its in side.items() if layer in (n, None) for each in its])
            for side in sides.values()
        ]
        for a, x in enumerate(flat):
            for b, y in enumerate(flat):
                assert matrix[a, b] == pytest.approx(sum(x * y) / np.sqrt(sum(x * x) * sum(y * y)))


def test_equal_ones_have_1_opposite_ones_minus_1_and_scale_is_not_seen() -> None:
    one = gradients(0)
    found = gradient_cosines(
        {
            "a": one,
            "same": {layer: [3 * each for each in its] for layer, its in one.items()},
            "not": {layer: [-each for each in its] for layer, its in one.items()},
        }
    )
    for matrix in (*found.by_layer.values(), found.overall):
        np.testing.assert_allclose(matrix, [[1, 1, -1], [1, 1, -1], [-1, -1, 1]])


def test_a_layer_that_is_not_reached_has_none() -> None:
    one, other = gradients(0), gradients(1)
    other[0] = [np.zeros((5, 3))]
    found = gradient_cosines({"a": one, "b": other})
    assert np.isnan(found.by_layer[0][0, 1])
    assert np.isfinite(found.overall).all()


@pytest.mark.parametrize(
    ("sides", "told"),
    [
        ({"a": {0: [[1.0]]}}, "1 objective has a gradient"),
        ({"a": {0: [[1.0]]}, "b": {1: [[1.0]]}}, "gradients of different layers"),
        ({"a": {0: [[1.0]]}, "b": {0: []}}, "layer 0: 1 and 0 weights"),
        ({"a": {0: [[1.0]]}, "b": {0: [[1.0, 2.0]]}}, "the gradients of one weight have shapes"),
        ({"a": {0: [[1.0]]}, "b": {0: [[np.nan]]}}, "layer 0: a gradient holds numbers that are not finite"),
    ],
)
def test_what_does_not_fit_is_refused(sides: dict, told: str) -> None:
    with pytest.raises(AnalysisError, match=told):
        gradient_cosines(sides)
