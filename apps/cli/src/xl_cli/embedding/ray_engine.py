"""Shards on a Ray cluster: an actor a GPU, or a node, each with a model of its own.

An actor reads the input itself, from storage that all nodes see, and writes its shards there; through this process go
their numbers and what is known of each. Every actor reads forwards, so it reads the input once, whatever shards it
does. A shard that is lost with its actor's node is done by another actor; where there is room for one, one is begun.
"""

import os
from collections import Counter
from collections.abc import Generator
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

from xl_cli.embedding.worker import Job, ShardResult, ShardWorker
from xl_cli.errors import CliError
from xl_cli.launch.progress import say
from xl_translit import ray_cluster

# Times that a process may be lost at one shard, or one after another before they have begun, till the job is given up.
_MOST_LOST = 4


def ray_shards(job: Job) -> Generator[tuple[int, ShardResult] | list[dict[str, Any]]]:
    """The number of each shard as it is done and what became of it; at the end what the inputs are."""
    with ray_cluster("xl-cli[ray]", None, told=ValueError) as ray:
        yield from _Actors(ray, job).results()


class _Actors:
    """The actors of a job, and what each is at."""

    def __init__(self, ray: Any, job: Job) -> None:
        n_gpus = int(ray.cluster_resources().get("GPU", 0))
        nodes = [node for node in ray.nodes() if node["Alive"]]
        n_actors = job.config.jobs or n_gpus or len(nodes)
        # Of processors an actor takes its share of the smallest node, so that a node takes as many as there are for it.
        least = min(int(node["Resources"].get("CPU", 1)) for node in nodes)
        n_cpus = max(1, least // -(-n_actors // len(nodes)))
        share: dict[str, Any] = {"num_gpus": 1} if n_gpus else {"num_cpus": n_cpus}
        self._ray = ray
        self._class = ray.remote(**share, scheduling_strategy="SPREAD")(_Actor)
        self._given = ray.put((job, Path.cwd(), None if n_gpus else n_cpus))
        # What was asked for -> the actor, the call, the shard.
        self._under_way: dict[Any, tuple[Any, str, int]] = {}
        self._n_lost: Counter[tuple[str, int]] = Counter()
        for _ in range(n_actors):
            self._begin()

    def results(self) -> Generator[tuple[int, ShardResult] | list[dict[str, Any]]]:
        """See `ray_shards`."""
        idle: list[Any] = []
        lost: list[int] = []
        following, is_end = 0, False
        while True:
            while idle and (lost or not is_end):
                number = heappop(lost) if lost else following
                following = max(following, number + 1)
                self._ask(idle.pop(), "shard", number)
            if idle and all(call == "begin" for _, call, _ in self._under_way.values()):
                self._ask(idle.pop(), "inputs", 0)
            actor, call, number, value = self._next()
            if actor is None:
                if call == "shard":
                    heappush(lost, number)
                continue
            idle.append(actor)
            if call == "inputs":
                yield value
                return
            if call == "shard":
                is_end = is_end or value is None
                if value is not None:
                    yield number, value

    def _begin(self) -> None:
        self._ask(self._class.remote(), "begin", 0)

    def _ask(self, actor: Any, call: str, number: int) -> None:
        given = {"begin": self._given, "shard": number}
        asked = getattr(actor, call).remote(*([given[call]] if call in given else []))
        self._under_way[asked] = actor, call, number

    def _next(self) -> tuple[Any, str, int, Any]:
        """The next actor that is done, with what it was asked and its answer; None for one that was lost."""
        from ray.exceptions import ObjectLostError, RayActorError

        (ready,), _ = self._ray.wait(list(self._under_way))
        actor, call, number = self._under_way.pop(ready)
        try:
            value = self._ray.get(ready)
        except (RayActorError, ObjectLostError) as error:
            self._lose(call, number, next(iter(str(error).splitlines()), ""))
            return None, call, number, None
        if call == "begin":
            del self._n_lost[call, number]
        return actor, call, number, value

    def _lose(self, call: str, number: int, why: str) -> None:
        """Begin another actor in the place of one that was lost."""
        self._n_lost[call, number] += 1
        at = f"shard {number}" if call == "shard" else "the model" if call == "begin" else "the end of the input"
        if self._n_lost[call, number] >= _MOST_LOST:
            message = f"{self._n_lost[call, number]} processes were lost at {at} ({why[:200]}); has a node the memory?"
            raise CliError(message)
        say(f"a process was lost at {at}; another one goes on")
        self._begin()


class _Actor:
    """A process of the cluster with its model."""

    def begin(self, given: tuple[Job, Path, int | None]) -> None:
        """Load the model."""
        job, folder, n_threads = given
        # Names of files are those of the command, which may stand below its own folder.
        if folder.is_dir():
            os.chdir(folder)
        import torch

        from xl_cli.embedding.opening import open_for
        from xl_encoders.reading.vector_files import fingerprint

        if n_threads:
            torch.set_num_threads(n_threads)
        encoder = open_for(job.config).encoder
        if fingerprint(encoder) != job.model:
            message = f"{job.config.model} is another model on node {os.uname().nodename}; give every node the same."
            raise CliError(message)
        self._worker = ShardWorker(job, encoder)

    def shard(self, number: int) -> ShardResult | None:
        """What became of a shard; None behind the last."""
        return self._worker(number)

    def inputs(self) -> list[dict[str, Any]]:
        """What there is to say of the inputs, of an actor that has read them to their end."""
        return self._worker.inputs()
