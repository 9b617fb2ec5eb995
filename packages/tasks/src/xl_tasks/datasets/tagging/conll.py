"""Tagged sentences in two columns: a word and its tag a line, an empty line behind each sentence.

The columns are separated by a TAB (XTREME) or by spaces (CoNLL-2003 reduced to two columns, Masakhane). Lines of
`-DOCSTART-` are left out. `lang:word`, the older form of WikiAnn's files, loses its prefix where all words of a file
have it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from xl_tasks.catalogue.task import ENTITY_METRICS, Task
from xl_tasks.datasets.readers.labelled import chosen_splits
from xl_tasks.datasets.readers.split_files import split_files
from xl_tasks.datasets.tagging.tagged import LineError, TaggedSentences
from xl_tasks.errors import TaskError
from xl_tasks.examples import Examples, TaggedSentence
from xl_translit import language, read_lines

_SPACES = re.compile(" +")
_DOCUMENT = "-DOCSTART-"
_Lines = list[tuple[int, str]]

CONLL = Task(
    name="conll",
    kind="tagging",
    title="CoNLL columns",
    description="Any sentences with a tag a word: entities in IOB2, parts of speech or others.",
    metrics=ENTITY_METRICS,
    folders=("conll",),
    layout="tur_Latn/{train,dev,valid,test}.txt or train-tr.tsv with word and tag, a TAB or spaces between",
    loader="xl_tasks.datasets.tagging.conll:load_conll",
    licence="that of the data",
    also=("conll2003", "iob2", "columns"),
    reads={"tag_scheme": "tag_scheme"},
)


def load_conll(
    path: Path | str,
    languages: Iterable[str] | None = None,
    *,
    on_error: str = "stop",
    repair: bool = False,
    tag_scheme: str = "iob2",
    splits: Iterable[str] | None = None,
) -> Examples[TaggedSentence]:
    """Sentences tagged with anything, from any folder of two-column files.

    path: a folder with `LLL_Ssss/{train,dev,valid,test}.txt` or `{split}-XX.{tsv,txt,conll}`.
    languages: which to read, in any spelling; all by default. splits: likewise.
    on_error: "stop" raises TaskError at the first line that cannot be read, "skip" leaves its sentence out.
    repair: whether a tag that starts inside (`I-PER` after O) becomes `B-PER` instead of being an error.
    tag_scheme: "iob2", or "iob1", where entities begin with I- unless they touch one of their type (CoNLL-2003); they
        come as IOB2.

    The labels are those of the languages read: O, then B- and I- of each type by name; other tags by name.
    """
    return read_columns(
        "conll", path, languages, None, on_error=on_error, repair=repair, scheme=tag_scheme, splits=splits
    )


def read_columns(
    name: str,
    path: Path | str,
    languages: Iterable[str] | None,
    labels: Sequence[str] | None,
    *,
    on_error: str,
    repair: bool,
    scheme: str = "iob2",
    language_of: Callable[[str], str] = language,
    splits: Iterable[str] | None = None,
) -> Examples[TaggedSentence]:
    """A data set in two columns, whatever layout its files have; `labels` are all its tags, None for those found."""
    tagged = TaggedSentences(name, labels, on_error=on_error, repair=repair, scheme=scheme)
    split_names = chosen_splits(splits)
    for code, files in split_files(path, languages, language_of=language_of).items():
        for split, (written, file) in files.items():
            if split not in split_names:
                continue
            tagged.open(code, split)
            sentences = list(_sentences(file))
            if not sentences:
                message = f"{file}: no sentence in it; a word and its tag a line, an empty line behind each sentence."
                raise TaskError(message)
            prefix = f"{written}:"
            prefixed = all(line.startswith(prefix) for lines in sentences for _, line in lines)
            for number, lines in enumerate(sentences, start=1):
                try:
                    words, tags = _fields(file, lines, prefix if prefixed else "")
                except LineError as fault:
                    tagged.fail(code, split, fault)
                    continue
                tagged.add(code, split, str(number), words, tags, [f"{file}:{line}" for line, _ in lines])
    return tagged.examples()


def sentence_lines(file: Path | str) -> Iterator[_Lines]:
    r"""(number, line) of the lines of each sentence; lines of spaces alone stand between two.

    A byte-order mark at the start and CR at the end of a line are dropped; only "\n" ends a line.
    """
    lines: _Lines = []
    for number, text in enumerate(read_lines(file), start=1):
        if text.strip(" "):
            lines.append((number, text))
        elif lines:
            yield lines
            lines = []
    if lines:
        yield lines


def _sentences(file: Path) -> Iterator[_Lines]:
    """The lines of each sentence without the marks of documents."""
    for lines in sentence_lines(file):
        kept = [(number, line) for number, line in lines if re.split("[ \t]", line, maxsplit=1)[0] != _DOCUMENT]
        if kept:
            yield kept


def _fields(file: Path, lines: _Lines, prefix: str) -> tuple[list[str], list[str]]:
    """The words and tags of a sentence; LineError for a line that is not a word and a tag."""
    words, tags = [], []
    for number, line in lines:
        fields = line.split("\t") if "\t" in line else _SPACES.split(line.rstrip(" "))
        if len(fields) != 2:
            message = f"{file}:{number}: {_count(len(fields))}; write a word and its tag, a TAB or a space between."
            raise LineError(message)
        words.append(fields[0].removeprefix(prefix))
        tags.append(fields[1].strip(" "))
    return words, tags


def _count(n_columns: int) -> str:
    if n_columns == 1:
        return "1 column (some test files come without tags)"
    return f"{n_columns} columns"
