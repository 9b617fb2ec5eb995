"""How unequal the scores of languages are, from result rows (Jung et al. 2024)."""

import dataclasses
from typing import TYPE_CHECKING, Any

from xl_cli.launch.progress import say
from xl_cli.measure.registry import Measure
from xl_cli.measure.results.results_config import ResultsConfig
from xl_objectives import setting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xl_analysis import Gaps
    from xl_tasks import Row

STDS = ("sample", "population")


@dataclasses.dataclass(frozen=True, kw_only=True)
class GapConfig(ResultsConfig):
    """Which scores are compared, and how."""

    metric: str = setting("", "Scores to compare, where the rows of a task have several: accuracy, f1, top1 ...")
    pivot: str = setting("", "A language, any spelling: also the gap of every other language to it.")
    std: str = setting("sample", "sample (ddof 1) | population (ddof 0)", choices=STDS)


def gap_rows(config: GapConfig) -> "list[Row]":
    """How unequal the scores of languages are: relative percentage differences, standard deviation, gap to a pivot.

    Example: xl analyze gap runs/e1 --metric accuracy --pivot eng
    """
    # Rows of the metrics rpd (a pair), mean_rpd, mean and std (of "all"), and with a pivot gap (pivot minus target).
    from xl_analysis import AnalysisError, language_gaps, language_scores
    from xl_cli.folder.result_files import code

    rows: list[Row] = []
    for system in language_scores(config.rows(), config.metric):
        try:
            gaps = language_gaps(system.scores, ddof=1 if config.std == "sample" else 0)
            rows += rows_of_gaps(system.row, gaps, code(config.pivot) if config.pivot else "")
        except AnalysisError as error:
            message = f"{system.row.get('data') or system.row['task']}, {system.system}: {error}"
            raise AnalysisError(message) from None
    if any(row.metric == "mean" and row.value > 1 for row in rows):
        say("note: scores beyond 1: std and gaps are in their unit; --percent makes shares of the figures of a table")
    return rows


def rows_of_gaps(like: "Mapping[str, Any]", gaps: "Gaps", pivot: str) -> "list[Row]":
    """The rows of one system and seed. like: fields of a row of its scores. pivot: "" for none."""
    from itertools import combinations

    from xl_tasks import Row

    circumstances = ("seed", "model", "layer", "pooling", "prompt", "unit", "variant", "split", "protocol", "tuning")
    about: dict[str, Any] = {name: like[name] for name in (*circumstances, "robust", "noise") if name in like}
    about |= {"task": "gap", "data": like.get("data") or like["task"], "note": f"of {like['metric']}"}
    n = like.get("n", 0)

    def of_all(metric: str, value: float) -> Row:
        return Row(**about, metric=metric, value=value, n=len(gaps.languages), source="all", target="all")

    rows = []
    if pivot:
        higher, relative = gaps.from_pivot(pivot)
        for place, target in enumerate(gaps.languages):
            if target != pivot:
                between: dict[str, Any] = {**about, "source": pivot, "target": target, "n": n}
                rows.append(Row(**between, metric="rpd", value=float(relative[place])))
                rows.append(Row(**between, metric="gap", value=float(higher[place])))
    for (i, source), (j, target) in combinations(enumerate(gaps.languages), 2):
        if pivot not in (source, target):
            rows.append(Row(**about, metric="rpd", value=float(gaps.rpd[i, j]), n=n, source=source, target=target))
    rows.append(of_all("mean_rpd", gaps.mean_rpd))
    rows.append(of_all("std", gaps.std))
    rows.append(of_all("mean", float(gaps.scores.mean())))
    return rows


GAP = Measure(settings=GapConfig, rows=gap_rows, table="xl_analysis:gap_table")
