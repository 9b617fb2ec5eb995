"""Ctrl-C and a scheduler's SIGTERM: a wish to stop after the current step where there are steps, else at once.

Both come as a KeyboardInterrupt, so that what is open is closed in order; `Ending` says how the process then ends.
"""

import signal
import sys
import threading
from types import FrameType, TracebackType


class Ending:
    """How a process ends that was told to stop: once in words, and with 128 and the signal's number as exit code."""

    def __init__(self) -> None:
        self.signal_number: int = signal.SIGINT
        self._is_told = False

    def on_sigterm(self) -> None:
        """Let SIGTERM interrupt as Ctrl-C does, where nothing else is to happen at it."""
        self._is_told, self.signal_number = False, signal.SIGINT
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self._interrupt)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.signal_number = number
        raise KeyboardInterrupt

    def tell(self, how: str = "") -> None:
        """Say that it was stopped, and how to go on; only the first time."""
        if not self._is_told:
            self._is_told = True
            sys.stderr.write(f"xl: stopped{how}\n")
            sys.stderr.flush()

    @property
    def code(self) -> int:
        """The exit code."""
        return 128 + self.signal_number


ENDING = Ending()
"""Of this process."""


class Stopping:
    """Inside this context the first SIGINT or SIGTERM only sets `signal_number`."""

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._before: dict[int, object] = {}

    def __call__(self) -> bool:
        """Whether a stop was asked for."""
        return self.signal_number is not None

    def __enter__(self) -> "Stopping":
        # Python delivers signals to the main thread only; elsewhere there is nothing to catch.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # ty: ignore[invalid-argument-type]

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal_number is not None:
            raise KeyboardInterrupt
        self.signal_number = number
