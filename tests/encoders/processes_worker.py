"""What one of several processes does in test_processes.py: gradients of every kind of part, short runs of `fit`.

Started as `python -m tests.encoders.processes_worker FOLDER TASK ...` with RANK and WORLD_SIZE in the environment; the
processes meet through a file in FOLDER, where each leaves what it found as RANK.pt.
"""

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor

from tests.encoders.toy_parts import KINDS, gradient, gradients_of, make_part, small_encoder, state_of, weights_of
from xl_encoders import Checkpoints, Encoder, FitConfig, Share, fit
from xl_encoders.distributed.processes import average_gradients, rank, world_size
from xl_encoders.training import checkpoint as checkpoint_module

N_STEPS = 5


class Case(NamedTuple):
    """One gradient: of which part, of how many items, through the cache or not, over how many micro-batches."""

    kind: str
    batch: int = 8
    cached: bool = False
    accumulate: int = 1
    exact: bool = True

    def __str__(self) -> str:
        extra = ("cached",) * self.cached + ("published",) * (not self.exact)
        return ", ".join([self.kind, str(self.batch), str(self.accumulate), *extra])


# An odd number of items; fewer items than processes.
CASES = [
    *(Case(kind, batch=7, cached=True, accumulate=2) for kind in KINDS),
    *(Case(kind, batch=1) for kind in ("mlm+seq+tlm", "ot")),
    Case("seq", exact=False),
]
MORE_CASES = [*(Case(kind) for kind in KINDS), *(Case(kind, batch=2) for kind in KINDS if kind != "dcca")]


def measure(encoder: Encoder, case: Case) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Losses and gradient of a case as all processes together have them; the same with one process."""
    part = make_part(encoder, case.kind, batch=case.batch, tokens=50)
    weights = {name: weight / case.accumulate for name, weight in weights_of(part, case.kind).items()}
    share = Share(rank(), world_size(), case.exact)
    losses: dict[str, Tensor] = {}
    total: dict[str, Tensor] = {}
    for micro in range(case.accumulate):
        found, slopes = gradient(encoder, part, weights, number=micro, share=share, cached=case.cached)
        for name, loss in found.items():
            losses[name] = losses.get(name, 0.0) + loss / case.accumulate
        for name, slope in slopes.items():
            total[name] = total[name] + slope if name in total else slope
    for name, parameter in encoder.named_parameters():
        parameter.grad = total.get(name)
    average_gradients(encoder.parameters())
    return losses, gradients_of(encoder)


def train(encoder: Encoder, folder: Path | None, *, stop_at: int = 0) -> tuple[int, str]:
    """Two streams, the cache, accumulation; `stop_at` is seen by the last process alone."""
    objectives = {**KINDS["mlm+seq+tlm"], **KINDS["ot"]}
    parts = [make_part(encoder, "mlm+seq+tlm", batch=5), make_part(encoder, "ot", batch=3)]
    config = FitConfig(
        lr=1e-3, save_every=2, norms_every=3, gradient_cache=True, accumulate=2, weight_decay=0.1
    )  # fmt: skip
    steps: list[int] = []
    end = fit(
        encoder, parts, objectives, n_steps=N_STEPS, config=config,
        checkpoints=Checkpoints(folder, "x") if folder else None, on_step=lambda record: steps.append(record.step),
        should_stop=lambda: rank() == world_size() - 1 and steps[-1] == stop_at,
    )  # fmt: skip
    return end.step, end.reason


def main(folder: Path, *tasks: str) -> None:
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=int(os.environ["RANK"]),
        world_size=int(os.environ["WORLD_SIZE"]), timeout=timedelta(seconds=120),
    )  # fmt: skip
    torch.set_num_threads(1)
    result: dict[str, object] = {}
    plain = small_encoder(dropout=0.0)
    if "gradients" in tasks:
        result |= {str(case): measure(plain, case) for case in CASES}
    if "more gradients" in tasks:
        result |= {str(case): measure(plain, case) for case in MORE_CASES}
    if "published" in tasks:
        result |= {kind: measure(plain, Case(kind, exact=False)) for kind in ("seq", "mlm+seq+tlm")}
    if "fit" in tasks:
        train(plain, None)
        result["fit"] = state_of(plain)
    if "resume" in tasks:
        writes: list[Path] = []
        write = checkpoint_module.save_file
        module: Any = checkpoint_module
        module.save_file = lambda tensors, path, metadata: (
            writes.append(path),
            write(tensors, path, metadata),
        )
        straight, stopped, resumed = (small_encoder() for _ in range(3))
        result["ends"] = [
            train(straight, None),
            train(stopped, folder / "checkpoints", stop_at=3),
            train(resumed, folder / "checkpoints"),
        ]
        result["straight"], result["stopped"], result["resumed"] = map(state_of, (straight, stopped, resumed))
        result["writes"] = len(writes)
    torch.save(result, folder / f"{rank()}.pt")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
