"""Tagged sentences gathered from the lines of files or the rows of the hub, each checked before it counts.

A tag that starts inside (`I-PER` after O, after another type or as the first) is no IOB2, yet PAN-X, MasakhaNER and
Universal NER have some, the Chinese and Japanese PAN-X one in every few dozen sentences. The papers' code reads them as
they stand and scores with seqeval, which lets an entity begin there. `repair` turns such a tag into `B-`, which by that
rule leaves the gold entities as they are; the log says how many there were. Without it they are errors.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence

from xl_tasks.datasets.readers.faults import Faults
from xl_tasks.errors import TaskError
from xl_tasks.examples import Examples, TaggedSentence
from xl_tasks.texts import SPLITS

_log = logging.getLogger(__name__)

OUTSIDE = "O"
SCHEMES = ("iob1", "iob2")


class LineError(ValueError):
    """Why a sentence cannot be read; the message is "file:line: reason"."""


class TaggedSentences:
    """Collects the sentences of a data set by language and split."""

    def __init__(
        self,
        name: str,
        labels: Sequence[str] | None = None,
        *,
        on_error: str = "stop",
        repair: bool = False,
        scheme: str = "iob2",
        renamed: Mapping[str, str] | None = None,
    ) -> None:
        """An empty collection.

        labels: all tags there are; None takes those that the sentences have.
        on_error: "stop" or "skip", what a sentence that cannot be read does.
        repair: whether a tag that starts inside becomes `B-` and is no error.
        scheme: a name of SCHEMES; in iob1, that of CoNLL-2003, every entity starts inside but for one right behind
            another of its type, so that this is no news for the log.
        renamed: tags of older releases or ones that the data set leaves out -> what is taken for them.
        """
        self._name = name
        self._labels = None if labels is None else tuple(labels)
        self._known = None if labels is None else frozenset(labels)
        if scheme not in SCHEMES:
            message = f"tag_scheme is {scheme!r}; give one of {', '.join(SCHEMES)}."
            raise TaskError(message)
        self._faults = Faults(on_error)
        self._repair = repair or scheme == "iob1"
        self._told = scheme != "iob1"
        self._odd: dict[tuple[str, str, str], str] = {}  # sentence -> what is wrong with it if the others are IOB
        self._renamed = dict(renamed or {})
        self._by_language: dict[str, dict[str, list[TaggedSentence]]] = {}
        self._keys: set[tuple[str, str, str]] = set()
        self._starts: dict[tuple[str, str], list[str]] = {}
        self._first: dict[str, str] = {}  # tag -> where it stands first

    def open(self, language: str, split: str) -> None:
        """Note that the data set has this split of the language, even if no sentence of it can be read."""
        self._by_language.setdefault(language, {}).setdefault(split, [])

    def add(
        self, language: str, split: str, key: str, words: Sequence[str], tags: Sequence[str], places: Sequence[str]
    ) -> None:
        """Add a sentence; `places` says where each word stands, as "file:line". A fault stops or leaves it out."""
        self.open(language, split)
        try:
            sentence = TaggedSentence(key=key, words=tuple(words), tags=self._checked(words, tags, places, key))
            if (language, split, key) in self._keys:
                message = (
                    f"{places[0]}: id {key[:60]!r} appears a second time in {split} of {language}; ids must be unique."
                )
                raise LineError(message)
        except LineError as fault:
            self.fail(language, split, fault)
            return
        if self._told:
            self._note_starts(language, split, tags, sentence, places)
        odd = next((i for i, tag in enumerate(sentence.tags) if not _is_iob(tag)), None)
        if self._labels is None and odd is not None:
            self._odd[language, split, key] = _other_scheme(places[odd], sentence.tags[odd])
        for tag, place in zip(sentence.tags, places, strict=True):
            self._first.setdefault(tag, place)
        self._keys.add((language, split, key))
        self._by_language[language][split].append(sentence)

    def fail(self, language: str, split: str, fault: LineError) -> None:
        """Leave a sentence out for `fault`, or stop with TaskError."""
        self._faults.add(language, split, str(fault))

    def examples(self) -> Examples[TaggedSentence]:
        """All that was added. One line in the log says how many tags of a split started inside and were repaired.

        A few sentences of another scheme among those of IOB are faults; TaskError where they are the most.
        """
        self._leave_out_odd()
        for (language, split), places in self._starts.items():
            _log.warning(
                "%s: %d tag(s) of %s, %s start inside an entity and are read as its beginning, the first at %s",
                self._name, len(places), language, split, places[0],
            )  # fmt: skip
        return Examples(
            name=self._name,
            kind="tagging",
            labels=self._labels if self._labels is not None else tag_set(self._tags(), where=self._first),
            by_language={
                code: {split: tuple(splits[split]) for split in SPLITS if split in splits}
                for code, splits in self._by_language.items()
            },
            skipped=self._faults.skipped,
        )

    def _tags(self) -> set[str]:
        sentences = (its for splits in self._by_language.values() for part in splits.values() for its in part)
        return {tag for sentence in sentences for tag in sentence.tags}

    def _leave_out_odd(self) -> None:
        """Fail the sentences with a tag that is none of IOB where more sentences have entities in IOB alone."""
        if self._labels is not None or not self._odd:
            return
        n_iob = sum(
            any(tag != OUTSIDE for tag in sentence.tags) and (language, split, sentence.key) not in self._odd
            for language, splits in self._by_language.items()
            for split, sentences in splits.items()
            for sentence in sentences
        )
        if n_iob < len(self._odd):  # parts of speech, say; or a file of another scheme, which `tag_set` refuses
            return
        for (language, split, _), reason in self._odd.items():
            self.fail(language, split, LineError(reason))
        for language, splits in self._by_language.items():
            for split, sentences in splits.items():
                splits[split] = [its for its in sentences if (language, split, its.key) not in self._odd]

    def _checked(self, words: Sequence[str], tags: Sequence[str], places: Sequence[str], key: str) -> tuple[str, ...]:
        """The tags as the data set knows them; LineError for an empty word, an unknown tag, one that starts inside."""
        if len(words) != len(tags):
            message = f"{places[0] if places else key}: {len(words)} words and {len(tags)} tags; give one tag a word."
            raise LineError(message)
        checked: list[str] = []
        before = OUTSIDE
        for word, written, place in zip(words, tags, places, strict=True):
            tag = self._renamed.get(written, written)
            if not word.strip(" "):
                message = f"{place}: the word is empty; write one before its tag {written[:60]!r} or remove the line."
                raise LineError(message)
            if self._known is not None and tag not in self._known:
                known = ", ".join(self._labels or ())
                message = f"{place}: tag {written[:60]!r} of {word[:60]!r} is unknown; known: {known}."
                raise LineError(message)
            if self._known is None and tag in ("B-", "I-", "B-O", "I-O"):
                message = (
                    f"{place}: tag {written!r} of {word[:60]!r} names no type of entity; write {OUTSIDE!r} or its type."
                )
                raise LineError(message)
            if starts_inside(before, tag):
                if not self._repair:
                    message = (
                        f"{place}: tag {written[:60]!r} of {word[:60]!r} starts inside, after {before[:60]!r}; write "
                        f"{'B-' + tag[2:60]!r}, leave such sentences out (--on-error skip), or say that the data is "
                        "IOB1, as CoNLL-2003 is (--tag-scheme iob1)."
                    )
                    raise LineError(message)
                tag = f"B-{tag[2:]}"
            checked.append(tag)
            before = tag
        return tuple(checked)

    def _note_starts(
        self, language: str, split: str, tags: Sequence[str], sentence: TaggedSentence, places: Sequence[str]
    ) -> None:
        starts = [
            place
            for written, tag, place in zip(tags, sentence.tags, places, strict=True)
            if self._renamed.get(written, written) != tag
        ]
        if starts:
            self._starts.setdefault((language, split), []).extend(starts)


def starts_inside(before: str, tag: str) -> bool:
    """Whether `tag` goes on with an entity that the tag `before` it (O for none) does not belong to."""
    return tag.startswith("I-") and (before[:2] not in ("B-", "I-") or before[2:] != tag[2:])


def tag_set(tags: Iterable[str], *, where: Mapping[str, str]) -> tuple[str, ...]:
    """All labels behind the tags of a data set: O first, then B- and I- of each type; other tags by name.

    where: tag -> "file:line" of a sentence that has it.

    TaskError where B- and I- stand beside tags of another scheme, E- or S- for instance.
    """
    distinct = set(tags)
    types = sorted({tag[2:] for tag in distinct if tag.startswith(("B-", "I-"))})
    outside = (OUTSIDE,) if OUTSIDE in distinct else ()
    if not types:
        return (*outside, *sorted(distinct - {OUTSIDE}))
    others = sorted(tag for tag in distinct if tag != OUTSIDE and not tag.startswith(("B-", "I-")))
    if others:
        raise TaskError(_other_scheme(where.get(others[0], "tags"), others[0]))
    return (OUTSIDE, *(f"{mark}-{name}" for name in types for mark in "BI"))


def _is_iob(tag: str) -> bool:
    return tag == OUTSIDE or tag.startswith(("B-", "I-"))


def _other_scheme(place: str, tag: str) -> str:
    return f"{place}: tag {tag[:60]!r} stands beside B- and I-, but is none of IOB2; write the tags as IOB2."
