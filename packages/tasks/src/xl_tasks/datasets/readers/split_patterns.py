"""Which file of a folder holds which split of which language, told from its name by patterns."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from xl_tasks.datasets.readers.delimited import PACKED
from xl_tasks.errors import TaskError
from xl_translit import TranslitError, language

SPLIT_NAMES = {
    "train": "train",
    "translated_train": "train",
    "dev": "dev",
    "dev_2k": "dev",
    "valid": "dev",
    "validation": "dev",
    "test": "test",
    "test_2k": "test",
}
"""What publishers call the splits."""
SPLIT = "|".join(sorted(SPLIT_NAMES, key=len, reverse=True))
"""Those names as alternatives of a regular expression."""


def files_under(path: Path) -> list[Path]:
    """The files of a folder and of the two levels below it, or the file itself; TaskError where nothing is."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        message = f"{path}: no such file or folder."
        raise TaskError(message)
    return sorted(file for pattern in ("*", "*/*", "*/*/*") for file in path.glob(pattern) if file.is_file())


def bare_name(file: Path) -> str:
    """The file's name without the suffix of a packer."""
    return file.name.removesuffix(file.suffix) if file.suffix in PACKED else file.name


def files_by_split(
    path: Path, files: Iterable[Path], patterns: Sequence[re.Pattern[str]]
) -> dict[str, dict[str, Path]]:
    """Language code -> split -> file, for the files whose way from `path` fits one of the patterns.

    Each pattern has the groups `language` and `split`. TaskError for a language that is none and for two files of one
    language and split.
    """
    by_code: dict[str, dict[str, Path]] = {}
    root = path if path.is_dir() else path.parent
    for file in files:
        name = "/".join((*file.parent.relative_to(root).parts, bare_name(file)))
        match = next((match for pattern in patterns if (match := pattern.fullmatch(name))), None)
        if match is None:
            continue
        try:
            code = language(match["language"])
        except TranslitError as error:
            message = f"{file}: its name states no language ({error})."
            raise TaskError(message) from None
        split = SPLIT_NAMES[match["split"]]
        if split in by_code.setdefault(code, {}):
            message = f"{file}: {code} {split} is there already as {by_code[code][split]}; keep one of the two."
            raise TaskError(message)
        by_code[code][split] = file
    return by_code
