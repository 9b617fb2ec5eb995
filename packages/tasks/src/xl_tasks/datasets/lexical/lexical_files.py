"""Dictionaries and similarity files in a folder, told by their names, joined into one set a language pair.

Known names (Glavas et al. 2019, XLing; Vulic et al. 2019, PanLex-BLI; Conneau et al. 2018, MUSE; Camacho-Collados et
al. 2017, SemEval-2017 Task 2), in the folder or below it, each also with .gz, .xz or .zst behind it:

    yacle.test.freq.2k.en-tr.tsv        yacle.train.freq.5k.en-tr.tsv
    he-hu.test.2000.cc.trans            he-hu.train.5000.cc.trans
    en-de.5000-6500.txt                 en-de.0-5000.txt, en-de.txt; en-de.5000-6500.n.txt for the nouns alone
    en-fa.test.txt                      en-fa.trial.txt; en.test.txt; en.test.data.txt with en.test.gold.txt
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from xl_staticemb import GoldPair, StaticembError, keys_path, parse_dictionary, parse_similarity
from xl_tasks.catalogue.task import Task
from xl_tasks.datasets.lexical.lexical_set import LexicalSet
from xl_tasks.errors import TaskError
from xl_tasks.texts import resolve_language
from xl_translit import TranslitError, language, read_lines

_PAIR = r"(?P<source>[a-z]{2,3})-(?P<target>[a-z]{2,3})"
_PATTERNS = {
    "xling": re.compile(rf"yacle\.(?P<split>test|train)\.freq\.\w+\.{_PAIR}\.tsv"),
    "panlex": re.compile(rf"{_PAIR}\.(?P<split>test|train)\.\d+\.cc\.trans"),
    "muse": re.compile(rf"{_PAIR}(\.(?P<range>0-5000|5000-6500))?(\.(?P<part>nw|n|v|a|pn|o))?\.txt"),
    "semeval17": re.compile(r"(?P<source>[a-z]{2})(-(?P<target>[a-z]{2}))?\.(?P<split>test|trial)(\.data)?\.txt"),
}
_PACKED = (".gz", ".xz", ".zst")
# Which part of MUSE a range of ranks is; the file without one holds all of it.
_MUSE = {"5000-6500": "test", "0-5000": "train", None: "train"}
_KNOWN = "yacle.test.freq.2k.en-tr.tsv, en-tr.test.2000.cc.trans, en-tr.5000-6500.txt or en-tr.test.txt"

_LOADER = "xl_tasks.datasets.lexical.lexical_files:lexical_tasks"

BLI = Task(
    name="bli",
    kind="lexical",
    title="bilingual lexicon induction",
    description="How often the nearest target word of a source word is its translation in a dictionary.",
    metrics=("p@1", "p@5", "p@10", "mrr", "strict p@1", "strict p@5", "strict p@10", "strict mrr"),
    folders=("bli_xling", "xling-eval", "bli_panlex", "panlex-bli", "muse_pos", "MUSE", "dictionaries"),
    layout="yacle.test.freq.2k.en-tr.tsv (XLing), en-tr.test.2000.cc.trans (PanLex), en-de.5000-6500.txt (MUSE)",
    loader=_LOADER,
    reads={"resamples": ""},  # similarity's correlations are no sums over items
    languages="the pairs of the folder's dictionaries",
    licence="XLing: none stated; PanLex-BLI: Apache-2.0; MUSE: CC-BY-NC-4.0",
    source="github.com/codogogo/xling-eval, github.com/cambridgeltl/panlex-bli, github.com/facebookresearch/MUSE",
    also=("MUSE", "XLing", "PanLex-BLI", "lexicon induction", "word translation"),
)

SIMILARITY = Task(
    name="similarity",
    kind="lexical",
    title="word similarity",
    description="Correlation of cosines of word pairs with the similarity that people gave, SemEval-2017 Task 2.",
    metrics=("harmonic", "pearson", "spearman"),
    folders=("semeval17_task2", "SemEval17-Task2", "semeval17-2"),
    layout="en.test.txt and en-fa.test.txt: word1<TAB>word2<TAB>0 to 4; or en.test.data.txt with en.test.gold.txt",
    loader=_LOADER,
    languages="en de es fa it and their pairs",
    licence="none stated",
    source="alt.qcri.org/semeval2017/task2",
    also=("SemEval-2017 Task 2", "SemEval17", "word-similarity"),
)


@dataclass(frozen=True)
class _File:
    path: Path
    name: str
    source: str
    target: str
    split: str
    part: str


def lexical_tasks(
    folder: Path | str,
    *,
    kind: str = "",
    languages: Iterable[str] | None = None,
    split: str = "test",
    by_part: bool = False,
    on_error: str = "stop",
) -> list[LexicalSet]:
    """The sets in `folder` and below it, by name of the data set, source and target.

    kind: "bli" or "similarity"; both by default. languages: in any spelling; a set is read when both its languages are
    among them, all sets by default. split: "test" or, for similarity, "dev". by_part: also a set for each part of
    speech of MUSE's test words, where the files tell them apart; together they make the set that is always there.
    on_error: skip leaves out lines that are no pair and tells of them in `LexicalSet.skipped`.

    Files of one language pair are joined, pairs that are there twice counted once. TaskError where nothing is found or
    a language has no set, StaticembError with `file:line` for a broken line.
    """
    folder = Path(folder)
    if not folder.is_dir():
        message = f"{folder}: no such folder; name one with dictionaries or similarity pairs."
        raise TaskError(message)
    files = [file for path in sorted(folder.rglob("*")) if (file := _recognised(path)) is not None]
    files = [file for file in files if kind in ("", _kind(file.name))]
    if not files:
        message = f"{folder}: no {kind or 'lexical'} file with a known name, such as {_KNOWN}."
        raise TaskError(message)
    if languages is not None:
        having = {code: None for file in files for code in (file.source, file.target)}
        codes = {resolve_language(spelling, having, where=str(folder)) for spelling in languages}
        files = [file for file in files if {file.source, file.target} <= codes]
    groups: dict[tuple[str, str, str], list[_File]] = {}
    for file in files:
        groups.setdefault((file.name, file.source, file.target), []).append(file)
    sets = []
    for group in (groups[key] for key in sorted(groups)):
        tested = [file for file in group if file.split == split]
        parts = sorted({file.part for file in tested if file.part}) if by_part else []
        whole = [file for file in tested if not file.part] or tested
        for chosen in ([whole] if whole else []) + [[file for file in tested if file.part == part] for part in parts]:
            part = chosen[0].part if chosen is not whole else ""
            sets.append(_read(chosen, [file for file in group if file.split == "train"], part, on_error))
    if not sets:
        message = f"{folder}: no {split} set of these languages; its language pairs: {_pairs_of(files)}."
        raise TaskError(message)
    return sets


def _recognised(path: Path) -> _File | None:
    bare = path.name
    for suffix in _PACKED:
        bare = bare.removesuffix(suffix)
    for name, pattern in _PATTERNS.items():
        match = pattern.fullmatch(bare)
        if match is None or not path.is_file():
            continue
        parts = match.groupdict()
        try:
            source = language(parts["source"])
            target = language(parts["target"] or parts["source"])
        except TranslitError:
            # de-facto.txt: no pair of languages
            return None
        split = _MUSE[parts["range"]] if name == "muse" else {"trial": "dev"}.get(parts["split"], parts["split"])
        return _File(path, name, source, target, split, parts.get("part") or "")
    return None


def _kind(name: str) -> str:
    return "similarity" if name == "semeval17" else "bli"


def _read(files: Sequence[_File], training: Sequence[_File], part: str, on_error: str) -> LexicalSet:
    one, skipped = files[0], []
    name = f"{one.name}.{part}" if part else one.name
    golds: tuple[float, ...] = ()
    if _kind(one.name) == "similarity":
        rated = [pair for file in files for pair in _rated(file.path, on_error, skipped)]
        pairs = [(pair.source, pair.target) for pair in rated]
        golds = tuple(pair.gold for pair in rated)
    else:
        pairs = list(dict.fromkeys(pair for file in files for pair in _dictionary(file.path, on_error, skipped)))
    if not pairs:
        message = f"{one.path}: no line of it is a pair; the first fault: {skipped[0] if skipped else 'it is empty'}"
        raise TaskError(message)
    tested = set(pairs)
    others = dict.fromkeys(pair for file in training for pair in _dictionary(file.path, on_error, []))
    return LexicalSet(
        name=name,
        kind=_kind(one.name),
        source=one.source,
        target=one.target,
        split=one.split,
        pairs=tuple(pairs),
        golds=golds,
        others=tuple(pair for pair in others if pair not in tested),
        files=tuple(str(file.path) for file in files),
        skipped=tuple(skipped),
    )


def _dictionary(path: Path, on_error: str, skipped: list[str]) -> list[tuple[str, str]]:
    lines = list(read_lines(path))
    try:
        return parse_dictionary(lines, str(path))
    except StaticembError:
        if on_error == "stop":
            raise
    pairs = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            pairs += parse_dictionary([line], str(path))
        except StaticembError as error:
            skipped.append(str(error).replace(f"{path}:1:", f"{path}:{number}:", 1))
    return pairs


def _rated(path: Path, on_error: str, skipped: list[str]) -> list[GoldPair]:
    lines, keys = list(read_lines(path)), keys_path(path)
    try:
        return parse_similarity(lines, str(path), None if keys is None else (read_lines(keys), str(keys)))
    except StaticembError:
        # Pairs and numbers in two files belong together by line, so no line can go alone.
        if on_error == "stop" or keys is not None:
            raise
    pairs = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            # A line before it, so that it is not taken for a header.
            pairs += parse_similarity(["-\t-\t0", line], str(path))[1:]
        except StaticembError as error:
            skipped.append(str(error).replace(f"{path}:2:", f"{path}:{number}:", 1))
    return pairs


def _pairs_of(files: Sequence[_File]) -> str:
    return ", ".join(sorted({f"{file.source} to {file.target} ({file.name})" for file in files})) or "none"
