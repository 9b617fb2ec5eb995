"""Logits of many inputs: batches of like length, no gradient, reduced precision where it is asked for."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray

from xl_encoders.distributed.processes import rank, world_size
from xl_encoders.model.evaluation_mode import evaluation_mode
from xl_tasks.errors import TaskError
from xl_tasks.tuning.problem import Feature
from xl_tasks.tuning.task_model import TaskModel

# Tokens, padding included, of one batch, and the share of its longest input down to which others may join it. A CPU
# pays for every token of padding, a GPU for every batch.
_CPU = (4096, 0.85)
_GPU = (65536, 0.5)

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def resolve_precision(precision: str, device: torch.device) -> str:
    """What "auto" means on `device`: "no" or "bf16"; any other precision itself. TaskError for fp16 without a GPU."""
    if precision == "auto":
        return "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "no"
    if precision == "fp16" and device.type != "cuda":
        message = f"precision is fp16, which needs a GPU; on {device.type} give bf16 or no."
        raise TaskError(message)
    return precision


def autocast(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """What forward passes run under: `precision` is "no", "bf16" or "fp16"."""
    return torch.autocast(device.type, _DTYPES[precision]) if precision in _DTYPES else nullcontext()


def like_length_batches(lengths: Sequence[int], multiple: int, device: torch.device) -> list[list[int]]:
    """Numbers of inputs in batches of like length, longest first, so that little is padding.

    lengths: tokens of each input. multiple: what the length of a batch is a multiple of; where that is above 1, the
        inputs of a batch are all padded to what each would be padded to alone, so that nobody's neighbours matter.
    """
    most_tokens, like = _CPU if device.type == "cpu" else _GPU
    batches: list[list[int]] = []
    longest = 0
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        padded = -(-lengths[i] // multiple) * multiple
        far = padded < longest if multiple > 1 else padded < longest * like
        if not batches or far or (len(batches[-1]) + 1) * longest > most_tokens:
            batches.append([])
            longest = padded
        batches[-1].append(i)
    return batches


def feature_logits(
    model: TaskModel, features: Sequence[Feature], precision: str, *, shared: bool = False
) -> list[NDArray[np.float32]]:
    """One array a feature, without padding: (n_labels,), (len, n_labels) or (len, 2) float32, in their order.

    shared: whether all processes of a distributed run call this alike; each then computes its share.
    """
    lengths = [len(feature.ids) for feature in features]
    device = model.device
    batches = like_length_batches(lengths, model.pad_multiple, device)
    split = shared and world_size() > 1
    by_place: dict[int, NDArray[np.float32]] = {}
    with torch.inference_mode(), evaluation_mode(model), autocast(precision, device):
        for members in batches[rank() :: world_size()] if split else batches:
            batch = model.collate([features[i] for i in members]).to(device)
            logits = model(batch).float().cpu().numpy()
            for row, place in zip(logits, members, strict=True):
                # A copy, so that a batch's padding does not stay in memory.
                by_place[place] = row if row.ndim == 1 else row[: lengths[place]].copy()
    if split:
        parts: list[Any] = [None] * world_size()
        dist.all_gather_object(parts, by_place)
        by_place = {place: row for part in parts for place, row in part.items()}
    return [by_place[i] for i in range(len(features))]
