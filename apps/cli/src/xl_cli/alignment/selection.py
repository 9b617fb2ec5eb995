"""How a run scores its encoder while it trains: retrieval among the items kept for choosing, or their MLM loss."""

from collections.abc import Callable
from pathlib import Path

import torch

from xl_cli.alignment.parts import Sources
from xl_cli.alignment.reading import dev_texts
from xl_cli.data.items import language_pairs
from xl_cli.errors import CliError
from xl_cli.launch.progress import say
from xl_cli.recipe.config import TRAINED
from xl_cli.recipe.recipe import Recipe
from xl_encoders import (
    CorpusBatches,
    Encoder,
    LengthBatches,
    Selection,
    Share,
    StepScore,
    TextPart,
    encode_texts,
)
from xl_objectives import MlmConfig
from xl_tasks import retrieval_rows
from xl_tasks.drawing import first_by_hash
from xl_translit import language

# Seed of the masks, the same at every score.
_MASKS = 0
_BATCH = 32


def selection_of(
    recipe: Recipe, sources: Sources, folder: Path, layer: int, on_score: Callable[[StepScore], None]
) -> Selection | None:
    """The selection that `[select]` asks for; None where `select.every` is 0.

    One that is optional says in a note where it has nothing to score by, and there is none either.
    """
    settings = recipe.select
    if not settings.every:
        return None
    score = None
    if settings.task == "mlm":
        score = _mlm_score(recipe, sources)
    elif settings.task == "retrieval":
        score = _retrieval_score(recipe, sources, layer)
    if score is None and settings.keep == 1:
        return None  # the last state is what training leaves
    return Selection(
        folder, score, every=settings.every, keep=settings.keep, patience=settings.patience, on_score=on_score
    )


def _retrieval_score(recipe: Recipe, sources: Sources, layer: int) -> Callable[[Encoder], float] | None:
    """None where the selection is optional and its data has none of the languages."""
    settings = recipe.select
    trained = _trained(recipe, sources)
    asked = []
    for corpus, keys in sources.data.developing:
        if settings.targets == (TRAINED,):
            targets = [code for code in corpus.languages if code in trained]
            pairs = language_pairs(corpus, settings.sources, targets) if targets else []
        else:
            pairs = language_pairs(corpus, settings.sources, settings.targets)
        if not pairs:
            nothing = (
                f"{corpus.name} has none of the languages that are trained on "
                f"({', '.join(sorted(trained)) or 'unknown'}) beside the query's"
            )
            if not settings.optional:
                message = (
                    f"{nothing}, so nothing can be chosen by it; name others in select.targets, or give "
                    f"select.every = 0."
                )
                raise CliError(message)
            say(f"note: {nothing}, so nothing is chosen by it and the last state is kept.")
            return None
        asked.append((corpus, keys, pairs))

    def score(encoder: Encoder) -> float:
        rows = [
            row
            for corpus, keys, pairs in asked
            for row in retrieval_rows(
                encoder,
                corpus,
                keys,
                pairs=pairs,
                layer=layer,
                pooling=recipe.model.pooling,
            )
            if row.metric == settings.metric
        ]
        return sum(row.value for row in rows) / len(rows)

    return score


def _trained(recipe: Recipe, sources: Sources) -> set[str]:
    """The languages of the run's text; see `select.targets`."""
    data = sources.data
    trained = {code for own in data.corpora.values() for code in own.languages}
    for number in data.streams:
        trained |= set(sources.stream(number, batch=1, seed=0).languages)
    return trained | {language(code) for entry in recipe.data for code in entry.languages}


def _mlm_score(recipe: Recipe, sources: Sources) -> Callable[[Encoder], float]:
    texts = first_by_hash(dev_texts(recipe, sources.data), recipe.select.limit)

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
