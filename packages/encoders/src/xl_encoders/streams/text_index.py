"""Which rows of a corpus are texts to draw: one pass over the files that drops empty and repeated ones and counts.

A text counts as repeated when an earlier row has the same original, by a 64-bit hash (XXH3). The chance that any two of
n different texts share one, so that a text is dropped wrongly, is about n^2 / 2^65: 3e-6 for ten million texts, 3e-2
for a thousand million.
"""

import hashlib
import itertools
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from xl_encoders.errors import EncoderError
from xl_encoders.streams.columnar_files import FileState, TextFile, compute, file_errors, file_state, open_text_file
from xl_encoders.streams.text_share import TextShare, drop_repeats

# Raised when the index of a cache is no longer what this module would make.
_VERSION = 2
_MAX_LANGUAGES = 2**15 - 1


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Names of the columns: the original, its romanisation and its language, where there are such columns."""

    original: str
    romanised: str | None
    language: str | None

    @property
    def texts(self) -> list[str]:
        """The columns of texts."""
        return [self.original] if self.romanised is None else [self.original, self.romanised]

    @property
    def all(self) -> list[str]:
        """All columns that are read."""
        return self.texts if self.language is None else [*self.texts, self.language]


@dataclass(frozen=True, kw_only=True, eq=False)
class TextIndex:
    """The rows of all files, one file after another, and which of them are drawn.

    chunk_files: (n_chunks,) int64 number of the file of each chunk.
    chunk_numbers: (n_chunks,) int64 number of each chunk in its file.
    chunk_starts: (n_chunks + 1,) int64 row at which each chunk begins; the last is the number of rows.
    kept: (n_rows / 8,) uint8 bits of the rows that are drawn.
    codes: (n_rows,) int16 number of each row's language in `languages`; no entries where there are none.
    languages: names, in the order in which they come first.
    n_before: texts of each language before a share of them was taken; one number where there are no languages.
    n_empty, n_duplicates: rows that are not drawn because one of their columns is empty, or the text came before.
    """

    chunk_files: NDArray[np.int64]
    chunk_numbers: NDArray[np.int64]
    chunk_starts: NDArray[np.int64]
    kept: NDArray[np.uint8]
    codes: NDArray[np.int16]
    languages: list[str]
    n_before: list[int]
    n_empty: int
    n_duplicates: int

    @property
    def n_rows(self) -> int:
        """Rows of all files."""
        return int(self.chunk_starts[-1])

    @property
    def n_chunks(self) -> int:
        """Chunks of all files."""
        return len(self.chunk_files)

    def rows(self, chunk: int, language: int | None = None) -> NDArray[np.int64]:
        """(n_kept,) the rows of a chunk that are drawn, of one language or of all, counted from the chunk's start."""
        start, stop = self.chunk_starts[chunk : chunk + 2].tolist()
        kept = np.unpackbits(self.kept[start // 8 : -(-stop // 8)])[start % 8 :][: stop - start]
        if language is not None:
            kept = kept.astype(bool) & (self.codes[start:stop] == language)
        return np.flatnonzero(kept)


def index_texts(
    files: Sequence[Path],
    columns: Columns,
    *,
    file_languages: Sequence[str] | None,
    deduplicate: bool,
    limit: int | None,
    cache: Path | None,
    share: TextShare | None = None,
    languages: Collection[str] | None = None,
    spell: Callable[[str], str] = str,
) -> TextIndex:
    """Read all files once and say which rows are drawn, or take that from the folder `cache`, where it is kept.

    file_languages: language of each file's texts, where no column tells it.
    limit: texts that are kept at most, the first ones. share: what is taken of each language before that.
    languages: those whose rows are read, where a column tells them; None reads all. spell: what a language is called,
        from what the column calls it.
    Raises EncoderError for a file that cannot be read, a column that is missing or holds no text, and for no texts.
    """
    states = [file_state(path) for path in files]
    settings = [_VERSION, columns.all, columns.language, file_languages, deduplicate, limit]
    settings += [astuple(share) if share else None, sorted(languages) if languages else None]
    path = None if cache is None else cache / f"texts-{_fingerprint(files, states, settings)}.npz"
    index = None if path is None else _load(path)
    if index is None:
        reading = _Pass(columns, file_languages, languages, spell)
        index = reading.read(files, deduplicate=deduplicate, limit=limit, share=share)
        if path is not None:
            _save(index, path)
    return index


class _Pass:
    """The one pass over all files, with what it has found so far."""

    def __init__(
        self,
        columns: Columns,
        file_languages: Sequence[str] | None,
        languages: Collection[str] | None,
        spell: Callable[[str], str],
    ) -> None:
        self._columns = columns
        self._file_languages = file_languages
        self._languages = languages
        self._spell = spell
        self._names: dict[str, int] = {}

    def read(
        self, files: Sequence[Path], *, deduplicate: bool, limit: int | None, share: TextShare | None
    ) -> TextIndex:
        # One file at a time is open: there may be more of them than a process can hold.
        lens = [self._chunk_lens(path) for path in files]
        starts = np.cumsum([0, *(n for file_lens in lens for n in file_lens)], dtype=np.int64)
        n_rows = int(starts[-1])
        try:  # memory is taken as rows come, so that a file which promises more than it has takes none for these
            kept = np.zeros(n_rows, dtype=bool)
            codes = np.zeros(n_rows if self._has_languages else 0, dtype=np.int16)
            hashes = np.zeros(n_rows if deduplicate or share else 0, dtype=np.uint64)
        except (MemoryError, ValueError) as error:
            longest = files[max(range(len(files)), key=lambda number: sum(lens[number]))]
            message = f"{longest}: {n_rows:,} rows are more than memory holds; are they there? Else leave the file out."
            raise EncoderError(message) from error
        row, n_empty = 0, 0
        for number, path in enumerate(files):
            stop = row + sum(lens[number])
            with file_errors(path):
                for batch in self._batches(path, len(lens[number])):
                    _check_rows(path, row + batch.num_rows <= stop)
                    place = slice(row, row + batch.num_rows)
                    kept[place] = self._whole_rows(batch, path)
                    n_empty += batch.num_rows - int(kept[place].sum())
                    if self._has_languages:
                        codes[place] = self._codes(batch, number, path)
                        kept[place] &= self._wanted()[codes[place]]
                    if len(hashes):
                        hashes[place] = _hashes(batch.column(0), share)
                    row += batch.num_rows
            _check_rows(path, row == stop)
        n_whole = int(kept.sum())
        if deduplicate:
            # With a share, which language a text of several counts for must not depend on the order of the rows.
            drop_repeats(kept, hashes, self._ranked()[codes] if share and self._has_languages else None)
        n_kept = int(kept.sum())
        if not n_kept:
            where = str(files[0]) if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"
            asked = f" and is of {', '.join(sorted(self._languages))}" if self._languages else ""
            message = (
                f"{where}: none of {n_rows} rows has text in all of {', '.join(self._columns.all)}{asked}; "
                f"give other files."
            )
            raise EncoderError(message)
        n_before = np.bincount(codes[kept], minlength=len(self._names)).tolist() if self._has_languages else [n_kept]
        if share:
            share.take(kept, hashes, codes if self._has_languages else np.zeros(n_rows, dtype=np.int16))
        n_taken = int(kept.sum())
        if limit is not None and n_taken > limit:
            kept[np.flatnonzero(kept)[limit:]] = False
        return TextIndex(
            chunk_files=np.repeat(np.arange(len(files)), [len(file_lens) for file_lens in lens]),
            chunk_numbers=np.concatenate([np.arange(len(file_lens)) for file_lens in lens]),
            chunk_starts=starts,
            kept=np.packbits(kept),
            codes=codes,
            languages=list(self._names),
            n_before=n_before,
            n_empty=n_empty,
            n_duplicates=n_whole - n_kept,
        )

    def _chunk_lens(self, path: Path) -> list[int]:
        file = open_text_file(path)
        check_columns(path, file, self._columns.all)
        with file_errors(path):
            return file.chunk_lens()

    def _batches(self, path: Path, n_chunks: int) -> Iterator[Any]:
        file = open_text_file(path)
        for chunk in range(n_chunks):
            yield from file.read(chunk, self._columns.all)

    @property
    def _has_languages(self) -> bool:
        return self._columns.language is not None or self._file_languages is not None

    def _whole_rows(self, batch: Any, path: Path) -> NDArray[np.bool_]:
        """(n_rows,) whether all columns hold something other than white space."""
        import pyarrow as pa

        pc = compute()
        whole = np.ones(batch.num_rows, dtype=bool)
        for name, column in zip(self._columns.all, batch.columns, strict=True):
            text = as_text(column)
            try:
                text.validate(full=True)
            except pa.ArrowInvalid as error:
                message = f"{path}: column {name!r} holds text that is not UTF-8; write the file again as UTF-8."
                raise EncoderError(message) from error
            blank = pc.or_(pc.utf8_is_space(text), pc.equal(pc.binary_length(text), 0))
            whole &= ~np.asarray(pc.fill_null(blank, True).to_numpy(zero_copy_only=False))
        return whole

    def _codes(self, batch: Any, file: int, path: Path) -> NDArray[np.int16]:
        if self._file_languages is not None:
            return np.full(batch.num_rows, self._code(self._file_languages[file], path), dtype=np.int16)
        coded = as_text(batch.column(len(self._columns.texts))).dictionary_encode()
        table = [self._code(self._spell(name), path) for name in coded.dictionary.to_pylist()]
        # A row without a language is not drawn, so any number does for it.
        return np.array([*table, 0], dtype=np.int16)[coded.indices.fill_null(len(table)).to_numpy()]

    def _wanted(self) -> NDArray[np.bool_]:
        """(n_names or 1,) whether rows of each language are read."""
        wanted = [
            not self._languages or self._file_languages is not None or name in self._languages for name in self._names
        ]
        return np.array(wanted or [True])

    def _ranked(self) -> NDArray[np.int64]:
        """(n_names or 1,) place of each language among all, by their names."""
        return np.argsort(np.argsort(list(self._names) or [""])).astype(np.int64)

    def _code(self, name: str, path: Path) -> int:
        code = self._names.setdefault(name, len(self._names))
        if code > _MAX_LANGUAGES:
            message = (
                f"{path}: column {self._columns.language!r} has over {_MAX_LANGUAGES} values; name the language's."
            )
            raise EncoderError(message)
        return code


def _check_rows(path: Path, as_promised: bool) -> None:
    if not as_promised:
        message = f"{path} holds another number of rows than its own description says; write it again or leave it out."
        raise EncoderError(message)


def as_text(column: Any) -> Any:
    """An Arrow column of strings of any kind as one with 64-bit offsets, so that windows of any size fit."""
    import pyarrow as pa

    return column if column.type == pa.large_string() else column.cast(pa.large_string())


def has_column(path: Path, name: str) -> bool:
    """Whether the file at `path` has such a column."""
    return name in open_text_file(path).columns


def check_columns(path: Path, file: TextFile, names: Sequence[str]) -> None:
    """Raise EncoderError unless the file at `path` has these columns, and they hold text."""
    import pyarrow as pa

    for name in names:
        if name not in file.columns:
            there = ascii(", ".join(file.columns))[1:-1][:200]
            message = f"{path} has no column {name!r}; its columns are: {there or 'none'}."
            raise EncoderError(message)
        kind = file.columns[name]
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        # Whoever writes a column without any value may leave its type open.
        is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
        if not is_text and not pa.types.is_null(kind):
            message = f"{path}: column {name!r} holds {kind}, not text; choose one that holds text."
            raise EncoderError(message)


def _hashes(column: Any, share: TextShare | None) -> NDArray[np.uint64]:
    """(n_rows,) hash of each text's bytes, that of the share where one is taken; of anything for a null."""
    import xxhash

    text = as_text(column)
    _, offsets, data = text.buffers()
    ends = np.frombuffer(offsets, dtype=np.int64)[text.offset : text.offset + len(text) + 1]
    content = b"" if data is None else data[int(ends[0]) : int(ends[-1])].to_pybytes()
    places = (ends - ends[0]).tolist()
    digest = share.rank if share else xxhash.xxh3_64_intdigest
    return np.fromiter((digest(content[i:j]) for i, j in itertools.pairwise(places)), dtype=np.uint64, count=len(text))


def _fingerprint(files: Sequence[Path], states: Sequence[FileState], settings: Sequence[object]) -> str:
    content = [
        [[str(path.resolve()), state.n_bytes, state.changed] for path, state in zip(files, states, strict=True)],
        settings,
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:24]


def _save(index: TextIndex, path: Path) -> None:
    # The checkpoint's module brings torch, which reading an index does not need.
    from xl_encoders.whole_files import replace_whole

    about = json.dumps([index.languages, index.n_before, index.n_empty, index.n_duplicates]).encode()

    def write(aside: Path) -> None:
        with aside.open("wb") as file:
            np.savez(
                file,
                chunk_files=index.chunk_files,
                chunk_numbers=index.chunk_numbers,
                chunk_starts=index.chunk_starts,
                kept=index.kept,
                codes=index.codes,
                about=np.frombuffer(about, dtype=np.uint8),
            )

    try:
        replace_whole(path, write)
    except OSError as error:
        message = f"{path} cannot be written ({error.strerror}); give another folder as cache, or none."
        raise EncoderError(message) from error


def _load(path: Path) -> TextIndex | None:
    """The index at `path`, None where there is none or a broken one, which is then made again."""
    try:
        with path.open("rb") as whole, np.load(whole, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        languages, n_before, n_empty, n_duplicates = json.loads(arrays.pop("about").tobytes())
        counts = {"n_before": n_before, "n_empty": n_empty, "n_duplicates": n_duplicates}
        return TextIndex(**arrays, languages=languages, **counts)
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile, RecursionError):
        return None
