"""Checkpoints of a training run: one safetensors file with weights, optimiser state and step; whole or not there.

No random state is kept because none is needed: batches, masks and dropout of step k depend on (seed, k) alone.
"""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from xl_encoders.encoder import Encoder
from xl_encoders.errors import CheckpointError

_SUFFIX = ".safetensors"


class Checkpoints:
    """The checkpoints of one variant of a run, the newest of which is kept.

    folder: made on the first save.
    fingerprint: names recipe and data; a checkpoint with another fingerprint is refused.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.folder = folder
        self.fingerprint = fingerprint

    def latest(self) -> int | None:
        """Number of finished steps in the newest checkpoint, None without one."""
        steps = sorted(int(path.stem.removeprefix("step-")) for path in self.folder.glob(f"step-*{_SUFFIX}"))
        return steps[-1] if steps else None

    def save(self, step: int, encoder: Encoder, optimizer: torch.optim.Optimizer) -> None:
        """Write the state after `step` steps, then drop older checkpoints."""
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in _state(encoder, optimizer).items()}
        metadata = {"xl": json.dumps({"step": step, "fingerprint": self.fingerprint})}
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self._path(step)
        replace_whole(target, lambda path: save_file(tensors, path, metadata=metadata))
        for path in self.folder.glob(f"step-*{_SUFFIX}"):
            if path != target:
                path.unlink()

    def restore(self, encoder: Encoder, optimizer: torch.optim.Optimizer) -> int:
        """Put the newest checkpoint into `encoder` and `optimizer`; the number of finished steps, 0 without one.

        Raises CheckpointError for a broken file or one of another recipe, data set or model.
        """
        step = self.latest()
        if step is None:
            return 0
        path = self._path(step)
        try:
            with safe_open(path, "pt", device="cpu") as file:
                meta = json.loads((file.metadata() or {}).get("xl", "{}"))
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
        except (SafetensorError, OSError) as error:
            message = f"{path} cannot be read ({error}); delete it to start this variant again."
            raise CheckpointError(message) from error
        if meta.get("fingerprint") != self.fingerprint:
            message = f"{path} belongs to another recipe or other data; give a new --out instead of --resume."
            raise CheckpointError(message)
        _fill_optimizer(encoder, optimizer)
        state = _state(encoder, optimizer)
        if state.keys() != tensors.keys():
            message = f"{path} holds other tensors than this model and optimiser; give a new --out."
            raise CheckpointError(message)
        with torch.no_grad():
            for name, tensor in state.items():
                tensor.copy_(tensors[name])
        return step

    def clear(self) -> None:
        """Delete all checkpoints of this variant."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, step: int) -> Path:
        return self.folder / f"step-{step:08d}{_SUFFIX}"


def save_model(encoder: Encoder, folder: Path) -> None:
    """Write `encoder` as a folder that `AutoModel` opens; `folder` is the old one or the new one, never half of it."""
    replace_whole(folder, encoder.save)


def replace_whole(target: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file or folder aside, push it to disk, and rename it to `target` in one step."""
    aside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        write(aside)
        for path in [*aside.rglob("*"), aside] if aside.is_dir() else [aside]:
            _sync(path)
        if target.is_dir():
            # A folder cannot be renamed onto a folder that holds files.
            old = target.with_name(f".{target.name}.{os.getpid()}.old")
            target.rename(old)
            aside.rename(target)
            shutil.rmtree(old)
        else:
            aside.replace(target)
        _sync(target.parent)
    finally:
        if aside.is_dir():
            shutil.rmtree(aside)
        else:
            aside.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _state(encoder: Encoder, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Everything that training changes, by name. Tied weights come once: `named_parameters` leaves repeats out."""
    state: dict[str, Tensor] = {}
    for name, parameter in encoder.named_parameters():
        state[f"weight/{name}"] = parameter
        for key, value in optimizer.state.get(parameter, {}).items():
            state[f"{key}/{name}"] = value
    return state


def _fill_optimizer(encoder: Encoder, optimizer: torch.optim.Optimizer) -> None:
    """Make AdamW create its state, which it otherwise does at its first step; at rate 0 that step changes nothing."""
    settings = [(group["lr"], group["weight_decay"]) for group in optimizer.param_groups]
    for group in optimizer.param_groups:
        group["lr"] = group["weight_decay"] = 0.0
    for parameter in encoder.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    optimizer.zero_grad()
    for group, (lr, weight_decay) in zip(optimizer.param_groups, settings, strict=True):
        group["lr"], group["weight_decay"] = lr, weight_decay
