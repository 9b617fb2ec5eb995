"""The per-batch function: a chunk of raw rows in; bytes of output, refused rows and counts out.

It is the same for every engine: one process, several, or a Ray cluster. Instances pickle.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from xl_translit.corpora.formats import Format
from xl_translit.corpora.inputs import RowChunk
from xl_translit.corpora.rows import Refusal, Rows, read_rows
from xl_translit.corpora.sources import Layout
from xl_translit.corpora.statistics import NewWords, Pair, Statistics
from xl_translit.errors import CorpusError
from xl_translit.transliterator import Transliterator
from xl_translit.uroman.readings import count_unread
from xl_translit.uroman.romanizer import Romanizer

_BLOCK_ROWS = 1024
"""Rows that are transliterated and counted at once: few enough to stay in a processor's cache from one to the other."""


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


class ChunkWriter:
    """Read a chunk's rows, transliterate them, write them in the format of the output.

    layouts: one for each source, in their order. compare: whether words and their results are handed on.
    words: those that were handed on before, of the chunks that stand before these; None: there are none.
    A row that cannot be read or transliterated becomes a rejection; what that means for the run its caller decides.
    """

    def __init__(
        self,
        transliterator: Transliterator,
        layouts: Sequence[Layout],
        form: Format,
        *,
        compare: bool = True,
        words: NewWords | None = None,
    ) -> None:
        self._transliterator = transliterator
        self._layouts = tuple(layouts)
        self._format = form
        self._compare = compare
        # Words handed on before are not handed on again, since chunks come to a process in order: whoever gathers them
        # in the order of the chunks keeps the first result of each, so this saves traffic and changes nothing.
        self._words = words or NewWords(phonemes=form.result_name == "phonemes")

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_words": NewWords(phonemes=self._format.result_name == "phonemes")}

    def __call__(self, chunk: RowChunk) -> Result:
        """The output of a chunk."""
        read, refusals = read_rows(chunk, self._layouts)
        rows, results = Rows(), []
        statistics = Statistics()
        pairs: list[Pair] = []
        for block in read.blocks(_BLOCK_ROWS):
            block, said = self._transliterate(block, refusals)
            self._count(block.texts, said, statistics, pairs)
            rows.extend(block)
            results += said
        statistics.rejected = len(refusals)
        if self._format.name == "text" and not self._format.pairs:  # its lines end as those of the input did
            results = [result + end for result, end in zip(results, rows.ends, strict=True)]
        data = self._format.write(rows.texts, results, rows.kept, statistics)
        rejections = [Rejection(self._layouts[source].name, number, why) for source, number, why in sorted(refusals)]
        return Result(chunk.index, data, statistics, rejections, pairs)

    def _count(self, texts: list[str], results: list[str], statistics: Statistics, pairs: list[Pair]) -> None:
        statistics.unmapped.update(self._transliterator.unmapped(texts, results))
        if isinstance(self._transliterator, Romanizer):
            statistics.unread.update(count_unread(texts))
        statistics.count(texts, results)
        if self._compare and not self._words.is_full:  # else whoever gathers words has as many as it takes, too
            n_words, found = self._words.find(texts, results)
            pairs += found
        else:
            n_words = sum(map(len, map(str.split, texts)))
        statistics.words += n_words

    def _transliterate(self, rows: Rows, refusals: list[Refusal]) -> tuple[Rows, list[str]]:
        """Rows and their results; where the transliterator fails, row by row, and the rows it fails on are refused."""
        try:
            results = self._transliterator.batch(rows.texts)
        except Exception:  # someone else's code: any error is a reason
            good, results = Rows(), []
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
