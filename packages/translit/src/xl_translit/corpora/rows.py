"""Raw rows of a chunk read: their text and the columns that go along; rows that cannot be read, and why."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from xl_translit.corpora.inputs import RowChunk, SourceRows
from xl_translit.corpora.sources import Layout


@dataclass
class Rows:
    r"""Rows that could be read, column by column: source and number in it for messages, text, columns that go along.

    ends: the CR, or nothing, that stood between a line of text and its "\n"; it is no part of the text.
    """

    sources: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    kept: list[tuple[Any, ...]] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)

    def add(self, source: int, numbers: Sequence[int], texts: list[str], kept: tuple[Any, ...] = ()) -> None:
        """Rows of one source that have the same other columns."""
        self.sources += [source] * len(texts)
        self.numbers += numbers
        self.texts += texts
        self.kept += [kept] * len(texts)
        self.ends += [""] * len(texts)

    def blocks(self, n_rows: int) -> Iterator["Rows"]:
        """All rows in order, at most `n_rows` at once."""
        for start in range(0, len(self.texts), n_rows):
            yield Rows(*(column[start : start + n_rows] for column in vars(self).values()))

    def extend(self, other: "Rows") -> None:
        """Put the rows of `other` behind these."""
        for column, more in zip(vars(self).values(), vars(other).values(), strict=True):
            column += more

    def add_lines(self, source: int, numbers: Sequence[int], lines: list[str]) -> None:
        r"""Lines of text of one source, without their "\n"."""
        ends = ["\r" if line.endswith("\r") else "" for line in lines]
        self.add(source, numbers, [line.removesuffix("\r") for line in lines])
        self.ends[len(self.ends) - len(ends) :] = ends


class _UnreadableError(ValueError):
    """Why a row is refused."""


# source, number in the source, reason
Refusal = tuple[int, int, str]


def read_rows(chunk: RowChunk, layouts: Sequence[Layout]) -> tuple[Rows, list[Refusal]]:
    """The rows of a chunk that can be read, in order, and those that cannot, each with the reason.

    layouts: one for each source of the corpus, in their order.
    """
    rows, refusals = Rows(), []
    for segment in chunk.segments:
        _read_segment(segment, layouts[segment.source], rows, refusals)
    return rows, refusals


def _read_segment(segment: SourceRows, layout: Layout, rows: Rows, refusals: list[Refusal]) -> None:
    payload = segment.payload
    if layout.kind == "text" and isinstance(payload, bytes):
        try:  # nearly every chunk is UTF-8 throughout
            texts = payload.decode("utf-8").split("\n")[:-1]
        except UnicodeDecodeError:
            pass
        else:
            rows.add_lines(segment.source, range(segment.first_row, segment.first_row + len(texts)), texts)
            return
    raw_rows = payload.split(b"\n")[:-1] if isinstance(payload, bytes) else payload
    for number, raw in enumerate(raw_rows, segment.first_row):
        try:
            text, kept = _read(raw, layout)
            text.encode()  # JSON can name half a surrogate pair, which no file can hold
        except UnicodeEncodeError:
            refusals.append((segment.source, number, "half of a surrogate pair, which is no character"))
        except _UnreadableError as error:
            refusals.append((segment.source, number, str(error)))
        else:
            if layout.kind == "text":
                rows.add_lines(segment.source, [number], [text])
            else:
                rows.add(segment.source, [number], [text], kept)


def _read(raw: bytes | list[Any], layout: Layout) -> tuple[str, tuple[Any, ...]]:
    """Text and other columns of one raw row; raises _UnreadableError with the reason."""
    if isinstance(raw, list):
        return _text(raw[0], layout.column), tuple(raw[1:])
    try:
        line = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        column = len(raw[: error.start].decode("utf-8")) + 1
        message = f"not UTF-8 (byte 0x{raw[error.start]:02x} at column {column}); re-encode the file, e.g. with iconv"
        raise _UnreadableError(message) from None
    if layout.kind == "text":
        return line, ()
    if layout.kind == "tsv":
        fields = line.removesuffix("\r").split("\t")
        places = [int(place) for place in (layout.column or 0, *layout.kept)]
        if max(places) >= len(fields):
            message = f"{len(fields)} column(s); column number {max(places) + 1} is wanted"
            raise _UnreadableError(message)
        text, *kept = (fields[place] for place in places)
        return text, tuple(kept)
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        message = f"no JSON: {error}"
        raise _UnreadableError(message) from None
    if not isinstance(row, dict):
        message = f"no JSON object, but {line[:40]}"
        raise _UnreadableError(message)
    if layout.column not in row:
        message = f"no key {layout.column!r}"
        raise _UnreadableError(message)
    missing = [key for key in layout.kept if key not in row]
    if missing:
        message = f"no key {missing[0]!r}"
        raise _UnreadableError(message)
    return _text(row[layout.column], layout.column), tuple(row[key] for key in layout.kept)


def _text(value: object, column: int | str | None) -> str:
    if isinstance(value, str):
        return value
    message = f"{column!r} is null" if value is None else f"{column!r} is no text but {type(value).__name__}"
    raise _UnreadableError(message)
