"""A long job as steps: each writes files, and a ledger says with which settings and of which inputs they were made.

A step that is in the ledger and whose files are there is not run again, unless one that it needs was. Files of a step
that is not in the ledger are what a killed call left, and are made anew. A step that failed is a result like any other,
known until its settings or inputs change, or one without which the call failed: that is tried again by the next call.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xl_cli.errors import CliError, UsageError
from xl_cli.folder.json_files import read_object
from xl_cli.launch import processes
from xl_cli.launch.progress import say

Outcome = dict[str, Any]


class StepFailedError(CliError):
    """A step came to no result for a reason that is kept."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One piece of work.

    settings: what its files depend on. inputs: fingerprint of each file of the user's that it reads. needs: steps whose
    files it reads. outputs: its files. run: makes them and gives what is worth knowing of them. shared: whether all
    processes take part. again: whether the next call tries it again where it failed.
    """

    name: str
    about: str
    settings: Mapping[str, object]
    inputs: Mapping[str, str] = field(default_factory=dict)
    needs: Sequence[str] = ()
    outputs: Sequence[Path] = ()
    run: Callable[[], Outcome]
    shared: bool = False
    again: bool = False

    def entry(self) -> dict[str, Any]:
        """What the ledger keeps of it beside the outcome, as JSON gives it back."""
        return json.loads(json.dumps({"settings": dict(self.settings), "inputs": dict(self.inputs)}))


class Ledger:
    """The file that says what is done."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: dict[str, dict[str, Any]] = {}
        if path.is_file():
            self.entries = read_object(path, "delete it to make everything anew.")

    def has(self, step: Step) -> bool:
        """Whether a step is done, or known to fail, whatever its settings were."""
        entry = self.entries.get(step.name)
        return entry is not None and ("failed" in entry or all(path.exists() for path in step.outputs))

    def keep(self, step: Step, **more: object) -> None:
        """Write down that a step is done, or that it failed."""
        self.entries[step.name] = {**step.entry(), **more}
        self.write()

    def write(self) -> None:
        """The file, as soon as there is a folder: a call that was killed in the first step is known by it."""
        from xl_translit import replacing

        if processes.is_main():
            with replacing(self.path) as file:
                file.write(json.dumps(self.entries, ensure_ascii=False, indent=1) + "\n")

    def difference(self, step: Step) -> str:
        """In what a step differs from the one that is done; "" for nothing."""
        entry, now = self.entries[step.name], step.entry()
        changed = [
            f"{name} was {_said(entry, name)} and is {_said(now, name)} now"
            for name in sorted({*entry["settings"], *now["settings"]})
            if entry["settings"].get(name) != now["settings"].get(name)
        ]
        inputs = {**entry["inputs"], **now["inputs"]}
        changed += [
            f"{name} is not the file that it was" if name in entry["inputs"] else f"{name} was not read then"
            for name in inputs
            if entry["inputs"].get(name) != now["inputs"].get(name) and name in now["inputs"]
        ]
        changed += [f"{name} is not read now" for name in inputs if name not in now["inputs"]]
        return "; ".join(changed)


def _said(entry: Mapping[str, Any], name: str) -> str:
    return repr(entry["settings"][name]) if name in entry["settings"] else "at its default"


def states(steps: Sequence[Step], ledger: Ledger) -> dict[str, str]:
    """Whether each step is "done", has "failed" or is "to do"; UsageError for one done with other settings."""
    found: dict[str, str] = {}
    faults = []
    for step in steps:
        anew = any(found[need] == "to do" for need in step.needs)
        if anew or not ledger.has(step):
            found[step.name] = "to do"
            continue
        difference = ledger.difference(step)
        failed = "failed" in ledger.entries[step.name]
        if difference and not failed:
            files = " ".join(map(str, step.outputs))
            faults.append(f"{step.name} is done, but {difference}; name another --out, or delete {files} to do it anew")
        found[step.name] = "to do" if difference or (failed and step.again) else "failed" if failed else "done"
    if faults:
        message = f"{'. '.join(faults)}."
        raise UsageError(message)
    return found


def run_steps(steps: Sequence[Step], ledger: Ledger, tell: Callable[[int, str], object]) -> dict[str, Outcome]:
    """Do what is to do; outcomes of all steps by name, of one that failed {"failed": why}.

    tell: called with the number of steps that are over and the name of the next one.
    """
    before = states(steps, ledger)
    for number, step in enumerate(steps):
        tell(number, step.name)
        if before[step.name] != "to do" or not (step.shared or processes.is_main()):
            continue
        if processes.is_main():
            for path in step.outputs:
                path.unlink(missing_ok=True)
        try:
            outcome: dict[str, object] = {"outcome": step.run()}
        except StepFailedError as error:
            outcome = {"failed": str(error)}
            say(f"note: {step.name}: {error}")
        ledger.keep(step, **outcome)
    return {name: entry.get("outcome", {"failed": entry.get("failed")}) for name, entry in ledger.entries.items()}
