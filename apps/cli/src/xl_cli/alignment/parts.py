"""The parts of a variant: which objective reads what, which of them share their forward passes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from xl_cli.alignment.reading import open_stream, reads_romanised, variant_objectives
from xl_cli.data.run_data import RunData, Transliteration, transliterate
from xl_cli.launch import processes
from xl_cli.launch.progress import say
from xl_cli.recipe.recipe import Recipe
from xl_encoders import (
    Bitext,
    BitextPart,
    CorpusBatches,
    Encoder,
    LengthBatches,
    Part,
    StreamBatches,
    TeacherWords,
    TextPart,
    VectorPart,
    align_bitext,
    encode_blocks,
    encode_pairs,
    encode_texts,
)
from xl_objectives import (
    AlignedConfig,
    BitextConfig,
    DccaConfig,
    MlmConfig,
    MseConfig,
    ObjectiveConfig,
    format_pharaoh,
    parse_pharaoh,
)
from xl_translit import read_lines, replacing

# Share of the depth at which our aligner reads words: block 8 of 12.
_ALIGN_DEPTH = 2 / 3

_TEXT_OBJECTIVES = ("mlm", "seq", "tlm")


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What all variants of a run read, with what is computed once and kept: transliterations and alignments.

    folder: where alignments of the run are kept.
    """

    recipe: Recipe
    data: RunData
    folder: Path
    _romanised: dict[int, list[str]] = field(default_factory=dict)

    def romanised(self, number: int) -> list[str]:
        """The transliterations of the texts of [[data]] `number`."""
        if number not in self._romanised:
            texts = self.data.texts[number]
            self._romanised[number] = transliterate(texts.texts, texts.languages, texts.config.to)
        return self._romanised[number]

    def vocabulary_texts(self) -> list[str]:
        """Everything that a new tokenizer is trained on: all that any variant reads."""
        found: list[str] = []
        for number, texts in self.data.texts.items():
            found += texts.texts
            if self.needs_romanised(number):
                found += self.romanised(number)
        for number in self.data.streams:
            found += self._sample(number)
        for bitexts in self.data.bitexts.values():
            found += [" ".join(words) for bitext in bitexts for side in (bitext.left, bitext.right) for words in side]
        for vectors in self.data.vectors.values():
            found += vectors.words
        return found

    def needs_romanised(self, number: int) -> bool:
        """Whether any objective reads transliterations of [[data]] `number`."""
        for name in _TEXT_OBJECTIVES:
            settings = self.recipe.objectives.get(name)
            if settings is not None and number in self.recipe.data_of(name) and reads_romanised(settings):
                return True
        return False

    def aligned(self, bitext: Bitext, settings: AlignedConfig, encoder: Encoder) -> Bitext:
        """`bitext` with word alignments: its own, or those of our aligner in `encoder`, which training starts from."""
        if bitext.alignments is not None:
            return bitext
        asked = settings.align_layer
        layer = round(encoder.n_layers * _ALIGN_DEPTH) if asked is None else encoder.resolve_layer(asked)
        path = self.folder / "alignments" / f"{bitext.name}.layer{layer}.{settings.words}.txt"
        if processes.is_main() and not path.is_file():
            say(f"aligning the words of {bitext.name} at layer {layer}")
            pairs = align_bitext(encoder, bitext, layer=layer, words=settings.words)
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as file:
                file.writelines(f"{line}\n" for line in format_pharaoh(pairs))
        processes.wait()
        lens = [(len(left), len(right)) for left, right in zip(bitext.left, bitext.right, strict=True)]
        return replace(bitext, alignments=list(parse_pharaoh(read_lines(path), lens=lens, name=str(path))))

    def _sample(self, number: int) -> list[str]:
        """Texts of a stream's first windows: what a new tokenizer learns from."""
        stream = open_stream(self.data.streams[number], self.recipe.data[number], batch=_SAMPLE_BATCH, seed=0)
        found: list[str] = []
        for place in range(min(stream.n_per_epoch, _SAMPLE_TEXTS // _SAMPLE_BATCH)):
            batch = stream[place]
            found += batch.originals
            if self.needs_romanised(number):
                found += batch.romanised or Transliteration(self.recipe.data[number].to)(
                    batch.originals, batch.languages
                )
        return found


# Texts of a stream that a new tokenizer is trained on, and how many are read at a time.
_SAMPLE_TEXTS, _SAMPLE_BATCH = 100_000, 1000


def build_parts(sources: Sources, variant: str, encoder: Encoder, layer: int) -> list[Part]:
    """The parts that train the objectives of `variant`; the first one is that of the recipe's first objective.

    layer: `hidden_states` index that SEQ pools where its settings name none.
    """
    recipe = sources.recipe
    objectives = {name: recipe.objectives[name] for name in variant_objectives(recipe, variant)}
    parts: list[Part] = []
    grouped: set[str] = set()
    for name, settings in objectives.items():
        if name in _TEXT_OBJECTIVES:
            if name in grouped:
                continue
            group = {
                other: its
                for other, its in objectives.items()
                if other in _TEXT_OBJECTIVES and _stream_key(recipe, other, its) == _stream_key(recipe, name, settings)
            }
            grouped |= set(group)
            parts.append(_text_part(sources, group, encoder, layer))
        elif isinstance(settings, DccaConfig | MseConfig):
            parts.append(_vector_part(sources, name, settings, encoder))
        elif isinstance(settings, BitextConfig):
            parts.append(_bitext_part(sources, name, settings, encoder))
    return parts


def _stream_key(recipe: Recipe, name: str, settings: ObjectiveConfig) -> tuple[object, ...]:
    """Objectives on texts share their passes where they read the same batches."""
    block = settings.block if isinstance(settings, MlmConfig) else 0
    return recipe.data_of(name), settings.batch, settings.every, block


def _text_part(sources: Sources, objectives: Mapping[str, ObjectiveConfig], encoder: Encoder, layer: int) -> TextPart:
    recipe, data = sources.recipe, sources.data
    first = next(iter(objectives))
    numbers = recipe.data_of(first)
    batch = objectives[first].batch or recipe.train.batch
    romanised = any(reads_romanised(settings) for settings in objectives.values())
    streams = [number for number in numbers if number in data.streams]
    at_hand = [number for number in numbers if number in data.texts]
    if streams:
        entry = recipe.data[streams[0]]
        batches = StreamBatches(
            open_stream(data.streams[streams[0]], entry, batch=batch, seed=recipe.train.seed),
            encoder.tokenizer,
            encoder.max_len,
            transliterate=Transliteration(entry.to) if romanised else None,
        )
    else:
        batches = _corpus_batches(sources, at_hand, objectives, batch, encoder, romanised)
    return TextPart(encoder, batches, objectives, layer=layer, tokens=recipe.train.tokens, seed=recipe.train.seed)


def _corpus_batches(
    sources: Sources,
    numbers: Sequence[int],
    objectives: Mapping[str, ObjectiveConfig],
    batch: int,
    encoder: Encoder,
    romanised: bool,
) -> CorpusBatches:
    recipe = sources.recipe
    entries = [sources.data.texts[number] for number in numbers]
    texts = [text for entry in entries for text in entry.texts]
    languages = [code for entry in entries for code in entry.languages]
    mlm = objectives.get("mlm")
    if isinstance(mlm, MlmConfig) and mlm.block:
        corpus, languages = encode_blocks(texts, languages, encoder.tokenizer, min(mlm.block, encoder.max_len))
    elif romanised:
        others = [text for number in numbers for text in sources.romanised(number)]
        corpus = encode_pairs(texts, others, encoder.tokenizer, encoder.max_len)
    else:
        corpus = encode_texts(texts, encoder.tokenizer, encoder.max_len)
    if corpus.n_cut:
        say(f"{corpus.n_cut} texts are longer than model.max_len {encoder.max_len}; their end is cut.")
    codes = {code: place for place, code in enumerate(dict.fromkeys(languages))}
    order = LengthBatches(
        corpus.lengths,
        batch=batch,
        seed=recipe.train.seed,
        groups=np.array([codes[code] for code in languages], dtype=np.int64),
        temperature=entries[0].config.temperature,
    )
    return CorpusBatches(corpus, order)


def _vector_part(sources: Sources, name: str, settings: DccaConfig | MseConfig, encoder: Encoder) -> VectorPart:
    recipe = sources.recipe
    numbers = recipe.data_of(name)
    found = [sources.data.vectors[number] for number in numbers]
    offsets = np.cumsum([0, *(int(words.groups.max()) + 1 for words in found)])
    words = TeacherWords(
        words=[word for one in found for word in one.words],
        vectors=np.concatenate([one.vectors for one in found]) if len(found) > 1 else found[0].vectors,
        groups=np.concatenate([one.groups + offset for one, offset in zip(found, offsets, strict=False)]),
    )
    return VectorPart(
        encoder,
        words,
        name,
        settings,
        batch=settings.batch or recipe.train.batch,
        tokens=recipe.train.tokens,
        seed=recipe.train.seed,
        temperature=recipe.data[numbers[0]].temperature,
    )


def _bitext_part(sources: Sources, name: str, settings: BitextConfig, encoder: Encoder) -> BitextPart:
    recipe = sources.recipe
    bitexts = [bitext for number in recipe.data_of(name) for bitext in sources.data.bitexts.get(number, [])]
    if isinstance(settings, AlignedConfig):
        bitexts = [sources.aligned(bitext, settings, encoder) for bitext in bitexts]
    part = BitextPart(
        encoder,
        bitexts,
        name,
        settings,
        batch=settings.batch or recipe.train.batch,
        tokens=recipe.train.tokens,
        seed=recipe.train.seed,
    )
    if part.n_cut:
        say(f"{part.n_cut} sentences of {name} are longer than model.max_len {encoder.max_len}; their end is cut.")
    return part
