"""Numbered things drawn ahead by a thread, so that reading and tokenising go on while the model computes."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, Self, TypeVar

_T = TypeVar("_T")


class Prefetch(Generic[_T]):
    """`prefetch[number]` is `draw(number)`, of which one thread has the next numbers ready or under way.

    All calls of `draw` come from that one thread, one at a time. Any number may be asked for; asking for the next one
    is what is fast. An error of `draw` is raised where its number is asked for. Leave as a context, or call `close`.

    draw: for example `stream.__getitem__`, or a function that also tokenises what it gives.
    ahead: numbers after the one in use that are drawn meanwhile, at least 1. stop: nothing is drawn from there on.
    """

    def __init__(self, draw: Callable[[int], _T], *, ahead: int = 2, stop: int | None = None) -> None:
        self._draw = draw
        self._stop = stop
        self._ahead = ahead
        self._futures: dict[int, Future[_T]] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="prefetch")

    def __getitem__(self, number: int) -> _T:
        """What `draw` gives for `number`; waits for it where it is not ready."""
        numbers = range(number, number + self._ahead + 1)
        if self._stop is not None:
            numbers = range(number, max(number + 1, min(numbers.stop, self._stop)))
        for other in [other for other in self._futures if other not in numbers]:
            self._futures.pop(other).cancel()
        for next_number in numbers:
            if next_number not in self._futures:
                self._futures[next_number] = self._thread.submit(self._draw, next_number)
        return self._futures.pop(number).result()

    def close(self, *, finish: bool = False) -> None:
        """Stop drawing; waits for what is under way and drops the rest, or with `finish` draws all that it began with.

        Processes that share the work of each draw finish it, for one another: none knows where the others' threads are.
        """
        self._thread.shutdown(wait=True, cancel_futures=not finish)
        self._futures.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
