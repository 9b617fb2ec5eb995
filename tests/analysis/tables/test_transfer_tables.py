"""The layout of a paper's table of transfer: against loops over the rows."""

import itertools
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_analysis import AnalysisError, result_tables, transfer_table, transfer_tables

LANGUAGES = ("eng_Latn", "ell_Grek", "tur_Latn")
TASKS = (("sib200", "macro_f1"), ("retrieval", "top10"))
CELLS = [
    (system, task, metric, source, target)
    for system, (task, metric), source, target in itertools.product(("mlm", "mlm+seq"), TASKS, LANGUAGES, LANGUAGES)
    if source != target
]


def row(system: str, task: str, metric: str, source: str, target: str, value: float, **more: object) -> dict:
    fitted = {"protocol": "zero-shot", "split": "test"} if task == "sib200" else {"layer": 8, "data": "bible"}
    about = {"variant": system, "task": task, "metric": metric, "source": source, "target": target, "value": value}
    return {**about, **fitted, **more}


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 1000), min_size=len(CELLS), max_size=len(CELLS)))
def test_cells_means_and_marks_are_those_of_slow_loops(tenths: list[int]) -> None:
    values = dict(zip(CELLS, (tenth / 1000 for tenth in tenths), strict=True))
    table = transfer_table(row(*cell, value) for cell, value in values.items())
    assert table.header == (
        "system", "target", "sib200 % eng", "sib200 % ell", "sib200 % tur", "bible % eng", "bible % ell", "bible % tur",
    )  # fmt: skip
    columns = [(task, metric, source) for task, metric in TASKS for source in LANGUAGES]
    assert [line[:2] for line in table.body] == [
        (system, target) for system in ("mlm", "mlm+seq") for target in (*sorted(LANGUAGES), "mean")
    ]

    def shown(system: str, target: str, task: str, metric: str, source: str) -> float | None:
        targets = [target] if target != "mean" else LANGUAGES
        found = [values[system, task, metric, source, t] for t in targets if t != source]
        return round(100 * statistics.fmean(found), 1) if found else None

    for r, (system, target, *cells) in enumerate(table.body):
        for c, (cell, column) in enumerate(zip(cells, columns, strict=True), start=2):
            value = shown(system, target, *column)
            assert cell == ("src" if value is None else f"{value:.1f}")
            if value is None:
                continue
            systems = [shown(other, target, *column) for other in ("mlm", "mlm+seq")]
            systems = [other for other in systems if other is not None]
            sources = [shown(system, target, *column[:2], source) for source in LANGUAGES]
            sources = [other for other in sources if other is not None]
            assert ((r, c) in table.best) == (len({*systems}) > 1 and value == max(systems))
            assert ((r, c) in table.best_source) == (len({*sources}) > 1 and value == max(sources))


def test_a_paper_without_data_and_split_shares_columns_but_not_lines() -> None:
    ours = [row("mlm", "sib200", "macro_f1", "eng_Latn", "tur_Latn", 0.5, data="sib200")]
    theirs = {**ours[0], "data": "", "split": "", "paper": "ppa", "value": 0.25}
    other_task = row("mlm", "retrieval", "top10", "eng_Latn", "tur_Latn", 0.75, paper="ppa")
    table = transfer_table([*ours, theirs, other_task])
    assert table.header == ("system", "target", "sib200 % eng", "bible % eng")
    assert table.body == (
        ("mlm", "tur_Latn", "50.0", "-"),
        ("mlm", "mean", "50.0", "-"),
        ("mlm (ppa)", "tur_Latn", "25.0", "75.0"),
        ("mlm (ppa)", "mean", "25.0", "75.0"),
    )


def test_the_first_metric_of_a_task_the_mean_over_seeds_and_no_dev_beside_test() -> None:
    cell = ("mlm", "sib200", "macro_f1", "eng_Latn", "tur_Latn")
    rows = [row(*cell, 0.25, seed=1), row(*cell, 0.5, seed=2), row(*cell, 1.0, seed=2, split="dev")]
    rows += [row("mlm", "sib200", "accuracy", "eng_Latn", "tur_Latn", 0.9, seed=1)]
    table = transfer_table(rows)
    assert table.body == (("mlm", "tur_Latn", "37.5"), ("mlm", "mean", "37.5"))
    assert "sib200 macro_f1" in table.caption
    assert transfer_table(rows[2:3]).body[0][-1] == "100.0"


def test_models_of_each_language_have_one_column() -> None:
    rows = [row("char", "sib200", "macro_f1", lang, lang, 0.25, protocol="in-language") for lang in LANGUAGES]
    table = transfer_table(rows)
    assert table.header == ("system", "target", "sib200 % own")
    assert [line[1:] for line in table.body] == [*((lang, "25.0") for lang in sorted(LANGUAGES)), ("mean", "25.0")]


def test_means_over_other_targets_are_not_compared() -> None:
    rows = [row(system, "sib200", "macro_f1", "eng_Latn", "tur_Latn", 0.5) for system in ("mlm", "mlm+seq")]
    rows.append(row("mlm", "sib200", "macro_f1", "eng_Latn", "ell_Grek", 0.9))
    table = transfer_table(rows)
    assert [line[-1] for line in table.body if line[1] == "mean"] == ["70.0", "50.0"]
    assert not table.best


def test_a_mean_over_all_targets_has_the_language_trained_on() -> None:
    rows = [
        row("mlm", "sib200", "macro_f1", "eng_Latn", lang, value)
        for lang, value in zip(LANGUAGES, (0.9, 0.3, 0.3), strict=True)
    ]
    for mean, shown in (("others", "30.0"), ("all", "50.0")):
        table = transfer_table(rows, mean=mean)
        assert table.body[-1] == ("mlm", "mean", shown)
        assert ("mlm", "eng_Latn", "90.0") in table.body
    with pytest.raises(AnalysisError, match="mean is 'both'; choose one of others, all"):
        transfer_table(rows, mean="both")


def test_every_metric_is_in_one_table_the_first_of_each_task_together() -> None:
    about = ("eng_Latn", "tur_Latn")
    rows = [
        row("mlm", "sib200", "macro_f1", *about, 0.1),
        row("mlm", "sib200", "accuracy", *about, 0.2),
        row("mlm", "retrieval", "top10", *about, 0.3),
        row("mlm", "retrieval", "top1", *about, 0.4),
        row("mlm", "retrieval", "top5", *about, 0.5),
    ]
    bodies = [table.body[0][2:] for table in transfer_tables(rows)]
    assert bodies == [("10.0", "30.0"), ("20.0", "40.0"), ("50.0",)]
    tables = result_tables(rows, metrics=("top10", "top1", "top5"), layout="targets")
    assert [table.body[0][2:] for table in tables] == [("30.0", "10.0"), ("40.0", "20.0"), ("50.0",)]
    with pytest.raises(AnalysisError, match="layout is 'wide'; choose one of systems, targets"):
        result_tables(rows, layout="wide")


def test_nothing_to_show_is_told() -> None:
    with pytest.raises(AnalysisError, match="no row of a score"):
        transfer_table([row("mlm", "sib200", "macro_f1", "eng_Latn", "tur_Latn", 0.1, baseline="untrained")])
