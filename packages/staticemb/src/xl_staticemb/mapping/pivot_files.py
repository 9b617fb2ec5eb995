"""Files of word vectors of many languages into the space of one pivot: `map_to_pivot` from file to file."""

import json
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xl_staticemb.errors import StaticembError
from xl_staticemb.files.vector_files import VectorWriter, read_vectors
from xl_staticemb.mapping.config import MappingConfig
from xl_staticemb.mapping.normalization import Normalization
from xl_staticemb.mapping.pivot import PivotMap, map_to_pivot, pivot_config
from xl_staticemb.vectors import WordVectors

SUMMARY = "summary.json"
_ROWS = 8192


def map_files_to_pivot(
    pivot: tuple[str, Path | str],
    files: Mapping[str, Path | str],
    dictionaries: Mapping[str, Iterable[tuple[str, str]]],
    out: Path | str,
    *,
    mode: str = "orthogonal",
    config: MappingConfig | None = None,
    held_out: float = 0.2,
    choose: bool = True,
    seed: int = 0,
    device: str = "cpu",
    limit: int | None = None,
    digits: int = 9,
    suffix: str = ".vec",
) -> Iterator[tuple[str, PivotMap | StaticembError]]:
    """Map the vectors of each language onto the pivot's (name, file); gives (name, map) as each is written.

    A language that cannot be mapped (a broken file, a dictionary whose words it lacks) gives (name, error) and has no
    file; the others go on. Where none can, the first one's error is raised.

    `files` and `dictionaries` go by the language's name; see `map_to_pivot` for the other options. Writes into the new
    folder `out`, which appears whole or not at all: the normalised pivot and each language as `NAME` + `suffix`, and
    `summary.json` with what was chosen and why, and what failed. In the mode per_pair each language has a pivot of its
    own, `PIVOT-for-NAME`. Memory: the pivot's vectors and those of one language, `limit` words each. Raises
    StaticembError.
    """
    folder = Path(out)
    if folder.exists():
        message = f"{folder}: is there already; name a new folder"
        raise StaticembError(message)
    if not folder.parent.is_dir():
        message = f"{folder}: there is no folder {folder.parent}; create it first"
        raise StaticembError(message)
    if pivot[0] in files:
        message = f"{pivot[0]}: the pivot is also listed as a language; name it once"
        raise StaticembError(message)
    missing = [name for name in files if name not in dictionaries]
    if missing:
        message = f"{', '.join(missing)}: no dictionary onto {pivot[0]}; give pairs (word, word of the pivot)"
        raise StaticembError(message)
    config = pivot_config(mode, config)
    aside = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    aside.mkdir()
    try:
        centre = normalized(read_vectors(pivot[1], limit), config)
        if mode != "per_pair":
            write_mapped(aside / f"{pivot[0]}{suffix}", centre, None, digits)

        def mapped(name: str, path: Path | str) -> PivotMap:
            """Read, map and write one language; its vectors are let go with this call."""
            vectors = normalized(read_vectors(path, limit), config)
            ((_, pivot_map),) = map_to_pivot(
                [(name, vectors)],
                centre,
                dictionaries,
                mode=mode,
                config=config,
                held_out=held_out,
                choose=choose,
                seed=seed,
                device=device,
            )
            write_mapped(aside / f"{name}{suffix}", vectors, pivot_map.matrix, digits)
            if mode == "per_pair":
                write_mapped(aside / f"{pivot[0]}-for-{name}{suffix}", centre, pivot_map.pivot, digits)
            return pivot_map

        summary, failures = [], []
        for name, path in files.items():
            try:
                pivot_map = mapped(name, path)
            except StaticembError as error:
                failures.append(error)
                summary.append({"language": name, "failed": str(error)})
                yield name, error
                continue
            summary.append(summary_line(name, pivot_map))
            yield name, pivot_map
        if failures and len(failures) == len(files):
            raise failures[0]
        text = json.dumps({"pivot": pivot[0], "mode": mode, "languages": summary}, ensure_ascii=False, indent=2)
        (aside / SUMMARY).write_text(text + "\n", encoding="utf-8")
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def summary_line(name: str, pivot_map: PivotMap) -> dict[str, object]:
    """What was chosen for a language and the figures that decided it."""
    return {
        "language": name,
        "chosen": "aligned" if pivot_map.aligned else "unaligned",
        "held_out_p@1_aligned": pivot_map.aligned_score,
        "held_out_p@1_unaligned": pivot_map.unaligned_score,
        "n_held_out": pivot_map.n_held_out,
        "n_pairs": pivot_map.n_pairs,
        "warnings": pivot_map.warnings,
    }


def normalized(vectors: WordVectors, config: MappingConfig) -> WordVectors:
    """The vectors as the map's normalisation has them."""
    return WordVectors(vectors.words, Normalization(config.normalization).fit_apply(vectors.matrix))


def write_mapped(path: Path, vectors: WordVectors, matrix: NDArray[np.float32] | None, digits: int) -> None:
    """Write vectors @ `matrix` (None: as they are), a block at a time."""
    width = vectors.width if matrix is None else matrix.shape[1]
    with VectorWriter(path, len(vectors), width, digits=digits) as writer:
        for start in range(0, len(vectors), _ROWS):
            rows = vectors.matrix[start : start + _ROWS]
            writer.write(vectors.words[start : start + _ROWS], rows if matrix is None else rows @ matrix)
