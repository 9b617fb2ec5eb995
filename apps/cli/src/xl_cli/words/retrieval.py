"""Contextual word retrieval: occurrences of words in parallel sentences, each looking for its partner.

Cao, Kitaev and Klein 2020, section 4: words of aligned pairs are looked for among all occurrences of the other side, by
CSLS over 10 neighbours; a hit is the very occurrence that the aligner linked. Beside it stands plain cosine.
"""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from xl_cli.data.letters import tell_letters
from xl_cli.errors import CliError
from xl_cli.evaluation.opened import open_model
from xl_cli.folder.at_hand import check_at_hand
from xl_cli.launch.progress import Progress
from xl_cli.words.config import WordRetrievalConfig
from xl_cli.words.linking import SentencePairs, read_sentence_pairs
from xl_encoders import Encoder
from xl_objectives import keep_one_to_one, parse_pharaoh
from xl_staticemb import nearest
from xl_tasks import Row
from xl_translit import read_lines

# Retrieval of `nearest` -> metric of the row.
_METRICS = {"csls": "csls", "nn": "cosine"}
# Sentences that are encoded together.
_AT_ONCE = 64


def retrieve_words(config: WordRetrievalConfig) -> list[Row]:
    """Rows of both directions, a retrieval and a layer each."""
    check_at_hand(files=[*config.files, config.links])
    pairs = read_sentence_pairs(config)
    # Lines behind a limit are not looked at.
    lines = list(read_lines(config.links))[: config.limit or None]
    links = keep_one_to_one(list(parse_pharaoh(lines, lens=pairs.lens, name=config.links)))
    if not any(links):
        message = f"{config.links}: no word is linked to one other alone, so there is nothing to look for."
        raise CliError(message)
    opened = open_model(
        config.model, revision=config.revision, layer=config.layer or ("last",), pooling="mean-all", prompt=""
    )
    tell_letters(opened.encoder, dict(zip(("left", "right"), pairs.texts, strict=True)), "--files")
    languages = dict(zip(("left", "right"), pairs.languages, strict=True))
    rows = []
    for layer in opened.layers:
        sides = [_vectors(opened.encoder, pairs, side, layer, config) for side in (0, 1)]
        linked = _occurrences(pairs, links, [there for _, there in sides])
        for retrieval, metric in _METRICS.items():
            for own, other in (("left", "right"), ("right", "left")):
                place = int(own == "right")
                queries, keys = sides[place][0], sides[1 - place][0]
                best = nearest(queries[linked[:, place]], keys, 1, retrieval, sources=queries).indices[:, 0]
                rows.append(
                    Row(
                        task="word-retrieval", metric=metric, value=float(np.mean(best == linked[:, 1 - place])),
                        n=len(linked), source=languages[own], target=languages[other], seed=opened.seed,
                        model=opened.encoder.name, layer=layer, pooling=config.how, unit="word",
                        variant=opened.variant, data=pairs.name,
                    )
                )  # fmt: skip
    return rows


def _vectors(
    encoder: Encoder, pairs: SentencePairs, side: int, layer: int, config: WordRetrievalConfig
) -> tuple[NDArray[np.float32], list[NDArray[np.bool_]]]:
    """The vectors of all occurrences of a side that have a token, sentence by sentence, and which words those are."""
    texts, spans = pairs.texts[side], pairs.spans[side]
    vectors, there = [], []
    with Progress(f"reading words at layer {layer}", total=len(texts), unit="sentences") as progress:
        for start in range(0, len(texts), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            for words in encoder.word_vectors(texts[part], layer=layer, how=config.how, words=spans[part]):
                kept = words.n_tokens > 0
                vectors.append(words.vectors[kept])
                there.append(kept)
            progress.advance(len(there))
    return np.concatenate(vectors), there


def _occurrences(
    pairs: SentencePairs, links: Sequence[Sequence[tuple[int, int]]], there: Sequence[Sequence[NDArray[np.bool_]]]
) -> NDArray[np.int64]:
    """(links, 2): of each link whose words both have vectors, their rows among all occurrences of their sides."""
    rows = [[np.cumsum(kept) - 1 for kept in side] for side in there]
    starts = [list(accumulate((int(kept.sum()) for kept in side), initial=0)) for side in there]
    found = [
        [starts[side][pair] + rows[side][pair][link[side]] for side in (0, 1)]
        for pair, its in enumerate(links)
        for link in its
        if there[0][pair][link[0]] and there[1][pair][link[1]]
    ]
    return np.array(found, dtype=np.int64).reshape(-1, 2)
