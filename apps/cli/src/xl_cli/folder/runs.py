"""The runs that a command of results names: folders or files, their rows, and what they are called."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xl_cli.errors import CliError

if TYPE_CHECKING:
    from xl_tasks import Row

RESULTS = "results.jsonl"
_MOST_NAMED = 3


def results_of(run: Path) -> Path:
    """The file with the rows of `run`, a folder or that file itself; CliError for a folder without one."""
    if not run.is_dir() or (run / RESULTS).is_file():
        return run / RESULTS if run.is_dir() else run
    below = sorted(path.parent for path in run.glob(f"*/{RESULTS}"))
    if below:
        several = " ".join(map(str, below[:_MOST_NAMED])) + (" ..." if len(below) > _MOST_NAMED else "")
        message = f"{run}: no {RESULTS} in it, but in folders below it; name these: {several}."
    elif (run / "run.json").is_file():
        message = f"{run}: no {RESULTS} in it, as this run has scored nothing yet; go on with it by --resume."
    else:
        message = f"{run}: no {RESULTS} in it; name a folder that xl align, xl eval or xl analyze --out wrote."
    raise CliError(message)


def read_runs(paths: Sequence[Path]) -> "list[list[Row]]":
    """The rows of each file; CliError where none has any."""
    from xl_tasks import read_rows

    rows = [read_rows(path) for path in paths]
    if not any(rows):
        message = f"{', '.join(map(str, paths))}: no result row in it; score something first, with xl eval or xl align."
        raise CliError(message)
    return rows


def folders_of(paths: Sequence[Path]) -> list[Path]:
    """What a file of rows is named by: its run's folder, or itself without its suffix."""
    return [path.resolve().parent if path.name == RESULTS else path.with_suffix("") for path in paths]
