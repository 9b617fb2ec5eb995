"""Bilingual lexicon induction: how often the nearest target word of a source word is a translation in a dictionary.

The accuracy on covered entries is what MUSE and VecMap both report; beside it stand the coverage and the strict
accuracy, in which a source word without vectors counts as wrong, so that a small vocabulary cannot look good.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from xl_staticemb.errors import StaticembError
from xl_staticemb.neighbours import nearest_mean, unit_rows
from xl_staticemb.vectors import WordVectors

# queries scored at a time: 64 MiB of float32 scores whatever the size of the vocabulary
_SCORES_AT_ONCE = 1 << 24
_TOLERANCE = 1e-6  # scores closer than this tie; float32 products of equal vectors differ by less


@dataclass(frozen=True, kw_only=True)
class BliScore:
    """Result of lexicon induction. Precisions are shares in [0, 1] by k: 1 -> precision at 1, and so on."""

    precision: dict[int, float]  # over covered source words
    strict: dict[int, float]  # over all source words of the dictionary; without vectors means wrong
    coverage: float  # share of source words that have a vector and a translation with one
    n_sources: int  # distinct source words in the dictionary
    n_covered: int
    retrieval: str


def read_dictionary(path: Path | str) -> list[tuple[str, str]]:
    r"""Read (source, target) pairs from a UTF-8 file: `source<TAB>target`, or two words parted by white space.

    With a TAB an entry may be of several words. Empty lines are skipped, repeated pairs stay. Raises StaticembError
    with `file:line` for a line that is neither, or not UTF-8; for a file without pairs; for no file.
    """
    path = Path(path)
    if not path.is_file():
        message = f"{path}: no such file"
        raise StaticembError(message)
    pairs = []
    for number, raw in enumerate(path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            line = raw.decode("utf-8").strip(" \r")
        except UnicodeDecodeError as error:
            message = f"{path}:{number}: not UTF-8 (byte 0x{raw[error.start]:02x}); re-encode the file, e.g. with iconv"
            raise StaticembError(message) from None
        if not line:
            continue
        fields = [field.strip() for field in line.split("\t")] if "\t" in line else line.split()
        if len(fields) != 2 or not all(fields):
            message = f"{path}:{number}: expected source<TAB>target, found {line[:60]!r}"
            raise StaticembError(message)
        pairs.append((fields[0], fields[1]))
    if not pairs:
        message = f"{path}: holds no pairs"
        raise StaticembError(message)
    return pairs


def induction_accuracy(
    source: WordVectors,
    target: WordVectors,
    pairs: Iterable[tuple[str, str]],
    *,
    retrieval: Literal["nn", "csls"] = "csls",
    ks: Sequence[int] = (1, 5, 10),
    n_neighbours: int = 10,
) -> BliScore:
    """Precision at `ks` of finding a translation of each distinct source word among all target words.

    The two vocabularies share a space (equal width). A source word is covered if it and at least one of its
    translations have vectors; it is a hit at k if one of its translations ranks k or better. Tied scores share their
    middle rank, as in `gold_ranks`. Entries of several words count if the vocabularies hold them as they are written.
    `csls` takes the neighbourhood of target words over the whole source vocabulary. Raises StaticembError if nothing is
    covered.
    """
    if retrieval not in ("nn", "csls"):
        message = f"retrieval {retrieval!r} is not known; it can be nn or csls"
        raise StaticembError(message)
    if source.width != target.width:
        message = f"the vocabularies must share a space, but their widths are {source.width} and {target.width}"
        raise StaticembError(message)
    golds: dict[str, set[int]] = {}
    for word, translation in pairs:
        found = golds.setdefault(word, set())
        if translation in target.index:
            found.add(target.index[translation])
    covered = [word for word, found in golds.items() if found and word in source.index]
    if not covered:
        message = f"none of the {len(golds)} source words of the dictionary has vectors on both sides; check its case"
        raise StaticembError(message)
    rows = [source.index[word] for word in covered]
    ranks = _best_ranks(source, target, rows, [golds[word] for word in covered], retrieval, n_neighbours)
    hits = {k: int(np.count_nonzero(ranks <= k)) for k in ks}
    return BliScore(
        precision={k: n / len(covered) for k, n in hits.items()},
        strict={k: n / len(golds) for k, n in hits.items()},
        coverage=len(covered) / len(golds),
        n_sources=len(golds),
        n_covered=len(covered),
        retrieval=retrieval,
    )


def _best_ranks(
    source: WordVectors,
    target: WordVectors,
    rows: list[int],
    golds: list[set[int]],
    retrieval: str,
    n_neighbours: int,
) -> np.ndarray:
    """Rank (len(rows),) of the best translation of each source row; other translations do not compete with it."""
    keys = unit_rows(target.matrix)
    queries = unit_rows(source.matrix[rows])
    # r of the query is the same for all its candidates, so it cannot change a rank
    penalty = nearest_mean(target.matrix, source.matrix, n_neighbours) if retrieval == "csls" else None
    ranks = np.empty(len(rows))
    block = max(1, _SCORES_AT_ONCE // len(keys))
    for start in range(0, len(rows), block):
        scores = queries[start : start + block] @ keys.T
        if penalty is not None:
            scores = 2.0 * scores - penalty
        for offset, row in enumerate(scores):
            gold = list(golds[start + offset])
            best = row[gold].max()
            row[gold] = -np.inf
            better = np.count_nonzero(row > best + _TOLERANCE)
            tied = np.count_nonzero(np.abs(row - best) <= _TOLERANCE)
            ranks[start + offset] = 1 + better + 0.5 * tied if np.isfinite(best) else np.inf
    return ranks
