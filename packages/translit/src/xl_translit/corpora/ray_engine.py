"""The per-batch function on a Ray cluster, by Ray Data: this process reads and writes, the cluster transliterates.

Chunks go out in windows, so that neither this process nor the object store holds the corpus; the results of a window
are put in order again. Needs the extra `xl-translit[ray]`.
"""

import pickle
from collections.abc import Callable, Generator, Iterable
from itertools import islice
from typing import Any

from xl_translit.cluster import ray_cluster
from xl_translit.errors import TranslitError

_CHUNKS_PER_CPU = 16  # in a window: enough that its end, where some processors wait, costs little
_loaded: dict[str, Callable[[Any], Any]] = {}  # functions by the hash of their pickle, in a process of the cluster


def ray_map(function: Callable[[Any], Any], chunks: Iterable[Any], jobs: int | None = None) -> Generator[Any]:
    """`function(chunk)` for each chunk, in order.

    A Ray that runs already is used, also one named by RAY_ADDRESS; else a local one is started with `jobs` processors
    (None: all) and stopped at the end. Raises ClusterError without Ray, or if the cluster fails.
    """
    with ray_cluster("xl-translit[ray]", jobs, told=TranslitError) as ray:
        n_cpus = max(1, int(ray.cluster_resources().get("CPU", 1)))
        packed = ray.put(pickle.dumps(function))
        task: Any = _Task(packed)
        remaining = iter(chunk for chunk in chunks if chunk is not None)
        while window := list(islice(remaining, _CHUNKS_PER_CPU * n_cpus)):
            items = [{"index": number, "chunk": pickle.dumps(chunk)} for number, chunk in enumerate(window)]
            data = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(task, batch_size=1)
            rows = sorted(data.take_all(), key=lambda row: row["index"])
            for row in rows:
                yield pickle.loads(row["result"])  # noqa: S301 - made by our own tasks


class _Task:
    """What Ray Data calls with one chunk; a process of the cluster unpacks the function once and keeps it."""

    def __init__(self, packed: Any) -> None:
        self._packed = packed  # a reference into the object store

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        import ray

        key = self._packed.hex()
        if key not in _loaded:
            _loaded.clear()
            _loaded[key] = pickle.loads(ray.get(self._packed))  # noqa: S301 - made by our own driver
        results = [pickle.dumps(_loaded[key](pickle.loads(chunk))) for chunk in batch["chunk"]]  # noqa: S301
        return {"index": batch["index"], "result": results}
