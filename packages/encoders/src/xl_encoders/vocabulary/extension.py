"""Vocabulary extension for romanised text (TransMI: Liu, Ma, Ye and Schütze 2024, arXiv 2405.09913, section 3).

Each piece of a tokenizer is romanised. What comes out and is not yet in the vocabulary becomes a piece of its own, and
it starts from the embeddings of the pieces that it was romanised from. No training and no text is needed.
"""

import itertools
import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from xl_encoders.errors import EncoderError
from xl_encoders.model.encoder import Encoder
from xl_encoders.vocabulary.merges import MergeBuilder
from xl_encoders.vocabulary.pieces import MODELS, Spelling

EXTENSIONS = ("max", "min", "mean")

# New rows that are computed at once: bounds the memory beside the table itself.
_ROWS_AT_ONCE = 8192


@dataclass(frozen=True)
class VocabularyExtension:
    """What an extension did. All but the last three count old pieces, and those add up to `n_before`.

    how: "max", "min" or "mean".
    model: the tokenizer's model: "Unigram", "BPE" or "WordPiece".
    n_before: pieces before, specials included.
    n_no_text: specials, unused rows, single bytes and parts of characters; these were left alone.
    n_empty: pieces of which romanisation leaves nothing, such as lone signs for vowels.
    n_known: pieces whose romanisation is in the vocabulary already, as that of nearly all Latin ones.
    n_unreachable: pieces whose romanisation the tokenizer would never read as one piece, such as one with a space.
    n_sources: pieces that gave a new one; several may give the same.
    n_added: new pieces that stand for romanised ones.
    n_helpers: new pieces between the parts of those and the whole (byte-pair encoding only).
    n_after: pieces now, `n_before + n_added + n_helpers`.
    """

    how: str
    model: str
    n_before: int
    n_no_text: int
    n_empty: int
    n_known: int
    n_unreachable: int
    n_sources: int
    n_added: int
    n_helpers: int
    n_after: int


@dataclass(frozen=True)
class _NewPiece:
    """score: what orders the new pieces, higher first. ids: the pieces whose mean embedding it starts from."""

    piece: str
    score: float
    ids: tuple[int, ...]


def extend_vocabulary(
    encoder: Encoder, romanise: Callable[[Sequence[str]], list[str]], how: str = "mean"
) -> VocabularyExtension:
    """Add the romanised pieces of `encoder`'s tokenizer to its vocabulary and to its model, in place.

    romanise: texts -> their romanisations, one each; called once, with the bare text of all pieces. Word markers are
        kept apart and put back, so `▁Αθήνα` gives `▁Athina`.
    how: where several pieces have one romanisation, the new piece takes score and embedding of the one that scores
        highest ("max") or lowest ("min", of equal ones the first in the vocabulary), or their means ("mean").

    The score is Unigram's own; for byte-pair encoding it is the rank of the merge that makes the piece, an early one
    higher; WordPiece has none, and the place in the vocabulary stands in. Rows and bias of the masked-LM head are
    treated as the embeddings are, and stay tied to them where they were.

    No id and no row of an old piece changes. Where a text is cut into old pieces only, it is cut as before; in
    byte-pair encoding new pieces join old ones and never cut elsewhere. WordPiece alone can lose a word that it could
    read: where a new piece takes up the first half of it and the character behind has no `##` piece.

    Call it before an optimiser is made: the tables are new tensors. A second call finds nothing to add, provided
    that `romanise` leaves romanised text as it is.

    Raises EncoderError for an unknown `how`, a `romanise` that gives another number of texts, a tokenizer without a
    vocabulary of pieces (CANINE's characters, XPhoneBERT's words, those in pure Python) and a model without a table of
    token embeddings; the encoder is then as it was.
    """
    if how not in EXTENSIONS:
        message = f"model.extend_vocabulary is {how!r}; choose one of {', '.join(EXTENSIONS)}."
        raise EncoderError(message)
    backend, config = tokenizer_parts(encoder)
    embedding_table(encoder)  # a model without one is refused before any work
    model = config["model"]
    spelling = Spelling(backend, config, encoder.name)
    # The library gives it in the order of a hash, another one in each process.
    vocabulary = dict(sorted(backend.get_vocab(with_added_tokens=True).items(), key=lambda item: item[1]))
    specials = {token.content for token in backend.get_added_tokens_decoder().values()} | {unknown_piece(model)}
    sources, counts = _sources(vocabulary, specials, spelling, romanise)

    scores = _scores(model, vocabulary)
    pieces = [_merged(piece, ids, scores, how) for piece, ids in sources.items()]
    pieces.sort(key=lambda new: (-new.score, new.ids[0]))
    helpers: list[_NewPiece] = []
    merges: list[tuple[str, str]] = []
    if model["type"] == "BPE":
        pieces, helpers, merges = _with_merges(pieces, backend, config, vocabulary)
        n_lost = sum(map(len, sources.values())) - sum(len(sources[new.piece]) for new in pieces)
        counts["n_sources"] -= n_lost
        counts["n_unreachable"] += n_lost

    new_pieces = [*pieces, *helpers]
    if new_pieces:
        first_id = max(vocabulary.values()) + 1
        grown = as_tokenizer(grown_model(model, vocabulary, [(new.piece, new.score) for new in new_pieces], merges))
        ids = [new.ids for new in new_pieces]
        grow_tables(encoder, first_id, len(ids), lambda rows, part: _mean_rows(rows, ids[part]))
        backend.model = grown.model  # last, so that a tokenizer without its model's rows cannot be left behind
    return VocabularyExtension(
        how=how,
        model=model["type"],
        n_before=len(vocabulary),
        **counts,
        n_added=len(pieces),
        n_helpers=len(helpers),
        n_after=len(vocabulary) + len(new_pieces),
    )


def embedding_table(encoder: Encoder, key: str = "model.extend_vocabulary") -> nn.Embedding:
    """The token embeddings of the model; EncoderError where it has none. key: what asked for it, for the sentence."""
    try:
        table = encoder.model.get_input_embeddings()
    except NotImplementedError:
        table = None
    if isinstance(table, nn.Embedding):
        return table
    message = (
        f"{encoder.name} ({type(encoder.model).__name__}) has no table of token embeddings that could grow; "
        f"leave {key} out."
    )
    raise EncoderError(message)


def tokenizer_parts(encoder: Encoder, key: str = "model.extend_vocabulary") -> tuple[Tokenizer, dict[str, Any]]:
    """The tokenizer as the `tokenizers` library has it, and its JSON form.

    key: what asked for it, for the sentence of the EncoderError where it has no vocabulary of pieces.
    """
    backend = getattr(encoder.tokenizer, "backend_tokenizer", None)
    if isinstance(backend, Tokenizer):
        config = json.loads(backend.to_str())
        kind = config["model"]["type"]
        if kind in MODELS:
            return backend, config
        reason = f"is of the kind {kind}; only {', '.join(MODELS)} can be extended"
    else:
        reason = "has no vocabulary of the tokenizers library that could be extended"
    message = f"the tokenizer of {encoder.name} ({type(encoder.tokenizer).__name__}) {reason}: leave {key} out."
    raise EncoderError(message)


def written_characters(model: Mapping[str, Any]) -> set[str]:
    """All characters in the pieces of a tokenizer's model, marks of word parts (`##`) aside."""
    mark = model["continuing_subword_prefix"] if model["type"] == "WordPiece" else ""
    pieces = (piece for piece, _ in model["vocab"]) if model["type"] == "Unigram" else model["vocab"]
    return {char for piece in pieces for char in (piece.removeprefix(mark) or piece)}


def unknown_piece(model: Mapping[str, Any]) -> str | None:
    """The piece that stands for what the tokenizer does not know."""
    if model["type"] == "Unigram":
        return None if model["unk_id"] is None else model["vocab"][model["unk_id"]][0]
    return model.get("unk_token")


def _scores(model: Mapping[str, Any], vocabulary: Mapping[str, int]) -> list[float]:
    """A score for each id, higher for what is more frequent in the text that the tokenizer was trained on."""
    if model["type"] == "Unigram":
        scores = [score for _, score in model["vocab"]]
        return scores + [0.0] * (max(vocabulary.values()) + 1 - len(scores))  # added tokens, which are no sources
    ranks = list(range(max(vocabulary.values()) + 1))
    if model["type"] == "BPE":
        ranks = [0] * len(ranks)  # characters and bytes, which no merge makes
        for rank, (left, right) in enumerate(_merges(model), start=1):
            index = vocabulary[left + right]
            ranks[index] = ranks[index] or rank
    return [-float(rank) for rank in ranks]


def _merges(model: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The merges of a byte-pair model; older files write one as a string with a space in it."""
    return [tuple(merge.split(" ")) if isinstance(merge, str) else tuple(merge) for merge in model["merges"]]


def _sources(
    vocabulary: Mapping[str, int],
    specials: Collection[str | None],
    spelling: Spelling,
    romanise: Callable[[Sequence[str]], list[str]],
) -> tuple[dict[str, list[int]], dict[str, int]]:
    """New piece -> ids of the pieces that romanise to it, lowest first; and the counts of VocabularyExtension."""
    readings = {piece: None if piece in specials else spelling.read(piece) for piece in vocabulary}
    romanised = _romanise_all([reading[1] for reading in readings.values() if reading is not None], romanise)
    counts = dict.fromkeys(("n_no_text", "n_empty", "n_known", "n_unreachable", "n_sources"), 0)
    sources: dict[str, list[int]] = {}
    unreachable: set[str] = set()
    for piece, index in vocabulary.items():
        reading = readings[piece]
        if reading is None:
            counts["n_no_text"] += 1
            continue
        marker, bare = reading
        text = romanised[bare]
        if text != bare:
            text = spelling.normalize(text)
        new = spelling.write(marker, text)
        if bare and not text:
            counts["n_empty"] += 1
        elif new in vocabulary:
            counts["n_known"] += 1
        elif new in sources or (new not in unreachable and spelling.is_one_word(marker, text)):
            counts["n_sources"] += 1
            sources.setdefault(new, []).append(index)
        else:
            counts["n_unreachable"] += 1
            unreachable.add(new)
    return sources, counts


def _romanise_all(texts: Sequence[str], romanise: Callable[[Sequence[str]], list[str]]) -> dict[str, str]:
    """Romanisation of each of `texts`, each asked for once; the empty one is not asked for."""
    unique = [text for text in dict.fromkeys(texts) if text]
    romanised = list(romanise(unique))
    if len(romanised) != len(unique):
        message = f"romanise gave {len(romanised)} texts for {len(unique)} pieces; it must give one for each."
        raise EncoderError(message)
    return {"": "", **dict(zip(unique, romanised, strict=True))}


def _merged(piece: str, ids: Sequence[int], scores: Sequence[float], how: str) -> _NewPiece:
    if how == "mean":
        return _NewPiece(piece, math.fsum(scores[index] for index in ids) / len(ids), tuple(ids))
    best = (max if how == "max" else min)(ids, key=scores.__getitem__)  # the first of equal ones
    return _NewPiece(piece, scores[best], (best,))


def _with_merges(
    pieces: Sequence[_NewPiece], backend: Tokenizer, config: Mapping[str, Any], vocabulary: Mapping[str, int]
) -> tuple[list[_NewPiece], list[_NewPiece], list[tuple[str, str]]]:
    """The pieces that merges can reach, the helpers these need, and the merges.

    A helper starts from the mean of what the old tokenizer read in its place: `<unk>` for an unknown character, or,
    where such a one was passed over, what the best new piece starts from.
    """
    model = backend.model
    if config["model"]["dropout"]:
        model = as_tokenizer({**config["model"], "dropout": None}).model
    builder = MergeBuilder(
        vocabulary, {new.piece for new in pieces}, lambda text: [token.value for token in model.tokenize(text)]
    )
    kept = [new for new in pieces if builder.add(new.piece)]
    fallback = kept[0].ids if kept else ()
    helpers = []
    for piece in builder.helpers:
        ids = tuple(token.id for token in model.tokenize(piece))
        helpers.append(_NewPiece(piece, 0.0, ids or fallback))
    return kept, helpers, builder.merges


def grown_model(
    model: Mapping[str, Any],
    vocabulary: Mapping[str, int],
    new_pieces: Sequence[tuple[str, float]],
    merges: Sequence[tuple[str, str]] = (),
) -> dict[str, Any]:
    """JSON form of the tokenizer's model with the new pieces behind all ids that are taken.

    Added tokens with ids behind the model's own vocabulary become part of it: the library counts such ids from the end
    of the vocabulary, and would move them.
    """
    n_own = len(model["vocab"])
    behind = sorted((index, piece) for piece, index in vocabulary.items() if index >= n_own)
    if model["type"] == "Unigram":
        # The lowest score decides what an unknown character costs, so none below it may come in.
        lowest = min(score for _, score in model["vocab"])
        added = [[piece, lowest] for _, piece in behind] + [[piece, score] for piece, score in new_pieces]
        return {**model, "vocab": [*model["vocab"], *added]}
    first_id = max(vocabulary.values()) + 1
    ids = {piece: index for index, piece in behind}
    ids |= {piece: first_id + offset for offset, (piece, _) in enumerate(new_pieces)}
    grown = {**model, "vocab": {**model["vocab"], **ids}}
    if model["type"] == "BPE":
        grown["merges"] = [*_merges(model), *merges]
    return grown


def as_tokenizer(model: Mapping[str, Any]) -> Tokenizer:
    """A bare tokenizer around a model in JSON form."""
    parts = ("truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder")
    config = {"version": "1.0", **dict.fromkeys(parts), "added_tokens": [], "model": model}
    return Tokenizer.from_str(json.dumps(config, ensure_ascii=False))


def grow_tables(encoder: Encoder, first_id: int, n_new: int, fill: Callable[[Tensor, slice], Tensor]) -> None:
    """Give embeddings and masked-LM head a row for each of `n_new` pieces, from row `first_id` on.

    fill: (a table, (rows, width); which of the new pieces) -> their rows, in the table's dtype. A bias is a table of
        width 1.
    """
    n_rows = max(embedding_table(encoder).num_embeddings, first_id + n_new)
    with torch.random.fork_rng():  # the library fills new rows at random; they are all written below
        encoder.model.resize_token_embeddings(n_rows, mean_resizing=False)
    with torch.no_grad():
        for tensor in token_tables(encoder):
            rows = tensor.view(len(tensor), -1)
            for start in range(0, n_new, _ROWS_AT_ONCE):
                part = slice(start, min(n_new, start + _ROWS_AT_ONCE))
                rows[first_id + part.start : first_id + part.stop] = fill(rows, part)


def token_tables(encoder: Encoder) -> list[Tensor]:
    """What has a row for each token: the embeddings, and weight and bias of the masked-LM head where it has its own."""
    table, head = embedding_table(encoder).weight, encoder.model.get_output_embeddings()
    tensors: list[Tensor] = [table]
    if isinstance(head, nn.Linear):
        tensors += [] if head.weight is table else [head.weight]
        tensors += [] if head.bias is None else [head.bias]
    return tensors


def _mean_rows(table: Float[Tensor, "rows width"], ids: Sequence[Sequence[int]]) -> Float[Tensor, "pieces width"]:
    """Mean of the rows that each member of `ids` names, summed in float32 at least, in the dtype of `table`."""
    flat = torch.tensor([index for its in ids for index in its], device=table.device)
    starts = torch.tensor([0, *itertools.accumulate(map(len, ids))][:-1], device=table.device)
    rows = table[flat].to(torch.promote_types(table.dtype, torch.float32))
    return functional.embedding_bag(torch.arange(len(flat), device=table.device), rows, starts, mode="mean").to(
        table.dtype
    )
