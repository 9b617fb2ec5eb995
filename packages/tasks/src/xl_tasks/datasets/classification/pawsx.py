"""PAWS-X: are two sentences paraphrases, in seven languages (Yang et al., 2019).

Read in the publishers' layout (`x-final/fr/test_2k.tsv`, header id, sentence1, sentence2, label) and in XTREME's
(`test-fr.tsv`, no header and no id).
"""

import re
from collections.abc import Iterable
from pathlib import Path

from xl_tasks.catalogue.task import Task
from xl_tasks.datasets.readers.by_language import choose
from xl_tasks.datasets.readers.delimited import header, read_table
from xl_tasks.datasets.readers.labelled import (
    Labelled,
    Rows,
    chosen_splits,
    class_name,
    hub_configs,
    hub_splits,
    numbered,
)
from xl_tasks.datasets.readers.split_patterns import SPLIT, files_by_split, files_under
from xl_tasks.errors import TaskError
from xl_tasks.examples import Examples, TextExample

LABELS = ("0", "1")
HUB_ID = "google-research-datasets/paws-x"
# Pinned so by several public evaluations; one configuration a language.
REVISION = "4cd8187c404bda33cb1f62b49b001115862acf37"
LANGUAGES = ("de", "en", "es", "fr", "ja", "ko", "zh")

_COLUMNS = ("sentence1", "sentence2", "label")
_NAMES = (
    re.compile(rf"(?:.*/)?(?P<split>{SPLIT})-(?P<language>[A-Za-z_]+)\.tsv"),
    re.compile(rf"(?:.*/)?(?P<language>[a-z]{{2,3}})/(?P<split>{SPLIT})\.tsv"),
)

PAWSX = Task(
    name="pawsx",
    kind="classification",
    title="PAWS-X",
    description="Are two sentences paraphrases; 49,401 training, 2,000 dev and 2,000 test pairs.",
    metrics=("accuracy", "macro_f1"),
    folders=("pawsx", "PAWSX", "paws-x", "x-final"),
    layout="{train,dev,test}-LL.tsv, or x-final/LL/{train,translated_train,dev_2k,test_2k}.tsv",
    loader="xl_tasks.datasets.classification.pawsx:load_pawsx",
    languages="de en es fr ja ko zh",
    licence="free for any purpose, with acknowledgement of Google",
    source="github.com/google-research-datasets/paws, pawsx",
    hub_id=HUB_ID,
    hub_loader="xl_tasks.datasets.classification.pawsx:load_pawsx_hub",
    revision=REVISION,
    also=("paws-x",),
    mixed_options={},
    xtreme=True,
)


def load_pawsx(
    path: Path | str,
    languages: Iterable[str] | None = None,
    *,
    on_error: str = "stop",
    splits: Iterable[str] | None = None,
) -> Examples[TextExample]:
    """The pairs under `path`; key = id, or the number of the row where the files have none.

    path: a folder with files of one of the layouts, in sub-folders too, or one such file.
    languages: which to read, in any spelling; all by default. splits: likewise.
    on_error: "stop", or "skip" to leave broken lines out.

    A pair with a sentence that was not translated ("NS") is left out and lowers `Examples.coverage`. TaskError for a
    folder without such files, test files without labels, a language that is not there and, under "stop", with
    `file:line` for a broken line, an unknown label and a repeated id.
    """
    path, split_names = Path(path), chosen_splits(splits)
    files = files_by_split(path, files_under(path), _NAMES)
    if not files:
        message = f"{path}: no file such as test-fr.tsv or x-final/fr/test_2k.tsv."
        raise TaskError(message)
    labelled = Labelled("pawsx", LABELS, on_error=on_error)
    for code, by_split in choose(files, languages, where=str(path)).items():
        for split, file in sorted(by_split.items()):
            if split in split_names:
                labelled.open(code, split)
                _read(labelled, code, split, file)
    return labelled.examples()


def load_pawsx_hub(
    languages: Iterable[str] | None, *, on_error: str = "stop", splits: Iterable[str] | None = None
) -> Examples[TextExample]:
    """The same from the hub, at a fixed commit, all languages for None.

    TaskError without network and for a language that is not there.
    """
    rows = hub_splits(HUB_ID, REVISION, hub_configs("pawsx", LANGUAGES, languages), chosen_splits(splits))
    return pawsx_examples(rows, on_error=on_error)


def pawsx_examples(rows: Rows, *, on_error: str = "stop") -> Examples[TextExample]:
    """Examples from the hub's rows (id, sentence1, sentence2, label)."""
    labelled = Labelled("pawsx", LABELS, on_error=on_error)
    for (code, split), items in rows.items():
        labelled.open(code, split)
        for _, where, row in numbered(f"{HUB_ID} {code}", split, items):
            texts = str(row["sentence1"]), str(row["sentence2"])
            _add(labelled, code, split, where, str(row["id"]), texts, class_name(row["label"], LABELS))
    return labelled.examples()


def _read(labelled: Labelled, code: str, split: str, file: Path) -> None:
    columns = header(file)
    if len(columns) == 2:
        message = (
            f"{file}: two fields a line and no label; XTREME withholds the labels of its test sets: put the labelled "
            "test_2k.tsv of the publishers in its place."
        )
        labelled.fault(code, split, message)
        return
    named = "sentence1" in columns
    table = read_table(file, needed=("id", *_COLUMNS)) if named else read_table(file, _COLUMNS)
    for number, record in enumerate(table, start=1):
        if record.fault:
            labelled.fault(code, split, record.fault)
            continue
        first, second, label = (record.fields[name] for name in _COLUMNS)
        key = record.fields["id"] if named else str(number)
        _add(labelled, code, split, record.where, key, (first, second), label)


def _add(labelled: Labelled, code: str, split: str, where: str, key: str, texts: tuple[str, str], label: str) -> None:
    # A Korean file has it in small letters; the sentence may have been lost to either side.
    if any(text.strip().upper() == "NS" for text in texts) or label == "-":
        labelled.without(code, split)
    else:
        labelled.add(code, split, where, key=key, first=texts[0], second=texts[1], label=label)
