"""The papers' own figures as result rows, and those of the cells that somebody has measured."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from xl_cli.errors import UsageError
from xl_encoders.registry import unknown_name

if TYPE_CHECKING:
    from xl_tasks import Row

FILE = Path(__file__).with_name("published.jsonl")

PAPERS = {
    "ppa": "Xhelili, Liu and Schütze (2024)",
    "static": "Hämmerl, Libovický and Fraser (2022)",
    "ot": "Alqahtani, Lalwani, Zhang, Romeo and Mansour (2021)",
    "robust": "Huang et al. (2021), as a digest tells",
    "phonemic": "Jung et al. (2024)",
}
"""Paper, as the field `paper` names it -> who wrote it."""


def published_rows(paper: str = "") -> list["Row"]:
    """The figures in the tables of one paper of PAPERS, or of all; UsageError for a paper that is none of them.

    One row a cell, shares 0 to 1 as in rows of one's own; `paper`, `table` and `cell` say where it stands, `note` where
    its data or scoring differ from what task and metric say. A printed mean has "mean " before its metric, and a target
    that names what it is over. What a paper prints in two tables is there twice.

    >>> {row.task for row in published_rows("phonemic")} >= {"panx", "udpos", "xnli"}
    True
    """
    if paper and paper not in PAPERS:
        raise UsageError(unknown_name("paper", paper, PAPERS))
    return [row for row in _every() if paper in ("", row.paper)]


def published_beside(rows: Iterable["Row"]) -> list["Row"]:
    """Published figures of the cells that `rows` have: same task, metric, source, target and protocol.

    Rows of noisy text and differences between systems have none; a protocol that one side leaves out is that of the
    other, and a test in the language of training is the same in all of them. Retrieval, words, and gaps between scores
    are also those of the same data. Each figure is there once, in the papers' order, whatever number of
    tables repeats it.
    """
    asked: dict[tuple[str, ...], set[str]] = {}
    for row in rows:
        if not (row.paper or row.noise or row.baseline):
            for data in ("", row.data):
                asked.setdefault((*_cell(row), data), set()).add(_protocol(row))
    distinct = {}
    for row in _every():
        protocols = asked.get((*_cell(row), row.data), set())
        if not row.baseline and protocols and (protocols & {"", _protocol(row)} or not _protocol(row)):
            distinct.setdefault((*_cell(row), row.data, row.paper, row.model, row.variant, row.value), row)
    return list(distinct.values())


@cache
def _every() -> "tuple[Row, ...]":
    from xl_tasks import read_rows

    return tuple(read_rows(FILE))


def _cell(row: "Row") -> tuple[str, ...]:
    return row.task, row.metric, row.source, row.target


def _protocol(row: "Row") -> str:
    return "" if row.source == row.target else row.protocol
