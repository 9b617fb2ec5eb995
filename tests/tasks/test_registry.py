"""Every entry leads to something that loads; unknown names are answered with the nearest."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import xl_tasks
from xl_encoders.registry import Registry
from xl_tasks import DATASETS, TASKS, Task, TaskError, data_set, task

ROOT = Path(__file__).parents[2]


def test_all_entries_load():
    for entries in ({name: entry.loader for name, entry in {**DATASETS, **TASKS}.items()},):
        registry = Registry("entry", entries)
        assert all(callable(registry.load(name)) for name in registry.names())
    for entry in DATASETS.values():
        assert entry.kind in TASKS
        assert all((entry.corpus, entry.licence, entry.source, entry.languages))


def test_unknown_name():
    with pytest.raises(TaskError, match=r"unknown data set 'tatoba'; did you mean 'tatoeba'\?"):
        data_set("tatoba")
    assert data_set("names").layout == ""


def test_public_names_resolve():
    package: Any = xl_tasks
    for name in package.__all__:
        assert getattr(xl_tasks, name) is getattr(xl_tasks, name)
    with pytest.raises(AttributeError, match="load_everything"):
        _ = package.load_everything


def test_import_is_light():
    heavy = "torch", "numpy", "sklearn", "babel", "transformers"
    code = f"import sys, xl_tasks; sys.exit(str([name for name in {heavy!r} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "[]"
    # Retrieval itself needs no torch.
    code = "import sys; from xl_tasks import retrieval_rows, load_names; sys.exit(str('torch' in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "False"


SOURCES = sorted(path for folder in ("packages", "apps") for path in (ROOT / folder).glob("*/src/**/*.py"))


@pytest.mark.parametrize(
    "pattern", [r"\b[0-9a-f]{40}\b", r"\bxl_tasks\.datasets\.[\w.]+:\w+"], ids=["commit", "loader"]
)
def test_what_metadata_state_stands_once(pattern: str) -> None:
    counts = Counter(found for path in SOURCES for found in re.findall(pattern, path.read_text(encoding="utf-8")))
    assert counts
    assert {found: n for found, n in counts.items() if n > 1} == {}


def test_a_kind_that_is_none_is_refused_with_the_record() -> None:
    with pytest.raises(TaskError, match=r"toy: unknown kind of task 'taging'; did you mean 'tagging'\?"):
        Task(name="toy", kind="taging", title="", description="", metrics=(), layout="", loader="")


def test_every_name_of_a_task_is_its_own() -> None:
    for name, entry in TASKS.items():
        assert entry.metrics
        assert {task(one).name for one in (entry.name, entry.title, *entry.also)} == {name}
