"""What one of two processes does in test_going_on.py: fine-tuning, through and stopped, and going on.

Started as `python -m tests.tasks.tuning_worker FOLDER` with RANK and WORLD_SIZE in the environment; the processes meet
through a file in FOLDER, where each leaves what it found as RANK.pt.
"""

import os
import sys
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from tests.tasks.tuning_toys import ToyTagging, toy_encoder, toy_sentences

from xl_encoders import Checkpoints
from xl_encoders.distributed.processes import rank, world_size
from xl_tasks.errors import StoppedError
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.tuning.fit import FittedModel, fit_task

ENG = "eng_Latn"


def tune(checkpoints: Checkpoints | None = None, *, stop_at: int = 0) -> dict:
    """Weights, losses and dev scores; batches of 5 and one of 1, two a step. The last process alone sees the stop."""
    encoder = toy_encoder(dropout=0.0)
    config = TuningConfig(max_len=48, batch=5, accumulate=2, lr=1e-3, epochs=2.0, every=2)
    steps = []
    fitted = fit_task(
        encoder, ToyTagging(encoder.tokenizer), {ENG: toy_sentences(16)}, {ENG: toy_sentences(9, 2)}, config,
        checkpoints=checkpoints, on_step=steps.append,
        should_stop=lambda: rank() == world_size() - 1 and steps[-1].step == stop_at,
    )  # fmt: skip
    assert isinstance(fitted, FittedModel)
    return {
        "weights": fitted.model.state_dict(),
        "losses": {step.step: step.loss for step in steps},
        "norms": {step.step: step.grad_norm for step in steps},
        "scores": fitted.scores,
        "kept": fitted.kept,
    }


def main(folder: Path) -> None:
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=int(os.environ["RANK"]),
        world_size=int(os.environ["WORLD_SIZE"]), timeout=timedelta(seconds=120),
    )  # fmt: skip
    torch.set_num_threads(1)
    straight = tune()
    checkpoints = Checkpoints(folder / "checkpoints", "x")
    try:
        tune(checkpoints, stop_at=3)
    except StoppedError:
        torch.save({"straight": straight, "again": tune(checkpoints)}, folder / f"{rank()}.pt")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
