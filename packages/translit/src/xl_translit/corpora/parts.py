"""The unfinished output: a hidden folder beside it that holds complete parts, so that a killed run can go on.

`.OUT.parts/state.json` names the run (options and inputs); part `000012.data` holds the output of some chunks and
`000012.json` their counts; the second is written last and makes the part count. Files appear whole or not at all.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xl_translit.alone import alone
from xl_translit.corpora.batch import Rejection
from xl_translit.corpora.statistics import Pair, Statistics
from xl_translit.errors import CorpusError
from xl_translit.text import replacing


@dataclass
class OutputPart:
    """The counts of a part: chunks `first` to `last` (not included), a hash of their input, what was new in them."""

    first: int
    last: int
    rows_in: int
    digest: str
    statistics: Statistics
    rejections: list[Rejection]
    pairs: list[Pair]


class PartFolder:
    """The parts of one output; hold it open (`with`) so that no second process writes them too."""

    def __init__(self, out: Path) -> None:
        self.path = out.with_name(f".{out.name}.parts")
        self._out = out
        self._lock = ExitStack()
        self._n_parts = 0

    def __enter__(self) -> "PartFolder":
        if not self._out.parent.is_dir():
            message = f"{self._out}: there is no folder {self._out.parent}; create it first"
            raise CorpusError(message)
        self._lock.enter_context(alone(self._out, beside=True))
        self.path.mkdir(exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        # asked of the disk: an interrupt may come when a part is complete there and not yet counted here
        if not self._file(0, "json").exists():  # nothing to go on with
            shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()

    def resume(self, run: dict[str, Any]) -> Iterator[OutputPart]:
        """The parts that are there, if they are this run's; else the folder now begins with this run.

        run: what decides the output's bytes, plain JSON values. Raises CorpusError if the parts are another run's.
        """
        state = self.path / "state.json"
        run = json.loads(json.dumps(run))
        if not self._file(0, "json").exists():
            with replacing(state) as file:
                file.write(json.dumps(run, indent=2) + "\n")
            return
        check_same_run(str(self._out), str(self.path), read_state(str(state), state.read_bytes()), run)
        for part in self.parts():
            self._n_parts += 1
            yield part

    def parts(self) -> Iterator[OutputPart]:
        """Every part on the disk, in order."""
        number = 0
        while (file := self._file(number, "json")).exists():
            values = read_state(str(file), file.read_bytes())
            values["statistics"] = Statistics.from_json(values["statistics"])
            values["rejections"] = [Rejection(*item) for item in values["rejections"]]
            values["pairs"] = [(word, result) for word, result in values["pairs"]]
            yield OutputPart(**values)
            number += 1

    def add(self, part: OutputPart, data: list[bytes]) -> None:
        """Write a part to the disk."""
        with replacing(self._file(self._n_parts, "data"), "wb") as stream:
            stream.writelines(data)
        with replacing(self._file(self._n_parts, "json")) as stream:
            values = {**vars(part), "statistics": part.statistics.as_json()}
            stream.write(json.dumps(values) + "\n")
        self._n_parts += 1

    def data_files(self) -> list[Path]:
        """The parts' output, in order."""
        return [self._file(number, "data") for number in range(self._n_parts)]

    @property
    def whole(self) -> Path:
        """Where the output is put together before it gets its name."""
        return self.path / "whole"

    @property
    def manifest(self) -> Path:
        """Where the manifest waits for its name."""
        return self.path / "manifest.json"

    @property
    def rejected(self) -> Path:
        """Where the list of refused rows waits for its name; it gets none if it is empty."""
        return self.path / "rejected.jsonl"

    def publish(self) -> None:
        """Give the list of refused rows, the manifest and, last, the output their names, and remove the parts."""
        with self.whole.open("rb") as file:
            os.fsync(file.fileno())
        listed = self._out.with_name(f"{self._out.name}.rejected.jsonl")
        if self.rejected.stat().st_size:
            self.rejected.replace(listed)
        else:
            listed.unlink(missing_ok=True)  # an earlier run's, whose output is gone
        self.manifest.replace(self._out.with_name(f"{self._out.name}.manifest.json"))
        self.whole.replace(self._out)
        with suppress(OSError):
            shutil.rmtree(self.path)

    def _file(self, number: int, suffix: str) -> Path:
        return self.path / f"{number:06}.{suffix}"


def read_state(name: str, content: bytes | str, kind: type = dict) -> Any:
    """What a run wrote for itself, JSON of a kind; CorpusError where it is damaged."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        message = f"{name}: damaged ({error}); remove its folder to start over"
        raise CorpusError(message) from None
    if not isinstance(value, kind):
        message = f"{name}: damaged (no JSON {kind.__name__}); remove its folder to start over"
        raise CorpusError(message)
    return value


def check_same_run(out: str, folder: str, before: dict[str, Any], run: dict[str, Any]) -> None:
    """Raise CorpusError where the run that `folder` holds parts of is another one than this."""
    changed = [key for key in {**before, **run} if before.get(key) != run.get(key)]
    if changed:
        differences = "; ".join(f"{key}: {before.get(key)} then, {run.get(key)} now" for key in changed)
        message = (
            f"{out}: an unfinished run of other options is in {folder} ({differences}); "
            "give its options to go on with it, or remove that folder to start over"
        )
        raise CorpusError(message)


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
