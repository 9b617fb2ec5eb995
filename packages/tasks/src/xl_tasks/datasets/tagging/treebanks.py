"""Treebanks by language: files such as `UD_English-EWT/en_ewt-ud-test.conllu`, for data sets that are built on UD.

A language with several treebanks gets the sentences of all of them, one treebank behind the other, as XTREME has it.
"""

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from xl_encoders.registry import unknown_name
from xl_tasks.datasets.readers.by_language import choose
from xl_tasks.datasets.readers.labelled import chosen_splits
from xl_tasks.errors import TaskError
from xl_tasks.texts import SPLITS
from xl_translit import TranslitError, language

_log = logging.getLogger(__name__)

_NAME = re.compile(
    r"(?P<treebank>(?P<language>[a-z]{2,3})(?:_[a-z0-9]+)?)-ud-(?P<split>train|dev|test)(?:-[a-z0-9]+)*"
    r"(?P<suffix>\.(?:conllu|iob2))(?:\.gz|\.zst|\.xz)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TreebankFile:
    """One file of a treebank; `treebank` is its code, "en_ewt"."""

    treebank: str
    split: str
    file: Path


def treebank_files(
    path: Path | str,
    languages: Iterable[str] | None,
    suffix: str,
    treebanks: Sequence[str] = (),
    splits: Iterable[str] | None = None,
) -> dict[str, list[TreebankFile]]:
    """Language code -> its files, in the order of treebanks and splits, for the languages asked for.

    path: a folder of treebanks, one treebank, or a folder with the files themselves.
    suffix: ".conllu" or ".iob2".
    treebanks: the ones to read ("English-EWT", "UD_English-EWT", "en_ewt"); all by default. splits: likewise.

    TaskError for a treebank or language that is not there. No file at all gives an empty dict.
    """
    folder = Path(path)
    if not folder.is_dir():
        message = (
            f"{path}: {'not a folder' if folder.exists() else 'no such folder'}; name the folder of the treebanks."
        )
        raise TaskError(message)
    by_code: dict[str, list[TreebankFile]] = {}
    asked = {name.lower() for name in treebanks}
    names_of: dict[str, frozenset[str]] = {}
    for file in sorted(file for pattern in ("*-ud-*", "*/*-ud-*") for file in folder.glob(pattern) if file.is_file()):
        match = _NAME.fullmatch(file.name)
        if match is None or match["suffix"] != suffix:
            continue
        names = _names(match["treebank"], file.resolve().parent.name)
        names_of[match["treebank"]] = names
        if asked and not asked & names:
            continue
        try:
            code = language(match["language"])
        except TranslitError:
            _log.warning("%s: passed over, %r states no language", file, match["language"])
            continue
        entry = TreebankFile(treebank=match["treebank"], split=match["split"], file=file)
        by_code.setdefault(code, []).append(entry)
    for name in sorted(asked.difference(*names_of.values())):
        message = f"{path}: {unknown_name('treebank', name, list(names_of))}"
        raise TaskError(message)
    if not by_code:
        return {}
    for entries in by_code.values():
        entries.sort(key=lambda entry: (entry.treebank, SPLITS.index(entry.split), entry.file.name))
    wanted_splits = chosen_splits(splits)
    chosen = choose(by_code, languages, where=str(path))
    return {code: [entry for entry in entries if entry.split in wanted_splits] for code, entries in chosen.items()}


def _names(treebank: str, folder: str) -> frozenset[str]:
    """Lower-case spellings of a treebank: its code, and its folder with and without "UD_" or "UNER_"."""
    bare = re.sub(r"^(UD|UNER)_", "", folder)
    return frozenset({treebank, *((folder.lower(), bare.lower()) if bare != folder else ())})
