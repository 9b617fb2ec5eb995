"""Which data set lies in a folder or file, told from the names of the files, and its texts."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from xl_encoders import TextShare
from xl_encoders.registry import unknown_name
from xl_tasks.catalogue.task import TOP_METRICS, Task
from xl_tasks.datasets.parallel.bible import BIBLE, bible_files, is_bible, load_bible
from xl_tasks.datasets.parallel.lines import LINES, is_plain, load_lines
from xl_tasks.datasets.parallel.sib200 import SIB200_RETRIEVAL, load_sib200, sib200_folders
from xl_tasks.datasets.parallel.tatoeba import TATOEBA, is_tatoeba, load_tatoeba
from xl_tasks.drawing import take_share
from xl_tasks.errors import TaskError
from xl_tasks.texts import ParallelTexts, hold_out

_BY_KIND = {entry.corpus_name or entry.name: entry for entry in (SIB200_RETRIEVAL, TATOEBA, BIBLE, LINES)}
KINDS = tuple(_BY_KIND)
_LAYOUTS = "; ".join(f"{name}: {entry.layout}" for name, entry in _BY_KIND.items())

RETRIEVAL = Task(
    name="retrieval",
    kind="retrieval",
    title="retrieval of translations",
    description="How often a text finds its translation, in any folder of parallel text.",
    metrics=TOP_METRICS,
    layout="any that `xl ls data` shows",
    loader="xl_tasks.datasets.parallel.formats:load_texts",
    licence="that of the data",
)


def load_texts(
    path: Path | str | Sequence[Path | str],
    *,
    kind: str | None = None,
    languages: Iterable[str] | None = None,
    parallel: bool = True,
    share: TextShare | None = None,
    held_out: tuple[float, float] = (0.0, 0.0),
) -> ParallelTexts:
    """The texts at `path`, whatever known layout they have.

    path: a folder, a file, a pattern ("corpora/*.txt.gz") or several files.
    kind: a name of KINDS; recognised from the file names by default, in the order sib200, tatoeba, bible, lines.
    languages: which to read, in any spelling; all by default.
    parallel: false to take the texts as they come, translations or not; plain files may then differ in length.
    share: of texts that are not parallel, what is taken of each language; plain files are then never whole in memory.
    held_out: of `share`, parts of the texts that are test and dev, as of `hold_out`: the share is one of the others.

    TaskError where nothing is there or nothing is known, with the layouts that are; the loaders' own errors otherwise.
    """
    if kind is not None and kind not in KINDS:
        raise TaskError(unknown_name("kind of data", kind, list(KINDS)))
    listed = [entry for given in ([path] if isinstance(path, (str, Path)) else path) for entry in _expand(given)]
    if not listed:
        message = "no path given; name a folder or files."
        raise TaskError(message)
    for entry in listed:
        if not entry.exists():
            message = f"{entry}: no such file or folder."
            raise TaskError(message)
    kind = kind or _recognise(listed)
    languages = None if languages is None else list(languages)
    if share and parallel:
        message = "share is given, but the texts are read as parallel: it would tear translations apart; leave one out."
        raise TaskError(message)
    if kind == "lines":
        return load_lines(listed, languages, parallel=parallel, share=share, held_out=held_out)
    if kind == "bible":
        data = load_bible(listed, languages)
    elif kind == "tatoeba":
        data = load_tatoeba(listed, languages)
    elif len(listed) == 1:
        data = load_sib200(listed[0], languages)
    else:
        message = f"{listed[0]} and {listed[1]}: sib200 is read from one folder; name that folder."
        raise TaskError(message)
    if share:
        splits = hold_out(data, test=held_out[0], dev=held_out[1])
        texts, n_before = take_share({code: its.items for code, its in data.texts.items()}, share, splits.__getitem__)
        data = replace(data, texts=texts, n_before=n_before)
    return data if parallel else replace(data, parallel=False)


def _expand(given: Path | str) -> list[Path]:
    path = Path(given)
    pattern = next((i for i, part in enumerate(path.parts) if any(mark in part for mark in "*?[")), None)
    if path.exists() or pattern is None:
        return [path]
    files = sorted(Path(*path.parts[:pattern]).glob(str(Path(*path.parts[pattern:]))))
    if not files:
        message = f"{given}: no file matches this pattern."
        raise TaskError(message)
    return files


def _recognise(listed: Sequence[Path]) -> str:
    kinds = {entry: _kind(entry) for entry in listed}
    if len(set(kinds.values())) > 1:
        (first, kind), *rest = kinds.items()
        other, other_kind = next((entry, k) for entry, k in rest if k != kind)
        message = f"{first} is {kind}, but {other} is {other_kind}; load one kind of data at a time."
        raise TaskError(message)
    return kinds[listed[0]]


def _kind(entry: Path) -> str:
    if entry.is_file():
        for kind, fits in (("tatoeba", is_tatoeba), ("bible", is_bible), ("lines", is_plain)):
            if fits(entry):
                return kind
        message = f"{entry}: not a kind of file that is known. Known layouts: {_LAYOUTS}."
        raise TaskError(message)
    if sib200_folders(entry):
        return "sib200"
    files = [file for file in entry.iterdir() if file.is_file()]
    if any(is_tatoeba(file) for file in files):
        return "tatoeba"
    if bible_files(entry):
        return "bible"
    if any(is_plain(file) for file in files):
        return "lines"
    what = "the folder is empty" if not any(entry.iterdir()) else "nothing in this folder has a known name"
    message = f"{entry}: {what}. Known layouts: {_LAYOUTS}."
    raise TaskError(message)
