r"""Lines of the files of data sets, whatever system they were written on.

A CR directly before "\n" belongs to the line's end and is no part of the text, nor is one at the very end of a file.
One CR is dropped, others and those inside stay. Every reader of this package takes its lines from here.
"""

from collections.abc import Iterator
from pathlib import Path

from xl_translit import read_lines


def text_lines(path: Path | str) -> Iterator[str]:
    """The lines of a UTF-8 file, packed or not, as `xl_translit.read_lines` has them, without the CR at their ends."""
    for line in read_lines(path):
        yield line.removesuffix("\r")
