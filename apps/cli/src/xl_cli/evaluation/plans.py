"""What `xl eval` reads and computes for one task and one model, by kind of task."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from xl_cli.evaluation.config import EvaluateConfig
from xl_cli.launch.progress import say
from xl_tasks.catalogue.task import Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xl_cli.evaluation.opened import Opened
    from xl_cli.evaluation.outline import Outline
    from xl_tasks.protocols.cells import Cell, Scored
    from xl_tasks.tuning.embedding_cache import EmbeddingCache


PLANS: Mapping[str, str] = {
    "search": "xl_cli.evaluation.retrieval:RetrievalPlan",
    "mine": "xl_cli.evaluation.mining:MiningPlan",
    "words": "xl_cli.evaluation.lexical:LexicalPlan",
    "fit": "xl_cli.evaluation.fitted:FittedPlan",
}
"""The class of each way to score tasks (`Task.scored_by`), as "module:class"."""

# Options, by their names in EvaluateConfig, that several plans read.
SIDES = frozenset({"model", "data", "source", "target"})
ENCODER = frozenset({"revision", "max_len", "input"})
VECTORS = frozenset({"layer", "pooling", "prompt"})


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is computed together: the cells of one fitted model, or of one reading of the texts.

    label: how progress and failures call it.
    score: the figures of some of its cells, one after another.
    group: what jobs of a model have in common that share a reading of texts; "" for a job that shares none. On a
        cluster they go to one process.
    save: writes the fitted model below a folder; does nothing where none was fitted.
    is_saved: whether it lies below a folder; so it does where nothing is ever saved.
    """

    label: str
    cells: "Sequence[Cell]"
    score: "Callable[[Sequence[Cell]], Iterator[Scored]]"
    group: str = ""
    save: Callable[[Path], None] = lambda folder: None
    is_saved: Callable[[Path], bool] = lambda folder: True


class Plan(ABC):
    """A task with its data read and its settings checked."""

    by_pair = False
    """Whether its figures belong to a pair of languages, a line each."""
    takes_vectors = False
    """Whether a model may be a folder of word vectors."""
    reads_last_layer = False
    """Whether models are used whole, so that no layer or pooling is chosen."""
    _entry: Task

    @property
    def task(self) -> str:
        """Name of the task."""
        return self._entry.name

    @abstractmethod
    def __init__(self, entry: Task, config: EvaluateConfig) -> None: ...

    @staticmethod
    @abstractmethod
    def reads(entry: Task, config: EvaluateConfig) -> frozenset[str]:
        """The options, by their names in EvaluateConfig, that it looks at for a task in a call with `config`."""

    @staticmethod
    def settings(entry: Task, config: EvaluateConfig) -> frozenset[str]:
        """The keys of --set and --grid, but for those of --robust, that it looks at."""
        return frozenset()

    def outline(self) -> "Outline | None":
        """What there is to do for each model; None where that shows only as it is done."""
        return None

    @abstractmethod
    def jobs(self, model: "NamedModel") -> Iterator[Job]:
        """The jobs of one model."""


class NamedModel:
    """A model that a user named, opened when it is first needed and for all tasks alike.

    shown: what rows call it; "" leaves the folder's name or the hub id.
    """

    def __init__(self, name: str, config: EvaluateConfig, out: Path | None, shown: str = "") -> None:
        self.name = name
        self._shown = shown
        self._config = config
        self.out = out
        self._told = False

    def tell_reading(self) -> None:
        """Say once how the encoder is read and why."""
        if self.opened.note and not self._told:
            say(self.opened.note)
        self._told = True

    @property
    def is_open(self) -> bool:
        """Whether anything has asked for the encoder."""
        return "opened" in self.__dict__

    @cached_property
    def opened(self) -> "Opened":
        """The encoder with the layers and the pooling to read it at."""
        from xl_cli.evaluation.opened import open_model

        config = self._config
        opened = open_model(
            self.name,
            revision=config.revision,
            max_len=config.max_len,
            layer=config.layer,
            pooling=config.pooling,
            prompt=config.prompt,
        )
        opened.encoder.name = self._shown or opened.encoder.name
        return opened

    @cached_property
    def cache(self) -> "EmbeddingCache":
        """Vectors that several tasks share, all layers of a text from one reading."""
        from xl_tasks.tuning.embedding_cache import EmbeddingCache

        return EmbeddingCache(self.out / "cache" if self.out else None, layers=self.opened.layers)

    @property
    def width(self) -> int:
        """Length of a vector."""
        return self.opened.encoder.width

    def embed(self, texts: "Sequence[str]", *, layers: "Sequence[int]", pooling: str) -> "list[NDArray[np.float32]]":
        """Vectors from the cache, one array a layer, (n_texts, width) float32."""
        return self.cache.embed(self.opened.encoder, texts, layers=layers, pooling=pooling)

    @cached_property
    def weights(self) -> str:
        """Digest of the weights and the tokenizer, and whether a prompt counts."""
        encoder = self.opened.encoder
        return self.cache.fingerprint(encoder) + ("" if encoder.pools_prompt else "-prompt-not-pooled")

    @cached_property
    def unit(self) -> str:
        """What the model reads: as asked for, else what it was trained on."""
        from xl_tasks.units.choosing import default_unit, unit_name

        return unit_name(self._config.input) if self._config.input else default_unit(self.opened.encoder)

    def check_unit(self, languages: Iterable[str]) -> None:
        """TaskError where the model cannot read its unit in one of `languages`."""
        from xl_tasks.units.choosing import check_unit

        check_unit(self.unit, self.opened.encoder, languages)


def task_plan(entry: Task, config: EvaluateConfig) -> Plan:
    """The plan of a task of any kind; reads its data."""
    return plan_class(entry)(entry, config)


def plan_class(entry: Task) -> type[Plan]:
    """The class that scores a task; reads nothing."""
    module, name = PLANS[entry.scored_by].split(":")
    return getattr(import_module(module), name)


def is_vector_folder(path: Path) -> bool:
    """Whether a model is a folder of word vectors, not of an encoder."""
    return path.is_dir() and not any((path / name).exists() for name in ("config.json", "run.json"))
