"""Rows of a data set on the Hugging Face hub, for all data sets that can be read from there."""

from collections.abc import Iterator
from typing import Any

from xl_tasks.errors import TaskError


def hub_rows(
    hub_id: str, config: str = "", split: str = "test", revision: str = "", **options: Any
) -> Iterator[dict[str, Any]]:
    """The rows of one split, as dicts from column to value, in the hub's order.

    config: name of the configuration; empty for the only one.
    revision: commit that is read; empty for the newest.
    options: more of `datasets.load_dataset`, `data_files` for instance.

    TaskError, in one sentence, without the `datasets` library or the network, and for a data set, a configuration or a
    split that the hub does not have or does not give without a login.
    """
    try:
        from datasets import load_dataset
        from datasets.exceptions import DatasetsError
    except ImportError:
        message = f"{hub_id}: reading from the hub needs the datasets library; install xl-tasks[hub], or give a folder."
        raise TaskError(message) from None
    part = f"{hub_id}{f', {config}' if config else ''}, {split}"
    try:
        rows = load_dataset(hub_id, config or None, split=split, revision=revision or None, **options)
    except (DatasetsError, FileNotFoundError) as error:
        # A gated data set without a login, and one that is not there.
        message = f"{part}: {_first(error)}; check the name, log in where it is gated, or give a folder of files."
        raise TaskError(message) from None
    except OSError as error:
        # ConnectionError, offline too for a data set that no cache has, and the hub's own HTTP errors.
        message = f"{part}: the hub cannot be reached ({_first(error)}); connect to it, or give a folder of files."
        raise TaskError(message) from None
    except (ValueError, RuntimeError) as error:
        message = f"{part}: {_first(error)}; choose one that the hub has, or give a folder of files."
        raise TaskError(message) from None
    yield from rows


def _first(error: BaseException) -> str:
    """The first line of what an error says, without its full stop."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).strip().rstrip(".")
