"""The per-batch function: a chunk of raw rows in; bytes of output, refused rows and counts out.

It is the same for every engine: one process, several, or a Ray cluster. Instances pickle.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from xl_translit.corpora.formats import Format
from xl_translit.corpora.inputs import RowChunk, SourceRows
from xl_translit.corpora.sources import Layout
from xl_translit.corpora.statistics import MAX_WORDS, Pair, Statistics, bare
from xl_translit.errors import CorpusError
from xl_translit.transliterator import Transliterator
from xl_translit.uroman.readings import count_unread
from xl_translit.uroman.romanizer import Romanizer


class Rejection(NamedTuple):
    """A row that is not in the output: `file:line` and the reason in words."""

    file: str
    line: int
    reason: str


@dataclass
class Result:
    """What became of a chunk; `pairs` are (word, result) in the order they came."""

    index: int
    data: bytes
    statistics: Statistics
    rejections: list[Rejection] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)


@dataclass
class _Rows:
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

    def add_lines(self, source: int, numbers: Sequence[int], lines: list[str]) -> None:
        r"""Lines of text of one source, without their "\n"."""
        ends = ["\r" if line.endswith("\r") else "" for line in lines]
        self.add(source, numbers, [line.removesuffix("\r") for line in lines])
        self.ends[len(self.ends) - len(ends) :] = ends


class _UnreadableError(ValueError):
    """Why a row is refused."""


# source, number in the source, reason
_Refusal = tuple[int, int, str]


class ChunkWriter:
    """Read a chunk's rows, transliterate them, write them in the format of the output.

    layouts: one for each source, in their order. in_order: whether each process gets its chunks in order, and once.
    A row that cannot be read or transliterated becomes a rejection; what that means for the run its caller decides.
    """

    def __init__(
        self, transliterator: Transliterator, layouts: Sequence[Layout], form: Format, *, in_order: bool = True
    ) -> None:
        self._transliterator = transliterator
        self._layouts = tuple(layouts)
        self._format = form
        self._in_order = in_order
        # Words handed on before are not handed on again where chunks come to a process in order: whoever gathers them
        # in the order of the chunks keeps the first result of each, so this saves traffic and changes nothing.
        self._known: set[str] = set()

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_known": set()}

    def __call__(self, chunk: RowChunk) -> Result:
        """The output of a chunk."""
        refusals: list[_Refusal] = []
        rows = _Rows()
        for segment in chunk.segments:
            self._read(segment, rows, refusals)
        rows, results = self._transliterate(rows, refusals)
        statistics = Statistics(rejected=len(refusals))
        statistics.unmapped.update(self._transliterator.unmapped(rows.texts, results))
        if isinstance(self._transliterator, Romanizer):
            statistics.unread.update(count_unread(rows.texts))
        words = statistics.count(
            rows.texts,
            results,
            phonemes=self._format.result_name == "phonemes",
            compare=len(self._known) < MAX_WORDS,  # else whoever gathers words has as many as it takes, too
        )
        if self._format.name == "text" and not self._format.pairs:  # its lines end as those of the input did
            results = [result + end for result, end in zip(results, rows.ends, strict=True)]
        data = self._format.write(rows.texts, results, rows.kept, statistics)
        rejections = [Rejection(self._layouts[source].name, number, why) for source, number, why in sorted(refusals)]
        return Result(chunk.index, data, statistics, rejections, self._new(words))

    def _read(self, segment: SourceRows, rows: _Rows, refusals: list[_Refusal]) -> None:
        layout = self._layouts[segment.source]
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

    def _transliterate(self, rows: _Rows, refusals: list[_Refusal]) -> tuple[_Rows, list[str]]:
        """Rows and their results; where the transliterator fails, row by row, and the rows it fails on are refused."""
        try:
            results = self._transliterator.batch(rows.texts)
        except Exception:  # someone else's code: any error is a reason
            good, results = _Rows(), []
            columns = (rows.sources, rows.numbers, rows.texts, rows.kept, rows.ends)
            for source, number, text, kept, end in zip(*columns, strict=True):
                try:
                    results.append(self._transliterator(text))
                    good.add(source, [number], [text], kept)
                    good.ends[-1] = end
                except Exception as error:
                    reason = " ".join(f"{self._transliterator.name} failed: {type(error).__name__}: {error}".split())
                    refusals.append((source, number, reason))
            rows = good
        if len(results) != len(rows.texts):
            name = self._transliterator.name
            message = f"{name} gave {len(results)} results for {len(rows.texts)} rows; its batch() must give one each"
            raise CorpusError(message)
        return rows, results

    def _new(self, words: dict[str, str]) -> list[Pair]:
        new: dict[str, str] = {}
        for word, result in words.items():
            pair = bare(word, result)
            if pair is not None and pair[0] not in self._known:
                new.setdefault(*pair)
        if self._in_order:
            self._known.update(new)
        return list(new.items())


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
