"""How a run scores its encoder while it trains: retrieval among the items kept for choosing, or their MLM loss."""

from collections.abc import Callable
from pathlib import Path

import torch

from xl_cli.errors import UsageError
from xl_cli.mixture import Sources
from xl_cli.recipe import Recipe
from xl_cli.run_data import RunData, first_by_hash
from xl_encoders import (
    CorpusBatches,
    Encoder,
    LengthBatches,
    Scored,
    Selection,
    Share,
    TextPart,
    encode_texts,
)
from xl_objectives import MlmConfig
from xl_tasks import hold_out, retrieval_rows, training_texts

# Seed of the masks, the same at every score.
_MASKS = 0
_BATCH = 32


def selection_of(
    recipe: Recipe, sources: Sources, folder: Path, layer: int, on_score: Callable[[Scored], None]
) -> Selection | None:
    """The selection that `[select]` asks for; None where `select.every` is 0."""
    settings = recipe.select
    if not settings.every:
        return None
    score = _mlm_score(recipe, sources) if settings.task == "mlm" else _retrieval_score(recipe, sources, layer)
    return Selection(
        folder, score, every=settings.every, keep=settings.keep, patience=settings.patience, on_score=on_score
    )


def check_selection(recipe: Recipe, data: RunData) -> None:
    """Refuse a selection that has nothing to score on."""
    settings = recipe.select
    if not settings.every:
        return
    if settings.task == "retrieval" and not data.developing:
        message = (
            "select.task is retrieval, but the run has no parallel items kept for choosing; "
            "give select.data a folder of parallel text, or a data.dev above 0."
        )
        raise UsageError(message)
    if settings.task == "mlm" and not _dev_texts(recipe, data):
        message = (
            "select.task is mlm, but no texts are kept for choosing (of *.parquet and *.arrow none are); "
            "give a data.dev above 0, or select.every = 0."
        )
        raise UsageError(message)


def _retrieval_score(recipe: Recipe, sources: Sources, layer: int) -> Callable[[Encoder], float]:
    from xl_cli.alignment import language_pairs

    settings = recipe.select

    def score(encoder: Encoder) -> float:
        rows = [
            row
            for corpus, keys in sources.data.developing
            for row in retrieval_rows(
                encoder,
                corpus,
                keys,
                pairs=language_pairs(corpus, settings.sources, settings.targets),
                layer=layer,
                pooling=recipe.model.pooling,
            )
            if row.metric == settings.metric
        ]
        return sum(row.value for row in rows) / len(rows)

    return score


def _mlm_score(recipe: Recipe, sources: Sources) -> Callable[[Encoder], float]:
    texts = first_by_hash(_dev_texts(recipe, sources.data), recipe.select.limit)

    def score(encoder: Encoder) -> float:
        corpus = encode_texts(texts, encoder.tokenizer, encoder.max_len)
        batches = CorpusBatches(corpus, LengthBatches(corpus.lengths, batch=_BATCH, seed=_MASKS))
        part = TextPart(encoder, batches, {"mlm": MlmConfig(text="original")}, seed=_MASKS)
        total, n_picked = 0.0, 0
        with torch.no_grad():
            for number in range(part.n_per_epoch):
                batch = part.draw(number)
                picked = sum(batch.n_picked)
                for chunk in part.chunks(batch, Share(), {"mlm"}):
                    total += picked * float(part.encode(batch, chunk, Share(), {"mlm"}).losses["mlm"])
                n_picked += picked
        return -total / max(1, n_picked)

    return score


def _dev_texts(recipe: Recipe, data: RunData) -> list[str]:
    """The texts kept for choosing, of all languages, each once."""
    texts: dict[str, None] = {}
    for number, corpus in data.corpora.items():
        entry = recipe.data[number]
        splits = hold_out(corpus, test=entry.held_out, dev=entry.dev)
        # The dev items in the place of those to train on.
        swapped = {key: {"dev": "train", "train": "dev"}.get(split, split) for key, split in splits.items()}
        texts |= dict.fromkeys(text for its in training_texts(corpus, swapped).values() for text in its)
    return list(texts)
