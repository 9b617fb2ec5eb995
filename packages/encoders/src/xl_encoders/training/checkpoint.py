"""Checkpoints of a training run: one safetensors file with weights, optimiser state and step; whole or not there.

No random state is kept because none is needed: batches, masks and dropout of step k depend on (seed, k) alone.
"""

import errno
import hashlib
import json
import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import MappingProxyType

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from xl_encoders.distributed.processes import fill_tensor, from_main, rank, whole_tensor
from xl_encoders.errors import CheckpointError
from xl_encoders.whole_files import remove_abandoned, replace_whole

_SUFFIX = ".safetensors"

# Before the names of tensors that are no weights or moments.
_MORE = "more/"


class Checkpoints:
    """The checkpoints of one variant of a run, the newest of which is kept.

    folder: made on the first save.
    fingerprint: names recipe and data; a checkpoint with another fingerprint is refused.
    last: whether the state of the last step is saved too. again: how a message says what goes on from here.
    """

    def __init__(self, folder: Path, fingerprint: str, *, last: bool = True, again: str = "--resume") -> None:
        self.folder = folder
        self.fingerprint = fingerprint
        self.last = last
        self._again = again

    def latest(self) -> int | None:
        """Number of finished steps in the newest checkpoint, None without one."""
        steps = sorted(int(path.stem.removeprefix("step-")) for path in self.folder.glob(f"step-*{_SUFFIX}"))
        return steps[-1] if steps else None

    def save(
        self,
        step: int,
        encoder: nn.Module,
        optimizer: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler | None = None,
        more: Mapping[str, Tensor] = MappingProxyType({}),
    ) -> None:
        """Write the state after `step` steps, then drop older checkpoints; only the main process writes.

        What is sharded is put together for that, and every process has to call this. more: further tensors to keep.

        Raises CheckpointError where there is no room; the checkpoint before then stays as it is.
        """
        tensors: dict[str, Tensor] = {}
        more = {f"{_MORE}{name}": tensor for name, tensor in more.items()}
        for name, tensor in {**_state(encoder, optimizer), **more}.items():
            whole = whole_tensor(tensor)
            if rank() == 0:
                tensors[name] = whole.cpu().contiguous()
        if rank() != 0:
            return
        about = {"step": step, "fingerprint": self.fingerprint, "scaler": scaler.state_dict() if scaler else None}
        about["sha256"] = _digest(tensors, about)
        target = self._path(step)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            replace_whole(target, lambda path: save_file(tensors, path, metadata={"xl": json.dumps(about)}))
        except (SafetensorError, OSError) as error:
            size = sum(tensor.nbytes for tensor in tensors.values())
            raise CheckpointError(self._no_room(step, size, error)) from error
        for path in self.folder.glob(f"step-*{_SUFFIX}"):
            if path != target:
                path.unlink()

    def restore(
        self,
        encoder: nn.Module,
        optimizer: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler | None = None,
        take_more: Callable[[dict[str, Tensor]], None] = lambda more: None,
    ) -> int:
        """Put the newest checkpoint into `encoder` and `optimizer`; the number of finished steps, 0 without one.

        take_more: gets the further tensors that `save` was given.

        Raises CheckpointError for a broken file, one whose content is not what was written (SHA-256), and one of
        another recipe, data set or model. Files of releases that kept no SHA-256 are read without.
        """
        if rank() == 0 and self.folder.is_dir():
            remove_abandoned(self.folder)
        # The main process says which: it may still have been writing when another one came here.
        step = int(from_main(self.latest() or 0, next(encoder.parameters()).device))
        if step == 0:
            return 0
        path = self._path(step)
        try:
            with safe_open(path, "pt", device="cpu") as file:
                meta = json.loads((file.metadata() or {}).get("xl", "{}"))
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
            if not isinstance(meta, dict):
                raise TypeError(meta)
        except (SafetensorError, OSError, ValueError, TypeError, RecursionError) as error:
            why = ascii(str(error))[1:-1]
            message = f"{path} cannot be read ({why}); delete it to start this variant again."
            raise CheckpointError(message) from error
        if "sha256" in meta and meta.pop("sha256") != _digest(tensors, meta):
            message = f"{path} is damaged (another SHA-256 than written); delete it to start this variant again."
            raise CheckpointError(message)
        if meta.get("fingerprint") != self.fingerprint:
            message = f"{path} belongs to another recipe or other data; give a new --out instead of --resume."
            raise CheckpointError(message)
        more = {name: tensors.pop(name) for name in list(tensors) if name.startswith(_MORE)}
        _fill_optimizer(encoder, optimizer, tensors.keys())
        state = _state(encoder, optimizer)
        if state.keys() != tensors.keys():
            message = f"{path} holds other tensors than this model and optimiser; give a new --out."
            raise CheckpointError(message)
        with torch.no_grad():
            for name, tensor in state.items():
                fill_tensor(tensor, tensors[name])
        if scaler and meta.get("scaler"):
            scaler.load_state_dict(meta["scaler"])
        take_more({name.removeprefix(_MORE): tensor for name, tensor in more.items()})
        return step

    def clear(self, but: str = "") -> None:
        """Delete all checkpoints of this variant, and the folder unless it holds a file called `but` that stays."""
        if not but:
            shutil.rmtree(self.folder, ignore_errors=True)
        elif self.folder.is_dir():
            for path in self.folder.iterdir():
                if path.name != but:
                    path.unlink()

    def _path(self, step: int) -> Path:
        return self.folder / f"step-{step:08d}{_SUFFIX}"

    def _no_room(self, step: int, size: int, error: Exception) -> str:
        last = self.latest()
        kept = "there is none before it" if last is None else f"that of step {last} is whole"
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        what = "no room on the disk" if full else str(error)
        return (
            f"the checkpoint of step {step} ({size / 2**20:.0f} MiB) could not be written to {self.folder}: {what}; "
            f"{kept}. Make room and go on with {self._again}."
        )


def _digest(tensors: Mapping[str, Tensor], about: Mapping[str, object]) -> str:
    """SHA-256 of all that a checkpoint holds."""
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _state(encoder: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Everything that training changes, by name. Tied weights come once: `named_parameters` leaves repeats out."""
    state: dict[str, Tensor] = {}
    for name, parameter in encoder.named_parameters():
        if not parameter.requires_grad:
            continue
        state[f"weight/{name}"] = parameter
        for key, value in optimizer.state.get(parameter, {}).items():
            state[f"{key}/{name}"] = value
    return state


def _fill_optimizer(encoder: nn.Module, optimizer: torch.optim.Optimizer, names: Collection[str]) -> None:
    """Make AdamW create its state, which it otherwise does at its first step; at rate 0 that step changes nothing.

    names: of the tensors in the checkpoint. A weight that no loss has reached so far has no state in it.
    """
    settings = [(group["lr"], group["weight_decay"]) for group in optimizer.param_groups]
    for group in optimizer.param_groups:
        group["lr"] = group["weight_decay"] = 0.0
    for name, parameter in encoder.named_parameters():
        if any(f"{key}/{name}" in names for key in ("step", "exp_avg", "exp_avg_sq")):
            parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    optimizer.zero_grad()
    for group, (lr, weight_decay) in zip(optimizer.param_groups, settings, strict=True):
        group["lr"], group["weight_decay"] = lr, weight_decay
