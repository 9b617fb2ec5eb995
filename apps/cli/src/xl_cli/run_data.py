"""What a run reads: its corpora, the texts to train on with their romanisations, and the items to score."""

import hashlib
import json
from dataclasses import dataclass

from xl_cli.config import DataConfig
from xl_cli.errors import CliError
from xl_cli.progress import Progress
from xl_cli.recipe import Recipe
from xl_tasks import ParallelTexts, hold_out, load_names, load_texts, training_texts
from xl_translit import Romanizer


@dataclass(frozen=True, kw_only=True)
class RunData:
    """Everything a run reads.

    corpora: as loaded. training: distinct training texts. scored: parallel data to score on, with its keys.
    """

    corpora: tuple[ParallelTexts, ...]
    training: list[str]
    scored: tuple[tuple[ParallelTexts, list[str]], ...]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the training texts, in order."""
        return hashlib.sha256(json.dumps(self.training).encode()).hexdigest()


def load_data(recipe: Recipe) -> RunData:
    """Read the recipe's corpora, hold items out, and choose what is scored.

    Raises CliError where nothing is left to train on.
    """
    corpora = tuple(_load(entry) for entry in recipe.data)
    training: dict[str, None] = {}
    scored = []
    for entry, corpus in zip(recipe.data, corpora, strict=True):
        splits = hold_out(corpus, test=entry.held_out, dev=entry.dev)
        for texts in training_texts(corpus, splits).values():
            training.update(dict.fromkeys(texts))
        keys = [key for key, split in splits.items() if split == recipe.eval.split]
        if corpus.parallel and len(corpus.languages) > 1 and keys and not recipe.eval.data:
            scored.append((corpus, first_by_hash(keys, recipe.eval.limit)))
    if recipe.eval.data:
        corpus = load_texts(recipe.eval.data)
        keys = [key for key in corpus.keys if corpus.splits.get(key, "test") == "test"]
        scored.append((corpus, first_by_hash(keys, recipe.eval.limit)))
    if not training:
        message = "nothing to train on is left after holding items out; lower data.held_out and data.dev, or add text."
        raise CliError(message)
    return RunData(corpora=corpora, training=list(training), scored=tuple(scored))


def first_by_hash(keys: list[str], limit: int) -> list[str]:
    """At most `limit` keys (all for 0), those with the smallest SHA-256: the same choice on every machine."""
    ranked = sorted(keys, key=lambda key: hashlib.sha256(key.encode()).digest())
    return sorted(ranked[:limit] if limit else ranked)


def romanise(texts: list[str], romaniser: Romanizer) -> list[str]:
    """Each text in Latin letters; a text that romanises to nothing stands for itself, so that no pair is empty."""
    romanised = []
    with Progress("romanising", len(texts), "texts") as progress:
        for number, text in enumerate(texts, 1):
            romanised.append(romaniser(text) or text)
            progress.advance(number)
    return romanised


def _load(entry: DataConfig) -> ParallelTexts:
    if entry.kind == "names":
        return load_names(entry.languages) if entry.languages else load_names()
    return load_texts(entry.files, languages=entry.languages or None, parallel=entry.kind == "parallel")
