"""Ways of mapping beside each other on vectors of real text: P@1 (CSLS) in both directions.

Run by hand (word2vec vectors of the Bibles are trained at the first call and kept in --vectors):

    OMP_NUM_THREADS=1 uv run python -m tests.bench.bench_map_modes --data $XL_DATA --vectors bible-vectors

A row is a pair of languages and a mode, with options of it behind a colon: `rcsls:rcsls_rate=10;rcsls_steps=20`.
`pairs=500` learns from the first of the dictionary's pairs, `induced=on` from mutual neighbours of the unsupervised map
in the place of them, without the test's words. P@1 is over the test words that have a vector and a translation with
one, among all words of the other side.
"""

import argparse
import ast
import time
from functools import cache
from pathlib import Path
from typing import Any

from tests.bench.bible_vectors import ENGLISH, Pairs, dictionaries, word2vec
from xl_staticemb import (
    MappingConfig,
    Normalization,
    WordVectors,
    best_mapping,
    induce_dictionary,
    induction_accuracy,
    learn_mappings,
    read_dictionary,
    seed_pairs,
)

PAIRS = ("fra_Latn eng_Latn", "rus_Cyrl eng_Latn", "heb_Hebr kor_Hang")
MODES = ("orthogonal", "supervised", "rcsls", "unsupervised")
_PANLEX = {("heb_Hebr", "kor_Hang"): "he-ko"}
CUTOFF = 4000  # words that self-learning looks at


def pair_dictionaries(data: Path, source: str, target: str) -> tuple[Pairs, Pairs]:
    """Pairs (source word, target word) to learn from and to test on."""
    if target == ENGLISH:
        learn, test = dictionaries(data, source) or ([], [])
        return [(b, a) for a, b in learn], [(b, a) for a, b in test]
    name = _PANLEX[source, target]
    learn, test = (
        [(a.lower(), b.lower()) for a, b in read_dictionary(data / "bli_panlex" / name / f"{name}.{part}.cc.trans")]
        for part in ("train.5000", "test.2000")
    )
    tested = {word for word, _ in test}
    return [pair for pair in learn if pair[0] not in tested], test


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with bible, bli_xling, muse_pos, bli_panlex")
    parser.add_argument("--vectors", type=Path, required=True, help="folder for the word2vec vectors")
    parser.add_argument("--width", type=int, default=200)
    parser.add_argument("--pairs", nargs="*", default=list(PAIRS))
    parser.add_argument("--modes", nargs="*", default=list(MODES))
    parser.add_argument("--seeds", type=int, default=1, help="of self-learning; the best by its own judgement counts")
    arguments = parser.parse_args()
    print("| pair | mode | learnt from | P@1 forward (asked) | P@1 back (asked) | stability | s |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for pair in arguments.pairs:
        for mode in arguments.modes:
            print(row(arguments, *pair.split(), mode), flush=True)


def row(arguments: argparse.Namespace, left: str, right: str, mode: str) -> str:
    """A line of the table."""
    source, target = (vectors(arguments.data, arguments.vectors, arguments.width, each) for each in (left, right))
    learn, test = pair_dictionaries(arguments.data, left, right)
    name, _, rest = mode.partition(":")
    options: dict[str, Any] = dict(_option(each) for each in rest.split(";") if each)
    n_pairs, induced = int(options.pop("pairs", 0)), options.pop("induced", None)
    config = MappingConfig.preset(name, **({"cutoff": CUTOFF} if name == "unsupervised" else {}), **options)
    if induced:
        learn = induced_pairs(arguments, left, right)
    x, z = (Normalization(config.normalization).fit_apply(side.matrix) for side in (source, target))
    known = [pair for pair in learn if pair[0] in source.index and pair[1] in target.index][: n_pairs or None]
    pairs = seed_pairs("pairs", source.words, target.words, known) if config.dictionary == "pairs" else None
    begin = time.process_time()
    seeds = range(arguments.seeds if config.self_learning else 1)
    mapping = best_mapping(learn_mappings(x, z, config, pairs=pairs, seeds=seeds))
    seconds = time.process_time() - begin
    sides = WordVectors(source.words, x @ mapping.source), WordVectors(target.words, z @ mapping.target)
    there = induction_accuracy(*sides, test, retrieval="csls")
    back = induction_accuracy(*sides[::-1], [(b, a) for a, b in test], retrieval="csls")
    asked = [f"{100 * score.precision[1]:.1f} ({score.n_covered})" for score in (there, back)]
    stability = "-" if mapping.stability is None else f"{100 * mapping.stability:.0f} %"
    learnt_from = "-" if pairs is None else str(len(pairs[0]))
    return f"| {left} {right} | {mode} | {learnt_from} | {' | '.join(asked)} | {stability} | {seconds:.0f} |"


@cache
def vectors(data: Path, folder: Path, width: int, language: str) -> WordVectors:
    """Those of a language, read once."""
    return word2vec(data, language, folder, width)


def induced_pairs(arguments: argparse.Namespace, left: str, right: str) -> Pairs:
    """Mutual neighbours (CSLS) under the unsupervised map, kept beside the vectors, without words of the test."""
    kept = arguments.vectors / f"{left}-{right}.{arguments.width}.induced.tsv"
    test = pair_dictionaries(arguments.data, left, right)[1]
    if not kept.exists():
        source, target = (vectors(arguments.data, arguments.vectors, arguments.width, each) for each in (left, right))
        config = MappingConfig.preset("unsupervised", cutoff=CUTOFF)
        x, z = (Normalization(config.normalization).fit_apply(side.matrix) for side in (source, target))
        mapping = best_mapping(learn_mappings(x, z, config, seeds=range(arguments.seeds)))
        sides = WordVectors(source.words, x @ mapping.source), WordVectors(target.words, z @ mapping.target)
        found = induce_dictionary(*sides)
        kept.write_text("".join(f"{one}\t{other}\n" for one, other, _ in found), encoding="utf-8")
    tested = {word for pair in test for word in pair}
    return [pair for pair in read_dictionary(kept) if tested.isdisjoint(pair)]


def _option(text: str) -> tuple[str, object]:
    name, _, value = text.partition("=")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


if __name__ == "__main__":
    main()
