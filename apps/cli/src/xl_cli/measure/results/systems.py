"""The systems that folders of `xl eval` hold: models that language and seed alone tell apart, and where they lie."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xl_cli.errors import CliError
from xl_cli.folder.at_hand import FINE_TUNED
from xl_cli.folder.json_files import read_object

if TYPE_CHECKING:
    from xl_tasks import Row
    from xl_tasks.protocols.cells import Scored

# What tells systems apart: of a cell, and of a model that was kept.
_SYSTEM = ("task", "data", "model", "variant", "layer", "pooling", "prompt", "unit", "tuning", "robust", "protocol")
_KEPT = ("task", "encoder", "variant", "unit", "tuning", "robust", "source", "seed")


@dataclasses.dataclass(frozen=True, kw_only=True)
class System:
    """Models that seed and language alone tell apart.

    about: fields of their rows, and the source, "" where each language has its own. cells: seed -> language -> cell.
    """

    about: Mapping[str, Any]
    cells: "Mapping[int, Mapping[str, Scored]]"

    @property
    def name(self) -> str:
        """As messages call it."""
        return " ".join(filter(None, (self.about[name] for name in ("task", "model", "variant", "unit", "robust"))))

    def model(self, language: str, seed: int) -> tuple:
        """The key in `kept_models` of the one that a language is read by."""
        about = {**self.about, "encoder": self.about["model"], "seed": seed}
        about["source"] = about["source"] or language
        return tuple(about[name] for name in _KEPT)

    def row(self, **more: Any) -> "Row":
        """A row of two languages, with the fields of the system unless `more` has them."""
        from xl_tasks import Row

        about: dict[str, Any] = {name: value for name, value in self.about.items() if name != "source"}
        return Row(**{**about, **more})


def systems_of(runs: Sequence[str], pivot: str) -> list[System]:
    """The systems with clean figures of the pivot and another language; on test items where there are some."""
    from xl_tasks.protocols.cells import CellStore
    from xl_tasks.protocols.transfer import JOIN

    found: dict[tuple, dict[int, dict[str, Scored]]] = {}
    for run in runs:
        if not (Path(run) / "cells").is_dir():
            message = f"{run} is no folder of xl eval --out: it has no cells."
            raise CliError(message)
        for scored in CellStore(Path(run)):
            cell = scored.cell
            if cell.protocol and not cell.noise and JOIN not in cell.target:
                source = "" if cell.protocol == "in-language" else cell.source
                key = (*(getattr(cell, name) for name in _SYSTEM), source, cell.split)
                found.setdefault(key, {}).setdefault(cell.seed, {})[cell.target] = scored
    systems = []
    for key, seeds in found.items():
        *about, split = key
        cells = {seed: dict(sorted(own.items())) for seed, own in sorted(seeds.items()) if {pivot} < own.keys()}
        if cells and (split != "dev" or (*about, "test") not in found):
            systems.append(System(about=dict(zip((*_SYSTEM, "source"), about, strict=True)), cells=cells))
    if not systems:
        message = f"no model of {', '.join(runs)} was scored in {pivot} and in another language; see --pivot."
        raise CliError(message)
    return systems


def kept_models(runs: Sequence[str]) -> dict[tuple, Path]:
    """(task, encoder, variant, unit, tuning, robust, source, seed) -> the folder of a fine-tuned model."""
    found = {}
    for run in runs:
        for file in sorted((Path(run) / "models").glob(f"*/{FINE_TUNED}")):
            about = read_object(file)
            if (file.parent / "config.json").is_file():  # of a probe there is none
                found[tuple(about.get(name) for name in _KEPT)] = file.parent
    return found
