"""A Ray cluster of two nodes, each a set of processes of its own on this machine, for programs that tests start.

In a process of its own, so that Ray's threads, signals and warnings stay out of pytest's.
"""

import logging
import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

# With the least bytes of object store that Ray takes.
_NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}


@contextmanager
def two_nodes(*, alone: bool = False) -> Generator[tuple[Any, Any]]:
    """The cluster, this process connected to it, and its second node (None: `alone`); one processor each.

    `cluster.remove_node(second, allow_graceful=False)` kills the second as a loss of power would.
    """
    # Ray gives a process a minute to begin, which a busy machine may need several times over.
    os.environ.setdefault("RAY_worker_register_timeout_seconds", "600")
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")  # as `ray_cluster` has it
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args=_NODE)
    try:
        second = None if alone else another(cluster)
        ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)
        cluster.wait_for_nodes()
        yield cluster, second
    finally:
        ray.shutdown()
        cluster.shutdown()


def another(cluster: Any) -> Any:
    """A further node of the cluster."""
    return cluster.add_node(**_NODE)
