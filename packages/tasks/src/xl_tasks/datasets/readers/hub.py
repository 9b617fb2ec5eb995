"""Rows of a data set on the Hugging Face hub, for all data sets that can be read from there."""

import re
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from xl_encoders.model.hub import asked_once
from xl_tasks.errors import TaskError
from xl_translit import TranslitError, language

PARQUET = "refs/convert/parquet"
"""The branch with the Parquet that the hub itself made of a data set whose repository holds a script: a folder a
configuration, to be read as `data_dir`."""

_FOLDER = "give a folder of files: --data FOLDER."
_T = TypeVar("_T")
_CODE = re.compile(r"[a-z]{3}_[A-Z][a-z]{3}")


def hub_rows(
    hub_id: str, config: str = "", split: str = "test", revision: str = "", *, named: str = "", **options: Any
) -> Iterator[dict[str, Any]]:
    """The rows of one split, as dicts from column to value, in the hub's order.

    config: name of the configuration; empty for the only one.
    revision: commit that is read; empty for the newest.
    named: a column of lists of class numbers that come as the names which the data set itself gives them.
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
        with _cache_alone(hub_id):
            rows = load_dataset(hub_id, config or None, split=split, revision=revision or None, **options)
    except (DatasetsError, FileNotFoundError) as error:
        # A gated data set without a login, and one that is not there.
        message = f"{part}: {_first(error)}; check the name, log in where it is gated, or {_FOLDER}"
        raise TaskError(message) from None
    except OSError as error:
        # ConnectionError, offline too for a data set that no cache has, and the hub's own HTTP errors.
        message = f"{part}: the hub cannot be reached ({_first(error)}); connect to it, or {_FOLDER}"
        raise TaskError(message) from None
    except (ValueError, RuntimeError) as error:
        message = f"{part}: {_first(error)}; choose one that the hub has, or {_FOLDER}"
        raise TaskError(message) from None
    names = getattr(getattr(rows.features.get(named), "feature", None), "names", None)
    if names is None:
        yield from rows
        return
    for row in rows:
        yield {**row, named: [names[number] for number in row[named]]}


def hub_config_names(hub_id: str, revision: str = "") -> list[str]:
    """The names of all configurations of a data set; TaskError, in one sentence, where the hub cannot say."""
    return from_hub(hub_id, lambda datasets: list(datasets.get_dataset_config_names(hub_id, revision=revision or None)))


def by_config(configs: Iterable[str], language_of: Callable[[str], str] = language) -> dict[str, list[str]]:
    """Language code -> configurations, from names such as "tr", "zh-yue", "tur_Latn" or "en_ewt".

    Names that state no language ("default", "all_languages") are left out.
    """
    by_code: dict[str, list[str]] = {}
    for config in configs:
        try:
            code = language_of(config if _CODE.fullmatch(config) else config.split("_")[0])
        except TranslitError:
            continue
        by_code.setdefault(code, []).append(config)
    return by_code


def from_hub(where: str, ask: Callable[[Any], _T]) -> _T:
    """What `ask` gets out of the `datasets` library; TaskError, in one sentence, where that or the hub cannot say."""
    try:
        import datasets
    except ImportError:
        message = f"{where}: reading from the hub needs the datasets library; install xl-tasks[hub], or give a folder."
        raise TaskError(message) from None
    try:
        with _cache_alone(where):
            return ask(datasets)
    except ImportError as error:  # what it needs for a file of the web, and does not ask for
        message = f"{where}: reading from the web needs more ({_first(error)}); install xl-tasks[hub]."
        raise TaskError(message) from None
    except (OSError, ValueError, RuntimeError) as error:
        message = f"{where}: the hub cannot be read ({_first(error)}); connect to it, or {_FOLDER}"
        raise TaskError(message) from None


@contextmanager
def _cache_alone(where: str) -> Generator[None]:
    """Where the hub gives no answer its cache alone is read; `datasets` would ask it six times, for half a minute.

    What is not in the cache is then a ConnectionError that says why; `datasets` would say that offline mode is on.
    """
    if Path(where).is_absolute() or Path(where).exists():
        yield
        return
    from datasets import config

    before = config.HF_HUB_OFFLINE
    with asked_once() as reason:
        config.HF_HUB_OFFLINE = before or bool(reason)
        try:
            yield
        except (OSError, ValueError) as error:
            if reason:
                raise ConnectionError(reason) from error
            raise
        finally:
            config.HF_HUB_OFFLINE = before


def _first(error: BaseException) -> str:
    """The first line of what an error says, without its full stop."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).strip().rstrip(".")
