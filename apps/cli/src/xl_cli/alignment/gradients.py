"""Gradients of a variant's objectives at chosen steps: read off the model of a run, or while it is trained again."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from xl_analysis import GradientCosines, gradient_cosines, heat_map
from xl_cli.alignment.parts import Sources, build_parts
from xl_cli.alignment.reading import check_sources, check_widths, variant_objectives
from xl_cli.alignment.run import adapt_encoder, as_read, pretrained, start_encoder
from xl_cli.alignment.teacher import keep_teacher_vectors
from xl_cli.data.run_data import load_data
from xl_cli.errors import UsageError
from xl_cli.folder.run_folder import RunFolder
from xl_cli.launch import processes
from xl_cli.launch.progress import Progress, say
from xl_cli.measure.pictures import write_picture
from xl_cli.recipe.recipe import Recipe
from xl_encoders import Encoder, Part, StepRecord, count_steps, fit, load_encoder, objective_gradients
from xl_tasks import ProbePart, Row, task
from xl_tasks.catalogue.task import KINDS
from xl_tasks.examples import Example, Examples
from xl_tasks.protocols.data_folder import load_task

if TYPE_CHECKING:
    from xl_cli.measure.gradients import GradientsConfig


def measure_gradients(config: "GradientsConfig", run: RunFolder | None, recipe: Recipe) -> list[Row]:
    """The rows of `xl analyze gradients`. UsageError and CliError for what cannot be measured.

    run: what `config` names, if it is a run. recipe: that of the run, or the recipe that is named.
    """
    variant = _variant(config, recipe)
    examples = _examples(config)
    data = load_data(recipe)
    check_sources(recipe, data)
    with TemporaryDirectory() as scratch:
        folder = RunFolder(Path(scratch))
        folder.describe(status="measured")
        sources = Sources(recipe=recipe, data=data, folder=folder.checkpoints)
        encoder = start_encoder(recipe, sources, folder)
        keep_teacher_vectors(sources, lambda: pretrained(recipe).to(processes.device()))
        adapt_encoder(recipe, encoder, folder)
        check_widths(recipe, data, encoder.width)
        layer = encoder.resolve_layer(recipe.model.layer)
        parts = build_parts(sources, variant, encoder, layer)
        n_steps = count_steps(parts[0].n_per_epoch, recipe.train)
        finished = run is not None and run.about().get("status") == "finished"
        asked = config.steps or ("last" if finished else "0",)
        steps = sorted({n_steps if step == "last" else int(step) for step in asked})
        if steps[-1] > n_steps:
            message = f"--steps {steps[-1]}: {variant} has {n_steps} steps; give 0 to {n_steps}, or last."
            raise UsageError(message)
        found: dict[int, GradientCosines] = {}

        def take(step: int, its: Encoder, its_parts: Sequence[Part]) -> None:
            with Progress(f"gradients of {variant} after step {step}", quiet=True):
                probe = [] if examples is None else [_probe(config, examples, its, layer, recipe)]
                gradients = objective_gradients(its, [*its_parts, *probe], n_batches=config.batches)
            found[step] = gradient_cosines(
                {name: {n: [g.numpy() for g in its] for n, its in by.items()} for name, by in gradients.items()}
            )

        kept = run is not None and finished and recipe.train.variants[-1] == variant and asked == ("last",)
        # Projectors are no part of the model that is kept, and low-rank updates none that can be told from its weights.
        kept &= not recipe.train.lora_rank and not encoder.projectors
        if run is not None and kept:
            trained = load_encoder(
                str(run.model), max_len=recipe.model.max_len, name=run.path.name, with_head=recipe.needs_head
            ).to(processes.device())
            trained = as_read(recipe, trained)
            take(n_steps, trained, build_parts(sources, variant, trained, layer))
        else:
            _train(recipe, variant, encoder, parts, n_steps, steps, take)
    name = run.path.name if run else recipe.model.name or recipe.name
    rows = []
    for step, its in found.items():
        rows += _rows(its, f"{variant} step {step}", name, recipe, config.batches)
    if config.picture:
        _draw(Path(config.picture), found, name)
    return rows


def _variant(config: "GradientsConfig", recipe: Recipe) -> str:
    variant = config.variant or recipe.train.variants[-1]
    if variant not in recipe.train.variants:
        message = f"--variant is {variant!r}; {recipe.name} trains {', '.join(recipe.train.variants)}."
        raise UsageError(message)
    names = variant_objectives(recipe, variant)
    if len(names) < 2 and not config.task:
        message = f"{variant} trains {names[0]} alone; a cosine is of the gradients of two: give --task, or a mix."
        raise UsageError(message)
    return variant


def _examples(config: "GradientsConfig") -> Examples[Example] | None:
    """The training and dev examples of --task; None without one."""
    if not config.task:
        return None
    entry = task(config.task)
    kind = KINDS[entry.kind]
    if not (kind.probed and kind.pooled):
        message = (
            f"--task {entry.name} is a task of kind {entry.kind}; name one of single texts with a class, as sib200."
        )
        raise UsageError(message)
    return load_task(entry, Path(config.data) if config.data else None, [config.source], splits=("train", "dev"))


def _probe(
    config: "GradientsConfig", examples: Examples[Example], its: Encoder, layer: int, recipe: Recipe
) -> ProbePart:
    language = examples.resolve(config.source)
    dev = examples.by_language[language].get("dev", ())
    return ProbePart(
        its, examples.name, examples.labels, examples.split(language, "train"), dev, language,
        layer=layer, pooling=recipe.model.pooling, seed=recipe.train.seed,
    )  # fmt: skip


def _train(
    recipe: Recipe,
    variant: str,
    encoder: Encoder,
    parts: Sequence[Part],
    n_steps: int,
    steps: Sequence[int],
    take: Callable[[int, Encoder, Sequence[Part]], None],
) -> None:
    """Train the variant from its start as `xl align` does, as far as the last of `steps`, and take gradients there."""
    if 0 in steps:
        take(0, encoder, parts)
    if steps[-1] == 0:
        return
    say(f"note: {variant} is trained from its start for {steps[-1]} of its {n_steps} steps.")
    done = 0
    with Progress(variant, steps[-1], "steps") as progress:

        def on_step(record: StepRecord) -> None:
            nonlocal done
            done = record.step
            progress.advance(done)
            if done in steps:
                take(done, encoder, parts)

        objectives = {name: recipe.objectives[name] for name in variant_objectives(recipe, variant)}
        fit(
            encoder, parts, objectives, n_steps=n_steps, config=recipe.train, on_step=on_step,
            should_stop=lambda: done >= steps[-1],
        )  # fmt: skip


def _rows(its: GradientCosines, variant: str, model: str, recipe: Recipe, n: int) -> list[Row]:
    """A row a layer and pair of objectives, and one over all layers; none where an objective has no gradient."""
    rows = []
    for layer, matrix in [*its.by_layer.items(), (None, its.overall)]:
        for a, first in enumerate(its.names):
            for b, second in enumerate(its.names[a + 1 :], start=a + 1):
                if math.isfinite(matrix[a, b]):
                    rows.append(
                        Row(
                            task="gradients",
                            metric="cosine" if layer is not None else "cosine over all layers",
                            value=float(matrix[a, b]),
                            n=n,
                            source=first,
                            target=second,
                            seed=recipe.train.seed,
                            model=model,
                            layer=layer,
                            variant=variant,
                        )
                    )
    return rows


def _draw(path: Path, found: dict[int, GradientCosines], name: str) -> None:
    lines, labels = [], []
    for step, its in found.items():
        for a, first in enumerate(its.names):
            for b, second in enumerate(its.names[a + 1 :], start=a + 1):
                lines.append([*(matrix[a, b] for matrix in its.by_layer.values()), its.overall[a, b]])
                labels.append(f"{first} · {second}, step {step}")
    columns = [*(str(layer) for layer in next(iter(found.values())).by_layer), "all"]
    figure = heat_map(
        np.array(lines), labels, columns, title=f"gradients of {name}", label="cosine", column_label="layer",
        limits=(-1.0, 1.0), centre=0.0,
    )  # fmt: skip
    write_picture(str(path), figure)
