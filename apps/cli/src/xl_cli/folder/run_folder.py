"""A run as a folder: run.json, log.jsonl, results.jsonl, model/, checkpoints/; each file whole at every moment."""

import json
import platform
import re
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xl_cli.errors import UsageError
from xl_cli.folder.at_hand import weights_of
from xl_cli.folder.json_files import read_object
from xl_cli.launch import processes

if TYPE_CHECKING:
    from xl_tasks import Row

DEFAULT_PARENT = Path("runs")
_PACKAGES = (
    *(f"xl-{name}" for name in ("cli", "analysis", "tasks", "encoders", "translit", "staticemb", "objectives")),
    *("torch", "transformers", "tokenizers", "accelerate", "safetensors", "numpy", "scikit-learn", "uroman", "babel"),
)


class RunFolder:
    """The files of one run below `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.model = path / "model"
        self.checkpoints = path / "checkpoints"
        self.selected = path / "selected"
        self.results = path / "results.jsonl"
        self._log = path / "log.jsonl"
        self._about = path / "run.json"

    @classmethod
    def create(cls, out: Path | None, recipe_name: str) -> "RunFolder":
        """A new run at `out`, which must not exist or be empty; by default the first free of runs/NAME, NAME-2."""
        if out is None:
            number = 1
            out = DEFAULT_PARENT / recipe_name
            while out.exists():
                number += 1
                out = DEFAULT_PARENT / f"{recipe_name}-{number}"
            out = Path(processes.as_on_main(str(out)))
        else:
            cls.check_free(out)
        processes.wait()
        out.mkdir(parents=True, exist_ok=True)
        return cls(out)

    @staticmethod
    def check_free(out: Path | None) -> None:
        """UsageError where a new run cannot be made at `out`, because there is something."""
        if out is not None and processes.is_main() and out.exists() and not is_free(out):
            message = f"--out {out} exists already; name another folder, or go on with it by --resume."
            raise UsageError(message)

    @classmethod
    def reopen(cls, out: Path | None, recipe_name: str) -> "RunFolder":
        """The run at `out`; without it, the last of runs/NAME, NAME-2, ... that is not finished."""
        if out is not None:
            if not (out / "run.json").is_file():
                message = f"--resume: {out} holds no run.json, so it is no run that could go on."
                raise UsageError(message)
            return cls(out)
        # By number, as clocks may go back; runs/ppa-maf is none of the recipe ppa.
        numbered = re.compile(rf"{re.escape(recipe_name)}(?:-(\d+))?")
        runs = {cls(path.parent): numbered.fullmatch(path.parent.name) for path in DEFAULT_PARENT.glob("*/run.json")}
        mine = {run: int(name[1] or 1) for run, name in runs.items() if name and run._is_open(recipe_name)}
        if not mine:
            message = f"--resume: no unfinished run of {recipe_name} below {DEFAULT_PARENT}/; name one with --out."
            raise UsageError(message)
        return max(mine, key=mine.__getitem__)

    def _is_open(self, recipe_name: str) -> bool:
        about = self.about()
        return about.get("recipe_name", recipe_name) == recipe_name and about["status"] != "finished"

    def has_about(self) -> bool:
        """Whether there is a run.json."""
        return self._about.is_file()

    def about(self) -> dict[str, Any]:
        """Content of run.json."""
        return read_object(self._about)

    def describe(self, **entries: object) -> None:
        """Set entries of run.json and keep the others."""
        if not processes.is_main():
            return
        from xl_translit import replacing

        about = self.about() if self._about.is_file() else {}
        about.update(entries)
        with replacing(self._about) as file:
            file.write(json.dumps(about, indent=2, ensure_ascii=False) + "\n")

    def log(self, record: Mapping[str, object]) -> None:
        """Append one line to log.jsonl."""
        if not processes.is_main():
            return
        with self._log.open("a", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps(record) + "\n")

    def drop_log_after(self, variant: str, step: int) -> None:
        """Forget logged steps of `variant` later than `step`: they are about to be trained again."""
        if not self._log.is_file() or not processes.is_main():
            return
        from xl_translit import replacing

        kept = [r for r in self.logged() if r.get("variant") != variant or r.get("step", 0) <= step]
        with replacing(self._log) as file:
            file.writelines(json.dumps(record) + "\n" for record in kept)

    def logged(self) -> list[dict[str, Any]]:
        """The records of log.jsonl; none where there is none."""
        records = []
        for line in self._log.read_bytes().split(b"\n") if self._log.is_file() else ():
            with suppress(ValueError, RecursionError):  # the end of a line that a kill cut off
                records.append(json.loads(line))
        return [record for record in records if isinstance(record, dict)]

    def rows(self) -> "list[Row]":
        """The result rows so far."""
        from xl_tasks import read_rows

        return read_rows(self.results) if self.results.is_file() else []

    def add_rows(self, rows: "Iterable[Row]") -> None:
        """Add result rows but for those that an attempt which was killed has added; the file is replaced whole."""
        if not processes.is_main():
            return
        from xl_tasks import write_rows

        write_rows(self.results, list(dict.fromkeys([*self.rows(), *rows])))

    def seal(self) -> None:
        """Note in run.json the SHA-256 of the weights in model/, by which a reader knows that they are this run's."""
        self.describe(weights=weights_of(self.model))

    def discard_if_empty(self) -> None:
        """Remove the folder of a run that failed before it trained or scored anything."""
        mined = (self.path / "rounds").exists()
        if processes.is_main() and not (self._log.exists() or self.results.exists() or mined):
            shutil.rmtree(self.path, ignore_errors=True)

    def keep_selected(self, keep: int) -> None:
        """Remove what only an unfinished run needs: checkpoints, and with a `keep` of 1 the models selected from.

        Word alignments that our aligner found stay, beside the model that they trained.
        """
        if not processes.is_main():
            return
        from xl_encoders.whole_files import remove_abandoned, remove_whole

        alignments = self.checkpoints / "alignments"
        if alignments.is_dir():
            shutil.rmtree(self.path / "alignments", ignore_errors=True)
            alignments.rename(self.path / "alignments")
        remove_whole(self.checkpoints)
        if keep == 1:
            remove_whole(self.selected)
        remove_abandoned(self.path)


def is_free(folder: Path) -> bool:
    """Whether a folder holds nothing but what a killed process left hidden in it."""
    return folder.is_dir() and all(path.name.startswith(".") for path in folder.iterdir())


def environment() -> dict[str, object]:
    """What besides the recipe decides the numbers: machine, device, threads, versions."""
    import torch

    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    device = processes.device()
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    return {"device": name, "machine": platform.platform(), "threads": torch.get_num_threads(), "versions": versions}
