"""Work of commands here, then on a cluster of two nodes of which the second is killed, again and again; prints JSON.

python -m tests.cli.cluster.on_nodes FOLDER

One program, as it is starting Ray and loading torch that takes the time. FOLDER holds `data`, `in.txt` and the encoders
`model` and `model-other`.
"""

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import ray
from moto.server import ThreadedMotoServer
from tests.two_nodes import another, two_nodes

import xl_cli
from xl_cli.cluster.spread import Spread
from xl_cli.cluster.work import PartlyFailedError, Resources, Work, on_cluster
from xl_cli.embedding.ray_engine import _Actors
from xl_cli.errors import UsageError
from xl_cli.results import UnfinishedError
from xl_tasks.protocols.cells import CellStore
from xl_translit.corpora.storage import _store, files_below, open_bytes, placing

began = time.monotonic()


def tried(folder: Path, label: str, outcome: str) -> str:
    """Writes down where it runs; goes well, or fails in one of several ways."""
    here = folder / label
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


def works(folder: Path, *outcomes: str) -> list[Work]:
    return [
        Work(label=outcome, function=tried, arguments={"folder": folder, "label": outcome, "outcome": outcome})
        for outcome in outcomes
    ]


def pieces(folder: Path) -> dict[str, Any]:
    """Pieces of work, some of which fail: tries and answers."""
    folder.mkdir()
    asked = works(folder, "well", "once", "never", "part", "misuse", "dies")
    answers = [(work.label, answer) for work, answer in on_cluster(asked, Resources(n_retries=1))]
    stopped: Generator = on_cluster(works(folder, "quick", "stopped"), Resources())
    next(stopped)
    while not (folder / "stopped").exists():
        time.sleep(0.1)
    stopped.close()
    # On a busy machine Ray's interrupt comes after `_SECONDS_TO_STOP`; without one the work takes a minute.
    until = time.monotonic() + 50
    while (folder / "stopped").read_text() != "stopped" and time.monotonic() < until:
        time.sleep(0.1)
    lacking = ""
    try:
        next(on_cluster(asked, Resources(n_gpus=2)))
    except ValueError as error:
        lacking = str(error)
    tries = {work.label: (folder / work.label).read_text().splitlines() for work in asked}
    last = {label: [answer.value, answer.failures, answer.misuse] for label, answer in answers}
    return {"tries": tries, "last": last, "lacking": lacking, "left": (folder / "stopped").read_text()}


def embedded(folder: Path, kill: Callable[[], object]) -> dict[str, Any]:
    """From a store of objects into it; the node dies when both have a model and the first shard is there."""
    with placing("s3://bucket/texts/in.txt") as path:
        path.write_bytes((folder / "in.txt").read_bytes())
    ask: Any = {"files": "s3://bucket/texts", "model": folder / "model", "layer": "1", "shard_rows": 3}
    xl_cli.embed(**ask, out=folder / "vectors")
    following, begun = _Actors._next, list[tuple]()

    def kill_and_go_on(self: _Actors) -> tuple:
        if not begun:  # neither does a shard before the other can
            begun.extend([following(self), following(self)])
            held.extend(begun)
        if held:
            return held.pop()
        _Actors._next = following
        answer = following(self)
        kill()
        return answer

    held = list[tuple]()
    _Actors._next = kill_and_go_on
    done = xl_cli.embed(**ask, out="s3://bucket/vectors", engine="ray")
    (folder / "vectors-ray").mkdir()
    for name in files_below("s3://bucket/vectors"):
        with open_bytes(f"s3://bucket/vectors/{name}") as there:
            (folder / "vectors-ray" / name).write_bytes(there.read())
    return {"texts": done.texts, "shards": done.shards, "begun": [call for _, call, *_ in begun]}


def evaluated(folder: Path, kill: Callable[[], object]) -> dict[str, Any]:
    """The node dies when the first cell is kept."""
    tasks = ["tatoeba", "sib200-retrieval", "sib200"]
    asked: Any = {
        "model": [folder / "model", folder / "model-other"], "data": folder / "data", "source": "eng",
        "target": ["tur", "ell"], "resamples": 20, "set": ["epochs=1", "max_len=24"], "seeds": 1,
        "noise": ["drop-diacritics"], "layer": ["0", "1"],
    }  # fmt: skip
    xl_cli.evaluate(tasks, out=folder / "local", **asked)
    asked |= {"engine": "ray", "cell_retries": 1}
    save = CellStore.save

    def kill_and_save(self: CellStore, scored: Any) -> None:
        CellStore.save = save
        kill()
        self.save(scored)

    CellStore.save = kill_and_save
    xl_cli.evaluate(tasks, out=folder / "ray", **asked)
    # A fitted model is kept in a folder, which a file keeps from being made.
    (folder / "broken").mkdir()
    (folder / "broken" / "models").write_text("")
    asked |= {"model": folder / "model", "seeds": 1, "layer": ["0"], "save_models": True}
    try:
        xl_cli.evaluate(["tatoeba", "sib200"], out=folder / "broken", **asked)
    except UnfinishedError as error:
        return {"message": str(error), "done": sorted({row.data for row in error.done})}
    return {}


def measured(folder: Path, kill: Callable[[], object]) -> None:
    """The node dies when the first part of a measure is there, as the others are under way."""
    models = [folder / name for name in ("model", "model-other", "model")]
    asked: Any = {"model": models, "data": folder / "data" / "sib200", "measures": ["cka", "distance"], "layer": "all"}
    xl_cli.analyze("space", out=folder / "local-space", **asked)
    answers = Spread.answers

    def kill_and_go_on(self: Spread, *given: Any) -> Any:
        for number, answer in enumerate(answers(self, *given)):
            if number == 0:
                kill()
            yield answer

    Spread.answers = kill_and_go_on  # ty: ignore[invalid-assignment]
    xl_cli.analyze("space", out=folder / "ray-space", engine="ray", cell_retries=1, **asked)


def told(part: str) -> None:
    """How long it has been, for who looks into the time of the gate."""
    sys.stderr.write(f"{time.monotonic() - began:5.1f} s: {part}\n")


def main(folder: Path) -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    os.environ["AWS_ENDPOINT_URL"] = f"http://{host}:{port}"  # before the nodes start, which inherit it
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    _store("s3://bucket?allow_bucket_creation=true")[0].create_dir("bucket")
    found: dict[str, Any] = {}
    with two_nodes() as (cluster, second):
        told("two nodes")

        def kill() -> None:
            cluster.remove_node(second, allow_graceful=False)
            # Its processes answer for a moment more, in which they could do all that is left.
            while sum(node["Alive"] for node in ray.nodes()) > 1:
                time.sleep(0.1)

        found["pieces"] = pieces(folder / "pieces")
        told("pieces of work")
        found["embedded"] = embedded(folder, kill)
        told("xl embed")
        second = another(cluster)
        found["evaluated"] = evaluated(folder, kill)
        told("xl eval")
        second = another(cluster)
        measured(folder, kill)
        told("xl analyze")
    server.stop()
    told("the cluster is stopped")
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
