"""A task's folder below the one of all data, or the folder itself; companions beside it."""

from pathlib import Path

import pytest

from xl_tasks import TASKS, TaskError
from xl_tasks.catalogue.registry import task
from xl_tasks.protocols.data_folder import companions, data_folder, load_task


def test_the_usual_names_are_found_below_and_any_folder_is_taken_as_it_is(tmp_path: Path):
    entry = TASKS["udpos"]
    assert data_folder(entry, tmp_path) == tmp_path
    for name in reversed(entry.folders):
        (tmp_path / name).mkdir()
    assert data_folder(entry, tmp_path) == tmp_path / entry.folders[0]
    with pytest.raises(TaskError, match="no such folder"):
        data_folder(entry, tmp_path / "nothing")


def test_companions_are_beside_the_folder_or_below_the_root(tmp_path: Path):
    entry = TASKS["taxi1500"]
    own = tmp_path / entry.folders[0]
    own.mkdir()
    assert companions(entry, tmp_path) == {}
    (tmp_path / "bible").mkdir()
    assert companions(entry, tmp_path) == companions(entry, own) == {"bible": tmp_path / "bible"}


def test_a_task_without_hub_needs_a_folder():
    with pytest.raises(TaskError, match="name the folder of its files: --data FOLDER"):
        load_task(TASKS["conll"], None, None)


@pytest.mark.parametrize(
    ("typed", "name"),
    [("PAN-X", "panx"), ("paws_x", "pawsx"), ("TyDiQA-GoldP", "tydiqa"), ("UD-POS", "udpos"), ("wikiann", "panx")],
)
def test_tasks_go_by_the_names_of_the_papers(typed: str, name: str):
    assert task(typed).name == name


def test_names_are_of_one_task_each():
    folded = [
        {"".join(char for char in name.lower() if char.isalnum()) for name in (entry.name, entry.title, *entry.also)}
        for entry in TASKS.values()
    ]
    every = [name for names in folded for name in names]
    assert len(every) == len(set(every)), sorted(name for name in every if every.count(name) > 1)
    for entry in TASKS.values():
        assert entry.train_from == () or all(TASKS[name].kind == entry.kind for name in entry.train_from)
        assert entry.description.endswith(".")
        assert entry.licence
