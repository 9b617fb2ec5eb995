"""A corpus from one script into another, as many rows out as in, with an account of what was done.

A run into a file or a stream is a pipe: sources -> chunks -> the per-batch function (in this process or in several) ->
parts beside the output -> the output, its manifest and the list of refused rows. A run into a folder makes shards,
each by the same function from its own portion of the input, in any process of this machine or of a Ray cluster.
"""

import json
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal, get_args

from xl_translit.alone import alone
from xl_translit.corpora.batch import ChunkWriter, Rejection, Result
from xl_translit.corpora.formats import RESULT_NAMES, Format, FormatName, format_of
from xl_translit.corpora.inputs import RECORDS, Corpus, InputFormat, RowChunk, Shard, open_corpus
from xl_translit.corpora.manifest import Manifest, make_manifest, versions
from xl_translit.corpora.parts import OutputPart, PartFolder, hash_file
from xl_translit.corpora.ray_engine import ray_map
from xl_translit.corpora.shard_run import ShardRun
from xl_translit.corpora.shards import Outcome, Portion, ShardFolder, ShardWriter
from xl_translit.corpora.statistics import Account, Pair, Statistics
from xl_translit.corpora.storage import is_url
from xl_translit.corpora.workers import ordered_map
from xl_translit.errors import CorpusError, CorpusOptionError
from xl_translit.languages import language
from xl_translit.text import replacing
from xl_translit.transliterator import TARGETS, Target, Transliterator, make_transliterator

Engine = Literal["local", "ray"]
OnError = Literal["stop", "skip"]

# A part is closed after so many chunks or seconds, whichever comes first: what a killed run has to do again.
_PART_CHUNKS = 16
_PART_SECONDS = 20.0


@dataclass(frozen=True)
class CorpusProgress:
    """How far a run is: rows done, bytes read, bytes in all (None where nobody knows)."""

    n_rows: int
    n_bytes: int
    total_bytes: int | None


def romanize_corpus(
    inputs: str | Path | Sequence[str | Path],
    out: str | Path | BinaryIO,
    *,
    lang: str | None = None,
    to: Target = "latn",
    pairs: bool = False,
    format: FormatName | None = None,  # noqa: A002 - the option's name
    column: str | None = None,
    keep: Sequence[str] = (),
    input_format: InputFormat | None = None,
    split: str = "train",
    config: str | None = None,
    revision: str | None = None,
    jobs: int = 1,
    shard: str | Shard | None = None,
    engine: Engine = "local",
    on_error: OnError = "stop",
    transliterator: Transliterator | None = None,
    on_progress: Callable[[CorpusProgress], None] | None = None,
    on_reject: Callable[[Rejection], None] | None = None,
    **options: str,
) -> Manifest:
    """Write the rows of `inputs` in Latin letters or phonemes to `out`, in order, and a manifest beside it.

    inputs: files (text, TSV, JSON lines; also .gz, .zst, .xz; Parquet), folders, globs, ids of hub data sets, or `-`
        for standard input; see `open_corpus` for folders, `column`, `keep`, the hub's `split`, `config`, `revision`.
    out: a path that does not exist yet, or a binary stream, to which rows are written as they are done. A URL
        (s3://bucket/name), a path that ends in `/`, and every path with the engine ray, is a folder of shards.
    pairs: write the original too, as column `text`; the result's column is `romanized`, `ipa` or `phonemes`.
    format: text, tsv, jsonl or parquet; by default what the suffix of `out` says. Compression is by suffix.
    jobs: processes of the engine local, processors of a Ray that has to be started. shard: `3/8`, the third of eight
        contiguous shares of the rows; shards one behind the other are the rows of the whole.
    on_error: a row that cannot be read or transliterated stops the run, or is skipped and listed with file, line and
        reason in `OUT.rejected.jsonl` (with a stream as `out`, only given to `on_reject`).
    transliterator: use this one; else `to`, `lang` and `options` describe a Romanizer or Phonemizer.

    A run that was killed goes on when it is called again, and ends with the same bytes. Memory does not grow with the
    corpus. Raises CorpusOptionError before any work for options that cannot be, CorpusError or TextError for inputs.
    """
    began = time.monotonic()
    _check_choice("on_error", on_error, get_args(OnError))
    _check_choice("engine", engine, get_args(Engine))
    _check_choice("to", to, TARGETS)
    if jobs < 1:
        message = f"jobs is {jobs}; at least one process must work"
        raise CorpusOptionError(message)
    path = Path(out) if isinstance(out, str | Path) else None
    folder = None if path is None else _folder(str(out), engine)
    if engine == "ray" and path is None:
        message = "the engine ray writes a folder of shards, no stream; name one (--out FOLDER)"
        raise CorpusOptionError(message)
    if path is not None and os.path.lexists(path if folder is None else f"{path}.manifest.json"):
        message = f"{out} exists already; remove it or choose another name"
        raise CorpusOptionError(message)
    told, packed = ("text", "") if path is None else format_of(path)
    name = format or told
    if path is None and name == "parquet":
        message = "Parquet cannot be written to a stream; name a file"
        raise CorpusOptionError(message)
    shard = Shard.parse(shard) if isinstance(shard, str) else shard
    if lang is not None and to == "latn":
        lang = language(lang)  # phonemes also know codes of tables, ben-Beng-red
    if transliterator is None:
        transliterator = make_transliterator(to, lang, **options)
    elif options:
        message = f"{', '.join(sorted(options))}: options of a transliterator that is given already; set them there"
        raise CorpusOptionError(message)
    form = Format(name, RESULT_NAMES[to], pairs, tuple(keep), packed)
    names = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    corpus = open_corpus(
        names,
        column=column,
        keep=keep,
        input_format=input_format,
        split=split,
        config=config,
        revision=revision,
    )
    streams = [source.layout.name for source in corpus.sources if source.is_stream]
    if shard is not None and streams:
        message = f"{streams[0]}: a pipe cannot be counted before it is read, so it has no shards; name a file"
        raise CorpusOptionError(message)
    if streams and folder is not None:
        message = f"{streams[0]}: a pipe cannot be shared out; name a file, or a single file as output (engine local)"
        raise CorpusOptionError(message)
    if shard is not None and folder is not None:
        message = "a folder of shards shares out the whole input by itself; leave --shard away, or name a single file"
        raise CorpusOptionError(message)
    form = _with_kept_types(form, corpus)

    described: dict[str, Any] = {"to": to, "lang": lang, "transliterator": transliterator.name, **options}
    described |= {"format": name, "compression": packed.removeprefix("."), "pairs": pairs, "keep": list(keep)}
    described |= {"column": column, "input_format": input_format, "split": split, "config": config}
    described |= {"revision": revision, "shard": None if shard is None else f"{shard.number}/{shard.of}"}
    run = _Run(
        corpus=corpus,
        form=form,
        transliterator=transliterator,
        engine=engine,
        jobs=jobs,
        on_error=on_error,
        shard=shard,
        options=described,
        on_progress=on_progress or (lambda _: None),
        on_reject=on_reject or (lambda _: None),
    )
    if path is None:
        return run.to_stream(out, began)  # ty: ignore[invalid-argument-type]
    return run.to_file(path, began) if folder is None else run.to_folder(folder, began)


@dataclass(frozen=True, kw_only=True)
class _Run:
    corpus: Corpus
    form: Format
    transliterator: Transliterator
    engine: Engine
    jobs: int
    on_error: OnError
    shard: Shard | None
    options: dict[str, Any]
    on_progress: Callable[[CorpusProgress], None]
    on_reject: Callable[[Rejection], None]

    def to_stream(self, stream: BinaryIO, began: float) -> Manifest:
        """Rows as they are done; nothing is kept to go on with."""
        account = Account()
        live = self.corpus.is_standard_input()
        chunks = self.corpus.live_chunks() if live else self.corpus.chunks(*self._span())
        stream.write(self.form.header())
        stream.flush()
        for chunk, result in self._results(chunks):
            self._judge(result)
            account.add(chunk.n_rows, result.statistics, result.pairs)
            stream.write(result.data)
            stream.flush()
            self._report(account)
        return self._manifest(account, {}, {"began": began})

    def to_file(self, path: Path, began: float) -> Manifest:
        """Parts beside the output, then the output; parts that are there already are not made again."""
        account = Account()
        with PartFolder(path) as folder:
            done = list(self._take_up(folder, account))
            resumed = account.rows_in
            chunks = self.corpus.chunks(*self._span())
            for part in done:
                _check_unchanged(part, islice(chunks, part.last - part.first), path, folder.path)
            self._write_parts(chunks, folder, account, done[-1].last if done else 0)
            with self.form.writing(folder.whole) as take:
                for file in folder.data_files():
                    take(file.read_bytes())
            output = {
                "format": self.form.name,
                "columns": self.form.columns,
                "sha256": hash_file(folder.whole),
                "bytes": folder.whole.stat().st_size,
            }
            manifest = self._manifest(account, output, {"began": began, "rows_resumed": resumed})
            self._list_rejections(folder, account.statistics.rejected)
            manifest.write(folder.manifest)
            folder.publish()
        return manifest

    def to_folder(self, out: str, began: float) -> Manifest:
        """Shards, each by whoever is free; those that are there already are not made again."""
        folder = ShardFolder(out, self.form)
        writer = ShardWriter(self.corpus.sources, self.transliterator, folder, self.on_error == "stop")

        def refuse(rejection: Rejection) -> None:
            self._refuse(rejection)
            self.on_reject(rejection)

        def report(n_rows: int, n_bytes: int, total: int) -> None:
            self.on_progress(CorpusProgress(n_rows, n_bytes, total))

        def engine(function: ShardWriter, plan: Sequence[Portion]) -> Iterable[Outcome]:
            work = ray_map if self.engine == "ray" else ordered_map
            return work(function, plan, self.jobs)

        run = ShardRun(writer, refuse, report)
        identity = self._identity() | {"sizes": [source.size for source in self.corpus.sources]}
        with nullcontext() if is_url(out) else alone(Path(out), beside=True):
            inputs, output = run.make(engine, identity)
            times = {"began": began, "rows_resumed": run.rows_resumed}
            manifest = self._manifest(run.account, output, times, inputs)
            run.publish(manifest)
        return manifest

    def _identity(self) -> dict[str, Any]:
        """What decides the output's bytes."""
        inputs = [source.layout.name for source in self.corpus.sources]
        return {"inputs": inputs, **self.options, "versions": versions(self.transliterator)}

    def _take_up(self, folder: PartFolder, account: Account) -> Iterator[OutputPart]:
        """What parts there are, counted; only the places of their chunks are kept."""
        for part in folder.resume(self._identity()):
            for rejection in part.rejections[:1]:
                self._refuse(rejection)
            account.add(part.rows_in, part.statistics, part.pairs)
            part.rejections, part.pairs = [], []
            yield part

    def _write_parts(self, chunks: Iterator[RowChunk], folder: PartFolder, account: Account, first: int) -> None:
        pending = _Pending(first)
        with closing(self._results(chunks)) as results:
            for chunk, result in results:
                try:
                    self._judge(result)
                except CorpusError:
                    pending.write(folder)  # what is in front of the bad row need not be done again
                    raise
                pairs = account.add(chunk.n_rows, result.statistics, result.pairs)
                pending.add(chunk, result, pairs)
                if pending.is_full():
                    pending.write(folder)
                    pending = _Pending(chunk.index + 1)
                self._report(account)
        pending.write(folder)

    def _results(self, chunks: Iterable[RowChunk | None]) -> Generator[tuple[RowChunk, Result]]:
        """Chunks and what became of them, in order; of a chunk only what counts rows and content is held."""
        under_way: deque[RowChunk] = deque()

        def noted() -> Iterator[RowChunk | None]:
            for chunk in chunks:
                if chunk is not None:
                    under_way.append(chunk)
                yield chunk

        layouts = [source.layout for source in self.corpus.sources]
        batch = ChunkWriter(self.transliterator, layouts, self.form)
        with closing(ordered_map(batch, noted(), self.jobs)) as results:
            for result in results:
                yield under_way.popleft(), result

    def _span(self) -> tuple[int, int | None]:
        return (0, None) if self.shard is None else self.shard.span(self.corpus.count())

    def _judge(self, result: Result) -> None:
        for rejection in result.rejections:
            self._refuse(rejection)
            self.on_reject(rejection)

    def _refuse(self, rejection: Rejection) -> None:
        if self.on_error == "stop":
            where = f"{rejection.file}:{rejection.line}"
            message = f"{where}: {rejection.reason}; mend the row, or leave such rows out (--on-error skip)"
            raise CorpusError(message)

    def _report(self, account: Account) -> None:
        self.on_progress(CorpusProgress(account.rows_in, *self.corpus.progress()))

    def _manifest(
        self,
        account: Account,
        output: dict[str, Any],
        run: dict[str, Any],
        inputs: list[dict[str, Any]] | None = None,
    ) -> Manifest:
        seconds = time.monotonic() - run.pop("began")
        run = {"engine": self.engine, "jobs": self.jobs, "on_error": self.on_error, **run}
        run |= {"started": _clock(time.time() - seconds), "seconds": round(seconds, 3)}
        return make_manifest(
            inputs or self.corpus.described(),
            self.options,
            self.transliterator,
            account.rows_in,
            account.statistics,
            account.words,
            output,
            run,
        )

    def _list_rejections(self, folder: PartFolder, n_rejected: int) -> None:
        with replacing(folder.rejected) as file:
            for part in folder.parts() if n_rejected else ():
                for rejection in part.rejections:
                    file.write(json.dumps(rejection._asdict(), ensure_ascii=False) + "\n")


class _Pending:
    """Chunks that are done and not yet on the disk."""

    def __init__(self, first: int) -> None:
        self._began = time.monotonic()
        self._part = OutputPart(first, first, 0, "", Statistics(), [], [])
        self._data: list[bytes] = []

    def add(self, chunk: RowChunk, result: Result, pairs: list[Pair]) -> None:
        part = self._part
        part.last = chunk.index + 1
        part.rows_in += chunk.n_rows
        part.digest += chunk.digest().hex()
        part.statistics.add(result.statistics)
        part.rejections += result.rejections
        part.pairs += pairs
        self._data.append(result.data)

    def is_full(self) -> bool:
        return len(self._data) >= _PART_CHUNKS or time.monotonic() - self._began >= _PART_SECONDS

    def write(self, folder: PartFolder) -> None:
        if self._data:
            folder.add(self._part, self._data)
            self._data = []


def _check_unchanged(part: OutputPart, chunks: Iterable[RowChunk], path: Path, folder: Path) -> None:
    if "".join(chunk.digest().hex() for chunk in chunks) != part.digest:
        message = (
            f"{path}: an input was changed since the run that is to go on; remove {folder} to start over, "
            "or bring the input back"
        )
        raise CorpusError(message)


def _with_kept_types(form: Format, corpus: Corpus) -> Format:
    """Arrow types for columns that go along, where all sources agree on one."""
    if form.name != "parquet" or not form.keep:
        return form
    return Format(form.name, form.result_name, form.pairs, form.keep, form.packed, corpus.kept_types(form.keep))


def _folder(out: str, engine: Engine) -> str | None:
    """The folder of shards that an output is, where it is no single file."""
    if is_url(out):
        return out.rstrip("/")
    path = Path(out)
    if engine == "ray" or out.endswith("/") or (path / RECORDS).is_dir():
        return str(path.absolute())
    return None


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        message = f"{name}: {value!r} is not known; it can be: {', '.join(choices)}"
        raise CorpusOptionError(message)


def _clock(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
