"""A Ray cluster to work on: the one that is there, or a small one of this machine.

Every `--engine ray` of the project starts here. Ray is imported within, so that its absence is told in a sentence.
"""

import logging
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from xl_translit.errors import ClusterError

_SECONDS = 10.0  # that the cluster has to answer
_LOGGERS = ("ray", "ray.data")  # they tell of every plan and every start; what fails is told by what we raise


@contextmanager
def ray_cluster(extra: str, jobs: int | None = None, *, told: type[Exception] = ClusterError) -> Generator[Any]:
    """The module `ray`, connected to a cluster; with `ray.data` loaded.

    A Ray that this process runs already is used, else the cluster that RAY_ADDRESS names; else a local one is started
    with `jobs` processors (None: all) and stopped at the end. extra: what to install where Ray is missing, e.g.
    `xl-translit[ray]`. told: the base class of errors that a worker's code raises on purpose; these leave the block as
    they were raised, everything else that Ray says becomes a ClusterError.
    """
    if not os.environ.get("RAY_ADDRESS"):
        # Called through `uv run`, Ray packs the current folder and starts each worker by `uv run` once more; on this
        # machine that is of no use, and a folder above half a gigabyte is refused.
        os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    try:
        import ray
        import ray.data
        from ray.exceptions import RayError
    except ImportError:
        message = f"the engine ray needs Ray Data; pip install '{extra}', or use the engine local"
        raise ClusterError(message) from None
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    ours = not ray.is_initialized()
    if ours:
        _connect(ray, jobs)
    context = ray.data.DataContext.get_current()
    bars, context.enable_progress_bars = context.enable_progress_bars, False
    try:
        yield ray
    except RayError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, told):
            raise cause from None
        message = f"Ray failed: {' '.join(str(error).split())[:300]}"
        raise ClusterError(message) from None
    finally:
        context.enable_progress_bars = bars
        if ours:
            ray.shutdown()
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def _connect(ray: Any, jobs: int | None) -> None:
    there = os.environ.get("RAY_ADDRESS", "")
    # "local": else Ray joins one that somebody runs on this machine, and takes no number of processors.
    local = {} if there else {"address": "local", "num_cpus": jobs, "include_dashboard": False}
    try:
        host, colon, port = there.rpartition("://")[2].rpartition(":")
        if colon:  # asked first, since Ray tries for a quarter of an hour
            socket.create_connection((host, int(port)), timeout=_SECONDS).close()
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **local)
    except (OSError, RuntimeError, ValueError) as error:
        where = f"at RAY_ADDRESS={there}" if there else "on this machine"
        reason = " ".join(str(error).split())[:200]
        message = f"Ray could not be reached or started {where} ({reason}); see `ray status`, or use the engine local"
        raise ClusterError(message) from None
