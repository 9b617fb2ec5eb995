"""The tables of a paper's layout from the rows of runs, and averages over languages that a user names."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from xl_cli.errors import UsageError
from xl_cli.launch.progress import say

if TYPE_CHECKING:
    from xl_analysis import Average, Table


def paper_tables(
    rows: "Sequence[Mapping[str, Any]]", layout: str, averages: "Sequence[Average]", start: str = ""
) -> "tuple[str, list[Table]]":
    """What a layout is called after, and its tables; notes tell which tables have no row, and what is in none.

    layout: its name, or a TOML file. start: see `laid_out`. UsageError for a layout that is none and for rows that it
    has no table for.
    """
    from xl_analysis import AnalysisError, laid_out, read_layout

    try:
        read = read_layout(layout)
        made = laid_out(rows, read, averages=averages, start=start)
    except AnalysisError as error:
        message = f"--layout {layout}: {error}"
        raise UsageError(message) from None
    if made.empty:
        say(f"note: layout {read.name}: no row of table {', '.join(made.empty)}.")
    if made.tasks or made.languages:
        say(f"note: layout {read.name} has no table of {', '.join([*made.tasks, *made.languages])}.")
    return read.title or read.name, made.tables


def named_averages(given: Sequence[str]) -> "list[Average]":
    """Averages as `--average NAME=CODE,CODE` asks for them; UsageError for other forms and unknown languages."""
    from xl_analysis import Average
    from xl_translit import UnknownLanguageError, language

    averages = []
    for text in given:
        name, equals, codes = text.partition("=")
        spelled = [code.strip() for code in codes.split(",") if code.strip()]
        if not (name.strip() and equals and spelled):
            message = f"--average {text}: write NAME=CODE,CODE, such as seen=eng,deu,ell."
            raise UsageError(message)
        try:
            averages.append(Average(name=name.strip(), over=tuple(dict.fromkeys(map(language, spelled)))))
        except UnknownLanguageError as error:
            message = f"--average {text}: {error}"
            raise UsageError(message) from None
    if len({average.name for average in averages}) < len(averages):
        message = "--average: two are called alike; give each a name of its own."
        raise UsageError(message)
    return averages
