"""The loop against a literal transcription of its formulas, its schedule, and what it must refuse or report."""

import numpy as np
import pytest
from numpy.typing import NDArray

from xl_staticemb import MappingConfig, Normalization, learn_mapping
from xl_staticemb.mapping.self_learning import SelfLearnt, self_learn


def pair_of_spaces(n: int, width: int, noise: float, seed: int = 0) -> tuple[NDArray, NDArray]:
    """Clusters of words, and a noisy rotation of them; both normalised."""
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=(n // 20, width))[rng.integers(0, n // 20, n)] + rng.normal(size=(n, width))) * np.exp(
        -np.arange(width) / (0.4 * width)
    )
    z = x @ np.linalg.qr(rng.normal(size=(width, width)))[0]
    z += noise * z.std() * rng.normal(size=(n, width))
    return Normalization().fit_apply(x), Normalization().fit_apply(z)


def literal_loop(x: NDArray, z: NDArray, pairs: tuple, config: MappingConfig) -> tuple[NDArray, NDArray, list[float]]:
    """Self-learning with nothing dropped, on whole matrices in double precision."""
    cut_x, cut_z = x[: config.cutoff].astype(float), z[: config.cutoff].astype(float)
    left, right = pairs
    best, improved, iteration, history = -100.0, 0, 1, []
    while True:
        if iteration - improved > config.interval:
            break
        rows, columns = (x, z) if iteration == 1 else (cut_x, cut_z)
        u, _, vt = np.linalg.svd(columns[right].astype(float).T @ rows[left].astype(float))
        products = cut_x @ (vt.T @ u.T) @ cut_z.T  # W = V U^T of Z_D^T X_D = U S V^T
        r_x = np.sort(products, 1)[:, -config.csls :].mean(1) if config.csls else np.zeros(len(products))
        r_z = np.sort(products, 0)[-config.csls :].mean(0) if config.csls else np.zeros(products.shape[1])
        forward, backward = (products - r_z / 2).argmax(1), (products - r_x[:, None] / 2).argmax(0)
        each_x, each_z = np.arange(len(cut_x)), np.arange(len(cut_z))
        left = {"union": [*each_x, *backward], "forward": each_x, "backward": backward}[config.direction]
        right = {"union": [*forward, *each_z], "forward": forward, "backward": each_z}[config.direction]
        nearest = {"forward": products.max(1).mean(), "backward": products.max(0).mean()}
        objective = nearest.get(config.direction, sum(nearest.values()) / 2)
        history.append(objective)
        if objective - best >= config.threshold:
            best, improved = objective, iteration
        iteration += 1
    return np.array(left), np.array(right), history


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"direction": "forward", "csls": 0},
        {"direction": "backward", "csls": 3},
        {"precision": "bfloat16"},
        {"cutoff": 150},
    ],
)
def test_the_loop_equals_its_literal_form_with_nothing_dropped(options: dict) -> None:
    x, z = pair_of_spaces(260, 10, 0.3)
    z = z[:230]
    rng = np.random.default_rng(1)
    pairs = rng.integers(0, 260, 60), rng.integers(0, 230, 60)
    pairs[0][:30] = pairs[1][:30]  # half of the pairs are right; rows beyond the cut-off are among them
    config = MappingConfig.preset("semi_supervised", **{"cutoff": 200, "keep": 1.0, "interval": 3, **options})
    found = self_learn(x, z, pairs, config, seed=0, device="cpu")
    left, right, history = literal_loop(x, z, pairs, config)
    np.testing.assert_allclose([objective for objective, _ in found.history], history, atol=2e-6)  # float32 products
    np.testing.assert_array_equal(found.pairs[0], left)
    np.testing.assert_array_equal(found.pairs[1], right)
    assert found.objective == max(objective for objective, _ in found.history)
    assert found.converged


def test_keep_grows_by_the_published_schedule() -> None:
    x, z = pair_of_spaces(60, 5, 0.3)
    pairs = np.arange(40), np.arange(40)
    # an improvement by 9 never comes after the first, so only the schedule moves
    config = MappingConfig.preset("semi_supervised", interval=4, threshold=9.0)
    found = self_learn(x, z, pairs, config, seed=0, device="cpu")
    # the first counts from iteration 1, which improved on nothing; each later one from its own first iteration
    expected = [0.1] * 5 + [0.2] * 5 + [0.4] * 5 + [0.8] * 5 + [1.0] * 5
    assert [keep for _, keep in found.history] == pytest.approx(expected)
    assert found.converged


def test_an_end_set_by_iterations_is_no_convergence_and_progress_is_told_each() -> None:
    x, z = pair_of_spaces(80, 5, 0.3)
    seen = []
    config = MappingConfig.preset("semi_supervised", max_iterations=3)
    mapping = learn_mapping(x, z, config, pairs=([0, 1, 2], [0, 1, 2]), progress=lambda *row: seen.append(row))
    assert not mapping.converged
    assert mapping.n_iterations == 3
    assert [row[0] for row in seen] == [1, 2, 3]
    assert [(row[1], row[2]) for row in seen] == list(mapping.history)
    assert seen[-1][3] == mapping.objective == max(objective for objective, _ in mapping.history)
    assert mapping.mutual is not None
    assert 0 <= mapping.mutual <= 1


@pytest.mark.slow
def test_the_same_seed_gives_the_same_map_and_another_seed_another_way() -> None:
    x, z = pair_of_spaces(200, 8, 0.3)
    config = MappingConfig.preset("semi_supervised", interval=2, max_iterations=6)
    start = (np.arange(50), np.arange(50))

    def run(seed: int) -> SelfLearnt:
        return self_learn(x, z, start, config, seed=seed, device="cpu")

    assert run(0).history == run(0).history
    np.testing.assert_array_equal(run(0).pairs, run(0).pairs)
    assert run(0).history != run(1).history


@pytest.mark.gpu
def test_cuda_gives_the_dictionary_of_the_processor() -> None:
    x, z = pair_of_spaces(900, 30, 0.5)
    config = MappingConfig.preset("semi_supervised", keep=1.0, interval=3)
    start = (np.arange(200), np.arange(200))
    here, there = (self_learn(x, z, start, config, seed=0, device=device) for device in ("cpu", "cuda"))
    assert there.objective == pytest.approx(here.objective, abs=1e-4)
    assert (here.pairs[1][:900] == there.pairs[1][:900]).mean() > 0.99
