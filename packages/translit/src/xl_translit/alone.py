"""One writer of a file or folder: a lock that says who holds it, and that ends with the process that does."""

import json
import os
import socket
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from xl_translit.errors import BusyError


@contextmanager
def alone(out: Path, *, beside: bool = False) -> Generator[int]:
    """Be the only process that writes `out`; yields the descriptor of the lock, to be inherited.

    out: a folder, which is made, and goes again where nothing was put into it. beside: whether it is to be a file, or
    a folder that holds nothing but results, so that the lock lies beside it.

    The lock is the system's, on a hidden file: it is free at once when the process, and all that inherited it, have
    ended, killed or not. On a system or disk without such locks nothing is held. Leaves no file behind but after a
    kill. BusyError, which says who is at work, where another process is.
    """
    made = not beside and not out.exists()
    if not beside:
        out.mkdir(parents=True, exist_ok=True)
    path = out.with_name(f".{out.name}.lock") if beside else out / ".lock"
    lock = _open(path, out)
    try:
        yield lock
    finally:
        with suppress(OSError):
            path.unlink()
        if made:
            with suppress(OSError):  # something lies in it
                out.rmdir()
        os.close(lock)


def _open(path: Path, shown: Path) -> int:
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        if os.name != "posix":
            return lock
        import fcntl

        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 4096, 0)
            os.close(lock)
            message = f"{shown}: {_told(holder)} is at work here; wait for its end, or choose another name."
            raise BusyError(message) from None
        except OSError:  # no locks on this disk
            return lock
        # Who held it may have removed the file between our opening and locking it.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock), path.stat()):
                _sign(lock)
                return lock
        os.close(lock)


def _sign(lock: int) -> None:
    about = {"process": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%F %T")}
    about["command"] = " ".join([Path(sys.argv[0]).stem, *sys.argv[1:2]])
    os.ftruncate(lock, 0)
    os.pwrite(lock, json.dumps(about).encode(), 0)


def _told(holder: bytes) -> str:
    """Who holds a lock, in words."""
    try:
        about = json.loads(holder)
        told = f"{about['command']} (process {about['process']} on {about['host']}, since {about['since']})"
        gone = about["host"] == socket.gethostname() and not _lives(int(about["process"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return "another process"
    return f"what {told} left behind" if gone else told


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError as error:
        return isinstance(error, PermissionError)
    return True
