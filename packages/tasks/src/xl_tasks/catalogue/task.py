"""The metadata of one task on one data set."""

from collections.abc import Mapping
from dataclasses import dataclass, field

TASK_KINDS = ("retrieval", "classification", "tagging", "answering", "lexical")


@dataclass(frozen=True, kw_only=True)
class Task:
    """What `xl eval NAME` scores: a data set with its kind of task, where it lies, and how it is read."""

    name: str
    kind: str
    """One of TASK_KINDS."""
    title: str
    """How papers call it."""
    description: str
    metrics: tuple[str, ...]
    """Names of the metrics in its rows, the main one first."""
    folders: tuple[str, ...]
    """Names that its folder may have under the folder of all data; empty for data that needs none."""
    layout: str
    """How the files lie in that folder, in words."""
    loader: str
    """"module:function" that reads it: f(path, languages, *, on_error="stop") -> Examples (see `xl_tasks.examples`) for
    classification, tagging and answering; f(path, languages) -> ParallelTexts for retrieval."""
    options: Mapping[str, object] = field(default_factory=dict)
    """Further keyword arguments that its loader is given where files are read by the task's name."""
    reads: tuple[str, ...] = ()
    """Options of `xl eval`, by their field names, that it has a use for beside those of its kind."""
    test_split: str = "test"
    """The split that is scored; "dev" for a data set whose test set is not public (choices are then not made on it)."""
    train_from: tuple[str, ...] = ()
    """Tasks whose training examples are used where its own files have none, in order (SQuAD for XQuAD)."""
    companions: tuple[str, ...] = ()
    """Folders beside its own that the loader needs too; given to it as keyword arguments of the same name."""
    languages: str = ""
    """Which languages, in words."""
    licence: str = "unclear"
    """As its publisher states it."""
    source: str = ""
    hub_id: str = ""
    hub_loader: str = ""
    """"module:function" that reads it from the hub: f(languages, *, on_error="stop") -> the same as the loader."""
    revision: str = ""
    """Commit of the hub's repository that is read."""
    also: tuple[str, ...] = ()
    """Other names that users type."""
    xtreme: bool = False
    """Whether it is one of the nine tasks of XTREME (Hu et al., 2020)."""
