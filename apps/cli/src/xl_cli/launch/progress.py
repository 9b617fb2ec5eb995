"""Progress on stderr: a moving bar in a terminal, a line every half minute elsewhere; results never go this way.

Stages lie within one another (a command, a task, its training); a line names all that are open, so that long work of
any kind says what it is at. A thread speaks where a stage has nothing to count.
"""

import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

from xl_cli.launch import processes
from xl_cli.launch.durations import exactly, words
from xl_cli.launch.plain import plain

if TYPE_CHECKING:
    import rich.progress

# Seconds between two lines where stderr is a file or a pipe.
LINE_EVERY = 30.0

_now = time.monotonic


class _Stages:
    """The open stages, when something was last said of them, and their bars."""

    def __init__(self) -> None:
        self.open: list[Progress] = []
        self.last = 0.0
        self.bars: rich.progress.Progress | None = None
        self.unheard = False
        self._lock = threading.Lock()

    def speak(self) -> None:
        """One line on the open stages if it is time for one."""
        with self._lock:
            if not self.open or self.unheard or _now() - self.last < LINE_EVERY or sys.stderr.isatty():
                return
            self.last = _now()
            say(": ".join(filter(None, [*(stage.told() for stage in list(self.open)), _loading()])))


_stages = _Stages()


def _loading() -> str:
    """What stands still while a library is imported: torch and transformers take a minute on a busy machine."""
    specs = [(name, getattr(module, "__dict__", {}).get("__spec__")) for name, module in sys.modules.copy().items()]
    names = [name for name, spec in specs if getattr(spec, "_initializing", False) and not name.startswith("xl_")]
    return f"loading the library {names[0].partition('.')[0]}" if names else ""


class Progress:
    """One stage: what is done, how much, how fast, how long still.

    Use as a context manager; `advance` may be called as often as one likes.

    total: how much there is of `unit`; 0 where that is not known.
    quiet: whether nothing is said when it ends.
    """

    def __init__(self, label: str, total: int = 0, unit: str = "", done: int = 0, *, quiet: bool = False) -> None:
        self._label = label
        self._total = total
        self._unit = unit
        self._first = done
        self._done = done
        self._quiet = quiet
        self._note = ""
        self._started = _now()
        self._task: rich.progress.TaskID | None = None

    def __enter__(self) -> "Progress":
        if not _stages.open:
            _stages.last = _now()
        _stages.open.append(self)
        if self._unit and sys.stderr.isatty() and processes.is_main():
            _stages.bars = _stages.bars or _new_bars()
            self._task = _stages.bars.add_task(self._label, total=self._total or None, completed=self._done, note="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _stages.open.remove(self)
        if _stages.bars and self._task is not None:
            if any(stage._task is not None for stage in _stages.open):
                _stages.bars.remove_task(self._task)
            else:
                _stages.bars.stop()
                _stages.bars = None
        elif kind is None and self._done > self._first and not self._quiet:
            say(f"{self._label}: {self._done} {self._unit} in {words(_now() - self._started)}")

    def advance(self, done: int, note: str = "") -> None:
        """Say that `done` of the total are finished; `note` stands behind the count (losses, for instance)."""
        self._done, self._note = done, note
        if _stages.bars and self._task is not None:
            speed = f"{note}  {self._rate():.1f} {self._unit}/s".strip()
            _stages.bars.update(self._task, completed=done, note=speed)
        else:
            _stages.speak()

    def told(self) -> str:
        """The stage in words: how far it is, and how long still where that can be told."""
        if not self._total:
            counted = f" {self._done} {self._unit}" if self._done else ""
            return f"{self._label}{counted} ({exactly(_now() - self._started)} so far)  {self._note}".rstrip()
        rate = self._rate()
        left = f", {rate:.1f}/s, {words((self._total - self._done) / rate)} left" if rate else ""
        return f"{self._label} {self._done}/{self._total} {self._unit}{left}  {self._note}".rstrip()

    def _rate(self) -> float:
        return (self._done - self._first) / max(_now() - self._started, 1e-9)


@contextmanager
def unheard() -> Generator[None]:
    """Say no lines that only hold for a moment: what is said is read later."""
    before, _stages.unheard = _stages.unheard, True
    try:
        yield
    finally:
        _stages.unheard = before


@contextmanager
def heartbeat(command: str) -> Generator[None]:
    """Say every half minute what a command is at, for as long as it runs; in a terminal bars do so."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(LINE_EVERY):
            _stages.speak()

    thread = threading.Thread(target=beat, daemon=True)
    with Progress(command):
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@contextmanager
def library_stages() -> Generator[None]:
    """Show how far the long loops inside our libraries are, as stages of what runs here."""
    from xl_encoders.reading.stages import listening

    current: dict[str, Progress] = {}

    def listen(label: str, done: int, total: int, unit: str) -> None:
        if label not in current:
            current[label] = Progress(label, total, unit, done, quiet=True).__enter__()
        current[label].advance(done)
        if done == total:
            current.pop(label).__exit__(None, None, None)

    with listening(listen):
        yield


def _new_bars() -> "rich.progress.Progress":
    from rich import progress
    from rich.console import Console

    bars = progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(bar_width=24),
        progress.MofNCompleteColumn(),
        progress.TextColumn("{task.fields[note]}"),
        progress.TimeRemainingColumn(elapsed_when_finished=True),
        console=Console(stderr=True),
    )
    bars.start()
    return bars


def say(text: str) -> None:
    """One line for a person who watches; of several processes the main one speaks."""
    if not processes.is_main():
        return
    sys.stderr.write(f"{plain(text)}\n")
    sys.stderr.flush()
