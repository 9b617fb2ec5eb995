"""A run's folder after an attempt that was killed: rows stand once, and no checkpoint is left by halves."""

import os
import shutil
from pathlib import Path

import pytest

from xl_cli.errors import UsageError
from xl_cli.folder.run_folder import RunFolder, is_free
from xl_encoders import whole_files
from xl_tasks import Row


class KilledError(BaseException):
    """Stands for a kill."""


def row(value: float, variant: str = "mlm") -> Row:
    return Row(task="retrieval", metric="top1", value=value, source="eng_Latn", target="tur_Latn", variant=variant)


def test_rows_that_are_there_are_not_added_again(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.add_rows([row(0.5), row(1 / 3, "untrained")])
    folder.add_rows([row(0.5), row(1 / 3, "untrained"), row(0.6), row(0.5, "seq")])
    assert folder.rows() == [row(0.5), row(1 / 3, "untrained"), row(0.6), row(0.5, "seq")]


def test_a_kill_while_checkpoints_are_removed_leaves_all_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(tmp_path)
    for name in ("config.json", "tokenizer.json"):
        (folder.checkpoints / "start").mkdir(parents=True, exist_ok=True)
        (folder.checkpoints / "start" / name).touch()

    def half(path: Path, **_: object) -> None:
        next(each for each in sorted(path.rglob("*")) if each.is_file()).unlink()
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(whole_files.shutil, "rmtree", half)
        with pytest.raises(KilledError):
            folder.keep_selected(1)
    assert not folder.checkpoints.exists()
    folder.keep_selected(1)  # of the attempt that goes on
    assert not [*tmp_path.iterdir()]


def test_what_is_hidden_takes_no_folder(tmp_path: Path) -> None:
    assert is_free(tmp_path)
    (tmp_path / ".run.json.part").touch()
    assert is_free(tmp_path)
    (tmp_path / "run.json").touch()
    assert not is_free(tmp_path)
    shutil.rmtree(tmp_path)
    assert not is_free(tmp_path)


def test_the_run_that_goes_on_is_the_last_of_its_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its number: the clock went back between two runs, and other recipes' names begin with this one's."""
    monkeypatch.chdir(tmp_path)
    runs = {"ppa": "running", "ppa-2": "running", "ppa-10": "running", "ppa-11": "finished", "ppa-maf": "running"}
    for age, (name, status) in enumerate(runs.items()):
        run = RunFolder.create(Path("runs") / name, name)
        run.describe(recipe_name="ppa-maf" if name == "ppa-maf" else "ppa", status=status)
        os.utime(run.path / "run.json", (1e9, 1e9 + (age if name == "ppa-maf" else -age)))
    assert RunFolder.reopen(None, "ppa").path.name == "ppa-10"
    assert RunFolder.reopen(None, "ppa-maf").path.name == "ppa-maf"
    RunFolder.create(Path("runs/seq-2"), "seq-2").describe(recipe_name="seq-2", status="running")
    with pytest.raises(UsageError, match="no unfinished run of seq below"):
        RunFolder.reopen(None, "seq")
