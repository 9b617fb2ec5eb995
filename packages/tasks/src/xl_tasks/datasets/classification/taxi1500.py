"""Taxi1500: verses in six classes, labelled once and carried to any Bible by their ids (Ma et al., 2025)."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from xl_tasks.catalogue.task import Task
from xl_tasks.datasets.parallel.bible import load_bible
from xl_tasks.datasets.readers.by_language import choose
from xl_tasks.datasets.readers.delimited import Record, header, read_table
from xl_tasks.datasets.readers.labelled import Labelled, chosen_splits
from xl_tasks.datasets.readers.split_patterns import SPLIT, files_by_split, files_under
from xl_tasks.errors import TaskError
from xl_tasks.examples import Examples, TextExample
from xl_tasks.texts import ParallelTexts, resolve_language

LABELS = ("Recommendation", "Faith", "Description", "Sin", "Grace", "Violence")

_COLUMNS = ("id", "label", "verse")
_NAME = re.compile(rf"(?:.*/)?(?P<language>[a-z]{{2,3}}(?:_[A-Z][a-z]{{3}})?)_(?P<split>{SPLIT})\.tsv")
_VERSE_ID = re.compile(r"[0-9]{8}")

TAXI1500 = Task(
    name="taxi1500",
    kind="classification",
    title="Taxi1500",
    description="The class of a Bible verse, 6 classes; 860/106/111 labels by verse id, carried to any Bible.",
    metrics=("macro_f1", "accuracy"),
    folders=("taxi1500", "Taxi1500"),
    layout="eng_{train,dev,test}.tsv (verse id, label, text); other languages' verses from the folder bible",
    loader="xl_tasks.datasets.classification.taxi1500:load_taxi1500",
    companions=("bible",),
    languages="English, and every language with a Bible",
    licence="Apache-2.0 (labels); differs by translation",
    source="github.com/cisnlp/Taxi1500, eng_data",
    also=("taxi",),
)


def load_taxi1500(
    path: Path | str,
    languages: Iterable[str] | None = None,
    *,
    on_error: str = "stop",
    bible: Path | str | None = None,
    splits: Iterable[str] | None = None,
) -> Examples[TextExample]:
    """The labelled verses in the languages of `path` and of `bible`; key = verse id.

    path: a folder with LLL_train.tsv, LLL_dev.tsv, LLL_test.tsv (verse id, label, text; "eng" as published).
    languages: which to read, in any spelling; all by default. splits: likewise.
    on_error: "stop", or "skip" to leave out broken lines and, in all languages, verses with two labels.
    bible: a folder of verses by id (see `load_bible`); a language without files of its own takes its text from there
    and the labels from the files. Verses that its Bible lacks are left out and lower `Examples.coverage`.

    TaskError for a folder without such files and a language that neither has; under "stop" also with `file:line` for
    a broken line, an unknown label, a repeated id and a verse with two labels.
    """
    path, split_names = Path(path), chosen_splits(splits)
    files = files_by_split(path, files_under(path), (_NAME,))
    if not files:
        message = f"{path}: no labelled verses such as eng_train.tsv."
        raise TaskError(message)
    asked = None if languages is None else list(languages)
    carried = _bible_of(path, files, asked, bible)
    sources = {**dict.fromkeys(carried.texts if carried else ()), **files}
    chosen = choose(sources, asked, where=str(path))
    labelled = Labelled("taxi1500", LABELS, on_error=on_error)
    labels, contested = _labels(files, split_names)
    for code in chosen:
        for split, file in sorted(files.get(code, {}).items()):
            if split in split_names:
                labelled.open(code, split)
                for record in _records(file):
                    if record.fault:
                        labelled.fault(code, split, record.fault)
                        continue
                    key, label, text = (record.fields[name] for name in _COLUMNS)
                    if (split, key) in contested:
                        labelled.fault(code, split, contested[split, key])
                        continue
                    labelled.add(code, split, record.where, key=key, first=text, label=label)
    for code in chosen:
        if code in files or carried is None:
            continue
        for split, lines in labels.items():
            labelled.open(code, split)
            for key, (where, label) in lines.items():
                if (split, key) in contested:
                    labelled.fault(code, split, contested[split, key])
                elif label not in LABELS:  # its own language's files say so already, if they are read
                    labelled.fault(
                        code, split, f"{where}: the label {label[:60]!r} is unknown; known: {', '.join(LABELS)}."
                    )
                elif key in carried.texts[code]:
                    labelled.add(code, split, where, key=key, first=carried.texts[code][key], label=label)
                else:
                    labelled.without(code, split)
    return labelled.examples()


def _bible_of(path: Path, files: dict, asked: list[str] | None, bible: Path | str | None) -> ParallelTexts | None:
    """The verses of the languages asked for that have no files of their own; None where none is needed."""
    if asked is None:
        return None if bible is None else load_bible(bible)
    without = [spelling for spelling in asked if not _has(files, spelling)]
    if not without:
        return None
    if bible is None:
        message = (
            f"{path}: it has {', '.join(sorted(files))} only; the text of {', '.join(without)} comes from a folder of "
            "Bibles, which is not given."
        )
        raise TaskError(message)
    return load_bible(bible, without)


def _has(files: dict, spelling: str) -> bool:
    try:
        resolve_language(spelling, files, where="")
    except TaskError:
        return False
    return True


def _records(file: Path) -> Iterator[Record]:
    """The lines of a file with or without a header, whose fields are id, label and verse."""
    named = not _VERSE_ID.fullmatch(header(file)[0]) if header(file) else False
    # A header is told by its first field, which is no verse id; a broken first line is then taken for one.
    for record in read_table(file, _COLUMNS):
        if named and record.where.endswith(":1") and _is_header(record):
            continue
        if not record.fault and not _VERSE_ID.fullmatch(record.fields["id"]):
            fault = f"{record.where}: {record.fields['id'][:60]!r} is no verse id of eight digits."
            yield Record(record.where, record.fields, fault)
        else:
            yield record


def _is_header(record: Record) -> bool:
    return "label" in {field.casefold() for field in record.fields.values()}


def _labels(
    files: dict[str, dict[str, Path]], splits: Iterable[str]
) -> tuple[dict[str, dict[str, tuple[str, str]]], dict[tuple[str, str], str]]:
    """Split -> verse id -> (where, label), from the files of all languages; and what to say of verses with two labels.

    No line says which label of such a verse is right, so it is a fault in every language.
    """
    labels: dict[str, dict[str, tuple[str, str]]] = {}
    contested: dict[tuple[str, str], str] = {}
    for split in splits:
        for by_split in files.values():
            for record in _records(by_split[split]) if split in by_split else ():
                if record.fault:
                    continue
                key, label = record.fields["id"], record.fields["label"]
                where, stated = labels.setdefault(split, {}).setdefault(key, (record.where, label))
                if label != stated:
                    message = f"{record.where}: verse {key} is {label[:60]!r} here, but {stated[:60]!r} at {where}."
                    contested.setdefault((split, key), message)
    return labels, contested
