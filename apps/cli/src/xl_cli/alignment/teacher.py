"""A frozen teacher's vectors of a run's texts: computed once, before training, and kept in the run folder."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np

from xl_cli.alignment.parts import Sources
from xl_cli.errors import CliError
from xl_cli.evaluation.opened import open_model
from xl_cli.launch import processes
from xl_cli.launch.progress import Progress, say
from xl_cli.recipe.recipe import Recipe
from xl_encoders import Encoder
from xl_encoders.whole_files import replace_whole
from xl_objectives import TeacherConfig
from xl_staticemb import nearest


def keep_teacher_vectors(sources: Sources, as_it_is: Callable[[], Encoder]) -> None:
    """Have the teacher's vectors that any objective compares with; nothing where they lie in the run folder.

    as_it_is: opens `model.from` before any change, the teacher where the recipe names no other. Every process of a
    distributed run calls this; the main one computes.
    """
    recipe = sources.recipe
    missing = [name for name in recipe.objectives if sources.is_taught(name) and not sources.vectors_of(name).is_file()]
    if processes.as_on_main(bool(missing)) and processes.is_main():
        encoder, layer, pooling = _teacher(recipe, as_it_is)
        for name in missing:
            _keep(sources, name, encoder, layer, pooling)
    processes.wait()


def _teacher(recipe: Recipe, as_it_is: Callable[[], Encoder]) -> tuple[Encoder, int, str]:
    """The teacher, and the layer and pooling that it is read with."""
    settings = recipe.model
    if not settings.teacher:
        encoder = as_it_is()
        return encoder, encoder.resolve_layer(settings.layer), settings.pooling
    opened = open_model(settings.teacher, prompt=settings.teacher_prompt)
    if opened.form is None and not (Path(settings.teacher) / "run.json").is_file():
        # Nothing says how it is read: as the student is.
        opened = replace(opened, layers=[opened.encoder.resolve_layer(settings.layer)], pooling=settings.pooling)
        say(
            f"note: nothing in the folder of {settings.teacher} says how it is read; it teaches as model.layer "
            f"{settings.layer} and model.pooling {settings.pooling} say."
        )
    elif opened.note:
        say(opened.note)
    return opened.encoder, opened.layers[0], opened.pooling


def _keep(sources: Sources, name: str, encoder: Encoder, layer: int, pooling: str) -> None:
    """Vectors of the different texts that objective `name` compares with, and where it wants them those nearest."""
    settings = cast("TeacherConfig", sources.recipe.objectives[name])
    texts = list(sources.compared(name))
    if not texts:
        message = f"objective {name} has no texts that a teacher could give vectors of."
        raise CliError(message)
    path = sources.vectors_of(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    say(f"{name}: {encoder.name} gives the vectors of {len(texts):,} texts (layer {layer}, {pooling})")
    k = settings.n_mined if len(texts) > settings.most_compared else 0
    k = max(k, settings.n_together)
    aside = path.with_name(f"{path.stem}-all.npy")
    vectors = encoder.embed(texts, layer=layer, pooling=pooling, out=aside)
    if k:
        with Progress(f"{name}: the nearest {k} of {len(texts):,} texts", quiet=True):
            found = _others(np.asarray(nearest(vectors, vectors, min(k + 1, len(texts))).indices), k)
        replace_whole(sources.nearest_of(name), lambda place: _write(place, found))
    aside.replace(path)


def _others(found: np.ndarray, k: int) -> np.ndarray:
    """The first `k` of each row but the row itself, which stands before the last one unless vectors are equal."""
    rows = np.arange(len(found))[:, None]
    found = np.where((found == rows) | (found < 0), -1, found)
    order = np.argsort(found < 0, axis=1, kind="stable")
    kept = np.take_along_axis(found, order, axis=1)[:, : min(k, max(1, found.shape[1] - 1))]
    return np.where(kept < 0, rows, kept)


def _write(path: Path, found: np.ndarray) -> None:
    with path.open("wb") as file:
        np.save(file, found)
