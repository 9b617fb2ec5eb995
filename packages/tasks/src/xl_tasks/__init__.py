"""Data sets, scorers and result rows that say how well an encoder carries over from one language to another.

`TASKS` and `DATASETS` name what there is; they are plain data, so that reading them loads nothing.
"""

from importlib import import_module
from importlib.metadata import version as _version
from typing import TYPE_CHECKING

from xl_tasks.errors import TaskError
from xl_tasks.registry import DATASETS, TASKS, DataSet, data_set

if TYPE_CHECKING:
    from xl_tasks.bible import load_bible
    from xl_tasks.encoder import Encoder
    from xl_tasks.formats import load_texts
    from xl_tasks.lines import load_lines
    from xl_tasks.names import load_names
    from xl_tasks.retrieval import retrieval_rows
    from xl_tasks.rows import Row, append_rows, read_rows, write_rows
    from xl_tasks.sib200 import load_sib200
    from xl_tasks.string_match import StringMatch
    from xl_tasks.tatoeba import load_tatoeba
    from xl_tasks.texts import ParallelTexts, hold_out, training_texts

__all__ = [
    "DATASETS",
    "TASKS",
    "DataSet",
    "Encoder",
    "ParallelTexts",
    "Row",
    "StringMatch",
    "TaskError",
    "__version__",
    "append_rows",
    "data_set",
    "hold_out",
    "load_bible",
    "load_lines",
    "load_names",
    "load_sib200",
    "load_tatoeba",
    "load_texts",
    "read_rows",
    "retrieval_rows",
    "training_texts",
    "write_rows",
]
__version__ = _version("xl-tasks")

_MODULES = {
    "Encoder": "xl_tasks.encoder",
    "ParallelTexts": "xl_tasks.texts",
    "Row": "xl_tasks.rows",
    "StringMatch": "xl_tasks.string_match",
    "append_rows": "xl_tasks.rows",
    "hold_out": "xl_tasks.texts",
    "load_bible": "xl_tasks.bible",
    "load_lines": "xl_tasks.lines",
    "load_names": "xl_tasks.names",
    "load_sib200": "xl_tasks.sib200",
    "load_tatoeba": "xl_tasks.tatoeba",
    "load_texts": "xl_tasks.formats",
    "read_rows": "xl_tasks.rows",
    "retrieval_rows": "xl_tasks.retrieval",
    "training_texts": "xl_tasks.texts",
    "write_rows": "xl_tasks.rows",
}


def __getattr__(name: str) -> object:
    """Load a module, and with it numpy, babel or scikit-learn, only when one of its names is asked for."""
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    """The public names, so that an editor can complete them."""
    return sorted(__all__)
