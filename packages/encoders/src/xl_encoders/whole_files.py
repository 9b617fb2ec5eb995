"""Files and folders that appear complete or not at all: written aside, pushed to the disk, renamed."""

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


def replace_whole(target: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file or folder aside, push it to disk, and rename it to `target` in one step."""
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = _aside_of(target)
    try:
        with system_errors(target):
            write(aside)
        for path in [*aside.rglob("*"), aside] if aside.is_dir() else [aside]:
            _sync(path)
        if target.is_dir():
            # A folder cannot be renamed onto a folder that holds files.
            old = target.with_name(f".{target.name}.{os.getpid()}.old")
            target.rename(old)
            aside.rename(target)
            shutil.rmtree(old)
        else:
            aside.replace(target)
        _sync(target.parent)
    finally:
        if aside.is_dir():
            shutil.rmtree(aside)
        else:
            aside.unlink(missing_ok=True)


def remove_whole(folder: Path) -> None:
    """Delete a folder that may be there, so that none that a kill leaves has only some of its files."""
    with suppress(FileNotFoundError):
        shutil.rmtree(folder.rename(_aside_of(folder, "old")), ignore_errors=True)


def remove_abandoned(folder: Path, name: str = "") -> None:
    """Delete what processes that are no more left half-written in `folder`; only of `name`, where one is given."""
    for path in folder.iterdir() if folder.is_dir() else ():
        found = _ASIDE.fullmatch(path.name)
        if found and name in ("", found["name"]) and not _lives(int(found["process"])):
            with suppress(FileNotFoundError):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def system_errors(path: Path) -> Generator[None]:
    """The system's own errors, a full disk for instance, in the place of those that safetensors wraps them in."""
    try:
        yield
    except SafetensorError as error:
        if number := _SYSTEM_ERROR.search(str(error)):
            raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error
        raise


def _aside_of(path: Path, kind: str = "tmp") -> Path:
    """Where this process writes `path` before it has its name, or keeps it ("old") while another takes its place.

    What a process that is no more left of `path` is deleted.
    """
    remove_abandoned(path.parent, path.name)
    return path.with_name(f".{path.name}.{os.getpid()}.{kind}")


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


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
