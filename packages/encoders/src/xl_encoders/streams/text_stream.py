"""Corpora larger than memory: Parquet and Arrow files as an endless, numbered sequence of batches of texts.

Batch number b is a function of (files, settings, b) alone. It belongs to a window of rows, the window to places of an
order that `RowOrder` computes; so any batch costs one window to reach, no position is stored, and every process of a
distributed run draws the same batches.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xl_encoders.errors import EncoderError
from xl_encoders.streams.columnar_files import compute
from xl_encoders.streams.length_order import length_batches
from xl_encoders.streams.row_order import RowOrder
from xl_encoders.streams.row_reader import ResidentRows, RowReader
from xl_encoders.streams.sampling import check_temperature, draws_per_epoch
from xl_encoders.streams.text_index import Columns, TextIndex, has_column, index_texts
from xl_encoders.streams.text_share import TextShare

if TYPE_CHECKING:  # it brings torch, which reading does not need
    from xl_encoders.distributed.exchange import Exchange

# Chunks that are half read at a time: so many places of the order are taken in turn, by all languages together.
_N_PLACES = 8
# Rows of a chunk that are passed over rather than read again from its start, at least.
_MIN_REACH = 1 << 16
# Ends the seed of a window's order; not zero, see `sampling`.
_WINDOW = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class TextBatch:
    """Texts of one batch.

    originals: the texts.
    romanised: their romanisations, None where the files have no such column.
    languages: their languages, None where neither a column nor a setting tells them.
    numbers: (n_texts,) int64 row of each, counted from 0 across all files in their order.
    """

    originals: list[str]
    romanised: list[str] | None
    languages: list[str] | None
    numbers: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.originals)


@dataclass(frozen=True, eq=False)
class _Window:
    """Texts shuffled together: columns of all of them, their rows, and which of them form which batch.

    place: epoch, and number in it.
    """

    place: tuple[int, int]
    table: Any
    numbers: NDArray[np.int64]
    batches: list[NDArray[np.int64]]


class TextStream:
    """An endless, numbered sequence of batches of texts from files, of like length within a batch.

    files: Parquet or Arrow files (file or stream format). Their order counts, so give it sorted.
    batch: texts a batch; the last of an epoch may hold fewer.
    seed: decides the order of every epoch.
    columns: the original's and, if there is one, the romanisation's; the second may be absent from all files.
    language_column: tells each row's language. language: that of all files, or a list with one for each, instead.
    buffer: texts that are shuffled together and held in memory at a time.
    temperature: above 0. At 1 an epoch holds every text once. Else a language of n texts has about a share of n^(1/T)
        of as many draws, in each window alike; one with more draws than texts repeats them pass after pass, one with
        fewer goes on in the next epoch where it stopped.
    deduplicate: drop a text whose original came in an earlier row.
    limit: texts that are used at most, the first ones. share: what of each language is used, before that.
    languages: those of the column that are read; None reads all. spell: what a language is called, from what the column
        calls it.
    cache: folder that keeps what the first pass over the files found, by their sizes and times of change.
    exchange: between processes that all draw the same batches in the same order: each then reads its share of a window,
        the chunks whose number leaves its own, and gets the others' rows from them. None reads all of it.

    Memory: two windows, 10 bytes a row while opening, an eighth of one afterwards, with languages 2 more. With a
    temperature other than 1, texts of languages that are repeated stay in memory too, at most `buffer` of them.
    Rows with an empty column are dropped. Raises EncoderError, naming the file, for what cannot be used.
    """

    def __init__(
        self,
        files: Sequence[str | Path],
        *,
        batch: int,
        seed: int,
        columns: Sequence[str] = ("text", "transliteration"),
        language_column: str | None = None,
        language: str | Sequence[str] | None = None,
        buffer: int = 100_000,
        temperature: float = 1.0,
        deduplicate: bool = True,
        limit: int | None = None,
        share: TextShare | None = None,
        languages: Collection[str] | None = None,
        spell: Callable[[str], str] = str,
        cache: str | Path | None = None,
        exchange: "Exchange | None" = None,
    ) -> None:
        paths = [Path(path) for path in files]
        file_languages = [language] * len(paths) if isinstance(language, str) else language
        _check_numbers(batch=batch, buffer=buffer, limit=limit)
        check_temperature(temperature)
        _check_languages(len(paths), language_column, file_languages, temperature)
        self._columns = _columns(paths, columns, language_column)
        self._index = index_texts(
            paths,
            self._columns,
            file_languages=None if file_languages is None else list(file_languages),
            deduplicate=deduplicate,
            limit=limit,
            share=share,
            languages=languages,
            spell=spell,
            cache=None if cache is None else Path(cache),
        )
        self._batch = batch
        self._seed = seed
        self._window_len = max(1, buffer // batch) * batch
        holdings = _Holdings.of(self._index)
        self._languages = holdings.by_language()
        self._codes = sorted(self._languages) if temperature != 1 else [None]
        counts = [holdings.of_language(code) for code in self._codes]
        totals = np.array([in_chunks.sum() for _, in_chunks in counts], dtype=np.int64)
        # Where one window stops in each place the next goes on, and a window begins places of its own.
        n_cursors = 2 * max(_N_PLACES, len(counts))
        self._reader = RowReader(
            paths, self._index, self._columns.texts, n_cursors=n_cursors, reach=max(buffer, _MIN_REACH)
        )
        self._n_texts = int(totals.sum())
        self._draws = draws_per_epoch(totals, temperature)
        self._orders = [self._order(stream, *of_language) for stream, of_language in enumerate(counts)]
        self._exchange = exchange
        own_chunks = range(exchange.rank if exchange else 0, self._index.n_chunks, exchange.world if exchange else 1)
        self._resident = ResidentRows(
            self._reader, self._index, _repeated(self._codes, totals, self._draws, buffer), own_chunks
        )
        self._own_chunks = own_chunks
        self._window: _Window | None = None

    @property
    def n_rows(self) -> int:
        """Rows of all files."""
        return self._index.n_rows

    @property
    def n_texts(self) -> int:
        """Rows that are drawn: neither empty nor repeated nor beyond the limit."""
        return self._n_texts

    @property
    def n_empty(self) -> int:
        """Rows dropped because one of their columns is empty, white space alone or null."""
        return self._index.n_empty

    @property
    def n_duplicates(self) -> int:
        """Rows dropped because their text came in an earlier row."""
        return self._index.n_duplicates

    @property
    def has_romanised(self) -> bool:
        """Whether the files have the column of romanisations."""
        return self._columns.romanised is not None

    @property
    def languages(self) -> dict[str, int]:
        """Texts of each language; empty where no languages are told."""
        return {self._index.languages[code]: n_texts for code, n_texts in self._languages.items()}

    @property
    def before_share(self) -> dict[str, int]:
        """Texts of each language before a share of them was taken; empty where no languages are told."""
        n_before = dict(zip(self._index.languages, self._index.n_before, strict=False))
        return {name: n_before[name] for name in self.languages}

    @property
    def n_before_share(self) -> int:
        """Texts of all languages before a share of them was taken."""
        return sum(self._index.n_before)

    @property
    def draws(self) -> dict[str, int]:
        """Draws of each language in an epoch; empty where no languages are told."""
        draws = dict(zip(self._codes, self._draws.tolist(), strict=True))
        return {self._index.languages[code]: draws.get(code, n) for code, n in self._languages.items()}

    @property
    def n_per_epoch(self) -> int:
        """Batches in one epoch: a pass over all texts at temperature 1, about as many draws at others."""
        return -(-int(self._draws.sum()) // self._batch)

    def __getitem__(self, number: int) -> TextBatch:
        """Batch `number`, counted from 0 across all epochs."""
        epoch, place = divmod(number, self.n_per_epoch)
        number_in_epoch, place = divmod(place, self._window_len // self._batch)
        window = self._window
        if window is None or window.place != (epoch, number_in_epoch):
            # Both names let the old window go before the new one is read.
            self._window = window = None
            self._window = window = self._read(epoch, number_in_epoch)
        return self._texts(window, window.batches[place])

    def _texts(self, window: _Window, members: NDArray[np.int64]) -> TextBatch:
        table = window.table.take(members)
        numbers = window.numbers[members]
        names, codes = self._index.languages, self._index.codes
        return TextBatch(
            originals=table.column(0).to_pylist(),
            romanised=table.column(1).to_pylist() if self.has_romanised else None,
            languages=[names[code] for code in codes[numbers].tolist()] if names else None,
            numbers=numbers,
        )

    def _read(self, epoch: int, window: int) -> _Window:
        import pyarrow as pa

        n_draws = int(self._draws.sum())
        start = _apportion(self._draws, min(window * self._window_len, n_draws))
        stop = _apportion(self._draws, min((window + 1) * self._window_len, n_draws))
        parts: list[tuple[int, Any]] = []
        numbers: list[NDArray[np.int64]] = []
        for order, code, n_epoch, low, high in zip(
            self._orders, self._codes, self._draws.tolist(), start, stop, strict=True
        ):
            for piece in order.pieces(epoch * n_epoch + low, epoch * n_epoch + high):
                rows = self._index.rows(piece.chunk, code)[piece.start : piece.stop]
                numbers.append(rows + self._index.chunk_starts[piece.chunk])
                if piece.chunk in self._own_chunks:
                    resident = code in self._resident
                    read = self._resident.take(numbers[-1]) if resident else self._reader.take(piece.chunk, rows)
                    parts += [(len(numbers), batch) for batch in read]
        if self._exchange:
            parts = sorted(chain(*self._exchange.gather(parts)), key=itemgetter(0))
        table = pa.Table.from_batches([batch for _, batch in parts]).combine_chunks()
        del parts
        random = np.random.default_rng([self._seed, epoch, window, _WINDOW])
        lengths = np.sum([compute().utf8_length(column).to_numpy() for column in table.columns], axis=0)
        batches = length_batches(random.permutation(len(lengths)), lengths, self._batch, random)
        return _Window((epoch, window), table.to_batches()[0], np.concatenate(numbers), batches)

    def _order(self, stream: int, chunks: NDArray[np.int64], counts: NDArray[np.int64]) -> RowOrder:
        in_window = int(self._window_len * self._draws[stream]) // int(self._draws.sum())
        n_places = max(1, _N_PLACES // len(self._codes))
        return RowOrder(
            chunks, counts, seed=self._seed, stream=stream, n_places=n_places, slice_len=in_window // n_places
        )


@dataclass(frozen=True, eq=False)
class _Holdings:
    """How many texts of each language a chunk holds, where any: entry by entry chunk, language's code and number.

    chunks, codes, counts: (n_entries,) int64; codes are -1 where there are no languages.
    """

    chunks: NDArray[np.int64]
    codes: NDArray[np.int64]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, index: TextIndex) -> "_Holdings":
        chunks, codes, counts = [], [], []
        for chunk in range(index.n_chunks):
            rows = index.rows(chunk)
            row_codes = index.codes[rows + index.chunk_starts[chunk]] if index.languages else np.full(len(rows), -1)
            names, numbers = np.unique(row_codes, return_counts=True)
            chunks.append(np.full(len(names), chunk))
            codes.append(names.astype(np.int64))
            counts.append(numbers)
        return cls(np.concatenate(chunks), np.concatenate(codes), np.concatenate(counts))

    def by_language(self) -> dict[int, int]:
        """Texts of each language, by code; empty where there are no languages."""
        totals = {int(code): int(self.counts[self.codes == code].sum()) for code in np.unique(self.codes)}
        return {code: total for code, total in totals.items() if code >= 0}

    def of_language(self, code: int | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(n_chunks,) the chunks that hold texts of a language, or of any, and (n_chunks,) how many."""
        ours = np.ones(len(self.codes), dtype=bool) if code is None else self.codes == code
        chunks, place = np.unique(self.chunks[ours], return_inverse=True)
        return chunks, np.bincount(place, weights=self.counts[ours]).astype(np.int64)


def _apportion(draws: NDArray[np.int64], n_drawn: int) -> list[int]:
    """How many of an epoch's first `n_drawn` draws are of each language: a share as in the epoch, up to rounding.

    The numbers add up to `n_drawn`, and none falls when `n_drawn` rises, so windows cut an epoch without a gap.
    """
    total, left = int(draws.sum()), n_drawn
    parts = []
    for n_language in draws.tolist():
        parts.append(left * n_language // total)
        total -= n_language
        left -= parts[-1]
    return parts


def _repeated(
    codes: Sequence[int | None], totals: NDArray[np.int64], draws: NDArray[np.int64], n_most: int
) -> list[int]:
    """Languages whose texts are drawn repeatedly and stay in memory: the smallest, of `n_most` texts together.

    Otherwise a rare language that is scattered over all files would make every window read all of them.
    """
    chosen: list[int] = []
    for place in np.argsort(totals, kind="stable"):
        code = codes[place]
        n_most -= int(totals[place])
        if code is not None and draws[place] > totals[place] and n_most >= 0:
            chosen.append(code)
    return chosen


def _columns(paths: Sequence[Path], columns: Sequence[str], language: str | None) -> Columns:
    if not paths:
        message = "no files to read texts from; give at least one Parquet or Arrow file."
        raise EncoderError(message)
    if isinstance(columns, str) or not 1 <= len(columns) <= 2:
        message = f"columns is {columns!r}; give the column of texts and, if there is one, that of their romanisations."
        raise EncoderError(message)
    # In the first file alone: where it has the column, all must have it.
    romanised = columns[1] if len(columns) == 2 and has_column(paths[0], columns[1]) else None
    for path in paths[1:]:
        if romanised is None and len(columns) == 2 and has_column(path, columns[1]):
            message = f"{path} has a column {columns[1]!r} but {paths[0]} has none; give files of one kind."
            raise EncoderError(message)
    return Columns(original=columns[0], romanised=romanised, language=language)


def _check_numbers(**numbers: int | None) -> None:
    for name, value in numbers.items():
        if value is not None and value < 1:
            message = f"{name} is {value}; give a number from 1."
            raise EncoderError(message)


def _check_languages(
    n_files: int, column: str | None, file_languages: Sequence[str] | None, temperature: float
) -> None:
    if column is not None and file_languages is not None:
        message = f"both language_column ({column!r}) and language are given; give one of them."
        raise EncoderError(message)
    if file_languages is not None and len(file_languages) != n_files:
        message = f"{len(file_languages)} languages for {n_files} files; give one, or one for each file."
        raise EncoderError(message)
    if column is None and file_languages is None and temperature != 1:
        message = f"temperature is {temperature} but no text has a language; give language_column or language."
        raise EncoderError(message)
