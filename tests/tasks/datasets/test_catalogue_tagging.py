"""The catalogue's entries of tagging: found by the names of the field, and true of the files that they describe."""

from typing import Any

import pytest

from xl_encoders.registry import Registry
from xl_tasks import TASKS
from xl_tasks.catalogue.registry import task

ENTRIES = [entry for entry in TASKS.values() if entry.kind == "tagging"]
ENTITIES = {"panx", "masakhaner", "uner"}


def test_names_of_the_field():
    assert [entry.name for entry in ENTRIES] == ["panx", "masakhaner", "uner", "udpos", "conll"]
    for name, entry in {
        "PAN-X": "panx", "WikiAnn": "panx", "POS": "udpos", "UD-POS": "udpos", "udpos": "udpos", "UNER": "uner",
        "MasakhaNER 2": "masakhaner", "CoNLL": "conll",
    }.items():  # fmt: skip
        assert task(name).name == entry
    assert {entry.name for entry in ENTRIES if entry.xtreme} == {"panx", "udpos"}


def test_entries_are_whole():
    for entry in ENTRIES:
        assert entry.kind == "tagging"
        assert entry.metrics[0] == ("accuracy" if entry.name == "udpos" else "f1")
        assert all((entry.title, entry.description, entry.layout, entry.licence, entry.folders))
        loaders = {"local": entry.loader} | ({"hub": entry.hub_loader} if entry.hub_id else {})
        registry = Registry("loader", loaders)
        assert all(callable(registry.load(name)) for name in registry.names())
        assert bool(entry.hub_id) == bool(entry.hub_loader)


@pytest.mark.data
@pytest.mark.parametrize("entry", ENTRIES[:-1], ids=lambda entry: entry.name)
def test_reads_the_folder_that_it_names(data_folder, entry):
    folder = next(folder for name in entry.folders if (folder := data_folder / name).is_dir())
    load: Any = Registry("loader", {"it": entry.loader}).load("it")
    data = load(folder, ["en"] if entry.name != "masakhaner" else ["sw"])
    assert data.name == entry.name
    assert data.kind == "tagging"
    assert ("O" in data.labels) == (entry.name in ENTITIES)
