"""A Ray cluster of two nodes, each a set of processes of its own on this machine, for programs that tests start.

In a process of its own, so that Ray's threads, signals and warnings stay out of pytest's.
"""

import logging
import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

_RAY = {
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # as `ray_cluster` has it
    # Ray gives a process a minute to begin, which a busy machine may need several times over.
    "RAY_worker_register_timeout_seconds": "600",
    # A node that is killed refuses a call and is missed in two seconds, not fifteen; one that is slow has its minutes.
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_failure_threshold": "4",
    "RAY_health_check_timeout_ms": "60000",
}
# With the least bytes of object store that Ray takes.
_NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}


@contextmanager
def two_nodes(*, alone: bool = False) -> Generator[tuple[Any, Any]]:
    """The cluster, this process connected to it, and its second node (None: `alone`); one processor each.

    `cluster.remove_node(second, allow_graceful=False)` kills the second as a loss of power would.
    """
    os.environ.update({name: value for name, value in _RAY.items() if name not in os.environ})
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
