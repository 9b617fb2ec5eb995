"""What a function of Python hands back: result rows, and the table of them that its command prints."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xl_cli.errors import CliError

if TYPE_CHECKING:
    from xl_tasks import Row


class Rows(list["Row"]):
    """Result rows; `str` of them is the table that the command prints.

    out: the folder or file that they were written to; None for none.
    """

    def __init__(self, rows: "Iterable[Row]", text: Callable[[], str], out: Path | None = None) -> None:
        super().__init__(rows)
        self.out = out
        self._text = text

    def __str__(self) -> str:
        return self._text()


class UnfinishedError(CliError):
    """A part of what was asked for failed; `done` is what there is of the rest."""

    def __init__(self, message: str, done: Any) -> None:
        super().__init__(message)
        self.done = done
