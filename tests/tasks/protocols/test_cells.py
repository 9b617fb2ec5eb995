"""Cells: names by content, files that are whole, sums that come back as they were."""

import json
from typing import Any

import numpy as np
import pytest

from xl_tasks import TaskError
from xl_tasks.protocols.cells import Cell, CellStore, Scored
from xl_tasks.protocols.mixed_means import mixed_means
from xl_tasks.scoring.measures import Measure


def cell(**changes: Any) -> Cell:
    given = {"task": "xnli", "source": "eng_Latn", "target": "tur_Latn", "data": "xnli", "model": "m", "split": "test"}
    asked: dict[str, Any] = {**given, **changes}
    return Cell(**asked)


def scored(one: Cell, hits: list[float]) -> Scored:
    stats = np.stack([np.array(hits, dtype=np.float64), np.ones(len(hits))], axis=1)
    confusion = np.arange(6.0 * len(hits)).reshape(len(hits), 6)
    return Scored(
        cell=one,
        keys=[f"k{i}" for i in range(len(hits))],
        measures=[
            Measure(metric="accuracy", form="mean", stats=stats),
            Measure(metric="macro_f1", form="macro_f1", stats=confusion),
        ],
        coverage=0.5,
        skipped=3,
        intervals={"accuracy": (0.25, 1.0)},
    )


def test_a_name_tells_every_circumstance():
    first = cell()
    assert first.name == cell().name
    changed = [cell(seed=1), cell(layer=0), cell(noise="typos=0.1"), cell(inputs={"weights": "b"}), cell(split="dev")]
    assert len({first.name, *(other.name for other in changed)}) == 6


def test_what_is_kept_comes_back(tmp_path):
    for folder in (None, tmp_path / "out"):
        store = CellStore(folder)
        one = scored(cell(), [1, 0, 1, 1])
        assert one.cell not in store
        with pytest.raises(TaskError, match="not finished"):
            store.read(one.cell)
        store.save(one)
        again = CellStore(folder) if folder else store
        assert one.cell in again
        back = again.read(one.cell)
        assert list(back.keys) == list(one.keys)
        for mine, theirs in zip(back.measures, one.measures, strict=True):
            assert (mine.metric, mine.form) == (theirs.metric, theirs.form)
            np.testing.assert_array_equal(mine.stats, theirs.stats)
        rows = back.all_rows()
        assert rows == one.all_rows()
        assert (rows[0].value, rows[0].n, rows[0].low, rows[0].high, rows[0].skipped) == (0.75, 4, 0.25, 1.0, 3)
        assert rows[1].low is None
        assert [other.cell for other in again] == [one.cell]


def test_a_cell_without_its_marker_is_not_finished(tmp_path):
    """Killed between the items and the marker: computed again, not passed over."""
    store = CellStore(tmp_path)
    store.save(scored(cell(), [1.0]))
    marker = tmp_path / "cells" / f"{cell().name}.json"
    about = marker.read_text(encoding="utf-8")
    marker.unlink()
    assert cell() not in CellStore(tmp_path)
    marker.write_text(json.dumps({**json.loads(about), "cell": {}}), encoding="utf-8")
    with pytest.raises(TaskError, match="delete it, and the next call computes"):
        CellStore(tmp_path).read(cell())


def test_means_over_a_matrix_are_means_of_its_cells():
    rng = np.random.default_rng(0)
    languages = ["eng_Latn", "tur_Latn", "ell_Grek"]
    hits = {(a, b): rng.integers(0, 2, 7).astype(float).tolist() for a in languages for b in languages}
    cells = [scored(cell(target=f"{a}+{b}", inputs={"test": f"{a}{b}"}), hits[a, b]) for a, b in hits]
    # Another seed is another matrix; a single language is none.
    cells += [scored(cell(target="eng_Latn+eng_Latn", seed=1), [1.0] * 7), scored(cell(), [0.0] * 7)]
    means = {(s.cell.target, s.cell.seed): s.measures for s in mixed_means(cells)}
    assert set(means) == {("diagonal", 0), ("off-diagonal", 0), ("diagonal", 1)}
    diagonal = np.mean([np.mean(hits[a, b]) for a, b in hits if a == b])
    rest = np.mean([np.mean(hits[a, b]) for a, b in hits if a != b])
    assert [m.metric for m in means["diagonal", 0]] == ["accuracy"]
    assert means["diagonal", 0][0].value == pytest.approx(diagonal)
    assert means["off-diagonal", 0][0].value == pytest.approx(rest)
