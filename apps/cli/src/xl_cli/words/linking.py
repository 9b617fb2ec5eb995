"""Sentence pairs and the links of their words in one layer of an encoder."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xl_analysis import GoldLinks, WordLinks, link_words
from xl_cli.data.bitexts import read_couple
from xl_cli.errors import CliError
from xl_cli.launch.progress import Progress, say
from xl_cli.vectors.word_files import language_of
from xl_cli.words.bible_links import links_file, read_bible_links
from xl_cli.words.config import AlignWordsConfig, WordRetrievalConfig
from xl_encoders import Encoder, word_breaker

Spans = list[tuple[int, int]]

# Sentence pairs that are encoded together.
_AT_ONCE = 64


@dataclass(frozen=True, kw_only=True)
class SentencePairs:
    """Sentences with their translations, and where their words begin and end.

    name: as rows call the data. languages: codes, "und" where nothing names one. where: of each pair, for messages.
    """

    name: str
    languages: tuple[str, str]
    texts: tuple[list[str], list[str]]
    spans: tuple[list[Spans], list[Spans]]
    where: list[str]

    def __len__(self) -> int:
        return len(self.where)

    @property
    def lens(self) -> list[tuple[int, int]]:
        """Numbers of words of each pair."""
        return [(len(left), len(right)) for left, right in zip(*self.spans, strict=True)]

    def words(self, number: int) -> tuple[list[str], list[str]]:
        """The words of one pair, from 0."""
        left, right = (
            [texts[number][start:end] for start, end in spans[number]]
            for texts, spans in zip(self.texts, self.spans, strict=True)
        )
        return left, right


@dataclass(frozen=True, kw_only=True)
class PairLinks:
    """What is kept of the links of a pair: `WordLinks` without its matrix."""

    pairs: list[tuple[int, int]]
    scores: NDArray[np.float64]
    alone: tuple[list[int], list[int]]


def read_sentence_pairs(config: AlignWordsConfig | WordRetrievalConfig) -> SentencePairs:
    """The sentence pairs that `config` names; a note tells of those with a side without words.

    CliError for no pair, for none with words on both sides, and for what `read_couple` refuses.
    """
    if config.text:
        couples, name, where = [(config.text[0], config.text[1])], "text", ["--text"]
        languages = tuple(language_of(given, Path()) for given in (config.source, config.target))
    else:
        paths = [Path(each) for each in config.files]
        couples = read_couple(paths[0], paths[1] if len(paths) == 2 else None)[: config.limit or None]
        name = "-".join(path.name for path in paths)
        where = [f"{paths[0]}:{number}" for number in range(1, len(couples) + 1)]
        languages = tuple(
            language_of(given, path if len(paths) == 2 else Path())
            for given, path in zip((config.source, config.target), (paths[0], paths[-1]), strict=True)
        )
    breakers = [
        word_breaker("" if code == "und" else code, "space" if config.tokenized else config.engine)
        for code in languages
    ]
    texts = [left for left, _ in couples], [right for _, right in couples]
    spans = [breakers[0](text) for text in texts[0]], [breakers[1](text) for text in texts[1]]
    pairs = SentencePairs(name=name, languages=(languages[0], languages[1]), texts=texts, spans=spans, where=where)
    bare = [place for place, lens in zip(where, pairs.lens, strict=True) if not all(lens)]
    if len(bare) == len(pairs):
        named = " and ".join(config.files) or "--text"
        message = f"{named}: no sentence pair has words on both sides; nothing to link."
        raise CliError(message)
    if bare:
        say(f"note: {len(bare)} of {len(pairs)} pairs have a side without words, so no links (first: {bare[0]}).")
    return pairs


def read_verses(config: AlignWordsConfig) -> tuple[SentencePairs, list[GoldLinks], list[str]]:
    """The verses of --gold, of each book the first `limit`; their links; the book of each.

    CliError for what `read_bible_links` refuses.
    """
    n_read: Counter[str] = Counter()
    verses = []
    for verse in read_bible_links(Path(config.gold)):
        n_read[verse.book] += 1
        if not config.limit or n_read[verse.book] <= config.limit:
            verses.append(verse)
    name = links_file(Path(config.gold)).stem
    sides = [verse.left for verse in verses], [verse.right for verse in verses]
    pairs = SentencePairs(
        name=name,
        languages=(language_of(config.source, Path()), language_of(config.target, Path())),
        texts=([" ".join(words) for words in sides[0]], [" ".join(words) for words in sides[1]]),
        spans=([_between_spaces(words) for words in sides[0]], [_between_spaces(words) for words in sides[1]]),
        where=[f"{name} {verse.number}" for verse in verses],
    )
    return pairs, [GoldLinks(verse.links, verse.links) for verse in verses], [verse.book for verse in verses]


def _between_spaces(words: Sequence[str]) -> Spans:
    """Where words begin and end in the text that has a space between each two."""
    ends = list(accumulate(len(word) + 1 for word in words))
    return [(end - 1 - len(word), end - 1) for word, end in zip(words, ends, strict=True)]


def shifted(pairs: SentencePairs) -> SentencePairs:
    """Each sentence with the translation of the next, the last with the first's."""
    (left, right), (of_left, of_right) = pairs.texts, pairs.spans
    return replace(pairs, texts=(left, right[1:] + right[:1]), spans=(of_left, of_right[1:] + of_right[:1]))


def link_pairs(encoder: Encoder, pairs: SentencePairs, layer: int, config: AlignWordsConfig) -> list[PairLinks]:
    """The links of all sentence pairs."""
    done: list[PairLinks] = []
    with Progress(f"linking words at layer {layer}", total=len(pairs), unit="pairs") as progress:
        for start in range(0, len(pairs), _AT_ONCE):
            for links in linked(encoder, pairs, range(start, min(start + _AT_ONCE, len(pairs))), layer, config):
                alone = links.left_alone, links.right_alone
                done.append(PairLinks(pairs=links.pairs, scores=links.scores, alone=alone))
            progress.advance(len(done))
    return done


def linked(
    encoder: Encoder, pairs: SentencePairs, numbers: Sequence[int], layer: int, config: AlignWordsConfig
) -> list[WordLinks]:
    """The links of some pairs, with their matrices."""
    how = "all" if unit_of(config) == "subword" else "mean"
    sides = [
        encoder.word_vectors(
            [texts[number] for number in numbers], layer=layer, how=how, words=[spans[number] for number in numbers]
        )
        for texts, spans in zip(pairs.texts, pairs.spans, strict=True)
    ]
    found = []
    for left, right in zip(*sides, strict=True):
        # A word without a token has no vector, and no partner.
        kept = [side.vectors if how == "all" else side.vectors[side.n_tokens > 0] for side in (left, right)]
        owners = [
            np.repeat(np.arange(len(side.n_tokens)), side.n_tokens if how == "all" else side.n_tokens > 0)
            for side in (left, right)
        ]
        found.append(
            link_words(
                *kept,
                x_words=owners[0],
                y_words=owners[1],
                lens=(len(left.n_tokens), len(right.n_tokens)),
                method=config.method,
                threshold=config.threshold,
                temperature=config.temperature,
                blur=config.blur,
                mass=config.mass,
                reach=config.reach,
            )
        )
    return found


def unit_of(config: AlignWordsConfig) -> str:
    """What is compared: "word" or "subword"."""
    return config.unit or ("word" if config.method.startswith("ot") else "subword")
