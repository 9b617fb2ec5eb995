"""The commands of a claim as pieces of work, each in a folder of its own that is named by what goes into it.

Two claims that ask for one command with the same data share its folder, so that an encoder is trained once for all of
them. A folder that has `done.json` is finished; another is gone on with, or begun anew where its command cannot.
"""

import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from xl_cli.claims.claim import Claim, Step, filled
from xl_cli.data.fingerprints import fingerprint_file
from xl_cli.errors import UsageError
from xl_cli.folder.at_hand import check_at_hand
from xl_cli.folder.json_files import read_object

if TYPE_CHECKING:
    from xl_tasks import Row

DONE = "done.json"
PRINTED = "printed.txt"


@dataclass(frozen=True, kw_only=True)
class Work:
    """One command with all its places filled.

    words: what follows `xl`. folder: of this work, with `out` and what was printed. needs: folders of what must be
    done before.
    """

    step: Step
    seed: int | None
    words: tuple[str, ...]
    folder: Path
    needs: tuple[Path, ...]

    @property
    def out(self) -> Path:
        """What `{out}` stands for."""
        return self.folder / "out"

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return (self.folder / DONE).is_file()

    @property
    def seconds(self) -> float:
        """How long the whole took, of work that is done."""
        return float(read_object(self.folder / DONE).get("seconds", 0))

    def rows(self) -> "list[Row]":
        """What was measured: `out/results.jsonl`, or what was printed as JSON.

        The model of a row is the step, its seed that of the work, where that has one: rows that differ in nothing but
        their seeds, of several fine-tunings of one training, are one row then, their mean.
        """
        from xl_tasks import read_rows

        files = (self.out / "results.jsonl", *([self.folder / PRINTED] if "--json" in self.words else []))
        rows = next((read_rows(path) for path in files if path.is_file()), [])
        if self.seed is None:
            return [dataclasses.replace(row, model=self.step.name) for row in rows]
        of_each: dict[str, Any] = {"value": 0.0, "low": None, "high": None, "p": None, "p_holm": None}
        alike: dict[Row, list[Row]] = {}
        for row in rows:
            own = dataclasses.replace(row, model=self.step.name, seed=self.seed)
            alike.setdefault(dataclasses.replace(own, **of_each), []).append(own)
        return [
            several[0] if len(several) == 1 else dataclasses.replace(mean, value=fmean(row.value for row in several))
            for mean, several in alike.items()
        ]


def work_of(
    claims: Iterable[tuple[Claim, str]], *, data: str, model: str, out: Path, seeds: Sequence[int] = ()
) -> dict[str, list[Work]]:
    """Claim -> its work in an order in which it can be done; the same work of two claims is in the list of both.

    claims: with the name of the scale. data, model: what `{data}` and `{model}` stand for. seeds: not the scale's.
    """
    return {
        claim.name: [
            each
            for step in claim.scale(scale).steps
            for each in _of_step(step, claim.scale(scale).steps, seeds or claim.scale(scale).seeds, data, model, out)
        ]
        for claim, scale in claims
    }


def _of_step(
    step: Step, steps: Sequence[Step], seeds: Sequence[int], data: str, model: str, out: Path
) -> Iterable[Work]:
    by_name = {each.name: each for each in steps}

    def made(step: Step, seed: int | None) -> Work:
        needs = {name: made(by_name[name], seed if depends(by_name[name]) else None) for name in step.needs}
        places = {f"step:{name}": str(work.out) for name, work in needs.items()}
        keys = {f"step:{name}": work.folder.name for name, work in needs.items()}
        own = "" if seed is None else str(seed)
        key = _digest([filled(word, {**keys, "data": "", "model": "", "seed": own, "out": ""}) for word in step.words],
                      *_read(step, data, model))  # fmt: skip
        folder = out / "steps" / "-".join(filter(None, [step.name, own, key]))
        values = {**places, "data": data, "model": model, "seed": own, "out": str(folder / "out")}
        return Work(
            step=step,
            seed=seed,
            words=tuple(filled(word, values) for word in step.words),
            folder=folder,
            needs=tuple(work.folder for work in needs.values()),
        )

    def depends(step: Step) -> bool:
        return step.each_seed or any(depends(by_name[name]) for name in step.needs)

    return [made(step, seed) for seed in (seeds if depends(step) else (None,))]


def _read(step: Step, data: str, model: str) -> list[str]:
    """What tells whether the user's files that a step reads are still the same."""
    # Of `--set data.files=["{data}/a","{data}/b"]` each path.
    parts = (part for word in step.words for part in re.split(r'["=,\[\]\s]+', word))
    places = {"data": data, "model": model, "seed": "", "out": ""}
    paths = [filled(part, places) for part in parts if "{data}" in part or "{model}" in part]
    own = _task_folders(step.words, Path(data)) if step.words[0] == "eval" else []
    return [_fingerprint(path) for each in paths for path in (own if own and each == data else [each])]


def _task_folders(words: Sequence[str], data: Path) -> list[str]:
    """The folders below `data` that the tasks of an `xl eval` read, so that others beside them may come and go."""
    from xl_tasks.catalogue.registry import task
    from xl_tasks.protocols.data_folder import companions, data_folder

    entries = [task(name) for name in takewhile(lambda word: not word.startswith("-"), words[1:])]
    entries += [task(name) for entry in entries for name in entry.train_from]
    if not data.is_dir() or "--train-on" in words:
        return []
    if any(entry.layout and data_folder(entry, data) == data for entry in entries):
        return []
    folders = (path for each in entries for path in (data_folder(each, data), *companions(each, data).values()))
    return sorted({str(folder) for folder in folders if folder != data})


@cache
def _fingerprint(path: str) -> str:
    """Of a file, or of every file below a folder; of what is not on this disk, a hub's id, the text itself."""
    root = Path(path)
    if root.is_file():
        return fingerprint_file(root)
    if not root.is_dir():
        return path
    # A data set may be a link to where it lies.
    files = sorted(Path(place, name) for place, _, names in os.walk(root, followlinks=True) for name in names)
    files = [each for each in files if each.is_file()]
    return _digest([f"{each.relative_to(root)} {fingerprint_file(each)}" for each in files])


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:10]


def check_places(claims: Iterable[tuple[Claim, str]], *, data: str, model: str) -> None:
    """UsageError where a claim reads data or a model that the user has not named; CliError where it is not at hand."""
    for claim, scale in claims:
        commands = " ".join(step.command for step in claim.scale(scale).steps)
        for place, given in (("data", data), ("model", model)):
            if f"{{{place}}}" in commands and not given:
                message = f"claim {claim.name} at scale {scale} reads a folder; name it with --{place}."
                raise UsageError(message)
    check_at_hand(data=data, models=[model] if model else [])
