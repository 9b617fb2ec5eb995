"""What `xl eval` does: every model on every task, cell by cell, keeping what is finished."""

import dataclasses
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from xl_cli.cluster.cells import left, works
from xl_cli.cluster.spread import Spread
from xl_cli.cluster.work import Work, reason
from xl_cli.errors import is_misuse
from xl_cli.evaluation.comparing import difference_rows, with_intervals
from xl_cli.evaluation.config import EvaluateConfig
from xl_cli.evaluation.experiment import plans_there, read_plan
from xl_cli.evaluation.plans import Job, NamedModel, Plan
from xl_cli.evaluation.task_options import check_task_options
from xl_cli.folder.run_folder import RunFolder, environment
from xl_cli.folder.short_names import model_labels
from xl_cli.launch.progress import Progress, say
from xl_cli.results import UnfinishedError
from xl_tasks import Row, write_rows
from xl_tasks.catalogue.task import Task
from xl_tasks.protocols.cells import Cell, CellStore, Scored
from xl_tasks.protocols.mixed_means import mixed_means
from xl_tasks.tuning.presets import PRESETS


class Evaluation:
    """One call of `xl eval`.

    out: folder that keeps finished cells; None keeps nothing.
    whole: whether a task whose data are not there fails the call; else it is told and left out.

    by_pair: what rows call the tasks whose figures belong to a pair of languages, a line each.

    mean: what the means over targets are over, for tables of the rows: "others" than the language trained on, or "all".
    """

    def __init__(self, config: EvaluateConfig, out: Path | None, *, whole: bool = True) -> None:
        self.config = config
        self._whole = whole
        self._out = out
        self._store = CellStore(out)
        self._keeps_models = out is not None and config.save_models
        self._models_folder = (out or Path()) / "models"
        self.mean = config.mean or (PRESETS[config.preset].mean if config.preset in PRESETS else "others")
        self._spread = Spread(config)
        self._asked: list[Cell] = []
        self._models: list[str] = []
        self.by_pair: set[str] = set()

    def run(self, entries: Sequence[Task]) -> list[Row]:
        """Score every model on every task: the rows of this call, in order, comparisons last.

        All data are read and all settings checked before the first model is opened. A model that fails on a task is
        named and the others go on; see `check`. With a folder, its results.jsonl holds the rows of all its cells.
        """
        started = time.monotonic()
        check_task_options(entries, self.config)
        config = self.config
        plans = [read_plan(entry, config) for entry in entries] if self._whole else plans_there(entries, config)
        labels = model_labels(self.config.model)
        pieces: list[Work] = []
        for name in self.config.model:
            model = NamedModel(name, self.config, self._out, labels.get(name, ""))
            for one in plans:
                todo = self._todo(one, model)
                if config.engine == "ray":
                    names = [(job, [cell.name for cell in cells]) for job, cells in todo]
                    pieces += works(names, one.task, model, config, self._out)
                else:
                    for job, cells in todo:
                        self._score(job, cells)
        if pieces:
            self._score_on_cluster(pieces)
        rows = self._rows(self._finished(self._asked))
        if self._out is not None:
            write_rows(self._out / "results.jsonl", self._rows(sorted(self._store, key=_order)))
            RunFolder(self._out).describe(
                status="failed" if self._spread.failures else "finished",
                tasks=[entry.name for entry in entries],
                options=dataclasses.asdict(self.config),
                failures=self._spread.failures,
                wall_seconds=round(time.monotonic() - started, 1),
                **environment(),
            )
        return rows

    @property
    def first_model(self) -> str:
        """What rows call the model that the others are compared with; "" for none."""
        return self._models[0] if self._models else ""

    def check(self, rows: Sequence[Row]) -> None:
        """UnfinishedError, with the rows that there are, where a model could not be scored."""
        if self._spread.failures:
            again = " The same command tries them again and keeps the rest." if self._out else ""
            message = f"{len(self._spread.failures)} failed: {'; '.join(self._spread.failures)}{again}"
            raise UnfinishedError(message, rows)

    def _todo(self, one: Plan, model: NamedModel) -> Iterator[tuple[Job, list[Cell]]]:
        """The jobs of a model that are not finished, each with its cells that are not."""
        for job in one.jobs(model):
            if model.is_open and not one.reads_last_layer:
                model.tell_reading()
            self._asked += job.cells
            if one.by_pair:
                self.by_pair |= {cell.task for cell in job.cells}
            self._models += [cell.model for cell in job.cells if cell.model not in self._models]
            todo = [cell for cell in job.cells if cell not in self._store]
            if not todo and self._keeps_models and not job.is_saved(self._models_folder):
                say(f"{job.label}: scored before, when its model was not kept; fitted again")
                todo = list(job.cells)
            if todo:
                yield job, todo
            else:
                say(f"{job.label}: finished before ({len(job.cells)} cells)")

    def _score(self, job: Job, todo: Sequence[Cell]) -> None:
        try:
            with Progress(job.label, len(todo), "cells", quiet=True) as progress:
                for done, scored in enumerate(job.score(todo), start=1):
                    self._store.save(with_intervals(scored, self.config.resamples))
                    progress.advance(done)
            if self._keeps_models:
                job.save(self._models_folder)
        except Exception as error:
            # One task that fails must not cost the night; what it lacks is told at the end, with exit code 1.
            if is_misuse(error) or os.environ.get("XL_DEBUG"):
                raise
            self._spread.failed(job.label, reason(error))

    def _score_on_cluster(self, pieces: Sequence[Work]) -> None:
        """The same by processes of a cluster; what they find is kept here, as it comes."""
        done = 0
        n_cells = sum(len(work.arguments["cells"]) for work in pieces)
        with Progress("on the cluster", n_cells, "cells") as progress:
            for work, answer in self._spread.answers(
                pieces, left, lambda work, line: line.startswith(f"{work.label}: ")
            ):
                for scored in answer.value or ():
                    self._store.save(scored)
                    done += 1
                say(f"{work.label}: {len(answer.value or ())} cells from {answer.node[1] or 'no node'}")
                progress.advance(done)

    def _finished(self, cells: Iterable[Cell]) -> list[Scored]:
        every = {cell.name: cell for cell in cells}
        return [self._store.read(cell) for cell in every.values() if cell in self._store]

    def _rows(self, cells: Sequence[Scored]) -> list[Row]:
        means = [with_intervals(scored, self.config.resamples) for scored in mixed_means(cells)]
        every = [*cells, *means]
        rows = [row for scored in every for row in scored.all_rows()]
        return [*rows, *difference_rows(every, self._models, self.config.resamples, self.mean)]


def _order(scored: Scored) -> tuple:
    cell = scored.cell
    return (
        cell.task, cell.data, cell.model, cell.protocol, cell.tuning, cell.unit, cell.robust, cell.noise,
        -1 if cell.layer is None else cell.layer, cell.source, cell.target, cell.split, cell.seed, cell.name,
    )  # fmt: skip
