"""Every entry leads to something that loads; unknown names are answered with the nearest."""

import subprocess
import sys

import pytest

import xl_tasks
from xl_encoders.registry import Registry
from xl_tasks import DATASETS, TASKS, TaskError, data_set


def test_all_entries_load():
    for entries in ({name: entry.loader for name, entry in {**DATASETS, **TASKS}.items()},):
        registry = Registry("entry", entries)
        assert all(callable(registry.load(name)) for name in registry.names())
    for name, entry in DATASETS.items():
        assert name == entry.name
        assert entry.task in TASKS
        assert all((entry.description, entry.licence, entry.source, entry.languages))


def test_unknown_name():
    with pytest.raises(TaskError, match=r"unknown data set 'tatoba'; did you mean 'tatoeba'\?"):
        data_set("tatoba")
    assert data_set("names").layout == ""


def test_public_names_resolve():
    for name in xl_tasks.__all__:
        assert getattr(xl_tasks, name) is getattr(xl_tasks, name)
    with pytest.raises(AttributeError, match="load_everything"):
        _ = xl_tasks.load_everything


def test_import_is_light():
    heavy = "torch", "numpy", "sklearn", "babel", "transformers"
    code = f"import sys, xl_tasks; sys.exit(str([name for name in {heavy!r} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "[]"
    # Retrieval itself needs no torch.
    code = "import sys; from xl_tasks import retrieval_rows, load_names; sys.exit(str('torch' in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "False"
