"""What `xl eval` computes for one task and one model: jobs with their cells, by kind of task."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from xl_cli.evaluation.config import EvaluateConfig
from xl_cli.evaluation.opened import Opened, open_model
from xl_cli.evaluation.task_options import plan_kind
from xl_cli.launch.progress import say
from xl_tasks.catalogue.task import Task
from xl_tasks.protocols.cells import Cell, Scored

if TYPE_CHECKING:
    from xl_tasks.tuning.embedding_cache import EmbeddingCache


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is computed together: the cells of one fitted model, or of one reading of the texts.

    label: how progress and failures call it.
    score: the figures of some of its cells, one after another.
    save: writes the fitted model below a folder; does nothing where none was fitted.
    """

    label: str
    cells: Sequence[Cell]
    score: Callable[[Sequence[Cell]], Iterator[Scored]]
    save: Callable[[Path], None] = lambda folder: None


class Plan(Protocol):
    """A task with its data read and its settings checked."""

    reads_last_layer: bool
    """Whether models are used whole, so that no layer or pooling is chosen."""

    def jobs(self, model: "NamedModel") -> Iterator[Job]:
        """The jobs of one model."""
        ...


class NamedModel:
    """A model that a user named, opened when it is first needed and for all tasks alike.

    shown: what rows call it; "" leaves the folder's name or the hub id.
    """

    def __init__(self, name: str, config: EvaluateConfig, out: Path | None, shown: str = "") -> None:
        self.name = name
        self._shown = shown
        self._config = config
        self._out = out
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
    def opened(self) -> Opened:
        """The encoder with the layers and the pooling to read it at."""
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

        return EmbeddingCache(self._out / "cache" if self._out else None, layers=self.opened.layers)

    @cached_property
    def weights(self) -> str:
        """Digest of the weights and the tokenizer, and whether a prompt counts."""
        from xl_encoders.reading.vector_files import fingerprint

        encoder = self.opened.encoder
        return fingerprint(encoder) + ("" if encoder.pools_prompt else "-prompt-not-pooled")

    @cached_property
    def unit(self) -> str:
        """What the model reads: as asked for, else what it was trained on."""
        from xl_tasks.units.choosing import default_unit, unit_name

        return unit_name(self._config.input) if self._config.input else default_unit(self.opened.encoder)

    def check_unit(self, languages: Iterable[str]) -> None:
        """TaskError where the model cannot read its unit in one of `languages`."""
        from xl_tasks.units.choosing import check_unit

        check_unit(self.unit, self.opened.encoder, languages)


def plan(entry: Task, config: EvaluateConfig) -> Plan:
    """The plan of a task of any kind; reads its data."""
    module, name = plan_kind(entry).factory.split(":")
    return getattr(import_module(module), name)(entry, config)
