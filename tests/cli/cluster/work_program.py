"""Pieces of work on two nodes, some of which fail; prints the tries and the answers as JSON.

python -m tests.cli.cluster.work_program FOLDER
"""

import json
import os
import sys
import time
from collections.abc import Generator
from pathlib import Path

import ray
from tests.two_nodes import two_nodes

from xl_cli.cluster.work import PartlyFailedError, Resources, Work, on_cluster
from xl_cli.errors import UsageError


def tried(folder: str, label: str, outcome: str) -> str:
    """Writes down where it runs; goes well, or fails in one of several ways."""
    here = Path(folder) / label
    with here.open("a") as file:
        file.write(ray.get_runtime_context().get_node_id() + "\n")
    n_tries = len(here.read_text().splitlines())
    if outcome == "once" and n_tries == 1:
        raise RuntimeError("first try")
    if outcome == "never":
        raise ValueError("it cannot be")
    if outcome == "part":
        raise PartlyFailedError("half", {"other half": "is missing"})
    if outcome == "misuse":
        raise UsageError("a wrong setting")
    if outcome == "dies" and n_tries == 1:
        os._exit(1)
    if outcome == "stopped":
        try:
            for _ in range(600):  # Ray interrupts between two calls, not within one
                time.sleep(0.1)
        except KeyboardInterrupt:
            here.write_text("stopped")
            raise
    return label


def works(folder: str, *outcomes: str) -> list[Work]:
    return [
        Work(label=outcome, function=tried, arguments={"folder": folder, "label": outcome, "outcome": outcome})
        for outcome in outcomes
    ]


def main(folder: str) -> None:
    with two_nodes():
        pieces = works(folder, "well", "once", "never", "part", "misuse", "dies")
        answers = [(work.label, answer) for work, answer in on_cluster(pieces, Resources(n_retries=1))]
        stopped: Generator = on_cluster(works(folder, "quick", "stopped"), Resources())
        next(stopped)
        while not (Path(folder) / "stopped").exists():
            time.sleep(0.1)
        stopped.close()
        try:
            next(on_cluster(pieces, Resources(n_gpus=2)))
        except ValueError as error:
            lacking = str(error)
    tries = {work.label: (Path(folder) / work.label).read_text().splitlines() for work in pieces}
    last = {label: [answer.value, answer.failures, answer.misuse] for label, answer in answers}
    print(
        json.dumps({"tries": tries, "last": last, "lacking": lacking, "left": (Path(folder) / "stopped").read_text()})
    )


if __name__ == "__main__":
    main(sys.argv[1])
