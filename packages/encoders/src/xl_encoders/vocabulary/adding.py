"""Learnt pieces put into a vocabulary and its model: old ids and old rows stay, new rows start from old ones."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from xl_encoders.errors import EncoderError
from xl_encoders.model.encoder import Encoder
from xl_encoders.vocabulary.extension import (
    as_tokenizer,
    embedding_table,
    grow_tables,
    grown_model,
    tokenizer_parts,
    unknown_piece,
    written_characters,
)

_KEY = "vocabulary.budget"


@dataclass(frozen=True)
class Source:
    """ids: old pieces, none of them twice. weights: of their rows, >= 0, with the sum 1."""

    ids: tuple[int, ...]
    weights: tuple[float, ...]


def with_pieces(encoder: Encoder, pieces: Sequence[tuple[str, float]]) -> dict:
    """JSON form of the tokenizer of `encoder` with `pieces` (and their scores) behind all ids that are taken.

    A score below the lowest of an old Unigram vocabulary is raised to it: the lowest says what an unknown character
    costs, and that shall stay; WordPiece has no scores. EncoderError for a piece without a character that is in no old
    one: old texts could be cut at it.
    """
    backend, config = tokenizer_parts(encoder, _KEY)
    model = config["model"]
    written = written_characters(model)
    if model["type"] == "WordPiece":
        written.update(model["continuing_subword_prefix"])
    for piece, _ in pieces:
        if written.issuperset(piece):
            message = (
                f"{piece!r} is written in old pieces by {encoder.name}; as a new one it would change how texts are cut."
            )
            raise EncoderError(message)
    lowest = min(score for _, score in model["vocab"]) if model["type"] == "Unigram" else -math.inf
    vocabulary = dict(sorted(backend.get_vocab(with_added_tokens=True).items(), key=lambda item: item[1]))
    return grown_model(model, vocabulary, [(piece, max(score, lowest)) for piece, score in pieces])


def add_pieces(encoder: Encoder, pieces: Sequence[tuple[str, float]], starts: Sequence[Source | None]) -> None:
    """Add `pieces` (and their scores) to `encoder`, in place; the row of each starts from that of its source.

    starts: as long as `pieces`; None is the mean of all old rows that stand for text. Embeddings, and rows and bias of
        the masked-LM head, are treated alike. Call it before an optimiser is made.
    """
    backend, config = tokenizer_parts(encoder, _KEY)
    grown = as_tokenizer(with_pieces(encoder, pieces))
    first_id = max(backend.get_vocab(with_added_tokens=True).values()) + 1
    embedding_table(encoder, _KEY)
    no_text = {*backend.get_added_tokens_decoder(), backend.token_to_id(unknown_piece(config["model"]) or "")}
    of_text = torch.tensor([index for index in range(len(config["model"]["vocab"])) if index not in no_text])

    def fill(rows: Tensor, part: slice) -> Tensor:
        mean = rows[of_text].double().mean(dim=0)
        filled = []
        for source in starts[part]:
            if source is None:
                filled.append(mean)
            else:
                weights = torch.tensor(source.weights, dtype=torch.float64, device=rows.device)
                filled.append(weights @ rows[list(source.ids)].double())
        return torch.stack(filled).to(rows.dtype)

    grow_tables(encoder, first_id, len(pieces), fill)
    backend.model = grown.model  # last, so that a tokenizer without its model's rows cannot be left behind
