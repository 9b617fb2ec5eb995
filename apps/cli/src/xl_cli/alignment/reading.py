"""Which objective reads what of a run's data, and what cannot be read together: checked before torch is loaded."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xl_cli.data.run_data import RunData, text_share
from xl_cli.errors import UsageError
from xl_cli.recipe.config import DataConfig
from xl_cli.recipe.recipe import Recipe
from xl_encoders import TextStream
from xl_tasks import hold_out, training_texts
from xl_translit import language

if TYPE_CHECKING:  # it brings torch
    from xl_encoders import Exchange

# What `xl translit --pairs` calls its second column.
_WRITTEN_AS = {"latn": "romanized", "ipa": "ipa", "phonemes": "phonemes"}

_FIRST = 50


def variant_objectives(recipe: Recipe, variant: str) -> list[str]:
    """The objectives that a variant mixes, in the order of the recipe."""
    names = variant.split("+")
    return [name for name in recipe.objectives if name in names]


def check_sources(recipe: Recipe, data: RunData) -> None:
    """Refuse what an objective cannot read together, before any work is done for it."""
    _check_romanized(recipe, data)
    for name, settings in recipe.objectives.items():
        numbers = recipe.data_of(name)
        streams = [number for number in numbers if number in data.streams]
        at_hand = [number for number in numbers if number in data.texts]
        if len(streams) + bool(at_hand) > 1:
            message = (
                f"objective {name} reads {len(numbers)} [[data]], some of them *.parquet or *.arrow; "
                f"put those files into one [[data]], or give each to an objective of its own (objective.{name}.data)."
            )
            raise UsageError(message)
        if streams and settings.family == "teacher":
            message = (
                f"objective {name} reads texts whose vectors a teacher gives before training, but data.files are "
                f"*.parquet or *.arrow, which are read piece by piece; give it *.txt in a [[data]] of its own."
            )
            raise UsageError(message)
        if streams and settings.block_len:
            key = settings.key("block")
            message = (
                f"{key} is {settings.block_len}, but *.parquet and *.arrow are read a text a row; "
                f"give {key} = 0, or the texts as *.txt."
            )
            raise UsageError(message)
        temperatures = sorted({recipe.data[number].temperature for number in numbers})
        if len(temperatures) > 1:
            message = (
                f"the [[data]] of objective {name} have data.temperature {' and '.join(map(str, temperatures))}; "
                f"give them the same."
            )
            raise UsageError(message)
        widths = sorted({data.vectors[number].vectors.shape[1] for number in numbers if number in data.vectors})
        if len(widths) > 1:
            message = (
                f"objective {name} reads vectors of {' and '.join(map(str, widths))} dimensions; "
                f"name one of the [[data]] in objective.{name}.data."
            )
            raise UsageError(message)


def _check_romanized(recipe: Recipe, data: RunData) -> None:
    """Refuse files of transliterations that nothing would read."""
    trained = {name for variant in recipe.train.variants for name in variant_objectives(recipe, variant)}
    for number, entry in enumerate(recipe.data):
        readers = [name for name in recipe.objectives if name in trained and number in recipe.data_of(name)]
        if entry.romanized and number in data.streams:
            message = (
                "data.romanized is given, but data.files are *.parquet or *.arrow, which are read a row at a time; "
                "give data.files what xl translit --pairs wrote of them: it holds the texts too."
            )
            raise UsageError(message)
        if entry.romanized and not any(recipe.objectives[name].reads_romanised for name in readers):
            names = ", ".join(readers) or "no objective"
            message = f"data.romanized is given, but {names} reads no transliterations; leave it out."
            raise UsageError(message)


def check_widths(recipe: Recipe, data: RunData, width: int | None) -> None:
    """Refuse static vectors that are not as wide as the encoder where they have to be, before it is scored."""
    for name, settings in recipe.objectives.items():
        for number in recipe.data_of(name) if settings.needs_width and width else ():
            if number not in data.vectors:
                continue  # a dry run goes without
            given = data.vectors[number].vectors.shape[1]
            if given != width:
                message = (
                    f"objective {name} compares coordinate by coordinate, but the vectors of data "
                    f"{recipe.data[number].name or recipe.data[number].kind} have {given} dimensions and the encoder "
                    f"{width}; take dcca, or vectors of the encoder's width."
                )
                raise UsageError(message)


def check_selection(recipe: Recipe, data: RunData) -> None:
    """Refuse a selection that has nothing to score on."""
    settings = recipe.select
    if not settings.every or not all(entry.is_given or entry.optional for entry in recipe.data):
        return
    if settings.task == "retrieval" and not data.developing:
        message = (
            "select.task is retrieval, but the run has no parallel items kept for choosing; "
            "give select.data a folder of parallel text, or a data.dev above 0."
        )
        raise UsageError(message)
    if settings.task == "mlm" and not dev_texts(recipe, data):
        message = (
            "select.task is mlm, but no texts are kept for choosing (of *.parquet and *.arrow none are); "
            "give a data.dev above 0, or select.every = 0."
        )
        raise UsageError(message)


def dev_texts(recipe: Recipe, data: RunData) -> list[str]:
    """The texts kept for choosing, of all languages, each once."""
    texts: dict[str, None] = {}
    for number, corpus in data.corpora.items():
        entry = recipe.data[number]
        splits = hold_out(corpus, test=entry.held_out, dev=entry.dev)
        # The dev items in the place of those to train on.
        swapped = {key: {"dev": "train", "train": "dev"}.get(split, split) for key, split in splits.items()}
        texts |= dict.fromkeys(text for its in training_texts(corpus, swapped).values() for text in its)
    return list(texts)


def first_texts(data: RunData) -> dict[str, Sequence[str]]:
    """Some texts of each language, or file of sentence pairs, that are at hand: to train on, and to score."""
    texts: dict[str, list[str]] = {}
    for entry in data.texts.values():
        for text, code in zip(entry.texts, entry.languages, strict=True):
            texts.setdefault(code, []).append(text)
    for bitext in (each for its in data.bitexts.values() for each in its):
        texts.setdefault(bitext.name, []).extend(text for side in bitext.sentences for text in side[:_FIRST])
    for corpus, keys in data.scored:
        for code, by_key in corpus.texts.items():
            its = texts.setdefault(f"{code} in {corpus.name}", [])
            its += [by_key[key] for key in keys[:_FIRST] if key in by_key]
    return {name: its[:_FIRST] for name, its in texts.items() if its}


def open_stream(
    files: Sequence[Path],
    entry: DataConfig,
    *,
    batch: int,
    seed: int,
    cache: Path | None = None,
    exchange: "Exchange | None" = None,
) -> TextStream:
    """The texts of *.parquet and *.arrow files, as the recipe's [[data]] says.

    cache: folder that keeps which rows are drawn, so that the files are read whole once. exchange: see `TextStream`.
    """
    if not entry.language_column and entry.languages and len(entry.languages) not in (1, len(files)):
        message = (
            f"data.languages names {len(entry.languages)} languages for {len(files)} files; give one, or one for each, "
            f"or the column that tells them: --set data.language_column=NAME."
        )
        raise UsageError(message)
    of_files = entry.languages[0] if len(entry.languages) == 1 else list(entry.languages) or None
    return TextStream(
        files,
        batch=batch,
        seed=seed,
        columns=entry.columns if len(entry.columns) == 2 else (*entry.columns, _WRITTEN_AS[entry.to]),
        language_column=entry.language_column or None,
        language=None if entry.language_column else of_files,
        buffer=entry.buffer,
        temperature=entry.temperature,
        deduplicate=entry.deduplicate,
        limit=entry.limit or None,
        share=text_share(entry),
        languages={language(code) for code in entry.languages} if entry.language_column else None,
        spell=_spelled,
        cache=cache,
        exchange=exchange,
    )


def _spelled(name: str) -> str:
    """The code of a language that a column names; what is no language that is known stays as it is."""
    try:
        return language(name)
    except ValueError:
        return name
