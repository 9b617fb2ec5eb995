"""What a run would cost, said before it starts, without loading torch: the model's files and the texts are measured."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xl_cli.alignment.reading import open_stream, variant_objectives
from xl_cli.alignment.training_time import seconds_of
from xl_cli.data.run_data import RunData, Transliteration
from xl_cli.launch.durations import words
from xl_cli.recipe.paths import files_of
from xl_cli.recipe.recipe import Recipe
from xl_encoders import Bitext, EncoderError, count_parameters, count_steps, train_pieces
from xl_encoders.config import SIZES
from xl_encoders.reading.token_counts import TokenCounter, token_counter

# Texts that are read to say how long the whole corpus will be in tokens.
_SAMPLE = 2000


@dataclass(frozen=True, kw_only=True)
class _Model:
    """What is known of the model: nothing of what is not at hand."""

    said: str = ""
    n_parameters: int | None = None
    n_embedded: int = 0
    lengths: TokenCounter | None = None


def estimate(recipe: Recipe, data: RunData) -> dict[str, object]:
    """What a run would do, without doing it: parameters, steps, tokens, disk, time.

    Figures named `about` are estimates. What depends on texts or a model that are not at hand is said to be unknown.
    """
    figures: dict[str, object] = {
        "training texts": len(data.training) + sum(_stream_counts(recipe, data).values()),
        "sentence pairs": sum(len(bitext) for its in data.bitexts.values() for bitext in its),
        "words with vectors": sum(len(vectors.words) for vectors in data.vectors.values()),
    }
    figures = {name: count for name, count in figures.items() if count}
    missing = [_files_key(recipe, number) for number in range(len(recipe.data)) if _is_missing(recipe, number)]
    if missing:
        figures["data"] = f"unknown: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} empty"
    samples = {number: _sample(recipe, data, number) for number in range(len(recipe.data))}
    model = _model(recipe, samples)
    if model.said:
        figures = {"model": model.said, **figures}
    steps = {variant: _steps(recipe, data, variant, samples, model.lengths) for variant in recipe.train.variants}
    batches = {variant: counts[0] for variant, counts in steps.items()}
    n_steps = {variant: counts[1] for variant, counts in steps.items()}
    tokens = {
        variant: None
        if missing or model.lengths is None
        else _tokens(recipe, data, variant, count, samples, model.lengths)
        for variant, count in n_steps.items()
        if count is not None
    }
    n_weights = model.n_parameters
    taught = None if missing or model.lengths is None else _taught(recipe, data, samples, model.lengths)
    if taught and taught[0]:
        figures["texts that the teacher reads"] = taught[0]
    figures |= {
        "scored items": {corpus.name: len(keys) for corpus, keys in data.scored}
        or ("unknown until there is data" if missing and not recipe.eval.data else "none; give eval.data"),
        "parameters": "unknown" if n_weights is None else n_weights,
        "items a step": {name: _batch(recipe, name) * recipe.train.accumulate for name in recipe.objectives},
        "steps for each variant": _same(n_steps),
        "batches for each epoch": _same(batches),
        "about tokens read": _shown(tokens) if any(tokens.values()) else "unknown",
    }
    if n_weights is None:
        return {**figures, "about disk in bytes": "unknown", "about time": "unknown"}
    # float32 weights; a checkpoint adds AdamW's two moments; a new model's start is kept as well.
    n_copies = 1 + 3 + (recipe.model.from_ == "new") + sum(_n_kept(recipe, count) for count in n_steps.values())
    return {**figures, "about disk in bytes": 4 * n_weights * n_copies, "about time": _time(tokens, taught, model)}


def _n_kept(recipe: Recipe, n_steps: int | None) -> int:
    """States of a variant of `n_steps` steps that lie in the run folder at its end, by `select.keep`."""
    settings = recipe.select
    if not settings.every or n_steps is None:
        return settings.keep if settings.every else 0
    n_scores = math.ceil(n_steps / settings.every)
    return min(settings.keep or n_scores, n_scores)


def _time(tokens: dict[str, int | None], taught: tuple[int, int] | None, model: _Model) -> str:
    counts = [count for count in tokens.values() if count is not None]
    if not counts or len(counts) < len(tokens) or model.n_parameters is None:
        return "unknown"
    # What is read once, without a backward pass, takes a third of what is trained on.
    n_tokens = sum(counts) + (taught[1] if taught else 0) // 3
    seconds, rests_on = seconds_of(n_tokens, model.n_parameters - model.n_embedded)
    return f"{words(seconds)}{rests_on}" if seconds is not None else f"unknown{rests_on}"


def _model(recipe: Recipe, samples: dict[int, tuple[list[str], list[str]]]) -> _Model:
    """What is known of the model that the run starts from."""
    settings = recipe.model
    if settings.from_ == "new":
        texts = [text for sample in samples.values() for side in sample for text in side]
        if not texts:
            n_parameters = count_parameters(settings, settings.pieces)
            return _Model(n_parameters=n_parameters, n_embedded=settings.pieces * SIZES[settings.size][1])
        tokenizer = train_pieces(texts, n_pieces=settings.pieces, lower_case=settings.lower_case)
        n_pieces = tokenizer.get_vocab_size()
        return _Model(
            n_parameters=count_parameters(settings, n_pieces),
            n_embedded=n_pieces * SIZES[settings.size][1],
            lengths=token_counter(tokenizer),
        )
    try:
        files = files_of(settings)
    except EncoderError as error:
        return _Model(said=f"not at hand: {error}")
    return _Model(
        said="" if files.tensors else f"the weights of {settings.from_} are fetched when the run starts",
        n_parameters=files.n_parameters,
        n_embedded=files.n_embedded,
        lengths=files.token_counter() if any(side for sample in samples.values() for side in sample) else None,
    )


def _mean(lengths: TokenCounter, texts: Sequence[str], specials: int, most: int) -> float:
    rows = lengths(texts)
    return sum(min(n + specials, most) for n in rows) / max(1, len(rows))


def _steps(
    recipe: Recipe,
    data: RunData,
    variant: str,
    samples: dict[int, tuple[list[str], list[str]]],
    lengths: TokenCounter | None,
) -> tuple[int | None, int | None]:
    """Batches in an epoch of the variant's first stream, and optimiser steps; None where they are unknown."""
    name = variant_objectives(recipe, variant)[0]
    settings, numbers = recipe.objectives[name], recipe.data_of(name)
    n_batches: int | None = None
    if not any(_is_missing(recipe, number) for number in numbers):
        if settings.reads_pairs:
            each = [len(bitext) for bitext in _bitexts(data, recipe, name)]
            # A teacher's pairs are one stream; of others a batch holds as many of each bitext.
            most = sum(each) if settings.family == "teacher" else max(each)
            n_batches = math.ceil(most / min(_batch(recipe, name), most))
        elif settings.block_len:
            # Texts run on, each with a special behind it, between the two specials of a block.
            if lengths is not None:
                tokens = sum(
                    _n_items(recipe, data, number) * _mean(lengths, samples[number][0], 1, 1 << 30)
                    for number in numbers
                )
                rows = tokens / (min(settings.block_len, recipe.model.max_len) - 2)
                n_batches = max(1, math.ceil(rows / _batch(recipe, name)))
        else:
            n_batches = max(1, math.ceil(sum(_n_items(recipe, data, n) for n in numbers) / _batch(recipe, name)))
    if n_batches is None:
        return None, recipe.train.steps or None
    return n_batches, count_steps(n_batches, recipe.train)


def _tokens(
    recipe: Recipe,
    data: RunData,
    variant: str,
    n_steps: int,
    samples: dict[int, tuple[list[str], list[str]]],
    lengths: TokenCounter,
) -> int:
    """Tokens that a variant's encoder reads in all its steps."""
    names = variant_objectives(recipe, variant)
    readers = _readers(recipe, names)
    most = recipe.model.max_len
    said = [getattr(recipe.objectives[name], "joins", None) for name in names]
    joining = next(filter(None, said), None)
    specials = 3 if joining is None or joining.positions != "reset" else 4  # <s> A </s> B </s>, or </s><s> between
    if joining is not None and joining.form == "native":
        specials = lengths.pair_specials

    prompt = recipe.model.prompt or ""

    def per_text(settings: Any, name: str, number: int) -> float:
        """Tokens that a text or word of a [[data]] adds to those that other objectives of the mix read anyway."""
        texts, romanised = samples[number]
        if settings.family == "word-vectors":
            return _mean(lengths, texts, 2, settings.max_len)
        if settings.family == "teacher":
            return _mean(lengths, [prompt + text for text in texts], 2, most)
        if settings.block_len:
            return min(settings.block_len, most)
        sides = [[min(n + 2, most) for n in lengths(side)] for side in (texts, romanised)]
        rows = {"original": sides[0], "romanised": sides[1]}
        rows["joined"] = [min(a + b - 4 + specials, most) for a, b in zip(*sides, strict=False)]
        return sum(sum(its) / max(1, len(its)) for view, its in rows.items() if readers.get(view) == name)

    def per_pair(settings: Any, bitext: Bitext) -> float:
        """Tokens of a sentence pair."""
        if settings.family == "teacher":
            sides = bitext.sentences[: 1 + settings.encodes_pivots]
            return sum(_mean(lengths, [prompt + text for text in side[:_SAMPLE]], 2, most) for side in sides)
        left, right = ([min(n + 2, most) for n in lengths(side)] for side in _sentences(bitext))
        if settings.predicts_tokens or settings.compares_attention:
            times = 2 if settings.compares_attention else 1  # once in either order
            return times * sum(min(a + b - 1, most) for a, b in zip(left, right, strict=True)) / len(left)
        held = [] if not settings.drift else [right, left] if settings.drift_side == "both" else [right]
        return sum(map(sum, [left, right, *held])) / len(left)

    total = 0.0
    for name in names:
        settings = recipe.objectives[name]
        uses = n_steps * recipe.train.accumulate * (settings.end - settings.begin) / settings.every
        if settings.family == "teacher" and settings.reads_pairs:
            bitexts = _bitexts(data, recipe, name)
            item = sum(len(one) * per_pair(settings, one) for one in bitexts) / sum(map(len, bitexts))
        elif settings.reads_pairs:
            item = sum(per_pair(settings, bitext) for bitext in _bitexts(data, recipe, name))
        else:
            n_items = {number: _n_items(recipe, data, number) for number in recipe.data_of(name)}
            item = sum(n * per_text(settings, name, number) for number, n in n_items.items()) / sum(n_items.values())
        total += uses * _batch(recipe, name) * item
    return round(total)


def _taught(
    recipe: Recipe, data: RunData, samples: dict[int, tuple[list[str], list[str]]], lengths: TokenCounter
) -> tuple[int, int]:
    """Texts whose vectors a teacher gives before training, and their tokens: by objective, as they are computed."""
    n_texts, n_tokens = 0, 0.0
    prompt = recipe.model.prompt or ""

    def count(n: int, texts: Sequence[str]) -> None:
        nonlocal n_texts, n_tokens
        n_texts += n
        n_tokens += n * _mean(lengths, [prompt + text for text in texts], 2, recipe.model.max_len)

    for name in dict.fromkeys(
        name for variant in recipe.train.variants for name in variant_objectives(recipe, variant)
    ):
        settings = recipe.objectives[name]
        if settings.family == "teacher" and settings.reads_pairs:
            translations = list(
                dict.fromkeys(text for its in _bitexts(data, recipe, name) for text in its.sentences[1])
            )
            count(len(translations), translations[:_SAMPLE])
        elif settings.family == "teacher":
            for number in recipe.data_of(name):
                count(_n_items(recipe, data, number), samples[number][0])
    return n_texts, round(n_tokens)


def _readers(recipe: Recipe, names: Sequence[str]) -> dict[str, str]:
    """Whose rows each view of a text counts as, of all that read it: those of the first contrast, else of the first."""
    on_texts: list[tuple[str, Any]] = [(name, recipe.objectives[name]) for name in names]
    on_texts = [(name, its) for name, its in on_texts if its.family == "text"]
    on_texts.sort(key=lambda entry: not entry[1].contrasts)
    return {view: name for name, its in reversed(on_texts) for view in its.views}


def _same(counts: dict[str, int | None]) -> object:
    """One figure where all variants have the same, else each variant's."""
    shown = _shown(counts)
    return next(iter(shown.values())) if len(set(shown.values())) == 1 else shown


def _shown(counts: dict[str, int | None]) -> dict[str, object]:
    return {name: "unknown" if count is None else count for name, count in counts.items()}


def _batch(recipe: Recipe, name: str) -> int:
    return recipe.objectives[name].batch or recipe.train.batch


def _is_missing(recipe: Recipe, number: int) -> bool:
    """Whether a [[data]] that an objective reads has no files yet."""
    read = any(number in recipe.data_of(name) for name in recipe.objectives)
    return read and not recipe.data[number].is_given


def _files_key(recipe: Recipe, number: int) -> str:
    return f"data.{recipe.data[number].name}.files" if recipe.data[number].name else "data.files"


def _n_items(recipe: Recipe, data: RunData, number: int) -> int:
    """Texts or words of a [[data]]."""
    if number in data.vectors:
        return len(data.vectors[number].words)
    return len(data.texts[number].texts) if number in data.texts else _stream_counts(recipe, data).get(number, 0)


def _stream_counts(recipe: Recipe, data: RunData) -> dict[int, int]:
    """Texts of each [[data]] that is read piece by piece."""
    return {
        number: open_stream(files, recipe.data[number], batch=recipe.train.batch, seed=0).n_texts
        for number, files in data.streams.items()
    }


def _sample(recipe: Recipe, data: RunData, number: int) -> tuple[list[str], list[str]]:
    """Texts of a [[data]] and, where any objective of the recipe reads that, their transliterations."""
    languages, romanised = None, None
    if number in data.texts:
        entry = data.texts[number]
        step = max(1, len(entry.texts) // _SAMPLE)
        texts, languages = list(entry.texts[::step]), list(entry.languages[::step])
    elif number in data.streams:
        batch = open_stream(data.streams[number], recipe.data[number], batch=_SAMPLE, seed=0)[0]
        texts, languages, romanised = batch.originals, batch.languages, batch.romanised
    elif number in data.vectors:
        texts = data.vectors[number].words[:: max(1, len(data.vectors[number].words) // _SAMPLE)]
    else:
        texts = [text for bitext in data.bitexts.get(number, []) for side in bitext.sentences for text in side]
        texts = texts[:: max(1, len(texts) // _SAMPLE)]
    used = [its for name, its in recipe.objectives.items() if number in recipe.data_of(name)]
    if not texts or not any(its.reads_romanised for its in used):
        return list(texts), []
    written = data.texts[number].romanized if number in data.texts else None
    transliterate = written or Transliteration(recipe.data[number].to)
    return list(texts), romanised or transliterate(texts, languages)


def _bitexts(data: RunData, recipe: Recipe, name: str) -> list[Bitext]:
    if not recipe.objectives[name].reads_pairs:
        return []
    return [bitext for number in recipe.data_of(name) for bitext in data.bitexts.get(number, [])]


def _sentences(bitext: Bitext) -> list[list[str]]:
    """The first sentences of both sides."""
    return [[" ".join(words) for words in side[:_SAMPLE]] for side in (bitext.left, bitext.right)]
