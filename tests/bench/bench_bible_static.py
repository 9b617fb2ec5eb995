"""Static vectors out of an encoder on the Bible, before and after they are mapped to English: P@1 by language.

Run by hand, with an encoder that knows the languages (a new one: `xl align scratch --set model.size=mini --set
data.files=$XL_DATA/bible --set 'train.variants=["mlm"]' ...`):

    uv run python -m tests.bench.bench_bible_static --data $XL_DATA --model RUN --vectors bible-vectors

The recipe of Hämmerl et al. (2022): X2Static for each language; word2vec vectors of the same text mapped to English
without a dictionary; the mutual CSLS neighbours of that map as the dictionary (the words of the test left out) for
a map of the X2Static vectors. Beside it the aggregation baseline (the mean of a word's states) and an orthogonal map.
P@1 (CSLS) of English words among all words of the language, over those that have vectors on both sides.
"""

import argparse
import time
from pathlib import Path

from tests.bench.bible_vectors import ENGLISH, Pairs, dictionaries, verses, word2vec
from xl_encoders import StaticTeacher, load_encoder, split_words
from xl_staticemb import (
    MappingConfig,
    Normalization,
    WordVectors,
    X2StaticConfig,
    extract,
    induce_dictionary,
    induction_accuracy,
    learn_mapping,
    read_vectors,
    seed_pairs,
    write_vectors,
)

METHODS = ("x2static", "aggregate")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with bible, bli_xling and muse_pos")
    parser.add_argument("--model", required=True, help="run, folder or hub id")
    parser.add_argument("--vectors", type=Path, required=True, help="folder for all vectors")
    parser.add_argument("--layer", type=int, default=2)
    parser.add_argument("--subsample", type=float, default=1e-3)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--cutoff", type=int, default=2500, help="words that self-learning looks at")
    parser.add_argument("--languages", nargs="*", default=["deu_Latn", "fra_Latn", "spa_Latn", "rus_Cyrl", "arb_Arab"])
    arguments = parser.parse_args()
    print("| language | vectors | asked | not mapped | advanced, induced | orthogonal, induced | pairs induced |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for language in arguments.languages:
        found = dictionaries(arguments.data, language)
        if found is None:
            continue
        test = found[1]
        mapped = [word2vec(arguments.data, each, arguments.vectors) for each in (language, ENGLISH)]
        config = MappingConfig.preset("unsupervised", cutoff=arguments.cutoff)
        mapped = through(*mapped, config, None)
        english_words, own_words = ({pair[side] for pair in test} for side in (0, 1))
        induced = [
            (own, english)
            for own, english, _ in induce_dictionary(*mapped, exclude_sources=own_words, exclude_targets=english_words)
        ]
        n_asked, score = precision(*mapped, test)
        print(f"| {language} | word2vec, unsupervised map | {n_asked} | - | {score:.1f} | - | - |", flush=True)
        for method in METHODS:
            sides = [static(arguments, each, method) for each in (language, ENGLISH)]
            n_asked, before = precision(*sides, test)
            after = [
                precision(*through(*sides, MappingConfig.preset(name), induced), test)[1]
                for name in ("supervised", "orthogonal")
            ]
            cells = [language, method, str(n_asked), *(f"{value:.1f}" for value in (before, *after)), str(len(induced))]
            print(f"| {' | '.join(cells)} |", flush=True)


def static(arguments: argparse.Namespace, language: str, method: str) -> WordVectors:
    """Vectors of a Bible's words out of the encoder; taken once and kept."""
    file = arguments.vectors / f"{language}.{method}.safetensors"
    if not file.exists():
        begin = time.perf_counter()
        teacher = StaticTeacher(load_encoder(arguments.model), arguments.layer)
        config = X2StaticConfig(
            method=method, min_count=3, subsample=arguments.subsample, epochs=arguments.epochs, lower="key"
        )
        found = extract(verses(arguments.data, language), teacher, config, words=split_words)
        assert found is not None  # one process
        write_vectors(file, found.vectors)
        print(f"{language} {method}: {time.perf_counter() - begin:.0f} s", flush=True)
    return read_vectors(file)


def through(
    source: WordVectors, english: WordVectors, config: MappingConfig, pairs: Pairs | None
) -> tuple[WordVectors, WordVectors]:
    """Both sides in one space."""
    x, z = (Normalization(config.normalization).fit_apply(side.matrix) for side in (source, english))
    rows = None if pairs is None else seed_pairs("pairs", source.words, english.words, pairs)
    mapping = learn_mapping(x, z, config, pairs=rows)
    return WordVectors(source.words, x @ mapping.source), WordVectors(english.words, z @ mapping.target)


def precision(source: WordVectors, english: WordVectors, test: Pairs) -> tuple[int, float]:
    """Words asked and P@1 in per cent."""
    score = induction_accuracy(english, source, test)
    return score.n_covered, 100 * score.precision[1]


if __name__ == "__main__":
    main()
