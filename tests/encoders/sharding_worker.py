"""What one of several processes does in test_sharding.py: gradients and runs of `fit` with the blocks sharded.

Started as `python -m tests.encoders.sharding_worker FOLDER TASK ...`, with RANK, WORLD_SIZE and ACCELERATE_USE_FSDP in
the environment; the processes meet through a file in FOLDER, where each leaves what it found as RANK.pt.
"""

import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from tests.encoders.processes_worker import Case
from tests.encoders.toy_parts import KINDS, make_part, small_encoder, state_of, weights_of
from xl_encoders import Checkpoints, Encoder, FitConfig, Selection, Share, StepRecord, backward_batch, fit, load_encoder
from xl_encoders.distributed.processes import average_gradients, is_sharded, rank, whole_tensor, world_size
from xl_encoders.distributed.sharding import Sharding
from xl_encoders.training import checkpoint as checkpoint_module

N_STEPS = 5

# Few tokens a pass: many passes, and an odd number of items gives one process a pass or more beyond the other's.
CASES = [
    *(Case(kind, batch=7, cached=True) for kind in ("mlm+seq+tlm", "dcca", "mse", "ot", "word-nce", "teach")),
    *(Case(kind, batch=7) for kind in ("seq", "mlm+seq+tlm", "ot", "attention")),
    *(Case(kind, batch=1) for kind in ("mlm+seq+tlm", "ot")),
    Case("seq", exact=False),
]

# Streams of a run with their batch sizes, and settings beside the common ones.
RUNS: dict[str, tuple[dict[str, int], dict[str, Any]]] = {
    "texts, clipped": ({"mlm+seq+tlm": 7}, {"gradient_cache": True, "clip": 0.3}),
    "texts, recomputed": ({"mlm+seq+tlm": 5}, {"checkpointing": True}),
    "texts, bf16": ({"mlm+seq+tlm": 5}, {"precision": "bf16", "gradient_cache": True}),
    "middle layer": ({"seq": 7}, {}),
    "words": ({"dcca": 9}, {"gradient_cache": True}),
    "pairs": ({"ot": 3}, {}),
    "all": ({"mlm+seq+tlm": 5, "dcca": 7, "ot": 3}, {"gradient_cache": True, "accumulate": 2, "norms_every": 2}),
}


def gradients(encoder: Encoder) -> dict[str, tuple[dict[str, Tensor], dict[str, Tensor]]]:
    """Losses and gradients of all processes together, by case; with one process the encoder stays whole."""
    parts = [make_part(encoder, case.kind, batch=case.batch, tokens=50) for case in CASES]
    sharding = Sharding(encoder) if world_size() > 1 else None
    found = {}
    for case, part in zip(CASES, parts, strict=True):
        losses = backward_batch(
            part, part.draw(0), weights_of(part, case.kind), share=Share(rank(), world_size(), case.exact), seed=5,
            cached=case.cached, backward=lambda loss: loss.backward(), autocast=nullcontext, width=encoder.width,
            device=encoder.device, sharding=sharding,
        )  # fmt: skip
        average_gradients(encoder.parameters())
        slopes = {name: whole_tensor(p.grad) for name, p in encoder.named_parameters() if p.grad is not None}
        found[str(case)] = losses, slopes
        encoder.zero_grad()
    return found


def train(
    encoder: Encoder,
    run: str,
    *,
    checkpoints: Checkpoints | None = None,
    selection: Selection | None = None,
    stop_at: int = 0,
) -> dict[str, Any]:
    """Train by the settings of `run`: losses and norms of each step, the end, the weights, what was held meanwhile."""
    streams, settings = RUNS[run]
    parts = [make_part(encoder, kind, batch=batch, tokens=50) for kind, batch in streams.items()]
    objectives = {name: its for kind in streams for name, its in KINDS[kind].items()}
    given: dict[str, Any] = {"lr": 1e-3, "save_every": 2, "weight_decay": 0.1, **settings}
    config = FitConfig(**given)
    records: list[StepRecord] = []
    shares: list[float] = []

    def on_step(record: StepRecord) -> None:
        records.append(record)
        shares.append(held(encoder))

    end = fit(
        encoder, parts, objectives, n_steps=N_STEPS, config=config, checkpoints=checkpoints, selection=selection,
        on_step=on_step, should_stop=lambda: records[-1].step == stop_at,
    )  # fmt: skip
    return {
        "end": (end.step, end.reason),
        "losses": [dict(record.losses) for record in records],
        "norms": [record.grad_norm for record in records],
        "objective norms": [dict(record.grad_norms) for record in records],
        "weights": state_of(encoder),
        "shares": shares,
        "whole": not any(is_sharded(p) or p.grad is not None for p in encoder.parameters()),
        "vectors": torch.from_numpy(encoder.embed(["a b c"], layer=1)),
    }


def held(encoder: Encoder) -> float:
    """Share of the blocks' weights that this process keeps between passes."""
    blocks: list[Any] = [p for name, p in encoder.named_parameters() if ".layer." in name]
    local = sum(p.to_local().numel() if is_sharded(p) else p.numel() for p in blocks)
    return local / sum(p.numel() for p in blocks)


def weigh(encoder: Encoder) -> float:
    """A score that reads every weight and runs a forward pass."""
    size = sum(float(p.detach().double().abs().sum()) for p in encoder.parameters())
    return size + float(encoder.embed(["a b c", "d"]).sum())


def select(folder: Path) -> dict[str, Any]:
    """A run that scores its encoder as it goes: also the scores and the kept models."""
    encoder = small_encoder(dropout=0.0)
    selection = Selection(folder, weigh, every=2, keep=2)
    found = train(encoder, "middle layer", selection=selection)
    return {
        **found,
        "scores": [(scored.step, scored.score) for scored in selection.scores()],
        "models": sorted(path.name for path in folder.iterdir() if path.is_dir()),
    }


def main(folder: Path, *tasks: str) -> None:
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=int(os.environ["RANK"]),
        world_size=int(os.environ["WORLD_SIZE"]), timeout=timedelta(seconds=60),
    )  # fmt: skip
    torch.set_num_threads(1)
    result: dict[str, object] = {task: train(small_encoder(dropout=0.0), task) for task in tasks if task in RUNS}
    if "gradients" in tasks:
        result["gradients"] = gradients(small_encoder(dropout=0.0))
    if "resume" in tasks:
        writes: list[Path] = []
        write: Callable[..., None] = checkpoint_module.save_file
        module: Any = checkpoint_module
        module.save_file = lambda tensors, path, metadata: (
            writes.append(path), write(tensors, path, metadata),
        )  # fmt: skip
        checkpoints = Checkpoints(folder / "checkpoints", "x")
        result["straight"] = train(small_encoder(), "all")
        result["stopped"] = train(small_encoder(), "all", checkpoints=checkpoints, stop_at=3)
        result["resumed"] = train(small_encoder(), "all", checkpoints=checkpoints)
        result["writes"] = len(writes)
    if "stop" in tasks:
        train(small_encoder(dropout=0.0), "all", checkpoints=Checkpoints(folder / "stopped", "x"), stop_at=3)
    if "go on" in tasks:
        given = Checkpoints(folder / "given", "x")
        result["go on"] = train(small_encoder(dropout=0.0), "all", checkpoints=given)
    if "select" in tasks:
        result["select"] = select(folder / "selected")
        dist.barrier()
        kept = folder / "selected" / f"step-{N_STEPS:08d}"
        result["loaded"] = state_of(load_encoder(str(kept)))
    torch.save(result, folder / f"{rank()}.pt")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
