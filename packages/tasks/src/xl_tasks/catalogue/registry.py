"""What can be measured, and on which data: plain tables, read without loading anything.

A task is what `xl eval` scores, an entry of `xl_tasks.catalogue`; a data set here is a layout of texts with its loader,
licence and source.
"""

from dataclasses import dataclass

from xl_encoders.registry import unknown_name
from xl_tasks.catalogue import answering, classification, lexical, retrieval, tagging
from xl_tasks.catalogue.task import Task
from xl_tasks.errors import TaskError

TASKS: dict[str, Task] = {
    entry.name: entry
    for entry in (*retrieval.ENTRIES, *classification.ENTRIES, *tagging.ENTRIES, *answering.ENTRIES, *lexical.ENTRIES)
}


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """What a reader wants to know of a data set before using it."""

    name: str
    task: str
    """The task that reads it from any folder, a name of TASKS."""
    description: str
    licence: str
    """As its publisher states it; "unclear" where none is stated."""
    source: str
    languages: str
    """Which languages, in words."""
    layout: str
    """How the files lie in a folder; empty for data that needs none."""
    loader: str
    """"module:function" that reads it."""
    hub_id: str = ""
    revision: str = ""


_ENTRIES = (
    DataSet(
        name="names",
        task="retrieval",
        description="Names of territories, languages, scripts, currencies and cities.",
        licence="Unicode-3.0 (CLDR), BSD-3-Clause (babel)",
        source="CLDR, from the babel library; nothing to download",
        languages="every locale of babel; eng tur mlt ell heb amh arb pes hin by default",
        layout="",
        loader="xl_tasks.datasets.parallel.names:load_names",
    ),
    DataSet(
        name="sib200",
        task="retrieval",
        description="1,004 sentences of Wikimedia articles (FLORES-200) with topic labels, the same in every language.",
        licence="CC-BY-SA-4.0",
        source="github.com/dadelani/sib-200, data/annotated",
        languages="205 languages, folders LLL_Ssss",
        layout="LLL_Ssss/{train,dev,test}.tsv",
        loader="xl_tasks.datasets.parallel.sib200:load_sib200",
    ),
    DataSet(
        name="tatoeba",
        task="retrieval",
        description="Up to 1,000 short sentences a language, each set with its own English translation.",
        licence="CC-BY-2.0-FR",
        source="github.com/facebookresearch/LASER, data/tatoeba/v1",
        languages="112 languages against English",
        layout="tatoeba.XXX-eng.XXX and tatoeba.XXX-eng.eng",
        loader="xl_tasks.datasets.parallel.tatoeba:load_tatoeba",
    ),
    DataSet(
        name="bible",
        task="retrieval",
        description="Verses under book*1,000,000 + chapter*1,000 + verse.",
        licence="differs by translation",
        source="any collection of translations, one file a language",
        languages="as the files say",
        layout="LLL_Ssss.tsv.gz (verse id, TAB, text), sub-folders too",
        loader="xl_tasks.datasets.parallel.bible:load_bible",
    ),
    DataSet(
        name="lines",
        task="retrieval",
        description="Your own text, a line an item; line 17 of one file translates line 17 of the other.",
        licence="yours",
        source="yours",
        languages="as the files say; any spelling of a language is a file name",
        layout="LLL_Ssss.txt[.gz|.zst|.xz], or tr.txt",
        loader="xl_tasks.datasets.parallel.lines:load_lines",
    ),
)
DATASETS = {entry.name: entry for entry in _ENTRIES}


def data_set(name: str) -> DataSet:
    """The entry called `name`; TaskError with the nearest known name otherwise."""
    if name not in DATASETS:
        raise TaskError(unknown_name("data set", name, DATASETS))
    return DATASETS[name]


def task(name: str) -> Task:
    """The task called `name`, in any case, or by another name that it has; TaskError with the nearest one otherwise."""
    wanted = _folded(name)
    for entry in TASKS.values():
        if wanted in map(_folded, (entry.name, entry.title, *entry.also)):
            return entry
    raise TaskError(unknown_name("task", name, TASKS))


def _folded(name: str) -> str:
    """Small letters and digits alone: PAN-X and panx are one name."""
    return "".join(char for char in name.lower() if char.isalnum())
