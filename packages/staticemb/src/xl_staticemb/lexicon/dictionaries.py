"""Bilingual dictionaries as files: one pair of words a line."""

import logging
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from xl_staticemb.errors import StaticembError
from xl_staticemb.files.whole_files import write_whole

_log = logging.getLogger(__name__)


def read_dictionary(path: Path | str, *, skip_unclear: bool = False) -> list[tuple[str, str]]:
    r"""Read (source, target) pairs from a UTF-8 file: `source<TAB>target`, or two words parted by white space.

    With a TAB an entry may be of several words. A third field that is a number, as `write_dictionary` writes, is passed
    over. Empty lines are skipped, repeated pairs stay. Raises StaticembError with `file:line` for a line that is
    neither, or not UTF-8; for a file without pairs; for no file. With `skip_unclear` a line without a TAB that is of
    several words, so that nobody can tell where the translation begins, is left out, and a warning counts them.
    """
    path = Path(path)
    if not path.is_file():
        message = f"{path}: no such file"
        raise StaticembError(message)
    return parse_dictionary(_lines(path), str(path), skip_unclear=skip_unclear)


def parse_dictionary(lines: Iterable[str], name: str, *, skip_unclear: bool = False) -> list[tuple[str, str]]:
    """The pairs of the lines of a dictionary, as `read_dictionary` does; errors call the file `name`."""
    pairs, n_unclear = [], 0
    for number, raw in enumerate(lines, 1):
        line = raw.strip(" \r")
        if not line:
            continue
        fields = [field.strip() for field in line.split("\t")] if "\t" in line else line.split()
        if len(fields) == 3 and _is_number(fields[2]):
            fields.pop()
        if skip_unclear and "\t" not in line and len(fields) > 2:
            n_unclear += 1
            continue
        if len(fields) != 2 or not all(fields):
            message = f"{name}:{number}: expected source<TAB>target, found {line[:60]!r}"
            raise StaticembError(message)
        pairs.append((fields[0], fields[1]))
    if n_unclear:
        _log.warning("%s: %d lines of several words without a TAB are left out", name, n_unclear)
    if not pairs:
        message = f"{name}: holds no pairs"
        raise StaticembError(message)
    return pairs


def write_dictionary(path: Path | str, entries: Iterable[tuple[str, str, float]]) -> None:
    r"""Write `source<TAB>target<TAB>score` lines in the order given, scores with six digits after the point.

    The file appears whole or not at all. Raises StaticembError for a word that a line cannot hold: empty, with a TAB or
    a line break, or with a space at an end.
    """
    path = Path(path)
    if not path.parent.is_dir():
        message = f"{path}: there is no folder {path.parent}; create it first"
        raise StaticembError(message)
    lines = []
    for source, target, score in entries:
        for word in (source, target):
            if not fits_a_line(word):
                message = f"{path}: a line cannot hold the word {word!r}; leave its pair out"
                raise StaticembError(message)
        lines.append(f"{source}\t{target}\t{score:.6f}\n")
    write_whole(path, lambda aside: aside.write_bytes("".join(lines).encode()))


def fits_a_line(word: str) -> bool:
    """Whether `read_dictionary` gives back the word that `write_dictionary` writes."""
    return bool(word) and "\t" not in word and "\n" not in word and word.strip() == word


def _lines(path: Path) -> Iterator[str]:
    for number, raw in enumerate(path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            yield raw.decode("utf-8")
        except UnicodeDecodeError as error:
            message = f"{path}:{number}: not UTF-8 (byte 0x{raw[error.start]:02x}); re-encode the file, e.g. with iconv"
            raise StaticembError(message) from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def warn_if_turned(
    pairs: Iterable[tuple[str, str]], sources: Container[str], targets: Container[str], what: str = "the dictionary"
) -> None:
    """Log a warning where twice as many pairs fit the two vocabularies with their sides exchanged."""
    listed = list(pairs)
    straight = sum(s in sources and t in targets for s, t in listed)
    turned = sum(t in sources and s in targets for s, t in listed)
    if turned > 2 * straight:
        _log.warning(
            "%d of the %d pairs fit as they stand, %d with their sides exchanged: is %s written target<TAB>source?",
            straight,
            len(listed),
            turned,
            what,
        )
