"""The most memory that a part of a run took: of the graphics card where it computes, else of the process."""

import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from xl_cli.launch import processes

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Peak(NamedTuple):
    """Bytes, and what they are of: "device", "process", or "process since its start" where a peak cannot be reset."""

    n_bytes: int
    of: str


class PeakMemory:
    """The peak since it was made; on a device of what torch allocated there."""

    def __init__(self) -> None:
        import torch

        self._on_device = processes.device().type == "cuda"
        self._reset = False
        if self._on_device:
            torch.cuda.reset_peak_memory_stats()
        else:
            with suppress(OSError):  # Linux: 5 sets the process's peak back to what it takes now
                _CLEAR.write_text("5", encoding="ascii")
                self._reset = True

    def read(self) -> Peak:
        """The peak so far."""
        import torch

        if self._on_device:
            return Peak(torch.cuda.max_memory_allocated(), "device")
        if self._reset:
            lines = _STATUS.read_text(encoding="utf-8").split("\n")
            return Peak(next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), "process")
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return Peak(most if sys.platform == "darwin" else most * 1024, "process since its start")
