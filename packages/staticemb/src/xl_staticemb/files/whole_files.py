"""Files that appear complete or not at all: written aside, pushed to the disk, renamed."""

import os
import re
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import SafetensorError

# NAME, the number of the process that writes it, and what it is to be or was.
_ASIDE = re.compile(r"\.(?P<name>.+)\.(?P<process>[0-9]+)\.(tmp|old)")
_SYSTEM_ERROR = re.compile(r"\(os error ([0-9]+)\)")


def aside_of(path: Path, kind: str = "tmp") -> Path:
    """Where this process writes `path` before it has its name, or keeps it ("old") while another takes its place.

    What a process that is no more left of `path` is deleted.
    """
    remove_abandoned(path.parent, path.name)
    return path.with_name(f".{path.name}.{os.getpid()}.{kind}")


@contextmanager
def replaced(path: Path) -> Generator[Path]:
    """A path aside to make a file at, which is renamed to `path` at the end; after an error nothing is left."""
    aside = aside_of(path)
    try:
        with system_errors(path):
            yield aside
        with aside.open("rb+") as file:
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            aside.unlink()
        raise


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file at the path it is given, and rename it to `path` once it is on the disk."""
    with replaced(path) as aside:
        write(aside)


def remove_abandoned(folder: Path, name: str = "") -> None:
    """Delete what processes that are no more left half-written in `folder`; only of `name`, where one is given."""
    for path in abandoned(folder, name):
        with suppress(FileNotFoundError):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def abandoned(folder: Path, name: str = "") -> Generator[Path]:
    """What processes that are no more left half-written in `folder`, only of `name` where one is given."""
    for path in folder.iterdir() if folder.is_dir() else ():
        found = _ASIDE.fullmatch(path.name)
        if found and name in ("", found["name"]) and not _lives(int(found["process"])):
            yield path


@contextmanager
def system_errors(path: Path) -> Generator[None]:
    """The system's own errors, a full disk for instance, in the place of those that safetensors wraps them in."""
    try:
        yield
    except SafetensorError as error:
        if number := _SYSTEM_ERROR.search(str(error)):
            raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error
        raise


def _lives(process: int) -> bool:
    """Whether another process of that number is there; our own number is that of one before us."""
    if process == os.getpid():
        return False
    if os.name != "posix":  # there, a signal of 0 is none
        return True
    try:
        os.kill(process, 0)
    except OSError as error:
        return isinstance(error, PermissionError)
    return True
