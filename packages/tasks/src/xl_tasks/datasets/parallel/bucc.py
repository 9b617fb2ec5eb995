"""BUCC 2018: two monolingual corpora in which few sentences have a translation, to be found (Zweigenbaum et al., 2018).

Files `de-en.training.de`, `de-en.training.en` (id, TAB, sentence) and `de-en.training.gold` (id, TAB, id), likewise
`sample` and `test`; XTREME calls its parts `dev` and `test`. The gold pairs of the task's own test set are not public.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from xl_tasks.catalogue.task import Task
from xl_tasks.datasets.readers.by_language import choose
from xl_tasks.datasets.readers.delimited import read_table
from xl_tasks.datasets.readers.split_patterns import bare_name, files_under
from xl_tasks.errors import TaskError
from xl_translit import TranslitError, language

PARTS = ("sample", "dev", "training", "test")

_NAME = re.compile(rf"([a-z]{{2,3}})-([a-z]{{2,3}})\.({'|'.join(PARTS)})\.([a-z]+)")
_ENGLISH = "eng_Latn"

BUCC2018 = Task(
    name="bucc2018",
    kind="retrieval",
    plan="mine",
    title="BUCC 2018",
    description="Finds the translated sentences of two corpora; the threshold comes from another part of the data.",
    metrics=("f1", "precision", "recall"),
    folders=("bucc2018", "bucc"),
    layout="LL-en.{sample,training,test}.{LL,en,gold}, or XTREME's LL-en.{dev,test}.{LL,en,gold}",
    loader="xl_tasks.datasets.parallel.bucc:load_bucc",
    languages="de fr ru zh against English",
    source="comparable.limsi.fr/bucc2018",
    also=("bucc",),
    xtreme=True,
)


@dataclass(frozen=True, kw_only=True)
class ComparableCorpora:
    """One part of a pair of corpora."""

    languages: tuple[str, str]
    first: Mapping[str, str]
    """id -> sentence of the first language."""
    second: Mapping[str, str]
    gold: frozenset[tuple[str, str]] | None
    """(id, id) of the translations; None where they are not given."""


@dataclass(frozen=True, kw_only=True)
class Mining:
    """The part that a threshold is chosen on, and the part that is scored."""

    tuning: ComparableCorpora
    tuning_part: str
    scored: ComparableCorpora
    scored_part: str


def load_bucc(
    path: Path | str, languages: Iterable[str] | None = None
) -> dict[tuple[str, str], dict[str, ComparableCorpora]]:
    """(language, English) -> part -> corpora under `path`.

    path: a folder with the files, in sub-folders too.
    languages: those whose pair with English to read, in any spelling; all by default.

    TaskError where no part is complete, and with `file:line` for a broken line, a repeated id and a gold pair of a
    sentence that is not there.
    """
    paths: dict[str, dict[str, dict[str, Path]]] = {}
    for file in files_under(Path(path)):
        match = _NAME.fullmatch(bare_name(file))
        if match is None or match[4] not in (match[1], match[2], "gold"):
            continue
        side = {match[1]: "first", match[2]: "second", "gold": "gold"}[match[4]]
        try:
            codes = language(match[1]), language(match[2])
        except TranslitError as error:
            message = f"{file}: its name states no language ({error})."
            raise TaskError(message) from None
        if codes[1] != _ENGLISH:
            continue
        parts = paths.setdefault(codes[0], {}).setdefault(match[3], {})
        if side in parts:
            message = f"{file}: it is there already as {parts[side]}; keep one of the two."
            raise TaskError(message)
        parts[side] = file
    if not paths:
        message = f"{path}: no file such as de-en.training.de."
        raise TaskError(message)
    asked = (
        None
        if languages is None
        else [spelling for spelling in languages if spelling != _ENGLISH and not _english(spelling)]
    )
    chosen = choose(paths, asked or None, where=str(path))
    return {
        (code, _ENGLISH): {part: _read((code, _ENGLISH), parts[part]) for part in PARTS if part in parts}
        for code, parts in chosen.items()
    }


def tuning_and_scored(pair: tuple[str, str], parts: Mapping[str, ComparableCorpora]) -> Mining:
    """Which part the threshold is chosen on and which is scored, by the gold pairs that there are.

    Scored is the test part, or the training part where the test part has no gold pairs; the threshold comes from
    another part: training, dev or sample, in this order. TaskError where there are not two parts with gold pairs.
    """
    having = [part for part in ("test", "training", "dev", "sample") if part in parts and parts[part].gold]
    if len(having) < 2:
        message = (
            f"bucc2018 {'-'.join(pair)}: gold pairs for {', '.join(having) or 'no part'} only; mining needs them for "
            "two parts, one to choose the threshold on and one to score."
        )
        raise TaskError(message)
    scored, tuning = having[0], having[1]
    return Mining(tuning=parts[tuning], tuning_part=tuning, scored=parts[scored], scored_part=scored)


def _english(spelling: str) -> bool:
    try:
        return language(spelling) == _ENGLISH
    except TranslitError:
        return False


def _read(pair: tuple[str, str], files: Mapping[str, Path]) -> ComparableCorpora:
    for side in ("first", "second"):
        if side not in files:
            there = next(iter(files.values()))
            message = f"{there}: the corpus of {pair[side == 'second']} that belongs to it is not there."
            raise TaskError(message)
    first, second = _sentences(files["first"]), _sentences(files["second"])
    gold = _gold(files["gold"], first, second) if "gold" in files else None
    return ComparableCorpora(languages=pair, first=first, second=second, gold=gold)


def _sentences(file: Path) -> dict[str, str]:
    sentences: dict[str, str] = {}
    for record in read_table(file, ("id", "sentence")):
        if record.fault:
            raise TaskError(record.fault)
        key = record.fields["id"]
        if key in sentences:
            message = f"{record.where}: id {key[:60]!r} appears a second time; ids must be unique."
            raise TaskError(message)
        sentences[key] = record.fields["sentence"]
    return sentences


def _gold(file: Path, first: Mapping[str, str], second: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    pairs = set()
    for record in read_table(file, ("id", "id of the translation")):
        if record.fault:
            raise TaskError(record.fault)
        one, other = record.fields.values()
        for key, side in ((one, first), (other, second)):
            if key not in side:
                message = (
                    f"{record.where}: there is no sentence {key[:60]!r}; gold pairs name sentences of the two corpora."
                )
                raise TaskError(message)
        pairs.add((one, other))
    return frozenset(pairs)
