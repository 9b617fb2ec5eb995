"""The entries of classification and retrieval lead to loaders, and state the commits that these read."""

from importlib import import_module

import pytest

from xl_encoders.registry import Registry
from xl_tasks import TASKS
from xl_tasks.catalogue.registry import task

ENTRIES = [entry for kind in ("retrieval", "classification") for entry in TASKS.values() if entry.kind == kind]


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry.name for entry in ENTRIES])
def test_entry(entry):
    paths = {"local": entry.loader, **({"hub": entry.hub_loader} if entry.hub_loader else {})}
    registry = Registry("loader", paths)
    assert all(callable(registry.load(name)) for name in paths)
    assert bool(entry.hub_id) == bool(entry.hub_loader)
    if entry.hub_loader:
        module = import_module(entry.hub_loader.partition(":")[0])
        assert (entry.hub_id, entry.revision) == (module.HUB_ID, module.REVISION)
        # A commit, or nothing where none is known.
        assert not entry.revision or (len(entry.revision) == 40 and int(entry.revision, 16))
    assert all((entry.title, entry.description, entry.metrics, entry.licence))


def test_names_are_found_as_users_type_them():
    for name, wanted in [
        ("XNLI", "xnli"), ("PAWS-X", "pawsx"), ("Tatoeba", "tatoeba"), ("BUCC2018", "bucc2018"), ("SIB-200", "sib200"),
        ("SR-B", "bible"), ("flores_plus", "flores"), ("Taxi1500", "taxi1500"),
    ]:  # fmt: skip
        assert task(name).name == wanted
    assert {name for name in ("xnli", "pawsx", "tatoeba", "bucc2018") if TASKS[name].xtreme} == {
        "xnli", "pawsx", "tatoeba", "bucc2018",
    }  # fmt: skip


@pytest.mark.data
def test_folders_of_real_data(data_folder):
    for entry in ENTRIES:
        if entry.name in ("retrieval", "names", "flores", "bucc2018"):
            continue  # no folder, or no file of it here
        assert any((data_folder / folder).is_dir() for folder in entry.folders), entry.name
        assert all((data_folder / companion).is_dir() for companion in entry.companions), entry.name
