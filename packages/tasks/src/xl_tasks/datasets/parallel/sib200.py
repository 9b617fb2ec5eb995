"""SIB-200 in its own layout: a folder a language with train.tsv, dev.tsv and test.tsv (Adelani et al., 2024).

The sentences have the same ids in every language, which makes the data a corpus of parallel sentences.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from xl_tasks.catalogue.task import TOP_METRICS, Task
from xl_tasks.datasets.readers.by_language import by_language, choose
from xl_tasks.datasets.readers.delimited import column_names
from xl_tasks.datasets.readers.hub import hub_config_names
from xl_tasks.datasets.readers.labelled import Rows, chosen_splits, hub_configs, hub_splits, numbered
from xl_tasks.errors import TaskError
from xl_tasks.texts import SPLITS, ParallelTexts
from xl_translit import read_lines

HUB_ID = "Davlan/sib200"
# Pinned so by several public evaluations (a search for the data set's id with "revision" finds them); 204 test rows.
REVISION = "38977a667f6fc264d5c26ec57a01e16db040b358"

_COLUMNS = ("index_id", "text")

SIB200_RETRIEVAL = Task(
    name="sib200-retrieval",
    kind="retrieval",
    title="SIB-200 retrieval",
    description="The 204 test sentences of SIB-200, taken from FLORES-200, the same in every language.",
    metrics=TOP_METRICS,
    folders=("sib200", "sib-200"),
    layout="LLL_Ssss/{train,dev,test}.tsv",
    loader="xl_tasks.datasets.parallel.sib200:load_sib200",
    languages="205 languages",
    licence="CC-BY-SA-4.0",
    source="github.com/dadelani/sib-200, data/annotated",
    hub_id=HUB_ID,
    hub_loader="xl_tasks.datasets.parallel.sib200:load_sib200_hub",
    revision=REVISION,
    corpus="1,004 sentences of Wikimedia articles (FLORES-200) with topic labels, the same in every language.",
    corpus_name="sib200",
)


def load_sib200(
    path: Path | str, languages: Iterable[str] | None = None, *, splits: Iterable[str] | None = None
) -> ParallelTexts:
    """The sentences under `path`, with the data set's own splits; key = index_id.

    path: a folder with one sub-folder a language ("tur_Latn"), each with train.tsv, dev.tsv or test.tsv.
    languages: which to read, in any spelling; all by default. splits: likewise.

    TaskError with `file:line` for a missing column, a line with more or fewer fields than the header, an empty field, a
    repeated id, and an id that two languages put into different splits.
    """
    folders = by_language((folder.name, folder) for folder in sib200_folders(Path(path)))
    if not folders:
        message = f"{path}: no sub-folder with train.tsv, dev.tsv or test.tsv, such as tur_Latn/test.tsv."
        raise TaskError(message)
    texts: dict[str, dict[str, str]] = {}
    split_of: dict[str, str] = {}
    for code, folder in choose(folders, languages, where=str(path)).items():
        texts[code] = {}
        for split in chosen_splits(splits):
            file = folder / f"{split}.tsv"
            for number, key, text in _read(file) if file.exists() else ():
                if key in texts[code]:
                    message = (
                        f"{file}:{number}: index_id {key[:60]!r} appears a second time in {code}; ids must be unique."
                    )
                    raise TaskError(message)
                if split_of.setdefault(key, split) != split:
                    message = (
                        f"{file}:{number}: index_id {key[:60]!r} is in {split} here, but in {split_of[key]} "
                        "for another language; put it into the same split everywhere."
                    )
                    raise TaskError(message)
                texts[code][key] = text
    return ParallelTexts(name="sib200", texts=texts, splits=split_of)


def load_sib200_hub(languages: Iterable[str] | None, *, splits: Iterable[str] | None = None) -> ParallelTexts:
    """The sentences from the hub, at a fixed commit, all languages for None.

    TaskError without network and for a language that is not there.
    """
    configs = hub_configs("sib200", partial(hub_config_names, HUB_ID, REVISION), languages)
    rows = hub_splits(HUB_ID, REVISION, configs, chosen_splits(splits))
    return sib200_texts(rows)


def sib200_texts(rows: Rows) -> ParallelTexts:
    """Sentences from the hub's rows (index_id, text, ...) by language and split."""
    texts: dict[str, dict[str, str]] = {}
    splits: dict[str, str] = {}
    for (code, split), items in rows.items():
        for _, where, row in numbered(f"{HUB_ID} {code}", split, items):
            key = str(row["index_id"])
            if key in texts.setdefault(code, {}) or splits.setdefault(key, split) != split:
                message = f"{where}: index_id {key!r} appears a second time; ids must be unique."
                raise TaskError(message)
            texts[code][key] = str(row["text"])
    return ParallelTexts(name="sib200", texts=texts, splits=splits)


def sib200_folders(path: Path) -> list[Path]:
    """The sub-folders of `path` that look like a language of SIB-200."""
    if not path.is_dir():
        return []
    return sorted(folder for folder in path.iterdir() if any((folder / f"{split}.tsv").is_file() for split in SPLITS))


def _read(file: Path) -> Iterator[tuple[int, str, str]]:
    """(line number, index_id, text) of each data line; the fields are taken as they stand, quotes mean nothing."""
    columns: dict[str, int] = {}
    empty = True
    for number, line in enumerate(read_lines(file), start=1):
        fields = line.split("\t")
        if not columns:
            columns = {name: position for position, name in enumerate(fields)}
            for name in _COLUMNS:
                if name not in columns:
                    message = f"{file}:1: no column {name!r} in the header; it has {column_names(fields)}."
                    raise TaskError(message)
            continue
        if len(fields) != len(columns):
            message = f"{file}:{number}: {len(fields)} fields, but the header names {len(columns)}; separate by TAB."
            raise TaskError(message)
        key, text = (fields[columns[name]] for name in _COLUMNS)
        if not key or not text.strip():
            message = f"{file}:{number}: {'index_id' if not key else 'text'} is empty; give it or remove the line."
            raise TaskError(message)
        empty = False
        yield number, key, text
    if empty:
        message = f"{file}: no sentence in it; a header and at least one line are needed."
        raise TaskError(message)
