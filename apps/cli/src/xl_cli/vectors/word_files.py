"""What the commands on mapped word vectors have in common: languages by file name, dictionaries, devices."""

from pathlib import Path
from typing import TYPE_CHECKING, overload

from xl_cli.errors import CliError, UsageError

if TYPE_CHECKING:
    from xl_staticemb import WordVectors

DEVICES = "cpu | auto (as training: cuda, mps, xpu ... where there is one) | a torch device"
"""Help of `--device`."""
VECTOR_SUFFIXES = (".vec", ".bin", ".safetensors", ".gz", ".xz", ".zst")
"""How the name of a file of vectors ends in a folder of them."""
_SUFFIXES = (".gz", ".zst", ".xz", ".vec", ".txt", ".bin", ".tsv", ".trans", ".safetensors", ".data")


def bare_name(path: str) -> str:
    """The file's name without folders and suffixes of format: "en-de.5000-6500"; "stdin" for `-`."""
    name = "stdin" if path == "-" else Path(path).name
    while name.endswith(_SUFFIXES):
        name = name[: name.rindex(".")]
    return name


def language_of(spelling: str, path: Path) -> str:
    """Canonical code of the language that the user or the file's name names (wiki.tr.mapped.vec); "und" for none."""
    from xl_translit import language
    from xl_translit.wikipedia import vectors_language

    if spelling:
        return language(spelling)
    named = vectors_language(bare_name(str(path)))
    return named[0] if named else "und"


def read_pair(source: Path, target: Path, limit: int) -> "tuple[WordVectors, WordVectors]":
    """The first `limit` words of two files (0: all). CliError where they cannot share a space."""
    from xl_staticemb import read_vectors

    sides = read_vectors(source, limit or None), read_vectors(target, limit or None)
    if sides[0].width != sides[1].width:
        message = (
            f"{source} has vectors of {sides[0].width} numbers, {target} of {sides[1].width}; "
            "bring them into one space first, with xl static map."
        )
        raise CliError(message)
    return sides


@overload
def check_new(out: str | Path, option: str = "--out", *, beside: Path | None = None) -> Path: ...
@overload
def check_new(out: str | Path | None, option: str = "--out", *, beside: Path | None = None) -> Path | None: ...
def check_new(out: str | Path | None, option: str = "--out", *, beside: Path | None = None) -> Path | None:
    """The path of a file to write. UsageError where it exists or has no folder to be in.

    beside: another file of vectors of the call. Where a killed call had given `out` its name, and not yet what belongs
    to it, `out` is written again.
    """
    if out is None:
        return None
    out = Path(out)
    if out.exists() and not _is_half(out, beside):
        message = f"{option} {out} exists already; name another file."
        raise UsageError(message)
    if not out.parent.is_dir():
        message = f"{option} {out}: there is no folder {out.parent}; create it first."
        raise UsageError(message)
    return out


def _is_half(out: Path, beside: Path | None) -> bool:
    from xl_staticemb import half_written

    return half_written(*filter(None, (out, beside)))


def usable_device(device: str) -> str:
    """The name of a torch device; "auto" is the one that training takes. UsageError for one that is not here."""
    if device == "cpu":
        return device
    import torch

    from xl_cli.launch import processes

    if device == "auto":
        return str(processes.device())
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError):
        message = f"--device is {device!r}, which torch cannot use here; cpu is always there, auto the best there is."
        raise UsageError(message) from None
    return device
