"""Progress on stderr: a moving bar in a terminal, a line now and then elsewhere; results never go this way."""

import sys
import time
from types import TracebackType

from xl_cli import processes

# Seconds between two lines where stderr is a file or a pipe.
_LINE_EVERY = 15.0


class Progress:
    """One bar at a time: what is done, how much, how fast, how long still.

    Use as a context manager; `advance` may be called as often as one likes.
    """

    def __init__(self, label: str, total: int, unit: str, done: int = 0) -> None:
        self._label = label
        self._total = total
        self._unit = unit
        self._first = done
        self._done = done
        self._started = time.monotonic()
        self._last_line = self._started
        self._bar = None

    def __enter__(self) -> "Progress":
        if sys.stderr.isatty() and processes.is_main():
            from rich import progress
            from rich.console import Console

            self._bar = progress.Progress(
                progress.TextColumn("{task.description}"),
                progress.BarColumn(bar_width=24),
                progress.MofNCompleteColumn(),
                progress.TextColumn("{task.fields[note]}"),
                progress.TimeRemainingColumn(elapsed_when_finished=True),
                console=Console(stderr=True),
            )
            self._task = self._bar.add_task(self._label, total=self._total, completed=self._done, note="")
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()
        elif kind is None and self._done > self._first:
            seconds = time.monotonic() - self._started
            say(f"{self._label}: {self._done} {self._unit} in {seconds:.0f} s")

    def advance(self, done: int, note: str = "") -> None:
        """Say that `done` of the total are finished; `note` stands behind the count (losses, for instance)."""
        self._done = done
        now = time.monotonic()
        rate = (done - self._first) / max(now - self._started, 1e-9)
        if self._bar:
            self._bar.update(self._task, completed=done, note=f"{note}  {rate:.1f} {self._unit}/s".strip())
        elif now - self._last_line >= _LINE_EVERY:
            self._last_line = now
            left = (self._total - done) / rate if rate else 0.0
            say(f"{self._label}: {done}/{self._total} {self._unit}, {rate:.1f}/s, {left:.0f} s left  {note}".rstrip())


def say(text: str) -> None:
    """One line for a person who watches; of several processes the main one speaks."""
    if not processes.is_main():
        return
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
