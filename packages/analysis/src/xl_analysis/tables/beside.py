"""Our figures beside those that papers print of the same cells."""

from collections.abc import Iterable, Mapping

from xl_analysis.tables.figures import TELLING, Figure, Row, by_seed, figures, lines, scale, shown
from xl_analysis.tables.table import Table

_TELLING = tuple(field for field in TELLING if field not in ("task", "data", "split", "paper"))


def beside_tables(rows: Iterable[Row], published: Iterable[Row], papers: Mapping[str, str]) -> list[Table]:
    """A table a task and metric that papers have figures of: a line a source and target, ours first, then theirs.

    rows: our own; those of a paper among them, differences and figures on dev are passed over. published: rows with
    `paper` and `table`, of cells that `rows` have (`xl_cli.published_beside`). papers: who wrote each. Ours are means
    over seeds; shares are in per cent.
    """
    ours = [figure for figure in figures(row for row in rows if not row.get("paper")) if not figure.baseline]
    printed = list(published)
    theirs: dict[tuple[str, str], list[tuple[str, str, Figure]]] = {}
    for row, figure in zip(printed, figures(printed), strict=True):
        system = " ".join(filter(None, (str(row.get("model") or ""), str(row.get("variant") or ""))))
        name = f"{row.get('paper')} {row.get('table')}: {system}"
        theirs.setdefault((figure.task, figure.metric), []).append((name, str(row.get("paper")), figure))
    tables = []
    for (task, metric), found in theirs.items():
        cells = dict.fromkeys((figure.source, figure.target) for *_, figure in found)
        own = [
            f for f in ours if (f.task, f.metric) == (task, metric) and (f.source, f.target) in cells and not _is_dev(f)
        ]
        if not own:
            continue
        factor, digits = scale([*own, *(figure for *_, figure in found)])
        columns = lines(own, _cell, _TELLING)
        for name in dict.fromkeys(name for name, *_ in found):
            columns[name] = [figure for other, _, figure in found if other == name]
        body = [
            (
                *cell,
                *(
                    shown(by_seed(f for f in column if _cell(f) == cell), spread=False, factor=factor, digits=digits)
                    for column in columns.values()
                ),
            )
            for cell in cells
            if any(_cell(figure) == cell for figure in own)
        ]
        who = "; ".join(
            f"{paper}: {papers.get(paper, paper)}" for paper in dict.fromkeys(paper for _, paper, _ in found)
        )
        caption = (
            f"{task}, {metric}{' in %' if factor == 100 else ''}: ours beside what papers print of the same source and "
            f"target, with the number of the table. Data, models and training differ where theirs do. {who}."
        )
        tables.append(Table(("source", "target", *columns), tuple(body), caption, n_labels=2))
    return tables


def _is_dev(figure: Figure) -> bool:
    return figure.told["split"] == "dev"


def _cell(figure: Figure) -> tuple[str, str]:
    return figure.source, figure.target
