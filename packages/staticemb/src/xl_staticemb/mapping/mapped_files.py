"""Two files of word vectors into one space, whatever their size: the vectors stream past, the map is learnt from few.

The maps of `learn_mapping` need the statistics of the normalisation, the words that self-learning looks at and those of
the dictionary. Everything else is read, normalised, multiplied and written block by block.
"""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xl_staticemb.errors import StaticembError
from xl_staticemb.files.stored_rows import StoredRows
from xl_staticemb.files.vector_files import VectorWriter
from xl_staticemb.mapping.config import WITHOUT_PAIRS, MappingConfig, Progress
from xl_staticemb.mapping.descent.config import CRITERION_WORDS
from xl_staticemb.mapping.learning import Mapping, best_mapping, learn_mapping, learn_mappings
from xl_staticemb.mapping.normalization import Normalization
from xl_staticemb.mapping.seed_dictionary import seed_pairs

# Vectors of a side that stay in memory between the passes: 894,784 words of 300 dimensions.
MOST_BYTES = 1 << 30


@dataclass(frozen=True, eq=False)
class MappedFiles:
    """What `map_files` learnt and wrote; `mapping.pairs` are rows of the files."""

    mapping: Mapping
    n_source: int  # words read, and written if `written`
    n_target: int
    n_start: int  # pairs of the first dictionary; 0 for a start that has none
    n_seeds: int
    n_failed: int  # seeds whose map calls itself failed (`Mapping.failed`)
    written: bool  # False where all seeds failed, so that there is no map to take


def map_files(
    source: Path | str,
    target: Path | str,
    out_source: Path | str,
    out_target: Path | str,
    config: MappingConfig,
    *,
    dictionary: Iterable[tuple[str, str]] | None = None,
    seeds: Sequence[int] = (0,),
    device: str = "cpu",
    limit: int | None = None,
    digits: int = 9,
    keep_failed: bool = False,
    most_bytes: int = MOST_BYTES,
    progress: Progress | None = None,
) -> MappedFiles:
    """Learn a map between the vectors of two files and write both vocabularies in the shared space.

    Files of all formats, by suffix; both outputs appear whole or not at all. `dictionary` are the pairs (source word,
    target word) where `config.dictionary` is "pairs". Of several `seeds` the best objective counts (`best_mapping`);
    where all of them failed nothing is written, unless `keep_failed`.
    `limit` takes the first words of each file, `digits` are those of text. Vectors of a side beyond `most_bytes` are
    not held in memory: those of text and compressed files go to an unnamed file in the folder of `out_source`, 4 bytes
    a number. Memory is then that of the words, of the first `config.cutoff` rows with self-learning or rcsls and of the
    dictionary's rows. `progress` is called after each iteration of self-learning. Raises StaticembError.
    """
    paths = [Path(path) for path in (source, target, out_source, out_target)]
    _check_paths(paths)
    if (dictionary is None) == (config.dictionary == "pairs"):
        message = (
            "the map starts from pairs; give a dictionary"
            if dictionary is None
            else f"the map starts from {config.dictionary} words; leave the dictionary out"
        )
        raise StaticembError(message)
    with ExitStack() as stack:
        sides = [
            stack.enter_context(StoredRows(path, limit=limit, most_bytes=most_bytes, folder=paths[2].parent))
            for path in paths[:2]
        ]
        normalizations = [Normalization(config.normalization).fit(side.blocks) for side in sides]
        pairs = None
        if config.dictionary not in WITHOUT_PAIRS:
            pairs = seed_pairs(config.dictionary, sides[0].words, sides[1].words, dictionary)
        rows = [_needed(len(side), config, None if pairs is None else pairs[which]) for which, side in enumerate(sides)]
        x, z = (_gather(*each) for each in zip(sides, rows, normalizations, strict=True))
        start = None if pairs is None else (np.searchsorted(rows[0], pairs[0]), np.searchsorted(rows[1], pairs[1]))
        if config.self_learning:
            learnt = learn_mappings(x, z, config, pairs=start, seeds=seeds, device=device, progress=progress)
        else:
            if len(seeds) != 1:
                message = "no seed changes a map without self-learning; give one"
                raise StaticembError(message)
            learnt = [learn_mapping(x, z, config, pairs=start, seed=seeds[0], device=device)]
        del x, z
        best = best_mapping(learnt)
        best = replace(best, pairs=(rows[0][best.pairs[0]], rows[1][best.pairs[1]]))
        n_failed = sum(mapping.failed is True for mapping in learnt)
        written = keep_failed or n_failed < len(learnt)
        if written:
            outs = [(best.source, paths[2]), (best.target, paths[3])]
            writers = [
                stack.enter_context(VectorWriter(path, len(side), matrix.shape[1], digits=digits))
                for side, (matrix, path) in zip(sides, outs, strict=True)
            ]
            for side, normalization, (matrix, _), writer in zip(sides, normalizations, outs, writers, strict=True):
                done = 0
                for block in side.blocks():
                    writer.write(side.words[done : done + len(block)], normalization.apply(block) @ matrix)
                    done += len(block)
    n_start = 0 if pairs is None else len(pairs[0])
    return MappedFiles(best, len(sides[0]), len(sides[1]), n_start, len(learnt), n_failed, written)


def _needed(n_words: int, config: MappingConfig, pairs: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """Rows that the map is learnt from, ascending; rows beside the dictionary's are the first ones."""
    n_first = 0
    if config.self_learning or config.map == "rcsls":
        n_first = config.cutoff or n_words
    if config.dictionary == "unsupervised":
        n_first = max(n_first, config.unsupervised_words)
    elif config.dictionary == "adversarial":
        n_first = max(n_first, config.adversarial_words, CRITERION_WORDS)
    first = np.arange(min(n_first, n_words))
    return first if pairs is None else np.union1d(first, pairs)


def _gather(side: StoredRows, rows: NDArray[np.int64], normalization: Normalization) -> NDArray[np.float32]:
    """The normalised vectors of some rows (len(rows), width), in one pass."""
    matrix = np.empty((len(rows), side.width), dtype=np.float32)
    start = 0
    for block in side.blocks():
        first, last = np.searchsorted(rows, (start, start + len(block)))
        if last > first:
            matrix[first:last] = normalization.apply(block[rows[first:last] - start])
        if last == len(rows):
            break
        start += len(block)
    return matrix


def _check_paths(paths: list[Path]) -> None:
    outs = paths[2:]
    if outs[0].resolve() == outs[1].resolve():
        message = f"{outs[0]}: both outputs have this name; give two"
        raise StaticembError(message)
    for out in outs:
        if out.resolve() in (path.resolve() for path in paths[:2]):
            message = f"{out}: this is an input; give the output another name"
            raise StaticembError(message)
        if not out.parent.is_dir():
            message = f"{out}: there is no folder {out.parent}; create it first"
            raise StaticembError(message)
