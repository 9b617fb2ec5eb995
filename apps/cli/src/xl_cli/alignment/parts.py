"""The parts of a variant: which objective reads what, which of them share their forward passes."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from xl_cli.alignment.reading import open_stream, variant_objectives
from xl_cli.data.bitexts import sides_of
from xl_cli.data.run_data import RunData, Transliteration
from xl_cli.launch import processes
from xl_cli.launch.progress import Progress, say
from xl_cli.recipe.recipe import Recipe
from xl_encoders import (
    AttentionPart,
    Bitext,
    BitextPart,
    CorpusBatches,
    Encoder,
    Exchange,
    LengthBatches,
    Lessons,
    MaskedBitextPart,
    Part,
    StreamBatches,
    TeacherPart,
    TeacherWords,
    TextPart,
    TextStream,
    VectorPart,
    align_bitext,
    encode_blocks,
    encode_pairs,
    encode_texts,
)
from xl_objectives import (
    AlignedConfig,
    AttentionConfig,
    BitextConfig,
    MaskedBitextConfig,
    TeacherConfig,
    TextConfig,
    WeamConfig,
    WordVectorConfig,
    format_pharaoh,
    parse_pharaoh,
)
from xl_translit import read_lines, replacing

# Share of the depth at which our aligner reads words: block 8 of 12.
_ALIGN_DEPTH = 2 / 3


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What all variants of a run read, with what is computed once and kept: transliterations, alignments, drawn rows.

    folder: where alignments and drawn rows of the run are kept.
    """

    recipe: Recipe
    data: RunData
    folder: Path
    _romanised: dict[int, list[str]] = field(default_factory=dict)

    def romanised(self, number: int) -> list[str]:
        """The transliterations of the texts of [[data]] `number`, of which each process makes or reads its share.

        The first call for a number is made by all processes.
        """
        if number not in self._romanised:
            texts = self.data.texts[number]
            self._romanised[number] = Exchange().shared(texts.transliterated, len(texts.texts))
        return self._romanised[number]

    def stream(self, number: int, *, batch: int, seed: int, exchange: Exchange | None = None) -> TextStream:
        """The texts of a [[data]] that is read piece by piece; its files are read whole by the first call alone.

        exchange: between all processes, where each reads its share of what is drawn.
        """
        return open_stream(
            self.data.streams[number],
            self.recipe.data[number],
            batch=batch,
            seed=seed,
            cache=self.folder / "texts",
            exchange=exchange,
        )

    def count(self) -> dict[str, dict[str, dict[str, int]]]:
        """Texts to train on by [[data]] and language, with how many there were `of`, before a share was taken.

        Texts whose language nobody says are of "und". Every process calls this, the main one first.
        """
        if not processes.is_main():
            processes.wait()
        counts: dict[str, dict[str, dict[str, int]]] = {}
        for number in sorted({*self.data.texts, *self.data.streams}):
            if number in self.data.streams:
                stream = self.stream(number, batch=1, seed=0)
                taken = stream.languages or {"und": stream.n_texts}
                before = stream.before_share or {"und": stream.n_before_share}
            else:
                taken = dict(Counter(self.data.texts[number].languages))
                before = self.data.corpora[number].n_before
            entry = self.recipe.data[number]
            name = entry.name or (entry.kind if entry.kind not in counts else f"{entry.kind} {number}")
            counts[name] = {code: {"taken": n, "of": before.get(code, n)} for code, n in sorted(taken.items())}
            if entry.share < 1:
                each = ", ".join(f"{its['taken']:,} of {its['of']:,} {code}" for code, its in counts[name].items())
                drawn = f"{entry.share:g} of each language, at least {entry.least:,} texts"
                say(f"{name}: {drawn}; without those held out {each}")
        if processes.is_main():
            processes.wait()
        return counts

    def vocabulary_texts(self) -> list[str]:
        """Everything that a new tokenizer is trained on: all that any variant reads; once all is `romanise`d."""
        lines: list[str] = []
        for number, texts in self.data.texts.items():
            lines += texts.texts
            if self.needs_romanised(number):
                lines += self.romanised(number)
        for number in self.data.streams:
            lines += self._sample(number)
        for bitexts in self.data.bitexts.values():
            lines += [text for bitext in bitexts for side in bitext.sentences for text in side]
        for vectors in self.data.vectors.values():
            lines += vectors.words
        return lines

    def romanise(self) -> None:
        """Have the transliterations of all texts at hand that any variant reads; all processes call this."""
        for number in self.data.texts:
            if self.needs_romanised(number):
                self.romanised(number)

    def by_language(self) -> dict[str, list[str]]:
        """The texts and sentences that are trained on, by language; "und" where nobody says which one it is."""
        lines: dict[str, list[str]] = {}
        for texts in self.data.texts.values():
            for text, code in zip(texts.texts, texts.languages, strict=True):
                lines.setdefault(code, []).append(text)
        for number in self.data.streams:
            for text, code in self._windows(number):
                lines.setdefault(code, []).append(text)
        for bitexts in self.data.bitexts.values():
            for bitext in bitexts:
                codes = sides_of(bitext.name) or ("und", "und")
                for code, side in zip(codes, bitext.sentences, strict=True):
                    lines.setdefault(code, []).extend(side)
        return lines

    def _windows(self, number: int) -> Iterator[tuple[str, str]]:
        """Texts of a stream's first windows with their languages."""
        stream = self.stream(number, batch=_SAMPLE_BATCH, seed=0)
        for place in range(min(stream.n_per_epoch, _SAMPLE_TEXTS // _SAMPLE_BATCH)):
            batch = stream[place]
            yield from zip(batch.originals, batch.languages or ["und"] * len(batch.originals), strict=True)

    def needs_romanised(self, number: int) -> bool:
        """Whether any objective reads transliterations of [[data]] `number`."""
        return any(
            settings.reads_romanised and number in self.recipe.data_of(name)
            for name, settings in self.recipe.objectives.items()
        )

    def aligned(self, bitext: Bitext, settings: AlignedConfig | WeamConfig, encoder: Encoder) -> Bitext:
        """`bitext` with word alignments: its own, or those of our aligner in `encoder`, which training starts from."""
        if bitext.alignments is not None:
            return bitext
        asked = settings.align_layer
        layer = round(encoder.n_layers * _ALIGN_DEPTH) if asked is None else encoder.resolve_layer(asked)
        # Several data may have bitexts of one name, of the same languages or of files called alike.
        called = [each for its in self.data.bitexts.values() for each in its if each.name == bitext.name]
        place = next(place for place, each in enumerate(called) if each is bitext)
        name = f"{bitext.name}.{place + 1}" if place else bitext.name
        path = self.folder / "alignments" / f"{name}.layer{layer}.{settings.words}.txt"
        if processes.is_main() and not path.is_file():
            say(f"aligning the words of {bitext.name} at layer {layer}")
            pairs = align_bitext(encoder, bitext, layer=layer, words=settings.words)
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as file:
                file.writelines(f"{line}\n" for line in format_pharaoh(pairs))
        processes.wait()
        lens = [(len(left), len(right)) for left, right in zip(bitext.left, bitext.right, strict=True)]
        return replace(bitext, alignments=list(parse_pharaoh(read_lines(path), lens=lens, name=str(path))))

    def is_taught(self, name: str) -> bool:
        """Whether objective `name` compares with a teacher's vectors."""
        return self.recipe.objectives[name].family == "teacher"

    def compared(self, name: str) -> dict[str, int]:
        """The different texts whose vectors objective `name` wants of the teacher, with their rows there."""
        texts, pivots = self._taught(name)
        return {text: row for row, text in enumerate(dict.fromkeys(texts if pivots is None else pivots))}

    def vectors_of(self, name: str) -> Path:
        """Where the teacher's vectors for objective `name` lie."""
        return self.folder / "teacher" / f"{name}.npy"

    def nearest_of(self, name: str) -> Path:
        """Where the nearest of each of them lie, if they are wanted."""
        return self.folder / "teacher" / f"{name}-nearest.npy"

    def lessons(self, name: str) -> Lessons:
        """What a student learns by objective `name`, once its vectors are there."""
        texts, pivots = self._taught(name)
        row_of = self.compared(name)
        near = self.nearest_of(name)
        return Lessons(
            texts=texts,
            pivots=pivots,
            vectors=np.load(self.vectors_of(name), mmap_mode="r"),
            rows=np.array([row_of[text] for text in (texts if pivots is None else pivots)], dtype=np.int64),
            nearest=np.load(near) if near.is_file() else None,
        )

    def _taught(self, name: str) -> tuple[list[str], list[str] | None]:
        """The texts that a student reads, and their translations where these are compared with."""
        numbers = self.recipe.data_of(name)
        if not self.recipe.objectives[name].reads_pairs:
            return [text for number in numbers for text in self.data.texts[number].texts], None
        sides = [bitext.sentences for number in numbers for bitext in self.data.bitexts.get(number, ())]
        return [text for left, _ in sides for text in left], [text for _, right in sides for text in right]

    def _sample(self, number: int) -> list[str]:
        """Texts of a stream's first windows: what a new tokenizer learns from."""
        stream = self.stream(number, batch=_SAMPLE_BATCH, seed=0)
        lines: list[str] = []
        for place in range(min(stream.n_per_epoch, _SAMPLE_TEXTS // _SAMPLE_BATCH)):
            batch = stream[place]
            lines += batch.originals
            if self.needs_romanised(number):
                lines += batch.romanised or Transliteration(self.recipe.data[number].to)(
                    batch.originals, batch.languages
                )
        return lines


# Texts of a stream that a new tokenizer is trained on, and how many are read at a time.
_SAMPLE_TEXTS, _SAMPLE_BATCH = 100_000, 1000


def build_parts(sources: Sources, variant: str, encoder: Encoder, layer: int) -> list[Part]:
    """The parts that train the objectives of `variant`; the first one is that of the recipe's first objective.

    layer: `hidden_states` index that a contrast of texts pools where its settings name none.
    """
    recipe = sources.recipe
    groups: dict[tuple[object, ...], dict[str, Any]] = {}
    for name in variant_objectives(recipe, variant):
        groups.setdefault(_stream_key(recipe, name), {})[name] = recipe.objectives[name]
    return [_PARTS[family](sources, group, encoder, layer) for (family, *_), group in groups.items()]


def _stream_key(recipe: Recipe, name: str) -> tuple[object, ...]:
    """The family, and what is another for each stream: objectives on texts share their passes on the same batches."""
    its = recipe.objectives[name]
    if its.family != "text":
        return its.family, name
    return its.family, recipe.data_of(name), its.batch, its.every, its.block_len


def _text_part(sources: Sources, objectives: Mapping[str, TextConfig], encoder: Encoder, layer: int) -> TextPart:
    recipe, data = sources.recipe, sources.data
    first = next(iter(objectives))
    numbers = recipe.data_of(first)
    batch = objectives[first].batch or recipe.train.batch
    romanised = any(settings.reads_romanised for settings in objectives.values())
    streams = [number for number in numbers if number in data.streams]
    at_hand = [number for number in numbers if number in data.texts]
    if streams:
        exchange = Exchange()
        batches = StreamBatches(
            sources.stream(streams[0], batch=batch, seed=recipe.train.seed, exchange=exchange),
            encoder.tokenizer,
            encoder.max_len,
            transliterate=Transliteration(recipe.data[streams[0]].to) if romanised else None,
            exchange=exchange,
        )
    else:
        batches = _corpus_batches(sources, at_hand, objectives[first].block_len, batch, encoder, romanised)
    return TextPart(encoder, batches, objectives, layer=layer, tokens=recipe.train.tokens, seed=recipe.train.seed)


def _corpus_batches(
    sources: Sources,
    numbers: Sequence[int],
    block_len: int,
    batch: int,
    encoder: Encoder,
    romanised: bool,
) -> CorpusBatches:
    recipe = sources.recipe
    entries = [sources.data.texts[number] for number in numbers]
    texts = [text for entry in entries for text in entry.texts]
    languages = [code for entry in entries for code in entry.languages]
    if block_len:
        corpus, languages = encode_blocks(texts, languages, encoder.tokenizer, min(block_len, encoder.max_len))
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


def _vector_part(
    sources: Sources, objectives: Mapping[str, WordVectorConfig], encoder: Encoder, layer: int
) -> VectorPart:
    recipe = sources.recipe
    ((name, settings),) = objectives.items()
    numbers = recipe.data_of(name)
    parts = [sources.data.vectors[number] for number in numbers]
    offsets = np.cumsum([0, *(int(words.groups.max()) + 1 for words in parts)])
    words = TeacherWords(
        words=[word for one in parts for word in one.words],
        vectors=np.concatenate([one.vectors for one in parts]) if len(parts) > 1 else parts[0].vectors,
        groups=np.concatenate([one.groups + offset for one, offset in zip(parts, offsets, strict=False)]),
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


def _bitext_part(
    sources: Sources,
    objectives: Mapping[str, BitextConfig | MaskedBitextConfig | AttentionConfig],
    encoder: Encoder,
    layer: int,
) -> BitextPart | MaskedBitextPart | AttentionPart:
    recipe = sources.recipe
    ((name, settings),) = objectives.items()
    bitexts = [bitext for number in recipe.data_of(name) for bitext in sources.data.bitexts.get(number, [])]
    if settings.needs_alignments:
        bitexts = [sources.aligned(bitext, cast("AlignedConfig", settings), encoder) for bitext in bitexts]
    joined: Any = MaskedBitextPart if settings.predicts_tokens else AttentionPart
    kind: Any = joined if settings.predicts_tokens or settings.compares_attention else BitextPart
    with Progress(f"tokenising sentence pairs of {name}", quiet=True):
        part = kind(
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


def _teacher_part(
    sources: Sources, objectives: Mapping[str, TeacherConfig], encoder: Encoder, layer: int
) -> TeacherPart:
    recipe = sources.recipe
    ((name, settings),) = objectives.items()
    part = TeacherPart(
        encoder,
        sources.lessons(name),
        name,
        settings,
        layer=layer,
        pooling=recipe.model.pooling,
        batch=settings.batch or recipe.train.batch,
        tokens=recipe.train.tokens,
        seed=recipe.train.seed,
    )
    if part.n_cut:
        say(f"{part.n_cut} texts of {name} are longer than model.max_len {encoder.max_len}; their end is cut.")
    return part


# family of objectives -> what makes the part that trains it
_PARTS: dict[Any, Callable[[Sources, dict[str, Any], Encoder, int], Part]] = {
    "text": _text_part,
    "word-vectors": _vector_part,
    "bitext": _bitext_part,
    "teacher": _teacher_part,
}
