"""Word alignments in the Pharaoh format: a line a sentence, `i-j` for word i of the left and j of the right side.

Positions count from 0. It is what fast_align, eflomal, awesome-align and SimAlign write.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from xl_objectives.errors import ObjectiveError

_PAIR = re.compile(r"[0-9]{1,9}-[0-9]{1,9}")


def parse_pharaoh(
    lines: Iterable[str], *, lens: Iterable[tuple[int, int]] | None = None, name: str = "alignments"
) -> Iterator[list[tuple[int, int]]]:
    r"""Yield the word pairs (i, j) of each line, in the order written and each once; an empty line has none.

    lines: with or without their "\n" or "\r\n".
    lens: the numbers of words of the left and right sentence of each line; positions are then checked against them, and
        so is the number of lines. None checks neither.
    name: what errors call the source, its path if it is a file.

    Lines are read one by one as they are asked for. Raises ObjectiveError, with `name:line`, for what is no `i-j`, a
    position out of range, or another number of lines than of `lens`.
    """
    lens_left = None if lens is None else iter(lens)
    number = 0
    for number, line in enumerate(lines, start=1):
        try:
            pairs = list(dict.fromkeys(map(_pair, line.split())))
        except ObjectiveError as error:
            message = f"{name}:{number}: {error}"
            raise ObjectiveError(message) from None
        if lens_left is not None:
            its_lens = next(lens_left, None)
            if its_lens is None:
                message = f"{name}:{number}: there are only {number - 1} sentence pairs; is this their alignment file?"
                raise ObjectiveError(message)
            _check_range(pairs, its_lens, f"{name}:{number}")
        yield pairs
    if lens_left is not None and next(lens_left, None) is not None:
        message = f"{name}:{number + 1}: there is no such line, but a sentence pair for it; was the file cut short?"
        raise ObjectiveError(message)


def format_pharaoh(pairs: Iterable[Sequence[tuple[int, int]]]) -> Iterator[str]:
    r"""Yield a line for the word pairs of each sentence, `0-0 1-2`, without "\n"; the inverse of `parse_pharaoh`.

    Raises ObjectiveError, with the number of the line, for a negative position.
    """
    for number, sentence in enumerate(pairs, start=1):
        for i, j in sentence:
            if i < 0 or j < 0:
                message = f"line {number}: the pair ({i}, {j}) cannot be written; positions count from 0."
                raise ObjectiveError(message)
        yield " ".join(f"{i}-{j}" for i, j in sentence)


@lru_cache(maxsize=1 << 17)  # a corpus has few different pairs: each is read once, and its lines share the tuple
def _pair(word: str) -> tuple[int, int]:
    if not _PAIR.fullmatch(word):
        message = f"{word[:60]!r} is no word pair; write i-j, positions counted from 0, with spaces between pairs."
        raise ObjectiveError(message)
    i, j = word.split("-")
    return int(i), int(j)


def _check_range(pairs: list[tuple[int, int]], lens: tuple[int, int], where: str) -> None:
    for i, j in pairs:
        if i >= lens[0] or j >= lens[1]:
            message = (
                f"{where}: {i}-{j} is out of range, the sentences have {lens[0]} and {lens[1]} words, counted from 0; "
                "are both cut into words as the aligner had them?"
            )
            raise ObjectiveError(message)
