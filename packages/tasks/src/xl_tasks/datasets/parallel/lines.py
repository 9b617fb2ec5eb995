"""Plain text, one file a language and one item a line: `tur_Latn.txt`, `tr.txt`, `Turkish.txt.gz`.

Line 17 of one file translates line 17 of every other, unless the files are read as not parallel.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from xl_encoders import TextShare
from xl_tasks.catalogue.task import Task
from xl_tasks.datasets.readers.by_language import by_language, choose
from xl_tasks.drawing import take_share
from xl_tasks.errors import TaskError
from xl_tasks.texts import ParallelTexts, hashed_split
from xl_translit import read_lines

SUFFIXES = (".txt", ".txt.gz", ".txt.zst", ".txt.xz")

LINES = Task(
    name="lines",
    kind="retrieval",
    title="lines",
    description="Your own text, a line an item; line 17 of one file translates line 17 of the other.",
    metrics=(),
    layout="LLL_Ssss.txt[.gz|.zst|.xz], or tr.txt",
    loader="xl_tasks.datasets.parallel.lines:load_lines",
    languages="as the files say; any spelling of a language is a file name",
    licence="yours",
    source="yours",
    corpus="Your own text, a line an item; line 17 of one file translates line 17 of the other.",
)


def load_lines(
    paths: Path | str | Sequence[Path | str],
    languages: Iterable[str] | None = None,
    *,
    parallel: bool = True,
    share: TextShare | None = None,
    held_out: tuple[float, float] = (0.0, 0.0),
    name: str = "lines",
) -> ParallelTexts:
    """The lines of plain files; key = line number from 1 ("17"), or "tur_Latn:17" with `parallel=False`.

    paths: a folder with files called after their language, or the files.
    languages: which to read, in any spelling; all by default.
    parallel: false for files that have nothing to do with one another; they may differ in length.
    share: of files that are not parallel, what is taken of each. They are read twice and hold 9 bytes a line meanwhile,
        so that no more texts than are taken lie in memory.
    held_out: of `share`, the parts of the lines that are test and dev, as of `hold_out`: they are held out first.

    An empty line keeps its number but is no item. TaskError for files of different length (with the first line that has
    no partner), for two files of one language, a name that states none and a file without text.
    """
    listed = [paths] if isinstance(paths, (str, Path)) else list(paths)
    where = ", ".join(map(str, listed))
    files = by_language((file.name.partition(".txt")[0], file) for entry in listed for file in _files(Path(entry)))
    if not files:
        message = f"{where}: no plain text such as tur_Latn.txt or tr.txt.gz."
        raise TaskError(message)
    files = choose(files, languages, where=where)
    if parallel:
        texts = read_parallel_lines(files)
        return ParallelTexts(name=name, texts=texts)
    if share:
        texts, n_before = take_share(
            {code: partial(_items, code, path) for code, path in files.items()},
            share,
            lambda key: hashed_split(key, *held_out),
        )
        return ParallelTexts(name=name, texts=texts, n_before=n_before, parallel=False)
    return ParallelTexts(
        name=name, texts={code: dict(_items(code, path)) for code, path in files.items()}, parallel=False
    )


def read_parallel_lines(files: Mapping[str, Path]) -> dict[str, dict[str, str]]:
    """Texts by side and line number, of files whose lines belong together; TaskError where their counts differ."""
    texts: dict[str, dict[str, str]] = {}
    counts: dict[str, int] = {}
    for side, path in files.items():
        texts[side], counts[side] = _numbered(path)
    shortest = min(counts, key=lambda side: counts[side])
    longest = max(counts, key=lambda side: counts[side])
    if counts[shortest] != counts[longest]:
        message = (
            f"{files[shortest]} has {counts[shortest]} lines, {files[longest]} has {counts[longest]}; "
            f"{files[longest]}:{counts[shortest] + 1} is the first line without a partner. Make line k of both files "
            "say the same, or read them as not parallel."
        )
        raise TaskError(message)
    return texts


def _items(code: str, path: Path) -> Iterator[tuple[str, str]]:
    """Key and text of each line that is not empty."""
    is_empty = True
    for count, line in enumerate(read_lines(path), start=1):
        if line.strip():
            is_empty = False
            yield f"{code}:{count}", line
    if is_empty:
        raise TaskError(_no_text(path))


def _no_text(path: Path) -> str:
    return f"{path}: no text in it; a file needs at least one line that is not empty."


def is_plain(file: Path) -> bool:
    """Whether the file's name ends as plain text, packed or not."""
    return file.name.endswith(SUFFIXES)


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.iterdir() if is_plain(file)) if path.is_dir() else [path]


def _numbered(path: Path) -> tuple[dict[str, str], int]:
    """Line number -> text without the empty lines, and the number of lines with them."""
    texts = {}
    count = 0
    for count, line in enumerate(read_lines(path), start=1):
        if line.strip():
            texts[str(count)] = line
    if not texts:
        raise TaskError(_no_text(path))
    return texts, count
