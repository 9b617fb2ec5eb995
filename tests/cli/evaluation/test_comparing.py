"""Differences along one axis at a time, and their mean over targets that have the same items."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from xl_analysis import holm
from xl_cli.evaluation.comparing import difference_rows, run_difference_rows, with_intervals
from xl_tasks.protocols.cells import Cell, Scored
from xl_tasks.scoring.measures import Measure


def scored(hits: list[float], *, keys: str = "k", **changes: Any) -> Scored:
    given: dict[str, Any] = {"task": "xnli", "source": "eng_Latn", "target": "tur_Latn", "data": "xnli", "model": "m"}
    given |= changes
    stats = np.stack([np.array(hits, dtype=np.float64), np.ones(len(hits))], axis=1)
    return Scored(
        cell=Cell(**given),
        keys=[f"{keys}{i}" for i in range(len(hits))],
        measures=[
            Measure(metric="accuracy", form="mean", stats=stats),
            Measure(metric="macro_f1", form="macro_f1", stats=np.tile(stats[:, [0, 1, 1]], 2)),
        ],
    )


def found(cells: list[Scored], models: tuple[str, ...] = ("m",)) -> dict[tuple, float]:
    rows = difference_rows(cells, models, 100)
    for row in rows:
        assert row.low is not None
        assert row.high is not None
        assert row.p is not None
        assert row.low <= row.high
        assert 0 < row.p <= 1
    return {(row.metric, row.target, row.robust, row.noise, row.model, row.baseline): row.value for row in rows}


def test_each_axis_is_compared_with_everything_else_equal():
    cells = [scored([1, 1, 0, 0]), scored([1, 0, 0, 0], noise="n"), scored([1, 1, 1, 0], robust="at")]
    cells += [scored([1, 1, 1, 0], robust="at", noise="n"), scored([0, 0, 0, 1], model="other", layer=3)]
    accuracy = {key[1:]: value for key, value in found(cells, ("m", "other")).items() if key[0] == "accuracy"}
    assert accuracy == {
        ("tur_Latn", "", "n", "m", "noise=none"): -0.25,
        ("tur_Latn", "at", "", "m", "robust=none"): 0.25,
        ("tur_Latn", "at", "n", "m", "robust=none"): 0.5,
        ("tur_Latn", "at", "n", "m", "noise=none"): 0.0,
        ("tur_Latn", "", "", "other", "model=m"): -0.25,
    }
    assert not difference_rows(cells, ("m",), 0)


def test_the_mean_over_targets_leaves_out_the_source_and_needs_the_same_items():
    rng = np.random.default_rng(0)
    plain, robust = rng.integers(0, 2, (2, 3, 40)).astype(float)
    targets = ("eng_Latn", "tur_Latn", "ell_Grek")
    cells = [scored(list(plain[i]), target=code) for i, code in enumerate(targets)]
    cells += [scored(list(robust[i]), target=code, robust="at") for i, code in enumerate(targets)]
    values = found(cells)
    mean = values["accuracy", "mean", "at", "", "m", "robust=none"]
    assert mean == pytest.approx(robust[1:].mean() - plain[1:].mean())
    macro = {key[1:3]: value for key, value in values.items() if key[0] == "macro_f1"}
    assert macro["mean", "at"] == pytest.approx((macro["tur_Latn", "at"] + macro["ell_Grek", "at"]) / 2)
    # With the language trained on, as XTREME averages.
    rows = difference_rows(cells, ("m",), 100, "all")
    [row] = [row for row in rows if (row.metric, row.target) == ("accuracy", "mean-all")]
    assert row.value == pytest.approx(robust.mean() - plain.mean())
    assert "mean" not in {row.target for row in rows}
    # Other items in one target: no mean.
    cells[-1] = scored(list(robust[2]), target="ell_Grek", robust="at", keys="other")
    assert not [key for key in found(cells) if key[1] == "mean"]


def test_seeds_are_compared_pair_by_pair():
    cells = [scored([1, 0, 0, 1], seed=s, robust=r) for s in (1, 2) for r in ("", "at")]
    cells += [scored([0, 0, 0, 0], seed=3, robust="at")]  # without a partner
    row = next(row for row in difference_rows(cells, ("m",), 100) if row.metric == "accuracy")
    assert (row.value, row.n) == (0.0, 4)
    # Four items that never differ: the exact limit of a share of none, (1 - u)^4 = 0.025.
    assert [row.low, row.high] == pytest.approx([-(1 - 0.025**0.25), 1 - 0.025**0.25])


def test_single_cells_of_a_matrix_are_not_compared():
    cells = [scored([1, 0], target="eng_Latn+tur_Latn", robust=r) for r in ("", "at")]
    cells += [scored([1, 0], target="off-diagonal", robust=r) for r in ("", "at")]
    assert {key[1] for key in found(cells)} == {"off-diagonal"}


def test_intervals_hold_the_value():
    one = with_intervals(scored([1, 0, 1, 1, 0]), 200)
    row = one.all_rows()[0]
    assert row.low is not None
    assert row.high is not None
    assert row.low < row.value < row.high
    assert with_intervals(scored([1.0]), 0).intervals == {}


def families(n_targets: int) -> tuple[list[Scored], list[Scored]]:
    """Two systems, the second better by far in every target, each with items of its own."""
    rng = np.random.default_rng(3)
    sides = [], []
    for i in range(n_targets):
        plain = rng.random(60) < 0.3
        better = plain | (rng.random(60) < 0.4)
        for side, hits in zip(sides, (plain, better), strict=True):
            side.append(scored(list(hits.astype(float)), target=f"l{i}_Latn", keys=f"k{i}-"))
    return sides


def test_one_system_against_one_baseline_is_a_family_that_can_be_significant():
    plain, better = families(40)
    cells = [*plain, *(dataclasses.replace(one, cell=dataclasses.replace(one.cell, robust="at")) for one in better)]
    rows = [row for row in difference_rows(cells, ("m",), 1000) if row.metric == "accuracy"]
    assert [row.p_holm for row in rows] == pytest.approx(list(holm([row.p for row in rows])))
    # 40 times the least p of 1,000 resamples is 0.08.
    assert sum(row.p_holm is not None and row.p_holm < 0.05 for row in rows) > 30
    other = [dataclasses.replace(one, cell=dataclasses.replace(one.cell, noise="n")) for one in plain[:1]]
    [alone] = [row for row in difference_rows([*cells, *other], ("m",), 1000) if row.noise and row.metric == "accuracy"]
    assert alone.p_holm == alone.p


def test_cells_of_two_runs_are_compared_on_their_items():
    plain, better = families(3)
    other = [dataclasses.replace(one, cell=dataclasses.replace(one.cell, model="ours", layer=8)) for one in better]
    rows = [row for row in run_difference_rows(other, plain, "run=a", 200) if row.metric == "accuracy"]
    assert [row.target for row in rows] == ["l0_Latn", "l1_Latn", "l2_Latn"]
    assert {(row.model, row.layer, row.baseline) for row in rows} == {("ours", 8, "run=a")}
    for row, one, two in zip(rows, plain, better, strict=True):
        assert row.value == pytest.approx(two.measures[0].value - one.measures[0].value)
    # Of two layers that of the same number; other items are not compared.
    layers = [dataclasses.replace(one, cell=dataclasses.replace(one.cell, layer=n)) for n in (4, 8) for one in plain]
    assert {row.layer for row in run_difference_rows(layers[:4] + other, layers, "run=a", 200)} == {4, 8}
    assert not run_difference_rows([scored([1, 0])], [scored([1, 0], keys="x")], "run=a", 200)
