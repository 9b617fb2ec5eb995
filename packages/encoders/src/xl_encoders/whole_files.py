"""Files and folders that appear complete or not at all: written aside, pushed to the disk, renamed."""

import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

# Names of what `replace_whole` writes aside; left behind only by a process that was killed.
_ASIDE = re.compile(r"\..+\.[0-9]+\.(tmp|old)")


def replace_whole(target: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file or folder aside, push it to disk, and rename it to `target` in one step."""
    aside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
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
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    with suppress(FileNotFoundError):
        folder.rename(aside)
        shutil.rmtree(aside)


def remove_leftovers(folder: Path) -> None:
    """Delete what a killed process left half-written in `folder`; never called while another one writes there."""
    for path in folder.iterdir():
        if _ASIDE.fullmatch(path.name):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
