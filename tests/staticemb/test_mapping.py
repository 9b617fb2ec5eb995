"""Planted rotations are found again by every preset; seeds are compared; failure is noticed without a dictionary."""

import logging
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from xl_staticemb import (
    Mapping,
    MappingConfig,
    Normalization,
    StaticembError,
    best_mapping,
    learn_mapping,
    learn_mappings,
)


def planted(config: MappingConfig, n: int, width: int, noise: float, seed: int = 0) -> tuple[NDArray, NDArray]:
    """Gaussian words whose dimensions fall off as those of real vectors do, rotated, with noise; normalised."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, width)) * np.exp(-np.arange(width) / (0.4 * width))
    z = x @ np.linalg.qr(rng.normal(size=(width, width)))[0]
    z += noise * z.std() * rng.normal(size=(n, width))
    return Normalization(config.normalization).fit_apply(x), Normalization(config.normalization).fit_apply(z)


def precision(mapping: Mapping, x: NDArray, z: NDArray) -> float:
    """Share of words whose nearest target word by cosine is the one of the same number."""
    left, right = x @ mapping.source, z @ mapping.target
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    return float(np.mean((left @ right.T).argmax(1) == np.arange(len(x))))


@pytest.mark.parametrize("preset", ["supervised", "aaai2018", "emnlp2016", "orthogonal", "unconstrained", "rcsls"])
def test_a_planted_rotation_is_found_from_a_dictionary(preset: str) -> None:
    config = MappingConfig.preset(preset)
    x, z = planted(config, 2000, 50, 0.1)
    pairs = np.arange(0, 2000, 5), np.arange(0, 2000, 5)
    mapping = learn_mapping(x, z, config, pairs=pairs)
    assert precision(mapping, x, z) > 0.95
    assert (mapping.objective, mapping.n_iterations, mapping.failed) == (None, 0, None)
    assert mapping.source.dtype == mapping.target.dtype == np.float32


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preset", "n_pairs"), [("semi_supervised", 25), ("identical", 100), ("acl2017_seed", 25), ("unsupervised", 0)]
)
def test_a_planted_rotation_is_found_by_self_learning(preset: str, n_pairs: int) -> None:
    # fewer iterations of patience than published, which these clean problems do not need
    config = MappingConfig.preset(preset, interval=8) if preset != "acl2017_seed" else MappingConfig.preset(preset)
    x, z = planted(config, 2000, 50, 0.1)
    pairs = (np.arange(n_pairs), np.arange(n_pairs)) if n_pairs else None
    mapping = learn_mapping(x, z, config, pairs=pairs)
    assert precision(mapping, x, z) > 0.95
    assert mapping.converged


@pytest.mark.slow
def test_unsupervised_and_seeds_on_a_small_planted_rotation(caplog: pytest.LogCaptureFixture) -> None:
    config = MappingConfig.preset("unsupervised", interval=3)
    x, z = planted(config, 400, 20, 0.1)
    mappings = learn_mappings(x, z, config, seeds=(3, 4))
    assert [mapping.seed for mapping in mappings] == [3, 4]
    assert [mapping.failed for mapping in mappings] == [False, False]
    for mapping in mappings:
        assert precision(mapping, x, z) > 0.95
    with caplog.at_level(logging.WARNING):
        best = best_mapping(mappings)
    assert best.objective == max(mapping.objective or 0 for mapping in mappings)
    assert not best.warnings
    assert not caplog.records


@pytest.mark.slow
def test_languages_with_nothing_in_common_fail_and_it_is_said(caplog: pytest.LogCaptureFixture) -> None:
    config = MappingConfig.preset("unsupervised", interval=2)
    x, z = planted(config, 300, 40, 0.1)[0], planted(config, 300, 40, 0.1, seed=1)[1]
    mappings = learn_mappings(x, z, config, seeds=(0, 1))
    assert [mapping.failed for mapping in mappings] == [True, True]
    assert max(mapping.mutual or 0 for mapping in mappings) > 0.5  # a wrong map, too, has its mutual neighbours
    with caplog.at_level(logging.WARNING):
        best = best_mapping(mappings)
    assert "2 of 2 seeds failed" in best.warnings[-1]
    assert "give a dictionary" in caplog.text


def test_the_best_is_taken_among_those_that_did_not_fail() -> None:
    same = np.eye(2, dtype=np.float32)
    pairs = np.zeros(1, np.int64), np.zeros(1, np.int64)
    good = Mapping(same, same, pairs, 0, objective=0.5, stability=0.8)
    failed = replace(good, seed=1, objective=0.9, stability=0.2)
    assert (good.failed, failed.failed) == (False, True)
    found = best_mapping([failed, good])
    assert found.seed == 0
    assert "1 of 2 seeds failed" in found.warnings[0]
    assert best_mapping([good, replace(good, seed=2, objective=0.6)]).seed == 2
    with pytest.raises(StaticembError, match="no mappings"):
        best_mapping([])


@pytest.mark.parametrize(
    ("pairs", "preset", "words"),
    [
        (None, "supervised", "needs pairs of rows; make them with seed_pairs"),
        (([0], [0]), "unsupervised", "takes no pairs"),
        (([0, 1], [0]), "supervised", "of one length"),
        (([0, 9], [0, 1]), "supervised", "rows that the 9 source vectors do not have"),
        (([0, 1], [0, -1]), "supervised", "rows that the 8 target vectors do not have"),
        (([0.5], [0]), "supervised", "rows that the 9 source"),
        (([], []), "supervised", "of one length"),
    ],
)
def test_wrong_dictionaries_are_refused(pairs: tuple | None, preset: str, words: str) -> None:
    with pytest.raises(StaticembError, match=words):
        learn_mapping(np.eye(9), np.eye(9)[:8], MappingConfig.preset(preset), pairs=pairs)


def test_other_wrong_input_is_refused() -> None:
    config = MappingConfig.preset("supervised", width=4)
    with pytest.raises(StaticembError, match="width 4 exceeds the 3 dimensions"):
        learn_mapping(np.eye(3), np.eye(3), config, pairs=([0], [0]))
    with pytest.raises(StaticembError, match=r"target vectors must be a matrix \(words, width\)"):
        learn_mapping(np.eye(3), np.ones(3), config, pairs=([0], [0]))
    with pytest.raises(StaticembError, match="source vectors hold numbers that are not finite"):
        learn_mapping(np.full((3, 3), np.nan), np.eye(3), config, pairs=([0], [0]))
    for preset, pairs in (("unsupervised", None), ("semi_supervised", ([0], [0]))):
        with pytest.raises(StaticembError, match="device 'gpu7' cannot be used here"):
            learn_mapping(np.eye(4), np.eye(4), MappingConfig.preset(preset), pairs=pairs, device="gpu7")
    with pytest.raises(StaticembError, match="no seed changes a map without self-learning"):
        learn_mappings(np.eye(4), np.eye(4), config, pairs=([0], [0]))
    with pytest.raises(StaticembError, match="at least one seed"):
        learn_mappings(np.eye(4), np.eye(4), config, pairs=([0], [0]), seeds=())
