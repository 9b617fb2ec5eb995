"""The commands of a claim as pieces of work, each in a folder of its own that is named by what goes into it.

Two claims that ask for one command with the same data share its folder, so that an encoder is trained once for all of
them. A folder that has `done.json` is finished; another is gone on with, or begun anew where its command cannot.
"""

import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xl_cli.claims.claim import Claim, Step, filled
from xl_cli.data.fingerprints import fingerprint_file
from xl_cli.errors import UsageError
from xl_cli.folder.at_hand import check_at_hand
from xl_cli.launch.durations import words as duration
from xl_cli.launch.progress import say

if TYPE_CHECKING:
    from xl_tasks import Row

# Commands that go on in a folder of theirs where they were stopped.
_GO_ON = ("eval", "embed", "mine")
_DONE = "done.json"
_PRINTED = "printed.txt"


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
        return (self.folder / _DONE).is_file()

    @property
    def seconds(self) -> float:
        """How long the whole took, of work that is done."""
        return float(json.loads((self.folder / _DONE).read_text(encoding="utf-8"))["seconds"])

    def rows(self) -> "list[Row]":
        """What was measured: `out/results.jsonl`, or what was printed as JSON.

        The model of a row is the step, its seed that of the work, where that has one.
        """
        from xl_tasks import read_rows

        files = (self.out / "results.jsonl", *([self.folder / _PRINTED] if "--json" in self.words else []))
        rows = next((read_rows(path) for path in files if path.is_file()), [])
        own: dict[str, Any] = {} if self.seed is None else {"seed": self.seed}
        return [dataclasses.replace(row, model=self.step.name, **own) for row in rows]


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
    paths = []
    for word in step.words:
        if "{data}" in word or "{model}" in word:
            # Of `--set data.files=["{data}/a","{data}/b"]` each path.
            for part in (
                word.replace('"', " ").replace("=", " ").replace(",", " ").replace("[", " ").replace("]", " ").split()
            ):
                if "{data}" in part or "{model}" in part:
                    paths.append(filled(part, {"data": data, "model": model, "seed": "", "out": ""}))
    return [_fingerprint(path) for path in paths]


@cache
def _fingerprint(path: str) -> str:
    """Of a file, or of every file below a folder; of what is not on this disk, a hub's id, the text itself."""
    root = Path(path)
    if root.is_file():
        return fingerprint_file(root)
    if not root.is_dir():
        return path
    files = sorted(each for each in root.rglob("*") if each.is_file())
    return _digest([f"{each.relative_to(root)} {fingerprint_file(each)}" for each in files])


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:10]


def do(work: Iterable[Work], *, jobs: int = 1) -> dict[Path, str]:
    """Do what is not done, `jobs` commands side by side.

    Folder -> what went wrong, of work that failed, and of work that could not begin as it needs such work.
    """
    todo = {each.folder: each for each in work if not each.is_done}
    total, failed, begun = len(todo), dict[Path, str](), 0
    running: dict[Future[str], Work] = {}
    with ThreadPoolExecutor(jobs) as pool:
        while todo or running:
            for folder, each in [*todo.items()]:
                if any(need in failed for need in each.needs):
                    failed[folder] = f"needs {next(need.name for need in each.needs if need in failed)}, which failed"
                    del todo[folder]
                elif len(running) < jobs and not any(need in todo or need in _folders(running) for need in each.needs):
                    begun += 1
                    seed = "" if each.seed is None else f", seed {each.seed}"
                    say(f"step {begun} of {total}: {each.step.name}{seed}: xl {' '.join(each.words)}")
                    running[pool.submit(_run, each, jobs)] = todo.pop(folder)
            done = wait(running, return_when=FIRST_COMPLETED).done
            for future in done:
                each = running.pop(future)
                fault = future.result()
                if fault:
                    failed[each.folder] = fault
                    say(f"{each.folder.name} failed: {fault}")
                else:
                    say(f"{each.folder.name}: {duration(each.seconds)}")
    return failed


def _folders(running: "Mapping[Future[str], Work]") -> set[Path]:
    return {each.folder for each in running.values()}


def _run(work: Work, jobs: int) -> str:
    """Run one command; what it said last where it failed, else nothing."""
    words = [*work.words]
    if words[0] == "align" and (work.out / "run.json").is_file():
        words = ["align", "--resume", "--out", str(work.out)]
    elif words[0] not in _GO_ON and work.folder.exists():
        shutil.rmtree(work.folder)
    work.folder.mkdir(parents=True, exist_ok=True)
    environment = dict(os.environ)
    if jobs > 1:
        environment["OMP_NUM_THREADS"] = str(max(1, len(os.sched_getaffinity(0)) // jobs))
    printed, told = work.folder / _PRINTED, work.folder / "told.txt"
    began = time.monotonic()
    with printed.open("wb") as stdout, told.open("ab") as stderr:
        code = subprocess.run(  # noqa: S603 - commands of a claim's file, without a shell
            [sys.executable, "-m", "xl_cli", *words], stdout=stdout, stderr=stderr, env=environment, check=False
        ).returncode
    if code:
        lines = told.read_text(encoding="utf-8", errors="replace").strip().split("\n")
        return f"{lines[-1]} (exit {code}; {told})"
    from xl_translit import replacing

    about = {"command": ["xl", *work.words], "seconds": round(time.monotonic() - began, 1)}
    with replacing(work.folder / _DONE) as file:
        file.write(json.dumps(about, ensure_ascii=False) + "\n")
    return ""


def check_places(claims: Iterable[tuple[Claim, str]], *, data: str, model: str) -> None:
    """UsageError where a claim reads data or a model that the user has not named; CliError where it is not at hand."""
    for claim, scale in claims:
        commands = " ".join(step.command for step in claim.scale(scale).steps)
        for place, given in (("data", data), ("model", model)):
            if f"{{{place}}}" in commands and not given:
                message = f"claim {claim.name} at scale {scale} reads a folder; name it with --{place}."
                raise UsageError(message)
    check_at_hand(data=data, models=[model] if model else [])
