"""Portions of a corpus on a Ray cluster, by Ray Data: where they lie goes out, whether they are done comes back.

What works reads and writes shared storage itself, so that no row passes through this process or through Ray's object
store. Portions go to tasks, not to actors: a task whose node is lost starts anew wherever a processor is free, while
an actor is brought back first and its tasks wait for it. The function, and with it the transliterator and its memory
of words, is kept from task to task in a worker's process.
"""

import hashlib
import pickle
from collections.abc import Callable, Generator, Sequence
from typing import Any

from xl_translit.cluster import ray_cluster

_loaded: dict[str, Callable[[Any], Any]] = {}  # functions by the hash of their pickle, in a process of the cluster


def ray_map(function: Callable[[Any], Any], items: Sequence[Any], jobs: int | None = None) -> Generator[Any]:
    """`function(item)` for each item, as they are done; each must do no harm when it is called again.

    jobs: processors of a local Ray that has to be started (None: all). Raises ClusterError, as `ray_cluster` does.
    """
    with ray_cluster("xl-translit[ray]", jobs) as ray:
        from ray import cloudpickle  # functions and transliterators of a user's script, too

        rows = [{"item": pickle.dumps(item)} for item in items]
        if not rows:
            return
        data = ray.data.from_items(rows, override_num_blocks=len(rows))
        task: Any = _Task(cloudpickle.dumps(function))
        for row in data.map_batches(task, batch_size=None, num_cpus=1).iter_rows():
            yield pickle.loads(row["result"])  # noqa: S301 - made by our own tasks


class _Task:
    """What Ray Data calls with one item; a process of the cluster unpacks the function once and keeps it."""

    def __init__(self, packed: bytes) -> None:
        self._packed = packed
        self._key = hashlib.sha256(packed).hexdigest()

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        if self._key not in _loaded:
            _loaded.clear()
            _loaded[self._key] = pickle.loads(self._packed)  # noqa: S301 - made by our own driver
        return {"result": [pickle.dumps(_loaded[self._key](pickle.loads(item))) for item in batch["item"]]}  # noqa: S301
