"""Whether two columns of figures go together, from result rows or tables (Jung et al. 2024, table 3 and figure 3)."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xl_cli.errors import UsageError
from xl_cli.measure.pictures import check_plot, plot_setting, write_picture
from xl_cli.measure.registry import Measure
from xl_cli.measure.results.results_config import ResultsConfig
from xl_objectives import setting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xl_analysis import Correlation, Point
    from xl_tasks import Row

KINDS = ("spearman", "kendall", "pearson")
PS = ("auto", "exact", "permutation", "asymptotic")


@dataclasses.dataclass(frozen=True, kw_only=True)
class CorrelateConfig(ResultsConfig):
    """Which columns, of which points, by which coefficient."""

    x: str = dataclasses.field(
        metadata={
            "help": "A metric, with conditions where it has several figures a point: cka,layer=8 or top1,source=eng; a "
            "number of rows (layer, seed, n, coverage); or a column of a table"
        }
    )
    y: str = dataclasses.field(metadata={"help": "Another, as --x"})
    within: str = setting(
        "",
        "Also compare the points of each group alone: pair, target, seed, variant ... or a column of a table",
    )
    given: tuple[str, ...] = setting((), "A column, as --x, that is taken out of both (partial); repeat for more")
    coefficient: tuple[str, ...] = setting(KINDS, "spearman | kendall | pearson; repeat for more", choices=KINDS)
    p: str = setting(
        "auto",
        "exact (all orders, up to 8 points) | permutation | asymptotic (as scipy) | auto, the first that can be",
        choices=PS,
    )
    resamples: int = setting(9999, "Orders of the points behind p, samples (at most 1,999) behind intervals.", low=1)
    plot: str = plot_setting()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_plot(self.plot)


def correlate_rows(config: CorrelateConfig) -> "list[Row]":
    """Whether two columns of results go together: Spearman, Kendall, Pearson, within groups and partial too.

    Example: xl analyze correlate gaps cka --x cka,layer=8 --y gap --within pair --plot gap-by-cka.png
    """
    from xl_analysis import AnalysisError, correlation, holm_by_family

    points = _points(config)
    if config.within and (unknown := [each for each in points if config.within not in each.about]):
        message = f"--within {config.within}: points are told apart by {', '.join(unknown[0].about)}."
        raise UsageError(message)
    x, y, *given = zip(*(point.values for point in points), strict=True)
    options: dict[str, Any] = {"n_resamples": config.resamples, "p": config.p}
    found: list[tuple[str, str, Correlation]] = []
    groups = [point.about[config.within] for point in points] if config.within else []
    for kind in config.coefficient:
        try:
            found.append((kind, "all points", correlation(x, y, kind=kind, **options)))
            if given:
                partial = correlation(x, y, kind=kind, given=list(zip(*given, strict=True)), **options)
                found.append((kind, f"given {', '.join(config.given)}", partial))
            if len(set(groups)) > 1:
                inside: dict[str, Any] = options | ({"p": "auto"} if config.p == "exact" or kind == "kendall" else {})
                found.append((kind, f"within {config.within}", correlation(x, y, kind=kind, groups=groups, **inside)))
                found += _by_group(kind, x, y, groups, options)
        except AnalysisError as error:
            message = f"x {config.x}, y {config.y}: {error}"
            raise AnalysisError(message) from None
    if config.plot:
        write_picture(config.plot, _picture(config, points, x, y, groups))
    adjusted = holm_by_family([each.p for *_, each in found], [kind for kind, *_ in found])
    return [_row(config, kind, which, each, p) for (kind, which, each), p in zip(found, adjusted, strict=True)]


def _points(config: CorrelateConfig) -> "list[Point]":
    from xl_analysis import points

    names = [config.x, config.y, *config.given]
    if found := _table_points(config, names):
        return found
    return points(config.rows(), [named_column(name) for name in names])


def named_column(name: str) -> Any:
    """The `xl_analysis.Column` that a text names, with languages in any spelling."""
    from xl_analysis import column
    from xl_cli.folder.result_files import code

    asked = column(name)
    said = {f: code(v) if f in ("source", "target") else v for f, v in asked.conditions.items()}
    return dataclasses.replace(asked, conditions=said)


def _table_points(config: CorrelateConfig, names: "Sequence[str]") -> "list[Point]":
    """The lines of tables that have all the columns, a point each; empty where a file is no such table."""
    from xl_analysis import Point
    from xl_cli.folder.result_files import chosen_rows, is_table, number, table_lines

    paths = [Path(run) for run in config.runs]
    if not all(is_table(path) for path in paths):
        return []
    lines: list[dict[str, Any]] = []
    for path in paths:
        header, body = table_lines(path)
        if not set(names) <= set(header):
            return []
        lines += [{**cells, "": f"{path}:{line}: column "} for line, cells in body]
    lines = chosen_rows(lines, config.where)
    kept = [line for line in lines if not {line[name] for name in names} & {"", "-", "–"}]
    return [
        Point(
            values=tuple(number(line[name], f"{line['']}{name!r}") for name in names),
            about={name: cell for name, cell in line.items() if name and name not in names},
        )
        for line in kept
    ]


def _by_group(
    kind: str, x: "Sequence[float]", y: "Sequence[float]", groups: "Sequence[str]", options: dict[str, Any]
) -> "list[tuple[str, str, Correlation]]":
    """The coefficient in each group that has one: four points or more, and no constant column."""
    from xl_analysis import correlation

    found = []
    for group in dict.fromkeys(groups):
        own = [(a, b) for a, b, each in zip(x, y, groups, strict=True) if each == group]
        one, other = zip(*own, strict=True)
        if len(own) >= 4 and len(set(one)) > 1 and len(set(other)) > 1:
            found.append((kind, group, correlation(one, other, kind=kind, **options)))
    return found


def _row(config: CorrelateConfig, kind: str, which: str, found: "Correlation", p_holm: float | None) -> "Row":
    from xl_tasks import Row

    return Row(
        task="correlate",
        metric=kind,
        value=found.value,
        n=found.n,
        source=config.x,
        target=config.y,
        variant=which,
        low=found.low,
        high=found.high,
        p=found.p,
        p_holm=p_holm,
        note=f"p {found.p_method}" if found.p_method else "",
    )


def _picture(
    config: CorrelateConfig,
    points: "Sequence[Point]",
    x: "Sequence[float]",
    y: "Sequence[float]",
    groups: "Sequence[str]",
) -> Any:
    from xl_analysis import fitted_scatter

    texts = [", ".join(value for name, value in point.about.items() if value and name != "pair") for point in points]
    return fitted_scatter(x, y, groups=groups or None, texts=texts, x_label=config.x, y_label=config.y)


CORRELATE = Measure(settings=CorrelateConfig, rows=correlate_rows, table="xl_analysis:correlation_table")
