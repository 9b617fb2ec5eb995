"""Matrices of two languages against numpy's means."""

import numpy as np
import pytest

from xl_analysis import AnalysisError, matrix_table, matrix_tables

LANGUAGES = ("eng_Latn", "tur_Latn", "zho_Hans")


def rows(values: np.ndarray, **more) -> list[dict]:
    """values: (n_seeds, n, n), first text's language, second's."""
    return [
        {"task": "xnli", "metric": "accuracy", "value": float(values[s, i, j]), "n": 1002, "source": "eng_Latn",
         "target": f"{a}+{b}", "seed": s, "variant": "mlm", "protocol": "mixed-language", "split": "test"} | more
        for s in range(len(values)) for i, a in enumerate(LANGUAGES) for j, b in enumerate(LANGUAGES)
    ]  # fmt: skip


def percent(value) -> str:
    return f"{100 * value:.1f}"


def test_cells_and_means():
    values = np.random.default_rng(0).random((2, 3, 3))
    table = matrix_table(rows(values))
    mean = values.mean(0)
    assert table.header == ("first \\ second", "eng", "tur", "zho", "mean")
    assert [line[0] for line in table.body] == [*LANGUAGES, "mean"]
    for i in range(3):
        assert table.body[i][1:4] == tuple(percent(v) for v in mean[i])
        assert table.body[i][4] == percent(mean[i].mean())
        assert table.body[3][i + 1] == percent(mean[:, i].mean())
    assert table.body[3][4] == percent(mean.mean())
    same = np.eye(3, dtype=bool)
    for name, kept in (("diagonal", same), ("off-diagonal", ~same)):
        by_seed = values[:, kept].mean(1)
        assert f"{name} mean {percent(by_seed.mean())} ±{percent(by_seed.std(ddof=1))}" in table.caption
    assert "n = 1002. Mean of 2 seeds" in table.caption
    assert "cells are there" not in table.caption


def test_a_matrix_a_system_and_metric():
    values = np.random.default_rng(1).random((1, 3, 3))
    data = rows(values) + rows(values / 2, robust="at") + rows(values / 4, metric="f1")
    tables = matrix_tables([*data, data[0] | {"protocol": "zero-shot"}, data[0] | {"target": "diagonal"}])
    assert [t.body[0][1] for t in tables] == [percent(values[0, 0, 0] / k) for k in (1, 2, 4)]
    assert "accuracy in %, mlm (robust at)" in tables[1].caption
    with pytest.raises(AnalysisError, match="the rows are of 3 tasks, metrics or systems"):
        matrix_table(data)


def test_missing_cells_and_no_cell():
    data = rows(np.random.default_rng(2).random((1, 3, 3)))[:-1]
    table = matrix_table(data)
    assert table.body[2][3] == "-"
    assert "8 of 9 cells are there." in table.caption
    with pytest.raises(AnalysisError, match=r"no row of the protocol mixed-language .* eng_Latn\+tur_Latn"):
        matrix_table([data[0] | {"target": "eng_Latn"}])
