"""The neighbours of two files of vectors in each other, kept slab by slab, so that a search that is stopped goes on."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xl_cli.launch.progress import Progress
from xl_encoders.whole_files import replace_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xl_tasks.scoring.margin import Neighbours


def search(
    vectors: "tuple[NDArray[np.float32], NDArray[np.float32]]", k: int, folder: Path, *, of: str
) -> "Neighbours":
    """The `k` nearest of each side. folder: keeps finished slabs. of: a digest of what they are neighbours of."""
    from xl_staticemb import Nearest, nearest_slabs
    from xl_tasks.scoring.margin import Neighbours

    first, second = vectors
    about = {"of": of, "k": k}
    if _read(folder / "about.json") != about:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        replace_whole(folder / "about.json", lambda aside: aside.write_text(json.dumps(about), encoding="utf-8"))
    stop, after = 0, None
    if (folder / "back.npz").exists():
        kept = np.load(folder / "back.npz")
        stop = int(kept["stop"])
        after = (stop, Nearest(kept["indices"], kept["scores"]))
    back = after[1] if after else None
    with Progress("comparing", len(first), "sentences", done=stop) as progress:
        for slab in nearest_slabs(first, second, k, after=after):
            _save(folder / f"ahead-{slab.start}.npz", slab.ahead, slab.stop)
            _save(folder / "back.npz", slab.back, slab.stop)
            back = slab.back
            progress.advance(slab.stop)
    parts = []
    while sum(len(part["indices"]) for part in parts) < len(first):
        parts.append(np.load(folder / f"ahead-{int(parts[-1]['stop']) if parts else 0}.npz"))
    assert back is not None  # noqa: S101 - no side is empty
    return Neighbours(
        (
            np.concatenate([part["indices"] for part in parts]),
            np.concatenate([part["scores"] for part in parts]).astype(np.float64),
        ),
        (back.indices, back.scores.astype(np.float64)),
    )


def _save(path: Path, nearest: "tuple[NDArray[np.int64], NDArray[np.float32]]", stop: int) -> None:
    def write(aside: Path) -> None:
        with aside.open("wb") as file:
            np.savez(file, indices=nearest[0], scores=nearest[1], stop=stop)

    replace_whole(path, write)


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return None
