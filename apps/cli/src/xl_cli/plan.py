"""What a run would cost, said before it starts."""

import math
from collections.abc import Sequence

from xl_cli.alignment import pretrained
from xl_cli.mixture import check_widths, open_stream, reads_romanised, variant_objectives
from xl_cli.recipe import Recipe
from xl_cli.run_data import RunData, Transliteration
from xl_encoders import SIZES, EncoderError, count_parameters, count_steps, train_tokenizer
from xl_objectives import BitextConfig, MlmConfig, ObjectiveConfig, TlmConfig, WordVectorConfig

# Texts that are read to say how long the whole corpus will be in tokens.
_SAMPLE = 2000


def plan(recipe: Recipe, data: RunData) -> dict[str, object]:
    """What a run would do, without doing it: parameters, steps, tokens, disk. Figures named `about` are estimates."""
    figures: dict[str, object] = {
        "training texts": len(data.training) + sum(_stream_counts(recipe, data).values()),
        "sentence pairs": sum(len(bitext) for its in data.bitexts.values() for bitext in its),
        "words with vectors": sum(len(vectors.words) for vectors in data.vectors.values()),
    }
    figures = {name: count for name, count in figures.items() if count}
    samples = {number: _sample(recipe, data, number) for number in range(len(recipe.data))}
    n_parameters: int
    try:
        if recipe.model.from_ == "new":
            texts = [text for sample in samples.values() for side in sample for text in side]
            tokenizer = train_tokenizer(texts, n_pieces=recipe.model.pieces, lower_case=recipe.model.lower_case)
            n_parameters = count_parameters(recipe.model, len(tokenizer))
            check_widths(recipe, data, SIZES[recipe.model.size][1])
        else:
            encoder = pretrained(recipe)
            tokenizer = encoder.tokenizer
            n_parameters = sum(parameter.numel() for parameter in encoder.parameters())
            check_widths(recipe, data, encoder.width)
    except EncoderError as error:
        if recipe.model.from_ == "new":
            raise
        return {"model": f"not at hand: {error}", **figures}

    def length(texts: Sequence[str], specials: int, most: int) -> float:
        rows = tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
        return sum(min(len(row) + specials, most) for row in rows) / max(1, len(rows))

    def per_item(name: str, settings: ObjectiveConfig, others: set[str]) -> float:
        """Tokens that an item of the objective's batches adds to those that others of the mix read anyway."""
        (texts, romanised), most = samples[recipe.data_of(name)[0]], recipe.model.max_len
        if isinstance(settings, WordVectorConfig):
            return length(texts, 2, settings.max_len)
        if isinstance(settings, BitextConfig):
            both = sum(length(side, 2, most) for side in _sides(data, recipe, name))
            return both * (1.5 if settings.drift else 1.0)
        if isinstance(settings, MlmConfig) and settings.block:
            return min(settings.block, most)
        sides = length(texts, 2, most), length(romanised, 2, most)
        if isinstance(settings, TlmConfig):
            return min(most, sum(sides) - 1)
        if name == "seq":
            return sum(sides)
        if "seq" in others:
            return 0.0
        views = {"original": sides[0], "romanised": sides[1], "both": sum(sides)}
        return views[settings.text if isinstance(settings, MlmConfig) else "both"]

    def n_batches(name: str) -> int:
        """Batches in an epoch of an objective's stream."""
        settings = recipe.objectives[name]
        batch = settings.batch or recipe.train.batch
        if isinstance(settings, BitextConfig):
            return max(math.ceil(len(bitext) / batch) for bitext in _bitexts(data, recipe, name))
        numbers = recipe.data_of(name)
        items = float(sum(_n_items(recipe, data, number) for number in numbers))
        if isinstance(settings, MlmConfig) and settings.block:
            # Texts run on, each with a special behind it, between the two specials of a block.
            tokens = sum(_n_items(recipe, data, number) * length(samples[number][0], 1, 1 << 30) for number in numbers)
            items = tokens / (min(settings.block, recipe.model.max_len) - 2)
        return max(1, math.ceil(items / batch))

    steps, tokens, per_epoch = {}, {}, {}
    for variant in recipe.train.variants:
        names = variant_objectives(recipe, variant)
        per_epoch[variant] = n_batches(names[0])
        steps[variant] = n_steps = count_steps(per_epoch[variant], recipe.train)
        total = 0.0
        for name in names:
            settings = recipe.objectives[name]
            batch = settings.batch or recipe.train.batch
            n_bitexts = len(_bitexts(data, recipe, name)) or 1
            uses = n_steps * recipe.train.accumulate * (settings.end - settings.begin) / settings.every
            total += uses * batch * n_bitexts * per_item(name, settings, set(names))
        tokens[variant] = round(total)
    # float32 weights; a checkpoint adds AdamW's two moments; a new model's start is kept as well.
    weights = 4 * n_parameters
    n_copies = 1 + 3 + (recipe.model.from_ == "new") + (recipe.select.keep if recipe.select.every else 0)
    same = len(set(steps.values())) == 1
    return {
        **figures,
        "scored items": {corpus.name: len(keys) for corpus, keys in data.scored} or "none; give eval.data",
        "parameters": n_parameters,
        "steps for each variant": next(iter(steps.values())) if same else steps,
        "batches for each epoch": next(iter(per_epoch.values())) if same else per_epoch,
        "about tokens read": tokens,
        "about disk in bytes": weights * n_copies,
    }


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
        texts = [" ".join(words) for bitext in data.bitexts.get(number, []) for words in (*bitext.left, *bitext.right)]
        texts = texts[:: max(1, len(texts) // _SAMPLE)]
    used = [its for name, its in recipe.objectives.items() if number in recipe.data_of(name)]
    if not any(reads_romanised(its) for its in used):
        return list(texts), []
    return list(texts), romanised or Transliteration(recipe.data[number].to)(texts, languages)


def _bitexts(data: RunData, recipe: Recipe, name: str) -> list:
    if not isinstance(recipe.objectives[name], BitextConfig):
        return []
    return [bitext for number in recipe.data_of(name) for bitext in data.bitexts.get(number, [])]


def _sides(data: RunData, recipe: Recipe, name: str) -> list[list[str]]:
    found = _bitexts(data, recipe, name)
    return [
        [" ".join(words) for bitext in found for words in (bitext.left, bitext.right)[side][:_SAMPLE]]
        for side in (0, 1)
    ]
