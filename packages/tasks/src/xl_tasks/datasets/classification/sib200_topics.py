"""The topics of SIB-200: seven classes, the same sentences in every language (Adelani et al., 2024)."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from xl_tasks.catalogue.task import Task
from xl_tasks.datasets.parallel.sib200 import HUB_ID, REVISION, sib200_folders
from xl_tasks.datasets.readers.by_language import by_language, choose
from xl_tasks.datasets.readers.delimited import read_table
from xl_tasks.datasets.readers.hub import hub_config_names
from xl_tasks.datasets.readers.labelled import Labelled, Rows, chosen_splits, hub_configs, hub_splits, numbered
from xl_tasks.errors import TaskError
from xl_tasks.examples import Examples, TextExample

LABELS = ("science/technology", "travel", "politics", "sports", "health", "entertainment", "geography")

_COLUMNS = ("index_id", "category", "text")

SIB200 = Task(
    name="sib200",
    kind="classification",
    title="SIB-200",
    description="The topic of a sentence, 7 classes; 701/99/204 sentences, the same in every language.",
    metrics=("macro_f1", "accuracy"),
    folders=("sib200", "sib-200"),
    layout="LLL_Ssss/{train,dev,test}.tsv with columns index_id, category, text",
    loader="xl_tasks.datasets.classification.sib200_topics:load_sib200_topics",
    languages="205 languages",
    licence="CC-BY-SA-4.0",
    source="github.com/dadelani/sib-200, data/annotated",
    hub_id=HUB_ID,
    hub_loader="xl_tasks.datasets.classification.sib200_topics:load_sib200_topics_hub",
    revision=REVISION,
    also=("sib", "topics"),
)


def load_sib200_topics(
    path: Path | str,
    languages: Iterable[str] | None = None,
    *,
    on_error: str = "stop",
    splits: Iterable[str] | None = None,
) -> Examples[TextExample]:
    """The sentences under `path` with their topics; key = index_id.

    path: a folder with one sub-folder a language ("tur_Latn"), each with train.tsv, dev.tsv or test.tsv.
    languages: which to read, in any spelling; all by default. splits: likewise.
    on_error: "stop", or "skip" to leave broken lines out.

    TaskError for a folder without such files, a language that is not there and a header without a needed column; under
    "stop" also with `file:line` for a line with too many or too few fields, an empty field, an unknown topic and a
    repeated id.
    """
    split_names = chosen_splits(splits)
    folders = by_language((folder.name, folder) for folder in sib200_folders(Path(path)))
    if not folders:
        message = f"{path}: no sub-folder with train.tsv, dev.tsv or test.tsv, such as tur_Latn/test.tsv."
        raise TaskError(message)
    labelled = Labelled("sib200", LABELS, on_error=on_error)
    for code, folder in choose(folders, languages, where=str(path)).items():
        for split in split_names:
            file = folder / f"{split}.tsv"
            if not file.is_file():
                continue
            labelled.open(code, split)
            for record in read_table(file, needed=_COLUMNS):
                if record.fault:
                    labelled.fault(code, split, record.fault)
                    continue
                key, label, text = (record.fields[name] for name in _COLUMNS)
                labelled.add(code, split, record.where, key=key, first=text, label=label)
    return labelled.examples()


def load_sib200_topics_hub(
    languages: Iterable[str] | None, *, on_error: str = "stop", splits: Iterable[str] | None = None
) -> Examples[TextExample]:
    """The same from the hub, at a fixed commit, all languages for None.

    TaskError without network and for a language that is not there.
    """
    configs = hub_configs("sib200", partial(hub_config_names, HUB_ID, REVISION), languages)
    rows = hub_splits(HUB_ID, REVISION, configs, chosen_splits(splits))
    return sib200_topics_examples(rows, on_error=on_error)


def sib200_topics_examples(rows: Rows, *, on_error: str = "stop") -> Examples[TextExample]:
    """Examples from the hub's rows (index_id, category, text)."""
    labelled = Labelled("sib200", LABELS, on_error=on_error)
    for (code, split), items in rows.items():
        labelled.open(code, split)
        for _, where, row in numbered(f"{HUB_ID} {code}", split, items):
            labelled.add(
                code, split, where, key=str(row["index_id"]), first=str(row["text"]), label=str(row["category"])
            )
    return labelled.examples()
