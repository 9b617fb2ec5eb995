"""Word translation of several models over pairs of languages: which files, what is scored, means over what all have.

Hämmerl et al. 2022, tables 1 and 5: a model is a folder of vectors, a file a language, and the means are over the pairs
of languages that all models have.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from xl_cli.errors import UsageError
from xl_cli.launch.progress import Progress, say
from xl_cli.vectors.word_files import VECTOR_SUFFIXES, bare_name, language_of
from xl_staticemb.errors import StaticembError

if TYPE_CHECKING:
    from xl_analysis import Table
    from xl_staticemb import BliScore, WordVectors
    from xl_tasks import Row

_CODE = r"[A-Za-z]{2,3}(?:_[A-Za-z]{4})?"
_PAIR = re.compile(rf"(?<![A-Za-z])({_CODE})-({_CODE})(?![A-Za-z])")
_FOR = re.compile(rf"({_CODE})-for-({_CODE})")  # the pivot's side of a pair of its own, as a map per pair writes it
OTHERS = "others"
_ENGLISH = "eng_Latn"  # where a single pair of languages leaves open which is "the others"

Pair = tuple[str, str]
Score = Callable[["WordVectors", "WordVectors", list[tuple[str, str]], str], "list[BliScore]"]
"""(source, target, pairs, how errors call the dictionary) -> a score a retrieval."""


@dataclass(frozen=True)
class ModelFolder:
    """Files of vectors by language, and those of a language that serve one pair alone."""

    name: str
    files: dict[str, Path]
    for_pair: dict[Pair, Path]  # (language of the file, the other language)

    def paths(self, pair: Pair) -> tuple[Path, Path] | None:
        """The files of both sides; None where one is missing."""
        source, target = pair
        found = [self.for_pair.get(each, self.files.get(each[0])) for each in ((source, target), (target, source))]
        return (found[0], found[1]) if found[0] and found[1] else None


@dataclass(frozen=True)
class ModelScores:
    """Scores of one model by pair of languages, a score a retrieval; and why pairs have none."""

    name: str
    scores: dict[Pair, "list[BliScore]"] = field(default_factory=dict)
    missing: dict[Pair, str] = field(default_factory=dict)


def model_folder(entry: str) -> ModelFolder:
    """What `--model NAME=FOLDER` names. UsageError for a folder without vectors and for two files of a language."""
    name, _, path = entry.partition("=")
    folder = Path(path)
    if not name or not path or not folder.is_dir():
        message = f"--model {entry!r} is not NAME=FOLDER of a folder with a file of vectors a language."
        raise UsageError(message)
    files: dict[str, Path] = {}
    for_pair: dict[Pair, Path] = {}
    for file in sorted(folder.iterdir()):
        bare = bare_name(file.name)
        if not file.is_file() or not file.name.endswith(VECTOR_SUFFIXES):
            continue
        if special := _FOR.fullmatch(bare):
            for_pair[language_of(special[1], file), language_of(special[2], file)] = file
            continue
        code = language_of("", file)
        if code in files:
            message = f"--model {name}: {file.name} and {files[code].name} are both of {code}; keep one of the two."
            raise UsageError(message)
        if code != "und":
            files[code] = file
    if len(files) + len(for_pair) < 2:
        message = f"--model {name}: {folder} has no files of vectors called by two languages, such as deu_Latn.vec."
        raise UsageError(message)
    return ModelFolder(name, files, for_pair)


def dictionary_files(entries: Sequence[str]) -> dict[Pair, list[str]]:
    """Files by pair of languages, of FILE or FOLDER whose names state it ("de-en.5000-6500.txt") and of A-B=FILE."""
    found: dict[Pair, list[str]] = {}
    for entry in entries:
        named, _, path = entry.rpartition("=")
        folder = Path(entry)
        inside = sorted(str(file) for file in folder.iterdir() if file.is_file()) if folder.is_dir() else None
        for file in inside or [path if named else entry]:
            stated = _PAIR.search(named or bare_name(file))
            if stated is None:
                if inside:
                    continue
                message = f"--dictionary {entry}: its name states no pair of languages; give it as deu-eng={file}."
                raise UsageError(message)
            pair = language_of(stated[1], Path(file)), language_of(stated[2], Path(file))
            found.setdefault(pair, []).append(file)
    if not found:
        message = f"--dictionary {' '.join(entries)}: no file is called by a pair of languages, such as de-en.txt."
        raise UsageError(message)
    return found


def score_models(
    models: Sequence[ModelFolder],
    dictionaries: dict[Pair, list[tuple[str, str]]],
    read: Callable[[Path], "WordVectors"],
    score: Score,
) -> list[ModelScores]:
    """Score each model on each pair of languages whose vectors it has."""
    results = []
    with Progress("scoring", len(models) * len(dictionaries), "pairs", quiet=True) as stage:
        done = 0
        for model in models:
            result = ModelScores(model.name)
            for pair, sides in _sides(model, list(dictionaries), read):
                stage.advance(done, f"{model.name} {pair[0]} to {pair[1]}")
                done += 1
                if sides is None:
                    result.missing[pair] = "no vectors"
                    continue
                try:
                    result.scores[pair] = score(*sides, dictionaries[pair], f"{model.name}, {pair[0]} to {pair[1]}")
                except StaticembError as error:
                    result.missing[pair] = str(error)
                    say(f"note: {error}.")
            results.append(result)
    return results


def _sides(
    model: ModelFolder, pairs: list[Pair], read: Callable[[Path], "WordVectors"]
) -> "Iterator[tuple[Pair, tuple[WordVectors, WordVectors] | None]]":
    """Both vocabularies of each pair; a file stays in memory as long as a later pair needs it."""
    wanted = [model.paths(pair) for pair in pairs]
    held: dict[Path, WordVectors] = {}
    for place, (pair, paths) in enumerate(zip(pairs, wanted, strict=True)):
        if paths is None:
            yield pair, None
            continue
        held |= {path: read(path) for path in paths if path not in held}
        yield pair, (held[paths[0]], held[paths[1]])
        later = {path for several in wanted[place + 1 :] if several for path in several}
        held = {path: vectors for path, vectors in held.items() if path in later}


def shared_pairs(results: Sequence[ModelScores]) -> list[Pair]:
    """Pairs that all models have a score of, in the order of the first."""
    return [pair for pair in results[0].scores if all(pair in each.scores for each in results)]


def directions(results: Sequence[ModelScores]) -> dict[Pair, list[Pair]]:
    """The shared pairs out of and into the language that all pairs have, under ("eng_Latn", "others") and so on."""
    asked = {pair for each in results for pair in (*each.scores, *each.missing)}
    common = set.intersection(*({*pair} for pair in asked))
    shared = shared_pairs(results)
    if not common:
        return {(OTHERS, OTHERS): shared} if shared else {}
    pivot = _ENGLISH if _ENGLISH in common else min(common)
    sides = {
        (pivot, OTHERS): [pair for pair in shared if pair[0] == pivot],
        (OTHERS, pivot): [pair for pair in shared if pair[1] == pivot],
    }
    return {name: several for name, several in sides.items() if several}


def mean_rows(results: Sequence[ModelScores], make: Callable[..., "Row"]) -> "list[Row]":
    """Rows "mean p@1" and "mean strict p@1" of each model, direction and retrieval, over the pairs that all have."""
    rows = []
    for (source, target), pairs in directions(results).items():
        for result in results:
            for which, first in enumerate(result.scores[pairs[0]]):
                several = [result.scores[pair][which] for pair in pairs]
                for metric, values in (
                    ("mean p@1", [each.precision[1] for each in several]),
                    ("mean strict p@1", [each.strict[1] for each in several]),
                ):
                    mean = sum(values) / len(values)
                    rows.append(
                        make(
                            model=result.name, metric=metric, value=mean, n=len(pairs), source=source, target=target,
                            pooling=first.retrieval,
                        )
                    )  # fmt: skip
    return rows


def models_table(results: Sequence[ModelScores], pairs: Sequence[Pair], which: int, retrieval: str) -> "Table":
    """P@1 in per cent: a line a pair of languages, a column a model, and below the means over what all have."""
    from xl_analysis import Table

    def cells(values: Sequence[float | None]) -> tuple[str, ...]:
        return tuple("-" if value is None else f"{100 * value:.1f}" for value in values)

    lines = []
    for pair in pairs:
        found = [each.scores.get(pair) for each in results]
        of = max((scores[which].n_covered for scores in found if scores), default=0)
        lines.append((*pair, f"{of:,}", *cells([scores[which].precision[1] if scores else None for scores in found])))
    shared = shared_pairs(results)
    for (source, target), several in directions(results).items():
        means = [sum(each.scores[pair][which].precision[1] for pair in several) / len(several) for each in results]
        lines.append((source, target, f"mean of {len(several)}", *cells(means)))
    left_out = [pair for pair in pairs if pair not in shared]
    about = f"P@1 in %, {retrieval}; means over the {len(shared)} pairs that all models have."
    if left_out:
        lacking = {pair: [each.name for each in results if pair in each.missing] for pair in left_out}
        told = "; ".join(f"{pair[0]} to {pair[1]} ({', '.join(names)})" for pair, names in lacking.items())
        about += f" Not in the means, for want of vectors: {told}."
    header = ("source", "target", "words", *(each.name for each in results))
    return Table(header, tuple(lines), about, n_labels=3)
