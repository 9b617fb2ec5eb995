"""What reads a file from outside, for the tests that edit files and for the fuzzer."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple


class Reader(NamedTuple):
    """Something that reads a file called `name`, or the folder it lies in, and may raise `error` alone.

    whole: files that can be read. packed: whether the file may be compressed. named: whether an error has its name.
    """

    name: str
    whole: list[bytes]
    read: Callable[[Path], object]
    error: tuple[type[Exception], ...]
    packed: bool = True
    named: bool = True


def made(write: Callable[[Path], object], name: str) -> bytes:
    """The bytes of a file that one of our writers makes."""
    with TemporaryDirectory() as folder:
        write(Path(folder) / name)
        return (Path(folder) / name).read_bytes()
