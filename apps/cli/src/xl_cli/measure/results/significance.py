"""Whether one system's scores differ from another's by more than chance, from result rows: every test at once."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xl_cli.errors import UsageError
from xl_cli.measure.registry import Measure
from xl_cli.measure.results.results_config import ResultsConfig
from xl_objectives import setting

if TYPE_CHECKING:
    from xl_analysis import Comparison
    from xl_tasks import Row

_COPIED = ("variant", "model", "layer", "pooling", "prompt", "unit", "tuning", "robust", "noise", "data", "split")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SignificanceConfig(ResultsConfig):
    """Which two systems are compared, in which figures."""

    first: tuple[str, ...] = setting(
        (), "FIELD=VALUE of the system to compare with, in the first RUN: variant=untrained; repeat for more"
    )
    second: tuple[str, ...] = setting((), "FIELD=VALUE of the other system, in the last RUN; repeat for more")
    metric: tuple[str, ...] = setting(
        (), "Figure to compare; repeat for more. [default: all that both have but those of single tags]"
    )
    resamples: int = setting(
        1000, "Bootstrap samples of the items, where both runs of xl eval have kept them; 0 for none", low=0
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.runs) > 2 or (len(self.runs) == 1 and not (self.first and self.second)):
            message = (
                f"{len(self.runs)} RUN: give two, or one with --first and --second, such as "
                "--first variant=untrained --second variant=mlm."
            )
            raise UsageError(message)


def significance_rows(config: SignificanceConfig) -> "list[Row]":
    """Whether a second system differs from a first: every common cell, corrected by Holm; Wilcoxon over languages.

    Example: xl analyze significance runs/names --first variant=untrained --second variant=mlm+seq+tlm
    """
    # A row a cell, whose value is the second's less the first's, and a row a task and metric of target "languages".
    from xl_analysis import AnalysisError, compare, is_by_tag
    from xl_cli.folder.result_files import chosen_rows, read_results

    named = config.runs[0], config.runs[-1]
    sides = [
        chosen_rows(chosen_rows(read_results([run], percent=config.percent), config.where), conditions)
        for run, conditions in zip(named, (config.first, config.second), strict=True)
    ]
    for metric in config.metric:
        if not all(any(row["metric"] == metric for row in side) for side in sides):
            message = f"--metric {metric}: not a figure of both; they have {_common(sides)} in common."
            raise UsageError(message)
    asked = config.metric or {row["metric"] for row in sides[0] if not is_by_tag(row["metric"])}
    sides = [[row for row in side if row["metric"] in asked] for side in sides]
    baseline = _baseline(config)
    # What was chosen by hand is what the two differ in; it is no part of the question.
    chosen = {condition.partition("=")[0] for condition in (*config.first, *config.second)}
    asked = [[{**row, **dict.fromkeys(chosen)} for row in side] for side in sides]
    try:
        found = compare(*asked, paired=_paired(config, baseline))
    except AnalysisError as error:
        message = f"{', '.join(config.runs)}: {error}"
        raise AnalysisError(message) from None
    return _rows(found, sides[1], baseline)


def _common(sides: "Sequence[Sequence[dict[str, Any]]]") -> str:
    first, second = (dict.fromkeys(row["metric"] for row in side) for side in sides)
    return ", ".join(metric for metric in first if metric in second) or "none"


def _baseline(config: SignificanceConfig) -> str:
    if config.first:
        return ", ".join(config.first)
    from xl_cli.folder.short_names import short_names

    return f"run={short_names([Path(run) for run in config.runs])[0]}"


def _paired(config: SignificanceConfig, baseline: str) -> "list[dict[str, Any]]":
    """Differences drawn item by item, where all of two runs is compared."""
    from xl_cli.evaluation.comparing import folder_difference_rows

    if config.first or config.second or config.where or len(config.runs) < 2:
        return []
    folders = [Path(run) for run in config.runs]
    return [row.to_dict() for row in folder_difference_rows(folders, baseline, config.resamples)]


def _rows(found: "Comparison", second: "Sequence[dict[str, Any]]", baseline: str) -> "list[Row]":
    """The cells, then the tests over languages; the settings of the second system stand in them."""
    from xl_tasks import Row

    same = {name: {row.get(name) for row in second} for name in _COPIED}
    fixed: dict[str, Any] = {name: next(iter(said)) for name, said in same.items() if len(said) == 1}
    rows = []
    for cell in found.cells:
        tested: dict[str, Any] = {
            "low": cell.low,
            "high": cell.high,
            "p": cell.p,
            "p_holm": cell.p_holm,
            "note": cell.test,
        }
        about: dict[str, Any] = {**fixed, **_settings(cell.told), **tested, "task": cell.task, "metric": cell.metric}
        rows.append(Row(**about, baseline=baseline, source=cell.source, target=cell.target, value=cell.value, n=cell.n))
    for line in found.languages:
        tested = {"p": line.p, "p_holm": line.p_holm, "note": "Wilcoxon"}
        about = {**fixed, **_settings(line.told), **tested, "task": line.task, "metric": line.metric}
        if line.n_languages > 1:
            more: dict[str, Any] = {"source": "all", "target": "languages", "n": line.n_languages}
            rows.append(Row(**about, **more, baseline=baseline, value=line.value))
    return rows


def _settings(told: Any) -> dict[str, Any]:
    """Fields of rows from what a figure tells of them, as text."""
    from ast import literal_eval

    return {name: literal_eval(text) if name in ("layer", "prompt") else text for name, text in told.items()}


SIGNIFICANCE = Measure(settings=SignificanceConfig, rows=significance_rows, table="xl_analysis:significance_table")
