"""Files that appear complete or not at all: written aside, pushed to the disk, renamed."""

import os
import secrets
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX, _SUFFIX = ".", ".aside"


@contextmanager
def replaced(path: Path, suffix: str = _SUFFIX) -> Generator[Path]:
    """A path aside to make a file at, which is renamed to `path` at the end; after an error nothing is left."""
    aside = path.with_name(f"{_PREFIX}{path.name}.{secrets.token_hex(4)}{suffix}")
    try:
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


def remove_asides(folder: Path) -> None:
    """Delete what a killed process left half-written in `folder`; never called while another one writes there."""
    for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        path.unlink(missing_ok=True)
