"""Labelled examples of a data set by language and split, whatever format they were read from."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, field
from typing import Generic, TypeAlias, TypeVar

from xl_tasks.errors import TaskError
from xl_tasks.texts import SPLITS, resolve_language

KINDS = ("classification", "tagging", "answering")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextExample:
    """A text, or two, and its class."""

    key: str
    """Names the item; translations of one another have the same key."""
    first: str
    second: str = ""
    """The hypothesis, the other sentence of a pair; empty for tasks on one text."""
    label: str
    second_language: str = ""
    """Language of `second` where it differs from that of the example."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggedSentence:
    """A sentence in words, with a tag for each of them."""

    key: str
    words: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A span of a context: its text and where it starts, in code points."""

    text: str
    start: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question, the text that answers it and its gold answers; none where the text has no answer."""

    key: str
    question: str
    context: str
    answers: tuple[Answer, ...]
    context_language: str = ""
    """Language of `context` where it differs from that of the question."""


Example: TypeAlias = TextExample | TaggedSentence | Question
Item = TypeVar("Item", bound=Example)
Item_co = TypeVar("Item_co", bound=Example, covariant=True)


@dataclass(frozen=True, kw_only=True)
class Examples(Generic[Item_co]):
    """One data set as read: examples of one kind by language and split, and what could not be read."""

    name: str
    kind: str
    """A name of KINDS."""
    labels: tuple[str, ...] = ()
    """All labels that the data set knows, in its own order; empty for answering."""
    by_language: Mapping[str, Mapping[str, tuple[Item_co, ...]]]
    """language code ("tur_Latn") -> "train", "dev" or "test" -> examples, in the file's order."""
    skipped: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    """(language, split) -> one sentence for each item left out, each with `file:line` and the reason."""
    expected: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(language, split) -> number of items that the data set has there, where the language may lack some: verses that a
    Bible has not, sentences without a translation."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            message = f"{self.name}: kind is {self.kind!r}; known: {', '.join(KINDS)}."
            raise TaskError(message)
        for language, splits in self.by_language.items():
            for split in splits:
                if split not in SPLITS:
                    message = f"{self.name}: {language} has split {split!r}; known: {', '.join(SPLITS)}."
                    raise TaskError(message)

    @property
    def languages(self) -> tuple[str, ...]:
        """Language codes, sorted."""
        return tuple(sorted(self.by_language))

    def resolve(self, spelling: str) -> str:
        """The code of the language that `spelling` means; TaskError with those that the data set has."""
        return resolve_language(spelling, self.by_language, where=self.name)

    def split(self, language: str, split: str) -> tuple[Item_co, ...]:
        """The examples of one split of a language; TaskError naming the languages that have the split."""
        language = self.resolve(language)
        examples = self.by_language[language].get(split, ())
        if not examples:
            having = [code for code in self.languages if self.by_language[code].get(split)]
            message = f"{self.name}: {language} has no {split} examples; with them: {', '.join(having) or 'none'}."
            raise TaskError(message)
        return examples

    def coverage(self, language: str, split: str) -> float:
        """Share of the data set's items that are there and could be read, 0 to 1."""
        language = self.resolve(language)
        n_read = len(self.split(language, split))
        missing = len(self.skipped.get((language, split), ()))
        return n_read / max(self.expected.get((language, split), 0), n_read + missing)

    def fingerprint(self, languages: Iterable[str], split: str) -> str:
        """SHA-256 (64 hexadecimal digits) of the examples of these languages in a split."""
        content = {code: [astuple(e) for e in self.by_language[code].get(split, ())] for code in sorted(languages)}
        return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=True).encode("ascii")).hexdigest()
