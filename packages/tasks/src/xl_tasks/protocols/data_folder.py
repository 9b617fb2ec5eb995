"""Which folder below the one a user names holds a task's data."""

from collections.abc import Iterable
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

from xl_tasks.catalogue.task import Task
from xl_tasks.errors import TaskError


def data_folder(entry: Task, root: Path) -> Path:
    """The folder of a task's data: one of its usual names below `root`, or `root` itself.

    TaskError where `root` does not exist.
    """
    if not root.exists():
        message = f"--data {root}: no such folder."
        raise TaskError(message)
    return next((root / name for name in entry.folders if (root / name).is_dir()), root)


def companions(entry: Task, root: Path) -> dict[str, Path]:
    """The further folders that a task's loader needs: below `root`, or beside it where it is the task's own folder."""
    folders = {}
    for name in entry.companions:
        places = [place / name for place in (root, root.parent)]
        if folder := next((place for place in places if place.is_dir()), None):
            folders[name] = folder
    return folders


def load_task(
    entry: Task,
    root: Path | None,
    languages: Iterable[str] | None,
    *,
    splits: Iterable[str] | None = None,
    **options: Any,
) -> Any:
    """What a task's loader reads: from below `root`, or from the hub where none is given, if it reads files at all.

    languages: in any spelling; None reads all that there are. splits: likewise; some loaders read all of them always.
    options: further keyword arguments of the loader, `on_error` for instance.
    """
    asked = None if languages is None else list(languages)
    if root is None and entry.layout and not entry.hub_loader:
        message = (
            f"{entry.name} is not read from the hub; name the folder of its files: --data FOLDER ({entry.layout})."
        )
        raise TaskError(message)
    read = loaded(entry.hub_loader if root is None and entry.layout else entry.loader)
    if splits is not None and "splits" in signature(read).parameters:
        options["splits"] = splits
    if not entry.layout:
        return read(*[asked] if asked else [], **options)
    if root is None:
        return read(languages=asked, **options)
    return read(data_folder(entry, root), languages=asked, **{**companions(entry, root), **entry.options, **options})


def loaded(address: str) -> Any:
    """What "module:name" names, a loader."""
    module, name = address.split(":")
    return getattr(import_module(module), name)
