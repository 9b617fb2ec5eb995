"""Bible verses, one file a translation: `LLL_Ssss.tsv.gz` with verse id, TAB, text.

An id is book*1,000,000 + chapter*1,000 + verse in eight digits (40001001 = Matthew 1:1), the numbering of Taxi1500 and
of the Parallel Bible Corpus, so that equal ids are translations of one another.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from xl_tasks.catalogue.task import Task
from xl_tasks.datasets.readers.by_language import by_language, choose
from xl_tasks.drawing import first_by_hash
from xl_tasks.errors import TaskError
from xl_tasks.texts import ParallelTexts
from xl_translit import read_lines

SR_BIBLE_VERSES = 500
"""Verses of the published Bible retrieval (SR-B, Glot500)."""

_SUFFIX = ".tsv.gz"
_VERSE_ID = re.compile(r"[0-9]{8}")

BIBLE = Task(
    name="bible",
    kind="retrieval",
    title="SR-B",
    description="500 Bible verses, the same for all pairs, joined by verse id; any language can be the source.",
    metrics=("top10", "top1", "top5"),
    folders=("bible",),
    layout="LLL_Ssss.tsv.gz (verse id, TAB, text), sub-folders too",
    loader="xl_tasks.datasets.parallel.bible:load_bible",
    languages="as the files say",
    licence="differs by translation",
    source="any collection of translations, one file a language",
    also=("sr-bible", "Bible retrieval"),
    n_published=SR_BIBLE_VERSES,
    corpus="Verses under book*1,000,000 + chapter*1,000 + verse.",
)


def load_bible(
    path: Path | str | Iterable[Path | str], languages: Iterable[str] | None = None, *, optional: Iterable[str] = ()
) -> ParallelTexts:
    """The verses under `path`; key = verse id, chapters are held out as a whole.

    path: a folder (its sub-folders are searched too), one file, or several of either.
    languages: which to read, in any spelling; all by default.
    optional: codes of further languages, read where they are there.

    A verse without text is no item. TaskError with `file:line` for a line that is not "id TAB text" and for a repeated
    id, and for a language that two files hold.
    """
    listed = [path] if isinstance(path, (str, Path)) else list(path)
    where = ", ".join(map(str, listed))
    files = by_language(
        (file.name.removesuffix(_SUFFIX), file) for entry in listed for file in bible_files(Path(entry))
    )
    if not files:
        message = f"{where}: no Bible such as tur_Latn.tsv.gz here or in a sub-folder."
        raise TaskError(message)
    texts = {code: _read(file) for code, file in choose(files, languages, where=where, optional=optional).items()}
    keys = set().union(*texts.values())
    return ParallelTexts(name="bible", texts=texts, groups={key: key[:5] for key in keys})


def sr_bible_keys(data: ParallelTexts, n: int = SR_BIBLE_VERSES) -> list[str]:
    """The verses of the Bible retrieval SR-B: the same `n` ids for all pairs of the languages of `data`, sorted.

    Texts are joined by verse id, not by line as the published files are, so any language can be the source. Chosen are
    the ids that all languages have with the smallest SHA-256: the same on every machine. TaskError for none.
    """
    shared = set.intersection(*(set(texts) for texts in data.texts.values())) if data.texts else set()
    if not shared:
        message = f"{data.name}: no verse is there in each of {', '.join(data.languages)}; leave a language out."
        raise TaskError(message)
    if n < 1:
        message = f"n is {n}; at least one verse is needed."
        raise TaskError(message)
    return first_by_hash(shared, n)


def bible_files(path: Path) -> list[Path]:
    """The files called `LLL_Ssss.tsv.gz` under `path`, or `path` itself."""
    return sorted(path.rglob(f"*_*{_SUFFIX}")) if path.is_dir() else [path]


def is_bible(file: Path) -> bool:
    """Whether the file's name ends as a Bible's does."""
    return file.name.endswith(_SUFFIX)


def _read(file: Path) -> dict[str, str]:
    verses: dict[str, str] = {}
    seen: set[str] = set()
    for number, line in enumerate(read_lines(file), start=1):
        key, tab, text = line.partition("\t")
        if not tab or not _VERSE_ID.fullmatch(key):
            message = f"{file}:{number}: not a verse id of eight digits, a TAB and the text: {line[:40]!r}."
            raise TaskError(message)
        if key in seen:
            message = f"{file}:{number}: verse {key} appears a second time; ids must be unique."
            raise TaskError(message)
        seen.add(key)
        if text.strip():
            verses[key] = text
    if not verses:
        message = f"{file}: no verse in it; at least one line of id, TAB and text is needed."
        raise TaskError(message)
    return verses
