"""Long loops of this package say how far they are to whoever listens: a command that shows progress, or nobody."""

from collections.abc import Callable, Collection, Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Part = TypeVar("Part", bound=Collection)
# (what is done, how much of it is done, how much there is, in what)
Listener = Callable[[str, int, int, str], None]

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Listener) -> Generator[None]:
    """Call `listener` before each part of a long loop that runs inside, and with all done when the loop is left."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def told(parts: Iterable[Part], label: str, total: int, unit: str) -> Generator[Part]:
    """`parts` one by one; a part counts as many of `total` as it has members."""
    listener = _listener.get()
    done = 0
    try:
        for part in parts:
            if listener:
                listener(label, done, total, unit)
            yield part
            done += len(part)
    finally:
        if listener:
            listener(label, total, total, unit)
