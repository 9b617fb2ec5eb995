"""A folder of word vectors, one file a language, as a system that lexical sets can be put to."""

from collections.abc import Collection
from pathlib import Path

from xl_staticemb import WordVectors, read_vectors
from xl_tasks.errors import TaskError
from xl_translit import TranslitError, language
from xl_translit.wikipedia import wikipedia_language

_SUFFIXES = (".vec", ".txt", ".bin", ".safetensors", ".w2v")
_PACKED = (".gz", ".xz", ".zst")


def vector_files(folder: Path | str, languages: Collection[str] | None = None) -> dict[str, Path]:
    """Language -> its file of word vectors: tur_Latn.vec, wiki.tr.vec.gz, tr.safetensors.

    languages: codes of those that must be told apart; all by default. fastText's `cc.als.vec` and `wiki.als.vec` are
    named by Wikipedia's codes, where `als` is gsw_Latn.

    TaskError where there is none, and for two files of one of these languages.
    """
    folder = Path(folder)
    files: dict[str, Path] = {}
    twice: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        code = _language(path)
        if code is None:
            continue
        if code in files:
            twice.setdefault(code, path)
            continue
        files[code] = path
    for code in set(twice) & set(files if languages is None else languages):
        message = f"{twice[code]}: {code} is there already as {files[code]}; keep one of the two."
        raise TaskError(message)
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


def _language(path: Path) -> str | None:
    """The language that a file's name states last before its suffixes; None for other files."""
    name = path.name
    for suffix in _PACKED:
        name = name.removesuffix(suffix)
    stem = next((name.removesuffix(suffix) for suffix in _SUFFIXES if name.endswith(suffix)), "")
    named = wikipedia_language if stem.startswith(("cc.", "wiki.")) else language
    for part in reversed(stem.split(".")):
        try:
            return named(part) if part else None
        except TranslitError:
            continue
    return None
