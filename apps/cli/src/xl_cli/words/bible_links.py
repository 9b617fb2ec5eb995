"""Links that people drew between the words of a Bible and of its translation, as Clear Bible publishes them.

A file of links, `alignments/TARGET/SOURCE-TARGET-manual.json` (Scripture Burrito 0.3), names words by id: digits for
book, chapter, verse and word (2, 3, 3, 3), a letter before them or a part of a word behind them in some texts. The
words lie in tables, `sources/SOURCE.tsv` and `targets/TARGET/*_TARGET.tsv`, in folders above the file of links. All
links are sure. The package `bible-alignments` of PyPI has the Greek New Testament with an English one.
"""

import json
import re
from collections import defaultdict
from itertools import product
from pathlib import Path
from typing import NamedTuple

from xl_cli.errors import CliError
from xl_cli.launch.progress import say
from xl_translit import read_lines

_BOOKS = (
    "GEN EXO LEV NUM DEU JOS JDG RUT 1SA 2SA 1KI 2KI 1CH 2CH EZR NEH EST JOB PSA PRO ECC SNG ISA JER LAM EZK DAN HOS "
    "JOL AMO OBA JON MIC NAM HAB ZEP HAG ZEC MAL MAT MRK LUK JHN ACT ROM 1CO 2CO GAL EPH PHP COL 1TH 2TH 1TI 2TI TIT "
    "PHM HEB JAS 1PE 2PE 1JN 2JN 3JN JUD REV"
)
# By the number of a book, from 1.
BOOKS = _BOOKS.split()
# Its files alone: its requirements, which its data does not need, are Django, JupyterLab and Python before 3.12, and it
# puts a folder `data` of 51 MB beside all other packages.
FETCH = "uv pip install --no-deps --target {} bible-alignments==0.4.2"


class LinkedVerse(NamedTuple):
    """A verse in two languages; links: (i, j), word i of `left` and j of `right`, from 0."""

    number: str
    """Book, chapter and verse in eight digits: 40001001 is Matthew 1:1."""
    left: list[str]
    right: list[str]
    links: frozenset[tuple[int, int]]

    @property
    def book(self) -> str:
        """In USFM's three letters, MAT; its number where that has none."""
        number = int(self.number[:2])
        return BOOKS[number - 1] if 0 < number <= len(BOOKS) else self.number[:2]


class _Word(NamedTuple):
    verse: str
    text: str
    counts: bool
    """Whether it is a word: the translation has punctuation too, which is marked as excluded."""


def read_bible_links(path: Path) -> list[LinkedVerse]:
    """The verses that have links, in the order of the source text.

    path: a file of links, or a folder that holds one. A note counts links that are left out, as a word of theirs is
    excluded or in another verse. CliError where no links are, or those of several translations; for a file in another
    format, a text that is not there, and the id of a word that its text does not have.
    """
    file = links_file(path)
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        names = [str(document["docid"]) for document in content["documents"]]
        records = [([*map(str, its["source"])], [*map(str, its["target"])]) for its in content["records"]]
        source, target = names
        if not all(re.fullmatch(r"[\w-][\w.-]{0,99}", name) for name in names):  # they are names of files
            raise ValueError(names)
    except (ValueError, KeyError, TypeError, RecursionError):
        message = f"{file} is no file of links of Clear Bible: documents and records with source and target are needed."
        raise CliError(message) from None
    texts = [_words(file, f"sources/{source}.tsv"), _words(file, f"targets/{target}/*_{target}.tsv")]
    verses: list[dict[str, list[str]]] = [{}, {}]
    places: list[dict[str, int]] = [{}, {}]
    for words, by_verse, at in zip(texts, verses, places, strict=True):
        for key, word in words.items():
            if word.counts:
                its = by_verse.setdefault(word.verse, [])
                at[key] = len(its)
                its.append(word.text)
    links: dict[str, set[tuple[int, int]]] = defaultdict(set)
    n_out = 0
    for record in records:
        for keys, words, name in zip(record, texts, names, strict=True):
            for key in keys:
                if key not in words:
                    message = (
                        f"{file}: a link has word {ascii(key)[1:-1][:60]}, which {name} has not; are text and links "
                        "of one version?"
                    )
                    raise CliError(message)
        for one, other in product(*record):
            verse = texts[0][one].verse
            if one in places[0] and other in places[1] and texts[1][other].verse == verse:
                links[verse].add((places[0][one], places[1][other]))
            else:
                n_out += 1
    if n_out:
        say(f"note: {n_out} links of {file.stem} are left out: a word is excluded, or of another verse.")
    if not links:
        message = f"{file} has no link within a verse; nothing can be scored against it."
        raise CliError(message)
    left, right = verses
    return [LinkedVerse(verse, left[verse], right[verse], frozenset(links[verse])) for verse in left if links[verse]]


def links_file(path: Path) -> Path:
    """The file of links that a path means; CliError for none, or several, which also says how to come by them."""
    found = sorted(path.rglob("alignments/*/*.json")) if path.is_dir() else [path]
    if len(found) > 1:
        message = f"{path} holds {len(found)} files of links; name one, such as {found[0]}."
        raise CliError(message)
    if not found or not (found[0].is_file() and found[0].suffix == ".json"):
        message = (
            f"{path} holds no links of Clear Bible; fetch some with {FETCH.format(path)}, or give the sentences that "
            "the links are of by --files."
        )
        raise CliError(message)
    return found[0]


def _words(file: Path, pattern: str) -> dict[str, _Word]:
    """Words by id, of all tables of that name in the nearest folder above the file that has any."""
    from xl_tasks.datasets.readers.delimited import column_names

    tables: list[Path] = next(filter(None, (sorted(folder.glob(pattern)) for folder in file.absolute().parents)), [])
    if not tables:
        message = f"{file}: no folder above it has the text of its words, {pattern}."
        raise CliError(message)
    words: dict[str, _Word] = {}
    for table in tables:
        lines = read_lines(table)
        header = next(lines, "").split("\t")
        at = {name: place for place, name in enumerate(header)}
        key, text, verse, excluded = (at.get(name) for name in ("id", "text", "source_verse", "exclude"))
        for number, line in enumerate(lines, start=2):
            fields = line.split("\t")
            if key is None or text is None or len(fields) != len(header):
                message = f"{table}:{number}: a word has {column_names(header)}, with id and text, parted by tabs."
                raise CliError(message)
            name = fields[key]
            words[name] = _Word(
                verse=fields[verse] if verse is not None else name.lstrip("no")[:8],
                text=fields[text],
                counts=(excluded is None or fields[excluded] != "y") and fields[text].strip() != "",
            )
    return words
