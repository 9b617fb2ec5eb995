"""How long training will take on this machine, from a small matrix product; a rough figure, and said to be one."""

import os
import shutil
import time
from functools import cache

# Operations a weight and token: a product and a sum, forwards once and backwards twice (Kaplan et al. 2020, 2.1).
_PER_WEIGHT = 6
# Training's share of the speed of the product below: measured with the recipe `names` and with a 12 x 384 encoder.
_REACHED = 0.5
# Rows and columns of the product, which linear algebra libraries compute on one core, and for how long it is repeated.
_SIDE, _SECONDS = 64, 0.1


def seconds_of(n_tokens: int, n_weights: int) -> tuple[float | None, str]:
    """Seconds to train `n_weights` weights (tables of embeddings left out) on `n_tokens`, and what that rests on.

    None on a machine with a graphics card, whose speed is not known before torch is loaded.
    """
    if shutil.which("nvidia-smi") or shutil.which("rocm-smi"):
        return None, " on this machine's graphics card: its speed shows in the first steps"
    n_cores = int(os.environ.get("OMP_NUM_THREADS", "0") or 0) or os.cpu_count() or 1
    speed = _core_speed() * n_cores
    seconds = _PER_WEIGHT * n_weights * n_tokens / (speed * _REACHED)
    cores = "core" if n_cores == 1 else "cores"
    return seconds, (
        f" of training on {n_cores} processor {cores} with nothing else to do, within a factor of 3 (rests on "
        f"{speed / 1e9:.0f} GFLOP/s measured in a small matrix product); scoring comes on top"
    )


@cache
def _core_speed() -> float:
    """Operations a second of float32 matrix products on one core, whatever else the machine does."""
    import numpy as np

    a = np.ones((_SIDE, _SIDE), dtype=np.float32)
    a @ a  # the library is loaded
    n_done, started = 0, time.thread_time()
    while time.thread_time() - started < _SECONDS:
        a @ a
        n_done += 1
    return n_done * 2 * _SIDE**3 / (time.thread_time() - started)
