"""The metadata of one data set and of the task on it; stated once, in the module that reads it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from xl_encoders.registry import unknown_name
from xl_tasks.errors import TaskError


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What the tasks of a kind have in common."""

    plan: str
    """How they are scored: "search" (pairs of languages), "mine" (pairs of corpora), "fit" (models fitted to labels) or
    "words" (word pairs)."""
    probed: bool = False
    """Whether a linear model on frozen states can be fitted to them."""
    pooled: bool = True
    """Whether such a model reads a vector a text; else a state a word."""


KINDS: Mapping[str, Kind] = {
    "retrieval": Kind(plan="search"),
    "classification": Kind(plan="fit", probed=True),
    "tagging": Kind(plan="fit", probed=True, pooled=False),
    "answering": Kind(plan="fit", pooled=False),
    "lexical": Kind(plan="words"),
}
TASK_KINDS = tuple(KINDS)

# Metrics of tasks of a kind, the main one first.
TOP_METRICS = ("top1", "top5", "top10")
ENTITY_METRICS = ("f1", "precision", "recall", "macro_f1", "accuracy")
ANSWER_METRICS = ("f1", "em", "f1_language", "em_language")


@dataclass(frozen=True, kw_only=True)
class Task:
    """What `xl eval NAME` scores: a data set with its kind of task, where it lies, and how it is read.

    TaskError for a kind that is none of KINDS.
    """

    name: str
    kind: str
    """A name of KINDS."""
    title: str
    """How papers call it."""
    description: str
    metrics: tuple[str, ...]
    """Names of the metrics in its rows, the main one first; empty for a data set that no task is called after."""
    folders: tuple[str, ...] = ()
    """Names that its folder may have under the folder of all data; empty for data that needs none."""
    layout: str
    """How the files lie in that folder, in words; empty for data of a library."""
    loader: str
    """"module:function" that reads it: f(path, languages, *, on_error="stop", splits=None) -> Examples (see
    `xl_tasks.examples`) for classification, tagging and answering; f(path, languages, *, splits=None) -> ParallelTexts
    for retrieval; f(languages) where there are no files. One without `splits` reads all of them."""
    options: Mapping[str, object] = field(default_factory=dict)
    """Further keyword arguments that its loader is given where files are read by the task's name."""
    mixed_options: Mapping[str, object] | None = None
    """Those that its loaders are given for pairs of texts in two languages; None where there are no such pairs."""
    reads: Mapping[str, str] = field(default_factory=dict)
    """Options of `xl eval`, by their field names, that it has a use for beside those of its plan, each with the
    argument of its loaders that takes it; "" for none."""
    files_alone: Mapping[str, str] = field(default_factory=dict)
    """Those of them that the hub's copy cannot follow, with what its files are called."""
    plan: str = ""
    """How it is scored, if not as others of its kind; see `Kind.plan`."""
    test_split: str = "test"
    """The split that is scored; "dev" for a data set whose test set is not public (choices are then not made on it)."""
    train_from: tuple[str, ...] = ()
    """Tasks whose training examples are used where its own files have none, in order (SQuAD for XQuAD)."""
    companions: tuple[str, ...] = ()
    """Folders beside its own that the loader needs too; given to it as keyword arguments of the same name."""
    pivot: str = ""
    """Code of the language that is one side of every pair."""
    n_published: int = 0
    """Items that published results are over, taken for a limit of -1; 0 for all."""
    corpus: str = ""
    """What its texts are, for training and measuring on them (`xl ls data`); empty where they are not read so."""
    corpus_name: str = ""
    """What these texts are called, if not `name`."""
    languages: str = ""
    """Which languages, in words."""
    licence: str = "unclear"
    """As its publisher states it."""
    source: str = ""
    hub_id: str = ""
    hub_loader: str = ""
    """"module:function" that reads it from the hub: f(languages, ...) -> the same as the loader."""
    revision: str = ""
    """Commit of the hub's repository that is read."""
    also: tuple[str, ...] = ()
    """Other names that users type."""
    xtreme: bool = False
    """Whether it is one of the nine tasks of XTREME (Hu et al., 2020)."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            message = f"{self.name}: {unknown_name('kind of task', self.kind, KINDS)}"
            raise TaskError(message)

    @property
    def of_kind(self) -> Kind:
        """What it has in common with others of its kind."""
        return KINDS[self.kind]

    @property
    def scored_by(self) -> str:
        """How it is scored, see `Kind.plan`."""
        return self.plan or self.of_kind.plan

    @property
    def any_folder(self) -> bool:
        """Whether it reads any folder that it is given and has none of its own."""
        return bool(self.layout) and not self.folders and not self.hub_loader
