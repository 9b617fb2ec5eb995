"""Several processes of one run, as `accelerate launch` or `torchrun` start them: one writes, all train."""

import os
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from xl_cli.launch.stopping import ENDING

if TYPE_CHECKING:
    import torch
    from accelerate import PartialState

_T = TypeVar("_T")

# One process may score or align words while the others wait; when a process dies, the launcher ends the others.
_PATIENCE = timedelta(days=7)


def several() -> bool:
    """Whether this process is one of several that train together."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def is_main() -> bool:
    """Whether this process is the one that writes files and prints."""
    return int(os.environ.get("RANK", "0")) == 0 or not several()


def rank() -> int:
    """Number of this process, from 0; the main one has 0."""
    return int(os.environ.get("RANK", "0")) if several() else 0


def n_processes() -> int:
    """How many processes work together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def wait() -> None:
    """Go on when all processes have come here."""
    if several():
        _state().wait_for_everyone()


def as_on_main(value: _T) -> _T:
    """The main process's value, on every process."""
    if several():
        from accelerate.utils import broadcast_object_list

        _state()
        return broadcast_object_list([value])[0]
    return value


@contextmanager
def alone(out: Path | str | None, *, beside: bool = False) -> Generator[None]:
    """`xl_translit.alone` of what a repeated command goes on with, which is said where this one is stopped.

    The main process holds it for all; nothing is held without a name, or of a URL.
    """
    from xl_translit import alone as held
    from xl_translit.corpora.storage import is_url

    if out is None or not is_main():
        yield
        return
    try:
        with nullcontext() if is_url(str(out)) else held(Path(out), beside=beside):
            yield
    except KeyboardInterrupt:
        ENDING.tell(f"; the same command goes on with {out}")
        raise


def left_alone(error: BaseException) -> str:
    """What to say of torch's error where another process of the run has ended; "" of any other error."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "" if trace is None else str(trace.tb_frame.f_globals.get("__name__", ""))
    if not several() or not isinstance(error, RuntimeError) or not where.startswith("torch.distributed"):
        return ""
    first, *_ = str(error).split(". ")
    return (
        f"process {rank()} of {n_processes()} no longer reaches another one, which has ended or was killed "
        f"({first[:200]}). Start all of them again, xl align with --resume."
    )


def device() -> "torch.device":
    """Where this process computes."""
    import torch

    return torch.device(_state().device or "cpu")


def _state() -> "PartialState":
    import torch
    from accelerate import PartialState

    if not several():
        return PartialState()
    # Accelerate takes several processes without an accelerator for one each, unless it is told.
    return PartialState(cpu=not torch.accelerator.is_available(), timeout=_PATIENCE)
