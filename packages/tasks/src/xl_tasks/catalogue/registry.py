"""What can be measured, and on which data: plain tables, read without loading anything heavy.

A data set is one module in `xl_tasks.datasets`, its reader with its metadata, and one line here.
"""

from collections.abc import Iterable
from importlib import import_module

from xl_encoders.registry import unknown_name
from xl_tasks.catalogue.task import Task
from xl_tasks.errors import TaskError

# "module:RECORD" below `xl_tasks.datasets`; listings have this order.
_SCORED = (
    "parallel.formats:RETRIEVAL",
    "parallel.tatoeba:TATOEBA",
    "parallel.bible:BIBLE",
    "parallel.sib200:SIB200_RETRIEVAL",
    "parallel.flores:FLORES",
    "parallel.names:NAMES",
    "parallel.bucc:BUCC2018",
    "classification.sib200_topics:SIB200",
    "classification.taxi1500:TAXI1500",
    "classification.xnli:XNLI",
    "classification.pawsx:PAWSX",
    "tagging.panx:PANX",
    "tagging.masakhaner:MASAKHANER",
    "tagging.uner:UNER",
    "tagging.conllu:UDPOS",
    "tagging.conll:CONLL",
    "answering.question_hub:XQUAD",
    "answering.question_hub:TYDIQA",
    "answering.question_hub:MLQA",
    "answering.question_hub:SQUAD",
    "lexical.lexical_files:BLI",
    "lexical.lexical_files:SIMILARITY",
)
# Those whose texts are read for training and measuring too.
_CORPORA = (
    "parallel.names:NAMES",
    "parallel.sib200:SIB200_RETRIEVAL",
    "parallel.tatoeba:TATOEBA",
    "parallel.bible:BIBLE",
    "parallel.lines:LINES",
)


def _records(addresses: Iterable[str]) -> list[Task]:
    pairs = [address.split(":") for address in addresses]
    return [getattr(import_module(f"xl_tasks.datasets.{module}"), name) for module, name in pairs]


TASKS: dict[str, Task] = {entry.name: entry for entry in _records(_SCORED)}
"""What `xl eval` scores, by name."""
DATASETS: dict[str, Task] = {entry.corpus_name or entry.name: entry for entry in _records(_CORPORA)}
"""Texts for training and measuring, by the name that `ParallelTexts` of them have."""


def data_set(name: str) -> Task:
    """The texts called `name`; TaskError with the nearest known name otherwise."""
    if name not in DATASETS:
        raise TaskError(unknown_name("data set", name, DATASETS))
    return DATASETS[name]


def task(name: str) -> Task:
    """The task called `name`, in any case, or by another name that it has; TaskError with the nearest one otherwise."""
    folded = _folded(name)
    for entry in TASKS.values():
        if folded in map(_folded, (entry.name, entry.title, *entry.also)):
            return entry
    raise TaskError(unknown_name("task", name, TASKS))


def _folded(name: str) -> str:
    """Small letters and digits alone: PAN-X and panx are one name."""
    return "".join(char for char in name.lower() if char.isalnum())
