"""word2vec vectors of nine Bibles mapped to English: P@1 by language and way, how often it succeeds, time and memory.

Run by hand (word2vec vectors are trained at the first call, about half a minute a language, and kept in --vectors):

    OMP_NUM_THREADS=1 uv run python -m tests.bench.bench_bible_maps --data $XL_DATA --vectors bible-vectors

Each row is a language and a way to learn its map: 1,000 or all pairs of a dictionary (supervised; with a ridge in the
whitening too), 25 pairs with self-learning, identical strings, no dictionary at all. P@1 is over the English words of
the test dictionary that have vectors and a translation with one, among all words of the language, the mean over the
seeds. "Succeeded" counts the seeds that do not call themselves failed (`Mapping.failed`); behind the stroke those with
a P@1 of at least half the supervised map's. A row is learnt in a process of its own, whose largest memory is given; so
is the time a seed, with the map, without reading and scoring.
"""

import argparse
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.bench.bible_vectors import ENGLISH, LANGUAGES, Pairs, dictionaries, word2vec
from xl_staticemb import (
    MappingConfig,
    Normalization,
    WordVectors,
    induction_accuracy,
    learn_mappings,
    seed_pairs,
)

WAYS = ("supervised 1k", "supervised 5k", "supervised 5k ridge", "semi-supervised 25", "identical", "unsupervised")


@dataclass
class Line:
    """What a row says; lists have an entry a seed, P@1 in per cent."""

    n_pairs: int
    csls: list[float]
    nn: list[float]
    coverage: float
    n_asked: int
    failed: list[bool | None]
    stability: list[float | None]
    iterations: float
    seconds: float
    mebibytes: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with bible, bli_xling and muse_pos")
    parser.add_argument("--vectors", type=Path, required=True, help="folder for the word2vec vectors")
    parser.add_argument("--width", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--cutoff", type=int, default=4000, help="words that self-learning looks at")
    parser.add_argument("--languages", nargs="*", default=list(LANGUAGES))
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=WAYS)
    arguments = parser.parse_args()
    for language in (ENGLISH, *arguments.languages):
        word2vec(arguments.data, language, arguments.vectors, arguments.width)
    print("| language | way | pairs | P@1 CSLS | P@1 NN | asked (coverage) | succeeded | iterations | s a seed | MiB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for language in arguments.languages:
        supervised = 0.0
        for way in arguments.ways:
            with ProcessPoolExecutor(1) as own:
                line = own.submit(one_way, arguments, language, way).result()
            if line is None:
                print(f"| {language} | {way} | none |" + " - |" * 7, flush=True)
                continue
            if way.startswith("supervised"):
                supervised = max(supervised, *line.csls)
            print(f"| {language} | {way} | {cells(line, supervised)} |", flush=True)


def cells(line: Line, supervised: float) -> str:
    """The figures of one row as they are printed."""
    n_seeds = len(line.failed)
    mean = [f"{np.mean(values):.1f}" if values else "-" for values in (line.csls, line.nn)]
    asked = f"{line.n_asked} ({100 * line.coverage:.0f} %)" if line.csls else "-"
    succeeded = "-"
    if line.failed[0] is not None:
        succeeded = f"{line.failed.count(False)} of {n_seeds}"
        if line.csls and supervised:
            succeeded += f" / {sum(value >= supervised / 2 for value in line.csls)}"
    iterations = f"{line.iterations:.0f}" if line.iterations else "-"
    pairs = str(line.n_pairs) if line.n_pairs else "-"
    return " | ".join([pairs, *mean, asked, succeeded, iterations, f"{line.seconds:.1f}", f"{line.mebibytes:.0f}"])


def one_way(arguments: argparse.Namespace, language: str, way: str) -> Line | None:
    """One row, or None where there is no dictionary to learn from and no word in common."""
    found = dictionaries(arguments.data, language)
    name, _, size = way.partition(" ")
    if found is None and size:
        return None
    learn, test = found or ([], [])
    source, english = (
        word2vec(arguments.data, each, arguments.vectors, arguments.width) for each in (language, ENGLISH)
    )
    size, _, ridge = size.partition(" ")
    config = MappingConfig.preset(name.replace("-", "_"), cutoff=arguments.cutoff, ridge=1.0 if ridge else -1.0)
    x, z = (Normalization(config.normalization).fit_apply(side.matrix) for side in (source, english))
    pairs = None
    if size:
        usable = [(right, left) for left, right in learn if left in english.index and right in source.index]
        pairs = seed_pairs("pairs", source.words, english.words, usable[: {"1k": 1000, "25": 25}.get(size)])
    elif name == "identical":
        if source.index.keys().isdisjoint(english.index):
            return None
        pairs = seed_pairs("identical", source.words, english.words)
    begin = time.perf_counter()
    mappings = learn_mappings(x, z, config, pairs=pairs, seeds=range(arguments.seeds if config.self_learning else 1))
    seconds = time.perf_counter() - begin
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    line = Line(
        n_pairs=0 if pairs is None else len(pairs[0]),
        csls=[],
        nn=[],
        coverage=0.0,
        n_asked=0,
        failed=[mapping.failed for mapping in mappings],
        stability=[mapping.stability for mapping in mappings],
        iterations=float(np.mean([mapping.n_iterations for mapping in mappings])),
        seconds=seconds / len(mappings),
        mebibytes=memory,
    )
    if test:
        score_all(line, source, english, [(x @ each.source, z @ each.target) for each in mappings], test)
    return line


def score_all(
    line: Line, source: WordVectors, english: WordVectors, mapped: list[tuple[np.ndarray, np.ndarray]], test: Pairs
) -> None:
    """Fill in P@1 of each map: an English word asks for its translation among all words of the language."""
    for ours, theirs in mapped:
        sides = WordVectors(english.words, theirs), WordVectors(source.words, ours)
        for retrieval, into in (("csls", line.csls), ("nn", line.nn)):
            score = induction_accuracy(*sides, test, retrieval=retrieval)
            into.append(100 * score.precision[1])
        line.coverage, line.n_asked = score.coverage, score.n_covered


if __name__ == "__main__":
    main()
