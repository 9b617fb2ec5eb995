"""A folder of word vectors, one file a language, as a system that lexical sets can be put to."""

import logging
from collections.abc import Collection
from pathlib import Path

from xl_staticemb import WordVectors, read_vectors
from xl_tasks.errors import TaskError
from xl_translit.wikipedia import vectors_language

_log = logging.getLogger(__name__)

_SUFFIXES = (".vec", ".txt", ".bin", ".safetensors", ".w2v")
_PACKED = (".gz", ".xz", ".zst")


def vector_files(folder: Path | str, languages: Collection[str] | None = None) -> dict[str, Path]:
    """Language -> its file of word vectors: tur_Latn.vec, wiki.tr.vec.gz, tr.safetensors.

    languages: codes of those that must be told apart; all by default. fastText's `cc.als.vec` and `wiki.als.vec` are
    named by Wikipedia's codes, where `als` is gsw_Latn. Of `wiki.simple.vec` beside `wiki.en.vec`, both English, the
    one whose code is not the language's is passed over, with a line in the log.

    TaskError where there is none, and for two files of one of these languages that this does not tell apart.
    """
    folder = Path(folder)
    by_code: dict[str, list[tuple[Path, bool]]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if (named := _language(path)) is not None:
            by_code.setdefault(named[0], []).append((path, named[1]))
    files = {}
    for code, paths in by_code.items():
        by_own = [path for path, own in paths if own] or [path for path, _ in paths]
        files[code] = by_own[0]
        if languages is not None and code not in languages:
            continue
        if len(by_own) > 1:
            message = f"{by_own[1]}: {code} is there already as {by_own[0]}; keep one of the two."
            raise TaskError(message)
        for path, _ in paths:
            if path != by_own[0]:
                _log.warning("%s: passed over, %s is there already as %s", path, code, by_own[0])
    if not files:
        message = f"{folder}: no word vectors; files are called tur_Latn.vec (or {', '.join(_SUFFIXES[1:])})."
        raise TaskError(message)
    return files


def read_vector_pair(folder: Path | str, source: str, target: str, *, limit: int = 200_000) -> list[WordVectors]:
    """The vectors of two languages in `folder`, the first `limit` words of each (0: all); one object if both are one.

    TaskError for a language that the folder lacks.
    """
    files = vector_files(folder, (source, target))
    for code in (source, target):
        if code not in files:
            message = f"{folder}: no word vectors of {code}; it has {', '.join(files)}."
            raise TaskError(message)
    first = read_vectors(files[source], limit or None)
    return [first, first if source == target else read_vectors(files[target], limit or None)]


def _language(path: Path) -> tuple[str, bool] | None:
    """The language that a file's name states, and whether by a code of its own; None for other files."""
    name = path.name
    for suffix in _PACKED:
        name = name.removesuffix(suffix)
    return next((vectors_language(name.removesuffix(suffix)) for suffix in _SUFFIXES if name.endswith(suffix)), None)
