"""Training examples with words exchanged for their neighbours: RS-DA of Huang et al. 2021 (arXiv 2104.08645).

A word that the table knows becomes a uniform draw from itself and its neighbours, each on its own; so it stays with
probability 1 / (1 + number of neighbours). Draws come from a hash of seed, key and place: they depend neither on the
order of the examples nor on what else is in the data.
"""

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace

from xl_tasks.errors import TaskError
from xl_tasks.examples import Item, Question, TaggedSentence, TextExample
from xl_tasks.robustness.config import MATCHES, RobustConfig
from xl_tasks.robustness.neighbour_table import NeighbourTable, neighbours_for

# Copies of an example in the released code: 10 for PAWS-X, 3 for XNLI; smaller data than XNLI was not tried.
_COPIES = {"pawsx": 10}
_OTHER_COPIES = 3


def default_copies(task: str) -> int:
    """How many examples one becomes in the task called `task` where nothing else is asked for."""
    return _COPIES.get(task, _OTHER_COPIES)


def exchanged(train: Mapping[str, Sequence[Item]], config: RobustConfig, task: str = "") -> dict[str, list[Item]]:
    """The training examples of each language as `config` of kind rs-da makes them, with its table for the language.

    train: language -> examples. task: name of the task, for its number of copies.
    """
    made = {}
    for language, examples in train.items():
        table = neighbours_for(
            config.neighbours,
            language,
            n_neighbours=config.n_neighbours,
            min_similarity=config.min_similarity,
        )
        made[language] = augmented(
            examples,
            table,
            copies=config.copies or default_copies(task),
            keep_original=config.keep_original,
            seed=config.seed,
            match=config.match,
        )
    return made


def augmented(
    examples: Sequence[Item],
    table: NeighbourTable,
    *,
    copies: int,
    keep_original: bool = True,
    seed: int = 0,
    match: str = "word",
) -> list[Item]:
    """`copies` examples for each one, next to each other, with the same label; their keys end in "~1", "~2" ...

    copies: >= 1. keep_original: the first of them is the example itself; false as published, where all are exchanged.
    match: "exact", what stands between two single spaces is looked up as it is (the published way, a comma glued to a
        word hides it); "word", punctuation and symbols around it are set aside and put back, and a word that is not
        found is looked up in lower case and its neighbour written with the same capitals.

    Classification: both texts, the second only where it is in the language of the first. Tagging: word by word, tags
    unchanged, without neighbours that hold a space. Answering: the question alone; context and answers are kept.
    Scripts without spaces between words need text that was cut into words. Raises TaskError for options out of range.
    """
    if copies < 1 or match not in MATCHES:
        message = f"copies is {copies} and match {match!r}; give 1 or more and one of {', '.join(MATCHES)}."
        raise TaskError(message)
    exchange = _Exchange(table, match=match)
    made: list[Item] = []
    for example in examples:
        if keep_original:
            made.append(example)
        for number in range(1 if keep_original else 0, copies):
            made.append(_copy(example, exchange, f"{seed}\0{example.key}\0{number}", f"{example.key}~{number}"))
    return made


def _copy(example: Item, exchange: "_Exchange", source: str, key: str) -> Item:
    if isinstance(example, TextExample):
        first = exchange.text(example.first, f"{source}\0first")
        second = example.second
        if second and not example.second_language:
            second = exchange.text(second, f"{source}\0second")
        return replace(example, key=key, first=first, second=second)
    if isinstance(example, TaggedSentence):
        return replace(example, key=key, words=exchange.words(example.words, f"{source}\0words"))
    if isinstance(example, Question):
        return replace(example, key=key, question=exchange.text(example.question, f"{source}\0question"))
    message = f"an example is a {type(example).__name__}; give texts, tagged sentences or questions."
    raise TaskError(message)


class _Exchange:
    """Words for words. The choices of a word are looked up once, since a corpus has few words and many tokens."""

    def __init__(self, table: NeighbourTable, match: str) -> None:
        self._known = table.neighbours
        self._match = match
        # Tags are those of single words, so neighbours of several are no choice there.
        self._text_choices: dict[str, list[str]] = {}
        self._word_choices: dict[str, list[str]] = {}

    def text(self, text: str, source: str) -> str:
        """The text with its words exchanged; every space stays."""
        return " ".join(self._drawn(text.split(" "), source, self._text_choices, single=False))

    def words(self, words: Sequence[str], source: str) -> tuple[str, ...]:
        """As many words."""
        return tuple(self._drawn(words, source, self._word_choices, single=True))

    def _drawn(self, words: Sequence[str], source: str, cache: dict[str, list[str]], *, single: bool) -> list[str]:
        # Eight bytes a word; a word's draw does not hang on what the others are.
        noise = hashlib.shake_256(source.encode("utf-8", "surrogatepass")).digest(8 * len(words))
        drawn = []
        for place, word in enumerate(words):
            choices = cache.get(word)
            if choices is None:
                candidates = [word, *self._neighbours(word)]
                if single:
                    candidates[1:] = [other for other in candidates[1:] if not any(char.isspace() for char in other)]
                choices = cache[word] = list(dict.fromkeys(candidates))
            if len(choices) > 1:
                number = int.from_bytes(noise[8 * place : 8 * place + 8], "big")
                word = choices[number * len(choices) >> 64]
            drawn.append(word)
        return drawn

    def _neighbours(self, word: str) -> Sequence[str]:
        memory = self._known
        if word in memory or self._match == "exact":
            return memory.get(word, ())
        start, stop = _core(word)
        core = word[start:stop]
        if not core:
            return ()
        before, after = word[:start], word[stop:]
        if core in memory:
            return [before + other + after for other in memory[core]]
        return [before + _in_case_of(core, other) + after for other in memory.get(core.lower(), ())]


def _core(word: str) -> tuple[int, int]:
    """Where the word is without the punctuation and symbols around it."""
    start, stop = 0, len(word)
    while start < stop and unicodedata.category(word[start])[0] in "PS":
        start += 1
    while start < stop and unicodedata.category(word[stop - 1])[0] in "PS":
        stop -= 1
    return start, stop


def _in_case_of(model: str, word: str) -> str:
    """`word` in capitals, or with a capital first, as `model` is."""
    if len(model) > 1 and model.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if model[:1].isupper() else word
