"""Shards on a Ray cluster: an actor a GPU, or a node, each with a model of its own.

An actor reads the input itself, from storage that all nodes see, and writes its shards there; through this process go
their numbers and what is known of each. Every actor reads forwards, so it reads the input once, whatever shards it
does. An actor that is lost with its node is started again on another one, and does its shard again.
"""

import os
from collections.abc import Generator
from itertools import count
from pathlib import Path
from typing import Any

from xl_cli.embedding.worker import Job, ShardResult, ShardWorker
from xl_cli.errors import CliError
from xl_translit import ray_cluster


def ray_shards(job: Job) -> Generator[tuple[int, ShardResult] | list[dict[str, Any]]]:
    """The number of each shard as it is done and what became of it; at the end what the inputs are."""
    with ray_cluster("xl-cli[ray]", None, told=ValueError) as ray:
        resources = ray.cluster_resources()
        n_gpus = int(resources.get("GPU", 0))
        nodes = [node for node in ray.nodes() if node["Alive"]]
        n_actors = job.config.jobs or n_gpus or len(nodes)
        # Of processors an actor takes its share of the smallest node, so that a node takes as many as there are for it.
        least = min(int(node["Resources"].get("CPU", 1)) for node in nodes)
        n_cpus = max(1, least // -(-n_actors // len(nodes)))
        share: dict[str, Any] = {"num_gpus": 1} if n_gpus else {"num_cpus": n_cpus}
        spread = {"max_restarts": -1, "max_task_retries": -1, "scheduling_strategy": "SPREAD"}
        actor = ray.remote(**share, **spread)(_Actor)
        reference = ray.put((job, Path.cwd(), None if n_gpus else n_cpus))
        actors = [actor.remote(reference) for _ in range(n_actors)]
        numbers = count()
        under_way = {each.shard.remote(number): each for each, number in zip(actors, numbers, strict=False)}
        ending: Any = None
        while under_way:
            (ready,), _ = ray.wait(list(under_way))
            each = under_way.pop(ready)
            result = ray.get(ready)
            if result is None:
                ending = each
                continue
            yield result
            following = each.shard.remote(next(numbers))
            under_way[following] = each
        yield ray.get(ending.inputs.remote())


class _Actor:
    """A process of the cluster with its model."""

    def __init__(self, given: tuple[Job, Path, int | None]) -> None:
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

    def shard(self, number: int) -> tuple[int, ShardResult] | None:
        """What became of a shard; None behind the last."""
        result = self._worker(number)
        return None if result is None else (number, result)

    def inputs(self) -> list[dict[str, Any]]:
        """What there is to say of the inputs, of an actor that has read them to their end."""
        return self._worker.inputs()
