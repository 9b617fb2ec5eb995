"""Cells: one model, fitted and scored under one set of circumstances, and a folder that keeps finished ones.

A cell's name is a digest of everything that decides its figures, the weights and the examples included. A finished cell
has a marker that is written last, so that a cell which crashed half-way is computed again and never taken for finished.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from xl_tasks.errors import TaskError
from xl_tasks.rows import Row
from xl_tasks.scoring.measures import Measure, commonest_label_scores
from xl_translit import replacing

_OUTPUTS = "outputs"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The circumstances of some figures: all that a row shows but metric, value and counts."""

    task: str
    source: str
    target: str
    data: str
    model: str
    split: str = ""
    protocol: str = ""
    seed: int = 0
    variant: str = ""
    layer: int | None = None
    pooling: str = ""
    prompt: str = ""
    unit: str = ""
    tuning: str = ""
    robust: str = ""
    noise: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Digests and settings that a row does not show: weights, training and test examples, every hyper-parameter."""

    @property
    def name(self) -> str:
        """24 hexadecimal digits, equal for equal circumstances in every process and on every machine."""
        about = asdict(self)
        if not self.prompt:  # names from before there were prompts stay as they were
            del about["prompt"]
        text = json.dumps(about, sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode("ascii")).hexdigest()[:24]

    def row(self, metric: str, value: float, n: int, *, coverage: float = 1.0, skipped: int = 0) -> Row:
        """One figure of the cell."""
        shown = {name: value for name, value in asdict(self).items() if name != "inputs"}
        return Row(**shown, metric=metric, value=value, n=n, coverage=coverage, skipped=skipped)


@dataclass(frozen=True, kw_only=True)
class Scored:
    """The figures of a cell, item by item.

    keys: names of the items, in the order of the measures' statistics; empty where there are none.
    rows: further figures: parts of a score (each tag's), and such as are no sums over items (a correlation).
    intervals: metric -> lower and upper end of the 95 per cent interval of its value.
    counts: metric -> number of items that it is over, where that is not the number of `keys`.
    chosen: settings that won where several were tried; rows show them behind the cell's tuning.
    outputs: (n_items, n_labels) float32, the probabilities that a classifier gives each item's labels; None elsewhere.
    """

    cell: Cell
    keys: Sequence[str] = ()
    measures: Sequence[Measure] = ()
    rows: Sequence[Row] = ()
    coverage: float = 1.0
    skipped: int = 0
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    chosen: str = ""
    outputs: NDArray[np.float32] | None = None

    def all_rows(self) -> list[Row]:
        """A row for each measure, then the further ones."""
        rows = []
        chances = commonest_label_scores(self.measures)
        for m in self.measures:
            n = self.counts.get(m.metric, m.n)
            row = self.cell.row(m.metric, m.value, n, coverage=self.coverage, skipped=self.skipped)
            low, high = self.intervals.get(m.metric, (None, None))
            rows.append(replace(row, low=low, high=high, chance=chances.get(m.metric)))
        rows += self.rows
        return [replace(row, tuning=f"{row.tuning}: {self.chosen}") for row in rows] if self.chosen else rows


class CellStore:
    """Finished cells: in memory, and in `folder` where one is given.

    folder/cells/NAME.json holds the circumstances and rows, folder/items/NAME.safetensors the statistics of the items
    and what a classifier says of each.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._kept: dict[str, Scored] = {}
        if folder is not None:
            for name in ("cells", "items"):
                (folder / name).mkdir(parents=True, exist_ok=True)

    def __contains__(self, cell: Cell) -> bool:
        return cell.name in self._kept or (self._folder is not None and self._marker(cell.name).is_file())

    def save(self, scored: Scored) -> None:
        """Keep a finished cell; its files appear whole, the marker last."""
        name = scored.cell.name
        if self._folder is None:
            self._kept[name] = scored
            return
        arrays: dict[str, NDArray[np.floating]] = {
            f"{number}:{m.metric}:{m.form}": np.ascontiguousarray(m.stats) for number, m in enumerate(scored.measures)
        }
        if scored.outputs is not None:
            arrays[_OUTPUTS] = np.ascontiguousarray(scored.outputs)
        with replacing(self._items(name), "wb") as file:
            file.write(save(arrays, metadata={"keys": json.dumps(list(scored.keys))}))
        about = {
            "cell": asdict(scored.cell),
            "coverage": scored.coverage,
            "skipped": scored.skipped,
            "intervals": scored.intervals,
            "counts": scored.counts,
            "chosen": scored.chosen,
            "rows": [asdict(row) for row in scored.rows],
        }
        with replacing(self._marker(name)) as file:
            file.write(json.dumps(about, ensure_ascii=False) + "\n")

    def read(self, cell: Cell) -> Scored:
        """A finished cell; TaskError where it is not there or its files are damaged."""
        if cell.name in self._kept:
            return self._kept[cell.name]
        if self._folder is None or cell not in self:
            message = f"the cell {cell.task} {cell.source} -> {cell.target} ({cell.name}) is not finished."
            raise TaskError(message)
        return self._open(cell.name)

    def __iter__(self) -> Iterator[Scored]:
        """All finished cells, those of earlier calls too, in the order of their names."""
        yield from self._kept.values()
        if self._folder is not None:
            for marker in sorted((self._folder / "cells").glob("*.json")):
                yield self._open(marker.stem)

    def _open(self, name: str) -> Scored:
        marker = self._marker(name)
        try:
            about = json.loads(marker.read_text(encoding="utf-8"))
            with safe_open(self._items(name), framework="numpy") as arrays:
                keys = tuple(json.loads(arrays.metadata()["keys"]))
                names = set(arrays.keys())
                outputs = arrays.get_tensor(_OUTPUTS) if _OUTPUTS in names else None
                labels = sorted((key.split(":") for key in names - {_OUTPUTS}), key=lambda label: int(label[0]))
                measures = [
                    Measure(metric=label[1], form=label[2], stats=arrays.get_tensor(":".join(label)))
                    for label in labels
                ]
            return Scored(
                cell=Cell(**about["cell"]),
                keys=keys,
                measures=measures,
                rows=[Row(**row) for row in about["rows"]],
                coverage=about["coverage"],
                skipped=about["skipped"],
                intervals={metric: (low, high) for metric, (low, high) in about["intervals"].items()},
                counts=about["counts"],
                chosen=about["chosen"],
                outputs=outputs,
            )
        except (OSError, ValueError, LookupError, TypeError, RecursionError, SafetensorError) as error:
            message = f"{marker} cannot be read ({error}); delete it, and the next call computes the cell again."
            raise TaskError(message) from error

    def _marker(self, name: str) -> Path:
        return (self._folder or Path()) / "cells" / f"{name}.json"

    def _items(self, name: str) -> Path:
        return (self._folder or Path()) / "items" / f"{name}.safetensors"
