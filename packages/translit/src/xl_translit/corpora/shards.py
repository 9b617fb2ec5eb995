"""A corpus cut into portions, and the shard of the output that each becomes, wherever it is made.

Portions are cut by the sizes of the inputs alone, so that every engine and a second start see the same ones. Who makes
a shard reads its portion and writes it itself, a chunk at a time; only its number goes to whoever asked for it.
What is known of a shard lies beside it: `OUT/_shards/000012.json`, which is written last and makes the shard count.
"""

import hashlib
import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple
from uuid import uuid4

from xl_translit.corpora.batch import ChunkWriter
from xl_translit.corpora.formats import Format
from xl_translit.corpora.inputs import RECORDS, Corpus
from xl_translit.corpora.parts import read_state
from xl_translit.corpora.sources import Source
from xl_translit.corpora.statistics import NewWords, Pair, Statistics
from xl_translit.corpora.storage import place_text, placing, read_text, stamp
from xl_translit.errors import CorpusError, TranslitError
from xl_translit.transliterator import Transliterator

# Some hundreds of shards where that is possible, thousands of a corpus of hundreds of GB: enough to share out evenly
# among thousands of processors (docs/scale.md), few enough to count.
_SHARDS = 256
_LEAST_BYTES = 1 << 23
_MOST_BYTES = 1 << 26

WORDS_ENOUGH = "words.enough"
"""In the folder of records: the words of the shards so far are as many as a run compares."""


class Span(NamedTuple):
    """A piece of one source, by its number; see `Source.part`."""

    source: int
    start: int
    stop: int | None


@dataclass(frozen=True)
class Portion:
    """What one shard is made of; `n_bytes` is about its text."""

    index: int
    spans: tuple[Span, ...]
    n_bytes: int


class Refusal(NamedTuple):
    """A row that cannot be in the output: number of its source, its number in the span, from 1, and why."""

    source: int
    row: int
    reason: str


@dataclass
class ShardRecord:
    """What is known of a shard; its file is the manifest of the shard.

    spans: (name, start, stop, rows) of each. stamps: size and time of change of their sources when they were read.
    """

    shard: str
    spans: list[tuple[str, int, int | None, int]]
    stamps: list[tuple[int, int] | None]
    rows_in: int
    rows_out: int
    rejected: int
    input_sha256: str
    sha256: str
    bytes: int
    statistics: dict[str, Any]
    rejections: list[Refusal] = field(default_factory=list)


class Outcome(NamedTuple):
    """Of a portion: done, or why not."""

    index: int
    refusal: Refusal | None = None
    error: str | None = None


class _RefusedError(Exception):
    """Ends a shard at a row that stops the run."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


def portions(sources: Sequence[Source]) -> list[Portion]:
    """The whole corpus, in order."""
    total = sum(source.size or 0 for source in sources)
    n_bytes = min(max(total // _SHARDS, _LEAST_BYTES), _MOST_BYTES)
    found: list[Portion] = []
    spans: list[Span] = []
    held = 0
    for number, source in enumerate(sources):
        for start, stop, weight in source.spans(n_bytes):
            spans.append(Span(number, start, stop))
            held += weight
            if held >= n_bytes:
                found.append(Portion(len(found), tuple(spans), held))
                spans, held = [], 0
    if spans or not found:
        found.append(Portion(len(found), tuple(spans), held))
    return found


@dataclass(frozen=True)
class ShardFolder:
    """Where the shards of an output lie, and what is known of them."""

    out: str
    form: Format

    def shard(self, index: int) -> str:
        """Name of a shard, without the folder: sorted, they are in the order of the input."""
        return f"part-{index:06}.{'txt' if self.form.name == 'text' else self.form.name}{self.form.packed}"

    def record_path(self, index: int) -> str:
        """Where the record of a shard lies."""
        return f"{self.out}/{RECORDS}/{index:06}.json"

    def words_path(self, index: int) -> str:
        """Where the words of a shard lie until the run ends."""
        return f"{self.out}/{RECORDS}/{index:06}.words"

    @property
    def enough_path(self) -> str:
        """A file that says that nobody needs more words."""
        return f"{self.out}/{RECORDS}/{WORDS_ENOUGH}"

    def record(self, index: int) -> ShardRecord:
        """What is known of a shard that is there."""
        values = read_state(self.record_path(index), read_text(self.record_path(index)))
        values["rejections"] = [Refusal(*item) for item in values["rejections"]]
        values["stamps"] = [tuple(item) if item else None for item in values["stamps"]]
        return ShardRecord(**values)

    def words(self, index: int) -> list[Pair]:
        """Words of a shard and what became of each, in the order they came; none where they were not needed."""
        path = self.words_path(index)
        return list(zip(*read_state(path, read_text(path), list), strict=True)) if stamp(path) else []


class _HandedOn:
    """The words that lie beside the shards which this process made in a run; none in another process.

    Who gathers words goes by the order of shards and keeps the first result of each, so a word that lies beside an
    earlier shard need not be found, written and read again.
    """

    def __init__(self) -> None:
        self._words: NewWords | None = None
        self._last = -1

    def __reduce__(self) -> tuple[type["_HandedOn"], tuple[()]]:
        return _HandedOn, ()

    @contextmanager
    def before(self, index: int, *, phonemes: bool) -> Generator[NewWords]:
        """Words of the shards before `index`, to which its own are added; after one that failed there are none."""
        words = self._words if self._last < index else None
        words = words or NewWords(phonemes=phonemes)
        self._words = None
        yield words
        self._words, self._last = words, index


@dataclass(frozen=True)
class ShardWriter:
    """Make the shard of a portion; pickles, and works in any process that reaches inputs and output."""

    sources: Sequence[Source]
    transliterator: Transliterator
    folder: ShardFolder
    stop: bool  # at the first row that cannot be in the output
    # No other run is the same to a process of a cluster that outlives runs: what an earlier one handed on is gone.
    run: str = field(default_factory=lambda: uuid4().hex)
    _handed_on: _HandedOn = field(default_factory=_HandedOn, repr=False)

    def __call__(self, portion: Portion) -> Outcome:
        """Make it, unless it is there; what a user can mend is told by the outcome, not raised."""
        try:
            return self._make(portion)
        except TranslitError as error:
            return Outcome(portion.index, error=str(error))
        except OSError as error:
            return Outcome(portion.index, error=f"{self.folder.out}: {' '.join(str(error).split())}")

    def _make(self, portion: Portion) -> Outcome:
        sources = [self.sources[span.source] for span in portion.spans]
        corpus = Corpus([source.part(*span[1:]) for source, span in zip(sources, portion.spans, strict=True)])
        stamps = [source.stamp for source in sources]
        if stamp(self.folder.record_path(portion.index)):
            self._check(portion, corpus, stamps)
            return Outcome(portion.index)
        try:
            with self._handed_on.before(portion.index, phonemes=self.folder.form.result_name == "phonemes") as words:
                self._write(portion, corpus, stamps, words)
        except _RefusedError as refused:
            return Outcome(portion.index, refusal=refused.refusal)
        return Outcome(portion.index)

    def _write(self, portion: Portion, corpus: Corpus, stamps: list[tuple[int, int] | None], words: NewWords) -> None:
        sources = [self.sources[span.source] for span in portion.spans]
        state = hashlib.sha256()
        statistics = Statistics()
        pairs: list[Pair] = []
        rejections: list[Refusal] = []
        # in place of names the numbers of the sources: where the rows of a span begin in them, others know
        layouts = [
            replace(source.layout, name=str(span.source)) for source, span in zip(sources, portion.spans, strict=True)
        ]
        compare = not stamp(self.folder.enough_path)
        write = ChunkWriter(self.transliterator, layouts, self.folder.form, compare=compare, words=words)
        rows_in = 0
        name = self.folder.shard(portion.index)
        with placing(f"{self.folder.out}/{name}") as path:
            with self.folder.form.writing(path) as sink:
                for chunk in corpus.chunks():
                    result = write(chunk)
                    rejections += [Refusal(int(item.file), item.line, item.reason) for item in result.rejections]
                    if rejections and self.stop:
                        raise _RefusedError(rejections[0])
                    sink(result.data)
                    chunk.feed(state)
                    rows_in += chunk.n_rows
                    statistics.add(result.statistics)
                    pairs += result.pairs
            with path.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            n_bytes = path.stat().st_size
        if compare:
            place_text(self.folder.words_path(portion.index), json.dumps(list(zip(*pairs, strict=True))))
        record = ShardRecord(
            name,
            [
                (source.layout.name, span.start, span.stop, reading.n_rows)
                for source, span, reading in zip(sources, portion.spans, corpus.readings, strict=True)
            ],
            stamps,
            rows_in,
            statistics.rows_out,
            statistics.rejected,
            state.hexdigest(),
            sha256,
            n_bytes,
            statistics.as_json(),
            rejections,
        )
        self._note(portion, record)

    def _check(self, portion: Portion, corpus: Corpus, stamps: list[tuple[int, int] | None]) -> None:
        """Compare the rows of a shard that is there, if a source was written since, with those it was made of."""
        record = self.folder.record(portion.index)
        if record.stamps == stamps:
            return
        state = hashlib.sha256()
        for chunk in corpus.chunks():
            chunk.feed(state)
        if state.hexdigest() != record.input_sha256:
            message = (
                f"{self.folder.out}: an input was changed since the run that is to go on; remove {self.folder.out} "
                "to start over, or bring the input back"
            )
            raise CorpusError(message)
        self._note(portion, replace(record, stamps=stamps))

    def _note(self, portion: Portion, record: ShardRecord) -> None:
        place_text(self.folder.record_path(portion.index), json.dumps(asdict(record), ensure_ascii=False) + "\n")
