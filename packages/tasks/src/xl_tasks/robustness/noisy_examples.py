"""Labelled examples with noise in their texts; labels, tags and answers stay."""

from collections.abc import Sequence
from dataclasses import replace

from xl_tasks.examples import Item, Question, TaggedSentence, TextExample
from xl_tasks.robustness.noise import Noise


def noisy(examples: Sequence[Item], noise: Noise, language: str, *, seed: int = 0) -> list[Item]:
    """The same examples, in their order, with noise in what a user would have typed.

    Both texts of a pair get it, each in its own language; of a tagged sentence each word, which stays a word of its
    own and never becomes empty; of a question the question alone: the context is a document that answers are spans of,
    and must contain them letter for letter.

    language: of the examples; `second_language` goes before it where an example has one.
    seed: another gives other noise. The noise of an example depends on the seed, its key and its text alone.
    """
    return [_noisy(example, noise, language, seed) for example in examples]


def _noisy(example: Item, noise: Noise, language: str, seed: int) -> Item:
    match example:
        case TextExample():
            # Two keys, so that a text and its copy do not get the same errors.
            first = noise.apply(example.first, language, f"{example.key}\tfirst", seed)
            second = noise.apply(example.second, example.second_language or language, f"{example.key}\tsecond", seed)
            return replace(example, first=first, second=second)
        case TaggedSentence():
            return replace(example, words=tuple(noise.words(example.words, language, example.key, seed)))
        case Question():
            return replace(example, question=noise.apply(example.question, language, example.key, seed))
