"""XNLI: does a premise entail, contradict or leave open a hypothesis, in 15 languages (Conneau et al., 2018).

Read in the layouts it comes in: XTREME's (`test-tr.tsv`, no header), the publishers' own (`xnli.test.tsv`, with all
languages, and `multinli.train.tr.tsv`) and that of additions such as myXNLI (a column pair for each language).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from xl_tasks.catalogue.task import Task
from xl_tasks.datasets.readers.by_language import choose
from xl_tasks.datasets.readers.delimited import Record, column_names, header, read_table
from xl_tasks.datasets.readers.labelled import (
    Labelled,
    Rows,
    chosen_splits,
    class_name,
    hub_configs,
    hub_splits,
    numbered,
)
from xl_tasks.datasets.readers.split_patterns import SPLIT, SPLIT_NAMES, bare_name, files_under
from xl_tasks.errors import TaskError
from xl_tasks.examples import Examples, TextExample
from xl_translit import TranslitError, language

LABELS = ("entailment", "neutral", "contradiction")
HUB_ID = "facebook/xnli"
# Pinned so by several public evaluations; its test split has 5,010 rows in each configuration.
REVISION = "b8dd5d7af51114dbda02c0e3f6133f332186418e"
LANGUAGES = ("ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh")

# MultiNLI's translations spell it so.
_SPELLINGS = {"contradictory": "contradiction"}
_NO_LABEL = "-"
_FIRST, _SECOND, _LABEL = ("sentence1", "premise"), ("sentence2", "hypothesis", "hypo"), ("gold_label", "label")
_PLAIN = ("premise", "hypothesis", "label")
_NAMES = (
    re.compile(rf"(?P<split>{SPLIT})-(?P<language>[A-Za-z_]+)\.tsv"),
    re.compile(rf"multinli\.(?P<split>{SPLIT})\.(?P<language>[A-Za-z_]+)\.tsv"),
    re.compile(rf"xnli\.(?P<split>{SPLIT})\.tsv"),
    re.compile(rf"(?P<language>[a-z]{{2,3}})\.(?:genre\.)?(?P<split>{SPLIT})(?:\..*)?\.tsv"),
)

XNLI = Task(
    name="xnli",
    kind="classification",
    title="XNLI",
    description="Does a premise entail, contradict or leave open a hypothesis; 2,490 dev and 5,010 test pairs.",
    metrics=("accuracy", "macro_f1"),
    folders=("xnli", "XNLI", "XNLI-1.0"),
    layout="{train,dev,test}-LL.tsv, or xnli.{dev,test}.tsv and multinli.train.LL.tsv, or LL.genre.dev.tsv",
    loader="xl_tasks.datasets.classification.xnli:load_xnli",
    languages="ar bg de el en es fr hi ru sw th tr ur vi zh; others (myXNLI) in the same layouts",
    licence="CC-BY-NC-4.0",
    source="github.com/facebookresearch/XNLI; train: MultiNLI and its translations",
    hub_id=HUB_ID,
    hub_loader="xl_tasks.datasets.classification.xnli:load_xnli_hub",
    revision=REVISION,
    also=("mnli",),
    mixed_options={},
    xtreme=True,
)


def load_xnli(
    path: Path | str,
    languages: Iterable[str] | None = None,
    *,
    on_error: str = "stop",
    splits: Iterable[str] | None = None,
) -> Examples[TextExample]:
    """The pairs under `path`: first = premise, second = hypothesis; key = pairID, or else the number of the row.

    path: a folder with files of any of the layouts, in sub-folders too, or one such file.
    languages: which to read, in any spelling; all by default. splits: likewise.
    on_error: "stop", or "skip" to leave broken lines out; files of unequal length stop all the same: which line of one
        answers which of the other is then unknown.

    A pair labelled "-" (the annotators did not agree) is left out and lowers `Examples.coverage`. TaskError for test
    files without labels, as XTREME gives them out, for a language that is not there, for dev or test files of unequal
    length and, under "stop", with `file:line` for a broken line, an unknown label and a repeated id.
    """
    path, split_names = Path(path), chosen_splits(splits)
    views = _views(path, split_names)
    if not views:
        message = f"{path}: no file such as test-tr.tsv, xnli.test.tsv or multinli.train.tr.tsv."
        raise TaskError(message)
    labelled = Labelled("xnli", LABELS, on_error=on_error)
    rows: dict[str, dict[str, list[str]]] = {}
    for code, by_split in choose(views, languages, where=str(path)).items():
        for split, at in by_split.items():
            view = at if isinstance(at, _View) else _view_of(at, code)
            labelled.open(code, split)
            if view.withheld:
                labelled.fault(code, split, view.withheld)
                continue
            places = _read(labelled, code, split, view)
            if split != "train":
                rows.setdefault(split, {})[code] = places
    for split, places_by_language in rows.items():
        _check_equal_length(places_by_language, split)
    return labelled.examples()


def load_xnli_hub(
    languages: Iterable[str] | None, *, on_error: str = "stop", splits: Iterable[str] | None = None
) -> Examples[TextExample]:
    """The same from the hub, at a fixed commit, all languages for None.

    TaskError without network and for a language that is not there.
    """
    rows = hub_splits(HUB_ID, REVISION, hub_configs("xnli", LANGUAGES, languages), chosen_splits(splits))
    return xnli_examples(rows, on_error=on_error)


def xnli_examples(rows: Rows, *, on_error: str = "stop") -> Examples[TextExample]:
    """Examples from the hub's rows (premise, hypothesis, label)."""
    labelled = Labelled("xnli", LABELS, on_error=on_error)
    for (code, split), items in rows.items():
        labelled.open(code, split)
        for number, where, row in numbered(f"{HUB_ID} {code}", split, items):
            texts = str(row["premise"]), str(row["hypothesis"])
            _add(labelled, code, split, where, str(number), texts, class_name(row["label"], LABELS))
    return labelled.examples()


@dataclass(frozen=True)
class _View:
    """One language's part of a file."""

    file: Path
    columns: tuple[str, str, str]
    """Those of premise, hypothesis and label."""
    named: bool
    """Whether the file has a header."""
    language: str = ""
    """What the column `language` says in its rows; empty where the whole file is meant."""
    withheld: str = ""
    """What to say of a file without labels."""


def _views(path: Path, splits: Iterable[str]) -> dict[str, dict[str, "_View | Path"]]:
    """Language code -> split -> where it is read from: a file that its name says to be of this language, or a view."""
    views: dict[str, dict[str, _View | Path]] = {}
    for file in files_under(path):
        match = next((match for pattern in _NAMES if (match := pattern.fullmatch(bare_name(file)))), None)
        if match is None or SPLIT_NAMES[match["split"]] not in splits:
            continue
        split = SPLIT_NAMES[match["split"]]
        name = match.groupdict().get("language", "")
        # What the name tells need not be read; myXNLI's "my.genre.dev.tsv" has English too.
        whole = match.re in _NAMES[:2]
        for stated, view in [(name, file)] if whole else _views_of(file, name):
            try:
                code = language(stated)
            except TranslitError as error:
                message = f"{file}: it states no language ({error})."
                raise TaskError(message) from None
            other = views.setdefault(code, {}).get(split)
            if other is not None:
                there = other.file if isinstance(other, _View) else other
                message = f"{file}: {code} {split} is there already as {there}; keep one of the two."
                raise TaskError(message)
            views[code][split] = view
    return views


def _view_of(file: Path, code: str) -> _View:
    """The part of `file` that is in the language of its name."""
    views = {language(stated): view for stated, view in _views_of(file, code)}
    if code not in views:
        message = f"{file}: its name says {code}, its columns {', '.join(sorted(views))}."
        raise TaskError(message)
    return views[code]


def _views_of(file: Path, stated: str) -> Iterator[tuple[str, _View]]:
    columns = header(file)
    label = next((name for name in _LABEL if name in columns), "")
    if not label:
        withheld = ""
        if len(columns) == 2:
            withheld = (
                f"{file}: two fields a line and no label; XTREME withholds the labels of its test sets: put the "
                "labelled xnli.test.tsv of the publishers in its place."
            )
        yield stated, _View(file, _PLAIN, named=False, withheld=withheld)
        return
    first = next((name for name in _FIRST if name in columns), "")
    second = next((name for name in _SECOND if name in columns), "")
    suffixes = [name.removeprefix("sentence1_") for name in columns if re.fullmatch("sentence1_[a-z]{2,3}", name)]
    if first and second and "language" in columns:
        values = {record.fields.get("language", "") for record in read_table(file) if not record.fault}
        for value in sorted(values):
            yield value, _View(file, (first, second, label), named=True, language=value)
    elif first and second:
        yield stated, _View(file, (first, second, label), named=True)
    elif suffixes:
        for suffix in suffixes:
            yield suffix, _View(file, (f"sentence1_{suffix}", f"sentence2_{suffix}", label), named=True)
    else:
        message = f"{file}:1: no columns of two sentences in the header; it has {column_names(columns)}."
        raise TaskError(message)


def _read(labelled: Labelled, code: str, split: str, view: _View) -> list[str]:
    """Take in the rows of a view; where each of them stands, the broken ones too."""
    places = []
    for record in _records(view):
        places.append(record.where)
        if record.fault:
            labelled.fault(code, split, record.fault)
            continue
        first, second, label = (record.fields[name] for name in view.columns)
        key = record.fields.get("pairID") or str(len(places))
        _add(labelled, code, split, record.where, key, (first, second), label)
    return places


def _records(view: _View) -> Iterator[Record]:
    table = read_table(view.file, needed=view.columns) if view.named else read_table(view.file, view.columns)
    for record in table:
        # A broken line that does not reach the column belongs to nobody, so it counts for everybody.
        if not view.language or record.fields.get("language", view.language) == view.language:
            yield record


def _add(labelled: Labelled, code: str, split: str, where: str, key: str, texts: tuple[str, str], label: str) -> None:
    if label == _NO_LABEL:
        labelled.without(code, split)
    else:
        labelled.add(code, split, where, key=key, first=texts[0], second=texts[1], label=_SPELLINGS.get(label, label))


def _check_equal_length(rows: Mapping[str, list[str]], split: str) -> None:
    shortest = min(rows, key=lambda code: len(rows[code]))
    longest = max(rows, key=lambda code: len(rows[code]))
    if len(rows[shortest]) != len(rows[longest]):
        message = (
            f"{rows[longest][len(rows[shortest])]}: the first {split} row of {longest} without a partner; {shortest} "
            f"has {len(rows[shortest])} rows and {longest} {len(rows[longest])}; row k says the same in every language."
        )
        raise TaskError(message)
