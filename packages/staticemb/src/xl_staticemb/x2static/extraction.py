"""Static word vectors out of a frozen encoder: count words, read contexts once, train or average.

Memory holds one part of the text at a time, the table of vectors and, in training, the contexts of `buffer` lines. What
is done stays in a folder, so that a call that is killed goes on where it stopped when it is made again.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xl_staticemb.errors import StaticembError
from xl_staticemb.files.whole_files import remove_abandoned
from xl_staticemb.vectors import WordVectors
from xl_staticemb.x2static.aggregation import OccurrenceReader, mean_vectors
from xl_staticemb.x2static.config import X2StaticConfig
from xl_staticemb.x2static.contexts import ContextReader
from xl_staticemb.x2static.negatives import keep_probability
from xl_staticemb.x2static.part_cache import PartCache
from xl_staticemb.x2static.teacher import Teacher
from xl_staticemb.x2static.word_counts import Breaker, Vocabulary, WordReader, choose_words, count_words, spaced_words

if TYPE_CHECKING:
    import torch

    from xl_staticemb.x2static.contexts import ContextPart

_STATE = "training.safetensors"
# Settings of X2StaticConfig that parts depend on, by method.
_COMMON = ("method", "variant", "lower", "min_count", "max_words")
_BY_METHOD = {"x2static": ("context", "subsample", "epochs", "seed"), "aggregate": ("first",)}

Progress = Callable[[str, int, int, str], object]


@dataclass(frozen=True)
class ProcessShare:
    """Which of several processes this one is; `wait` returns when all have called it. The first one trains."""

    rank: int = 0
    n_processes: int = 1
    wait: Callable[[], object] = lambda: None


@dataclass(frozen=True)
class Extraction:
    """Vectors in order of frequency, and what became of the text.

    counts: lines, words, lines_without_words (dropped: no word of the vocabulary), lines_read (given to the encoder),
        occurrences (of words of the vocabulary), words_cut (kept occurrences behind the encoder's longest input),
        words_without_vector (aggregate: never read), steps.
    loss: mean of the last epoch's steps; 0 for an aggregation.
    """

    vectors: WordVectors
    counts: dict[str, int] = field(default_factory=dict)
    loss: float = 0.0


def extract(
    lines: Iterable[str],
    teacher: Teacher,
    config: X2StaticConfig,
    *,
    words: Breaker = spaced_words,
    sentences: Breaker | None = None,
    names: dict[str, str] | None = None,
    leave_out: Iterable[str] = (),
    folder: Path | None = None,
    lines_per_part: int = 2048,
    share: ProcessShare | None = None,
    device: "str | torch.device" = "cpu",
    progress: Progress | None = None,
) -> Extraction | None:
    """Static vectors of the words of `lines`; None on all processes but the first.

    lines: iterated anew for each pass (a list, or an object that opens its files again), two passes in all.
    words: line -> (start, end) of its words; by default what stands between white space.
    sentences: paragraph -> (start, end) of its sentences; needed by the paragraph variant alone.
    names: what tells the text and the breakers from others, by name; parts in `folder` are kept under it.
    leave_out: words that get no vector: the encoder's special tokens.
    folder: where parts and the state of the training are kept; None takes one that is deleted at the end. A folder
        that holds something else is refused.
    lines_per_part: lines that are read together; with more, less padding, and more is lost by a kill.
    progress: called with what is done ("counting", "reading", "training"), how much, of how much, and a note.

    Raises StaticembError for text without words, without targets, that changes between passes, and for a folder of
    other settings.
    """
    if isinstance(lines, Iterator):
        message = "lines can be read once only, and two passes are needed; give a list, or write the text to a file."
        raise StaticembError(message)
    if config.variant == "paragraph" and config.method == "x2static" and sentences is None:
        message = "the paragraph variant needs `sentences`, which breaks a paragraph into sentences."
        raise StaticembError(message)
    if folder is None:
        with tempfile.TemporaryDirectory() as aside:
            return extract(
                lines, teacher, config, words=words, sentences=sentences, names=names, leave_out=leave_out,
                folder=Path(aside), lines_per_part=lines_per_part, share=share, device=device, progress=progress,
            )  # fmt: skip
    run = _Run(lines, teacher, config, WordReader(words, config.lower), sentences or spaced_words, folder)
    run.lines_per_part, run.tell = lines_per_part, progress or (lambda *_: None)
    share = share or ProcessShare()
    settings = run.settings(names or {})
    if share.rank == 0:
        remove_abandoned(folder)
        run.count(PartCache(folder, settings), leave_out)
    share.wait()
    cache = PartCache(folder, settings)
    vocabulary = cache.vocabulary()
    run.read(cache, vocabulary, share)
    share.wait()
    return run.finish(cache, vocabulary, device) if share.rank == 0 else None


@dataclass
class _Run:
    lines: Iterable[str]
    teacher: Teacher
    config: X2StaticConfig
    words: WordReader
    sentences: Breaker
    folder: Path
    lines_per_part: int = 2048
    tell: Progress = print

    def settings(self, names: dict[str, str]) -> dict[str, object]:
        """What the parts depend on."""
        chosen = (*_COMMON, *_BY_METHOD[self.config.method])
        return {
            **names,
            "encoder": self.teacher.fingerprint,
            "lines_per_part": self.lines_per_part,
            **{name: getattr(self.config, name) for name in chosen},
        }

    def count(self, cache: PartCache, leave_out: Iterable[str]) -> None:
        """The first pass: the vocabulary, unless an earlier call has chosen it."""
        if cache.begun:
            return
        n_lines = 0

        def counted() -> Iterator[str]:
            nonlocal n_lines
            for n_lines, line in enumerate(self.lines, 1):
                if n_lines % self.lines_per_part == 0:
                    self.tell("counting", n_lines, 0, "")
                yield line

        counts = count_words(counted(), self.words)
        vocabulary = choose_words(
            counts, min_count=self.config.min_count, max_words=self.config.max_words, leave_out=leave_out
        )
        cache.begin(vocabulary, n_lines, {"words": counts.total(), "different_words": len(counts)})

    def read(self, cache: PartCache, vocabulary: Vocabulary, share: ProcessShare) -> None:
        """The second pass: this process's share of the parts, those apart that are there."""
        reader = self._reader(vocabulary)
        n_lines = 0
        for number, lines in enumerate(self._parts()):
            n_lines += len(lines)
            if number % share.n_processes != share.rank or cache.has(number, lines):
                if isinstance(reader, OccurrenceReader):
                    reader.pass_over(lines)
            else:
                cache.save(number, reader.read(lines, number), lines)
            self.tell("reading", n_lines, cache.n_lines, "")
        if n_lines != cache.n_lines:
            message = (
                f"the text had {cache.n_lines} lines when its words were counted and has {n_lines} now; delete "
                f"{self.folder} to begin anew."
            )
            raise StaticembError(message)

    def finish(self, cache: PartCache, vocabulary: Vocabulary, device: "str | torch.device") -> Extraction:
        """Vectors from the parts."""
        n_parts = -(-cache.n_lines // self.lines_per_part)
        abouts = [cache.about(number) for number in range(n_parts)]
        totals = {name: sum(about[name] for about in abouts) for name in abouts[0]}
        counts = {
            "lines": cache.n_lines,
            **cache.totals,
            "lines_without_words": cache.n_lines - totals["n_units"],
            "lines_read": totals["n_read"],
            "occurrences": totals["n_occurrences"],
            "words_cut": totals["n_cut"],
        }
        if self.config.method == "aggregate":
            return self._mean((cache.load(number) for number in range(n_parts)), vocabulary, counts)
        from xl_staticemb.x2static.training import train

        end = train(
            cache.load,
            [about["n_units"] for about in abouts],
            vocabulary,
            self.config,
            state=self.folder / _STATE,
            device=device,
            progress=lambda done, total, loss: self.tell("training", done, total, f"loss {loss:.4f}"),
        )
        return Extraction(WordVectors(vocabulary.words, end.matrix), {**counts, "steps": end.n_steps}, end.loss)

    def _mean(self, parts: "Iterable[ContextPart]", vocabulary: Vocabulary, counts: dict[str, int]) -> Extraction:
        means, n_read = mean_vectors(parts, len(vocabulary), self.teacher.width)
        rows = np.flatnonzero(n_read)
        if not len(rows):
            message = "the encoder read no token of any word; check that its tokenizer knows the script of the text."
            raise StaticembError(message)
        words = [vocabulary.words[row] for row in rows]
        return Extraction(WordVectors(words, means[rows]), {**counts, "words_without_vector": len(n_read) - len(rows)})

    def _reader(self, vocabulary: Vocabulary) -> ContextReader | OccurrenceReader:
        if self.config.method == "aggregate":
            return OccurrenceReader(self.teacher, self.words, vocabulary, self.config.first)
        keep = keep_probability(vocabulary.frequencies, self.config.subsample)
        return ContextReader(self.teacher, self.words, self.sentences, vocabulary, keep, self.config)

    def _parts(self) -> Iterator[Sequence[str]]:
        remaining = iter(self.lines)
        while lines := list(islice(remaining, self.lines_per_part)):
            yield lines
