"""Sentences of CoNLL-U and of formats made after it: comments, then a numbered word a line with TAB columns.

Multi-word tokens ("3-4") and empty nodes ("8.1") are no words: a tag belongs to each syntactic word. They are read
apart, since some data sets count the token in place of its words.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from xl_tasks.datasets.tagging.conll import sentence_lines
from xl_tasks.datasets.tagging.tagged import LineError, TaggedSentences
from xl_tasks.datasets.tagging.treebanks import TreebankFile
from xl_tasks.errors import TaskError

_COUNT = "[1-9][0-9]{0,8}"
_WORD = re.compile(_COUNT)
_RANGE = re.compile(rf"({_COUNT})-({_COUNT})")
_EMPTY = re.compile(rf"(0|{_COUNT})\.{_COUNT}")
_SENT_ID = re.compile(r"#\s*sent_id\s*=\s*(.*?)\s*")


class Word(NamedTuple):
    """A line of a sentence: its columns, and where it stands as "file:line"."""

    place: str
    fields: list[str]


class Sentence(NamedTuple):
    """A sentence as read.

    id: its sent_id; empty where no comment states one.
    words: the syntactic words, in order.
    tokens: (first, last, line) of each multi-word token, numbers of words from 0, both included.
    """

    id: str
    words: list[Word]
    tokens: list[tuple[int, int, Word]]


Tagged = tuple[list[str], list[str], list[str]]
"""Words, their tags, and where each stands."""


def read_treebanks(
    tagged: TaggedSentences,
    files: Iterable[TreebankFile],
    code: str,
    n_columns: int,
    tags_of: Callable[[Sentence], Tagged],
) -> None:
    """Add the sentences of a language's treebanks to `tagged`.

    Their key is the sent_id, else the number in the treebank's split; the treebank's code stands before it,
    "en_ewt:17", where the language has several. `tags_of` raises LineError for a sentence that has no tags.
    """
    files = list(files)
    several = len({entry.treebank for entry in files}) > 1
    numbers: dict[tuple[str, str], int] = {}
    for entry in files:
        tagged.open(code, entry.split)
        part = (entry.treebank, entry.split)
        before = numbers.get(part, 0)
        for lines in sentence_lines(entry.file):
            numbers[part] = numbers.get(part, 0) + 1
            try:
                sentence = parse_sentence(entry.file, lines, n_columns)
                words, tags, places = tags_of(sentence)
            except LineError as fault:
                tagged.fail(code, entry.split, fault)
                continue
            key = sentence.id or str(numbers[part])
            tagged.add(code, entry.split, f"{entry.treebank}:{key}" if several else key, words, tags, places)
        if numbers.get(part, 0) == before:
            message = f"{entry.file}: no sentence in it; is the download complete?"
            raise TaskError(message)


def parse_sentence(file: Path | str, lines: list[tuple[int, str]], n_columns: int) -> Sentence:
    """The sentence of these (number, line); LineError for the first line that the format does not allow."""
    name = ""
    words: list[Word] = []
    tokens: list[tuple[int, int, Word]] = []
    covered = 0
    for number, line in lines:
        place = f"{file}:{number}"
        if line.startswith("#"):
            if words or tokens:
                message = f"{place}: a comment inside a sentence; put an empty line in front of it."
                raise LineError(message)
            if match := _SENT_ID.fullmatch(line):
                name = match[1]
            continue
        word = Word(place, line.split("\t"))
        if len(word.fields) != n_columns:
            message = f"{place}: {len(word.fields)} column(s), but the format has {n_columns}; separate them by TAB."
            raise LineError(message)
        number_of = word.fields[0]
        if match := _RANGE.fullmatch(number_of):
            first, last = int(match[1]), int(match[2])
            if first != len(words) + 1 or last < first or first <= covered:
                raise _out_of_order(place, number_of, len(words))
            tokens.append((first - 1, last - 1, word))
            covered = last
        elif match := _EMPTY.fullmatch(number_of):
            if int(match[1]) != len(words):
                raise _out_of_order(place, number_of, len(words))
        elif _WORD.fullmatch(number_of) and int(number_of) == len(words) + 1:
            words.append(word)
        else:
            raise _out_of_order(place, number_of, len(words))
    if not words:
        message = f"{file}:{lines[0][0]}: a sentence without a word; remove its comments or add the words."
        raise LineError(message)
    if covered > len(words):
        message = f"{tokens[-1][2].place}: token {tokens[-1][2].fields[0]} goes on behind the last word, {len(words)}."
        raise LineError(message)
    return Sentence(name, words, tokens)


def _out_of_order(place: str, number: str, n_words: int) -> LineError:
    return LineError(
        f"{place}: number {number[:60]!r} is out of order behind word {n_words}; is a line or an empty line missing?"
    )
