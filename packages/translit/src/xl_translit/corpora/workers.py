"""A function over chunks in several processes: results in order, a bounded number of chunks under way.

The processes are started afresh (`spawn`), so that they carry no threads or memory of their parent, and import only
what the function needs. A process that loses its parent (killed, out of memory) ends at once; a parent that loses a
process says so and ends the others.
"""

import gc
import multiprocessing
import os
import pickle
import queue
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any, cast

from xl_translit.errors import CorpusError

_AHEAD = 2  # chunks a process holds: one at work, one waiting, so that it need not idle
_WINDOW = 4  # chunks under way or done out of order, for each process


def ordered_map(function: Callable[[Any], Any], chunks: Iterable[Any], jobs: int) -> Generator[Any]:
    """`function(chunk)` for each chunk, in order; a chunk None means: first give all that is under way.

    jobs: number of processes; 1 works in this one. Raises what the function raised, and CorpusError if a process ends.
    """
    if jobs == 1:
        for chunk in chunks:
            if chunk is not None:
                yield function(chunk)
        return
    pool = _Pool(function, jobs)
    try:
        for chunk in chunks:
            if chunk is not None:
                pool.submit(chunk)
            yield from pool.done(wait_for_all=chunk is None)
        yield from pool.done(wait_for_all=True)
    finally:
        pool.close()


class _Pool:
    def __init__(self, function: Callable[[Any], Any], jobs: int) -> None:
        try:
            packed = pickle.dumps(function)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            message = f"a transliterator that does not pickle cannot work in several processes ({error}); use one job"
            raise CorpusError(message) from None
        context = multiprocessing.get_context("spawn")
        self._processes = []
        self._held: dict[Connection, int] = {}  # chunks with each process
        for _ in range(jobs):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, packed), daemon=True)
            process.start()
            theirs.close()  # the process holds it alone now, so its end is heard as the end of the pipe
            self._processes.append(process)
            self._held[ours] = 0
        self._window = jobs * _WINDOW
        self._order: deque[int] = deque()
        self._finished: dict[int, Any] = {}
        self._n_submitted = 0

    def submit(self, chunk: Any) -> None:
        """Hand a chunk to the process that has least to do, once there is one that may have it."""
        while min(self._held.values()) >= _AHEAD:
            self._receive()
        connection = min(self._held, key=lambda key: self._held[key])
        try:
            connection.send((self._n_submitted, chunk))
        except OSError:
            self._fail(connection)
        self._held[connection] += 1
        self._order.append(self._n_submitted)
        self._n_submitted += 1

    def done(self, *, wait_for_all: bool) -> Iterator[Any]:
        """Results that are next in order; waits for them if all are wanted or too many are under way."""
        while self._order:
            if self._order[0] in self._finished:
                yield self._finished.pop(self._order.popleft())
            elif wait_for_all or len(self._order) >= self._window:
                self._receive()
            elif not self._receive(timeout=0.0):
                return

    def close(self) -> None:
        for connection in self._held:
            connection.close()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join()

    def _receive(self, timeout: float | None = None) -> bool:
        """Take what the processes have ready; whether there was anything."""
        ready = cast("list[Connection[Any, Any]]", wait(list(self._held), timeout))
        for connection in ready:
            try:
                number, good, value = connection.recv()
            except (EOFError, OSError):
                self._fail(connection)
            if not good:
                raise value
            self._finished[number] = value
            self._held[connection] -= 1
        return bool(ready)

    def _fail(self, connection: Any) -> None:
        process = self._processes[list(self._held).index(connection)]
        process.join(timeout=5)
        code = process.exitcode
        if code is not None and code < 0:
            with suppress(ValueError):
                code = signal.Signals(-code).name
        message = (
            f"a worker process ended ({code}); if the system killed it for memory, use fewer jobs, "
            "and in a script of your own start the run below `if __name__ == '__main__':`"
        )
        raise CorpusError(message)


def _serve(connection: Connection, packed: bytes) -> None:
    """Work until the parent closes its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends its processes
    chunks: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def listen() -> None:
        # a thread, so that the parent can always send: two ends that both send would wait for each other for ever
        while True:
            try:
                chunks.put(connection.recv())
            except (EOFError, OSError):
                os._exit(0)  # the parent is gone or has done: whatever is under way is of no use any more

    function = pickle.loads(packed)  # noqa: S301 - made by our own parent process
    gc.freeze()  # what is loaded now stays: no collection need look at it
    threading.Thread(target=listen, daemon=True).start()
    while True:
        number, chunk = chunks.get()
        try:
            answer = (number, True, function(chunk))
        except Exception as error:  # handed to the parent, which raises it
            answer = (number, False, error)
        connection.send(answer)
