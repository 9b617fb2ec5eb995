"""Files of a data set that are named by language and split, in the ways the field does it."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from xl_tasks.datasets.readers.by_language import choose
from xl_tasks.datasets.readers.delimited import PACKED
from xl_tasks.errors import TaskError
from xl_translit import TranslitError, language
from xl_translit.wikipedia import WIKIPEDIA_CODES

_log = logging.getLogger(__name__)

SPLIT_OF = {"train": "train", "dev": "dev", "valid": "dev", "validation": "dev", "test": "test"}
SUFFIXES = (".tsv", ".txt", ".conll", ".bio", ".iob2", "")
_SPLITS = "|".join(SPLIT_OF)
_ALONE = re.compile(_SPLITS)
_NAMED = (re.compile(rf"(?P<split>{_SPLITS})-(?P<name>.+)"), re.compile(rf"(?P<name>.+)-(?P<split>{_SPLITS})"))


def split_files(
    path: Path | str,
    languages: Iterable[str] | None = None,
    *,
    suffixes: tuple[str, ...] = SUFFIXES,
    language_of: Callable[[str], str] = language,
) -> dict[str, dict[str, tuple[str, Path]]]:
    """Language code -> split -> (the language as the file's name writes it, file), for the languages asked for.

    path: a folder with `train-tr.tsv` (XTREME) or `tr-train` (its raw files), one with a folder a language,
    `swa/train.txt` (Masakhane) or `tr/train` (Rahimi et al.), or the folder of one language.
    languages: in any spelling; all there are by default. A name that states no language is passed over, with a line in
    the log, so that one odd folder does not stop the rest.
    language_of: the code of a language as names write it. Of two editions of Wikipedia in one language (`simple` beside
    `en`) the one with a code of its own is passed over.

    TaskError where nothing is there, for two files of one language and split, and for a language that is not there.
    """
    folder = Path(path)
    if not folder.is_dir():
        message = f"{path}: {'not a folder' if folder.exists() else 'no such folder'}; name the folder of the data set."
        raise TaskError(message)
    by_code: dict[str, list[tuple[str, str, Path]]] = {}
    for name, split, file in _files(folder, suffixes):
        try:
            code = language_of(name)
        except TranslitError:
            _log.warning("%s: passed over, its name %r states no language", file, name)
            continue
        by_code.setdefault(code, []).append((split, name, file))
    if not by_code:
        message = (
            f"{path}: no file such as train-tr.tsv or tur/train.txt in it; files are named by split (train, dev or "
            "valid, test) and language."
        )
        raise TaskError(message)
    chosen = choose(by_code, languages, where=str(path))
    return {code: _by_split(code, files) for code, files in chosen.items()}


def _by_split(code: str, files: Iterable[tuple[str, str, Path]]) -> dict[str, tuple[str, Path]]:
    taken: dict[str, tuple[str, Path]] = {}
    for split, name, file in files:
        if split in taken and (passed := _edition(name, file, *taken[split])):
            _log.warning("%s: passed over, %s of %s is there already", passed[1], split, code)
            if passed[1] == taken[split][1]:
                taken[split] = (name, file)
            continue
        if split in taken:
            message = f"{file}: {split} of {code} is there already as {taken[split][1]}; keep one of the two."
            raise TaskError(message)
        taken[split] = (name, file)
    return taken


def _edition(name: str, file: Path, other: str, other_file: Path) -> tuple[str, Path] | None:
    """Which of two files of a language is that of another edition of Wikipedia; None where this cannot be told."""
    special = [(one, where) for one, where in ((name, file), (other, other_file)) if one in WIKIPEDIA_CODES]
    return special[0] if len(special) == 1 else None


def _files(folder: Path, suffixes: tuple[str, ...]) -> Iterator[tuple[str, str, Path]]:
    """(language as written, split, file), in the order of the names."""
    for entry in sorted(folder.iterdir()):
        if entry.is_dir():
            for file in sorted(entry.iterdir()):
                stem = _stem(file, suffixes)
                if stem is not None and _ALONE.fullmatch(stem):
                    yield entry.name, SPLIT_OF[stem], file
            continue
        stem = _stem(entry, suffixes)
        if stem is None:
            continue
        if _ALONE.fullmatch(stem):
            yield folder.resolve().name, SPLIT_OF[stem], entry
        elif match := next((match for form in _NAMED if (match := form.fullmatch(stem))), None):
            yield match["name"], SPLIT_OF[match["split"]], entry


def _stem(file: Path, suffixes: tuple[str, ...]) -> str | None:
    """The name without what says how it is packed and written; None for another kind of file."""
    if not file.is_file():
        return None
    name = file.name
    for packed in PACKED[1:]:
        name = name.removesuffix(packed)
    for suffix in suffixes:
        if suffix and name.endswith(suffix):
            return name.removesuffix(suffix)
    return name if "" in suffixes and "." not in name else None
