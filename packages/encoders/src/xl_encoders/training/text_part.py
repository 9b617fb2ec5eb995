"""The part of training that reads texts with their transliterations: objectives of family text on shared passes.

Three views of a text are masked independently: the original, its transliteration, and both joined. An objective models
the tokens of some (MLM the first two, TLM the third), or contrasts the pooled states of the first two (SEQ): Xhelili,
Liu and Schütze 2024, section 3. What no wanted objective needs is not computed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn import functional

from xl_encoders.aligning.projector import add_projector
from xl_encoders.errors import EncoderError
from xl_encoders.model.encoder import Encoder
from xl_encoders.model.packing import Halves, encode_rows, no_reset, supports_packing
from xl_encoders.reading.pair_form import pair_form
from xl_encoders.reading.tokens import edge_ids, special_ids, wrap_rows
from xl_encoders.training.part import Chunk, Encoded, Share, Term, by_length, mix, pool_rows
from xl_encoders.training.sources import PairBatches
from xl_objectives import ObjectiveConfig, TextConfig, join_pairs, mask_tokens
from xl_objectives.settings.text import MASK_PROB, VIEWS, Joining

# Among what seeds are made of: that of a projector.
_PROJECTOR = 7


@dataclass(frozen=True, kw_only=True)
class MaskedRows:
    """The views of a batch of texts, masked, all rows one after another.

    n_texts: texts of the batch. views: view of each row, an index of (original, romanised, joined); texts: its text.
    rows: int64 ids with specials, as the encoder reads them. clean: the same before masking.
    picked, content: (tokens,) bool each row, true where an id has to be predicted, and where no special stands.
    seconds: place in each row where a second text begins; 0 where there is none. seed: of the batch's noise.
    """

    n_texts: int
    views: Sequence[int]
    texts: Sequence[int]
    rows: Sequence[Int[Tensor, " len"]]
    clean: Sequence[Int[Tensor, " len"]]
    picked: Sequence[Bool[Tensor, " len"]]
    content: Sequence[Bool[Tensor, " len"]]
    seconds: Sequence[int]
    text_ids: Int[Tensor, "2 texts"]
    seed: int

    @cached_property
    def n_picked(self) -> list[int]:
        """Picked tokens of each row."""
        lengths = [len(row) for row in self.rows]
        of_row = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
        return (
            torch.zeros(len(lengths), dtype=torch.int64)
            .index_add(0, of_row, torch.cat(list(self.picked)).long())
            .tolist()
        )


class TextPart:
    """Objectives of family text on one stream of texts.

    batches: where the texts come from.
    objectives: any of them with their settings, by the name under which their loss is logged.
    layer: `hidden_states` index that a contrast pools where its settings name none.
    tokens: most tokens of one forward pass.
    seed: decides masks and the order of the halves of joined views, batch by batch.

    Raises EncoderError for no objective, one of another family, and two that mask or join differently.
    """

    def __init__(
        self,
        encoder: Encoder,
        batches: PairBatches,
        objectives: Mapping[str, ObjectiveConfig],
        *,
        layer: int = -1,
        tokens: int = 8192,
        seed: int = 1,
    ) -> None:
        self._encoder = encoder
        self._batches = batches
        self._tokens = tokens
        self._special_ids = special_ids(encoder.tokenizer)
        self._seed = seed
        self._objectives = _of_texts(objectives)
        self._losses = {name: settings.loss_function() for name, settings in self._objectives.items()}
        self._mask_prob: float = _shared(self._objectives, "masks") or MASK_PROB
        self._joining: Joining = _shared(self._objectives, "joins") or Joining()
        # What each contrast pools, and who models each view.
        self._pooled: dict[str, tuple[int, str, str]] = {}
        for name, settings in self._objectives.items():
            if settings.contrasts:
                asked, pooling = settings.pools
                index = encoder.resolve_layer(layer if asked is None else asked)
                self._pooled[name] = index, pooling, name if settings.projects else ""
                if settings.projects:
                    add_projector(encoder, name, settings.projects, seed=mix(seed, _PROJECTOR))
        self._modelled = [{name for name, its in self._objectives.items() if view in its.models} for view in VIEWS]
        self._read = {view for settings in self._objectives.values() for view in settings.views}
        self._between, self._typed = _between(encoder, self._joining)
        if "joined" in self._read and self._joining.positions == "reset" and not supports_packing(encoder):
            raise EncoderError(no_reset(encoder))

    @property
    def terms(self) -> dict[str, Term]:
        """One for each objective; the loss of one that models several views is the sum of their means."""
        return {name: Term(name) for name in self._objectives}

    @property
    def joint_terms(self) -> frozenset[str]:
        """A contrast compares each text with all others of the batch."""
        return frozenset(self._pooled)

    @property
    def vector_width(self) -> int:
        """Of a text's vector: the states', or the widest projection's; narrower ones end in zeros."""
        return max((self._width(name) for name in self._pooled), default=self._encoder.width)

    @property
    def n_per_epoch(self) -> int:
        """Batches in one pass over the texts."""
        return self._batches.n_per_epoch

    @property
    def needs_romanised(self) -> bool:
        """Whether any objective reads transliterations."""
        return any(settings.reads_romanised for settings in self._objectives.values())

    def draw(self, number: int) -> MaskedRows:
        """Batch `number`: its rows of all views, masked."""
        batch = self._batches[number]
        generator = torch.Generator().manual_seed(mix(self._seed, 1, number))
        tokenizer = self._encoder.tokenizer
        n_texts = len(batch.original)
        views: list[list[Tensor]] = [[], [], []]
        seconds: list[int] = []
        if "original" in self._read:
            views[0] = wrap_rows(batch.original, tokenizer)
        if "romanised" in self._read:
            views[1] = wrap_rows(batch.romanised, tokenizer)
        if "joined" in self._read:
            bos_id, eos_id = edge_ids(tokenizer)
            views[2], seconds = join_pairs(
                batch.original,
                batch.romanised,
                bos_id=bos_id,
                eos_id=eos_id,
                max_len=self._encoder.max_len,
                truncate=self._joining.truncate,
                between=self._between,
                generator=generator,
            )
        clean = [row for view in views for row in view]
        lengths = [len(row) for row in clean]
        ids = torch.cat(clean)
        content = ~torch.isin(ids, self._special_ids)
        masked = mask_tokens(
            ids[None],
            content[None],
            mask_id=tokenizer.mask_token_id,
            vocabulary_size=len(tokenizer),
            mask_prob=self._mask_prob,
            generator=generator,
        )
        return MaskedRows(
            n_texts=n_texts,
            views=[view for view, rows in enumerate(views) for _ in rows],
            texts=[text for rows in views for text in range(len(rows))],
            rows=masked.ids[0].split(lengths),
            clean=clean,
            picked=masked.picked[0].split(lengths),
            content=content.split(lengths),
            seconds=[0] * (len(clean) - len(seconds)) + seconds,
            text_ids=batch.text_ids,
            seed=mix(self._seed, 2, number),
        )

    def chunks(self, batch: MaskedRows, share: Share, terms: Collection[str]) -> list[Chunk]:
        """The rows that the wanted objectives read, cut by length into passes of at most `tokens` tokens."""
        blocks = self._blocks(terms)
        with_vectors, alone = [], []
        for row, (view, text) in enumerate(zip(batch.views, batch.texts, strict=True)):
            if text % share.world != share.rank:
                continue
            if view < 2 and blocks:
                with_vectors.append(row)
            elif self._modelled[view] & set(terms):
                alone.append(row)
        lengths = [len(row) for row in batch.rows]
        if with_vectors and sum(lengths[row] for row in (*with_vectors, *alone)) <= self._tokens:
            groups = by_length([*with_vectors, *alone], lengths, self._tokens)  # one pass of all views is fastest
        else:
            groups = [rows for kind in (with_vectors, alone) for rows in by_length(kind, lengths, self._tokens)]
        pooled = set(with_vectors)
        slots = [
            [_slot(batch, row, block) for block in range(len(blocks)) for row in rows if row in pooled]
            for rows in groups
        ]
        return [
            Chunk(rows=rows, slots=torch.tensor(its, dtype=torch.int64))
            for rows, its in zip(groups, slots, strict=True)
        ]

    def encode(self, batch: MaskedRows, chunk: Chunk, share: Share, terms: Collection[str]) -> Encoded:
        """Pooled states of a chunk's texts, and its share of the masked-LM losses."""
        encoder = self._encoder
        modelled = [row for row in chunk.rows if self._modelled[batch.views[row]] & set(terms)]
        blocks = self._blocks(terms) if len(chunk.slots) else []
        layers = {layer for layer, _, _ in blocks}
        states = encode_rows(
            encoder,
            [batch.rows[row] for row in chunk.rows],
            layers | ({encoder.n_layers} if modelled else set()),
            halves=Halves([batch.seconds[row] for row in chunk.rows], self._joining.positions == "reset", self._typed),
        )
        vectors = torch.zeros(0, self.vector_width, device=encoder.device)
        if blocks:
            content = torch.cat([batch.content[row] for row in chunk.rows])
            places = [place for place, row in enumerate(chunk.rows) if batch.views[row] < 2]
            vectors = torch.cat(
                [
                    self._projected(pool_rows(states.layers[layer], states.row_lens, content, how)[places], projector)
                    for layer, how, projector in blocks
                ]
            )
        losses: dict[str, Tensor] = {}
        if modelled:
            losses = self._masked_lm(batch, chunk, share, terms, states.layers[encoder.n_layers])
        return Encoded(vectors, losses)

    def _masked_lm(
        self, batch: MaskedRows, chunk: Chunk, share: Share, terms: Collection[str], states: Tensor
    ) -> dict[str, Tensor]:
        """Cross-entropy of the picked tokens, each divided by the number of picked tokens of its view."""
        weights = self._token_weights(batch, share)
        views = [batch.views[row] for row in chunk.rows]
        names = sorted(set().union(*(self._modelled[view] for view in views)) & set(terms))
        lengths = torch.tensor([len(batch.rows[row]) for row in chunk.rows])
        picked = torch.cat([batch.picked[row] for row in chunk.rows])
        picked &= torch.repeat_interleave(
            torch.tensor([bool(self._modelled[view] & set(names)) for view in views]), lengths
        )
        places = picked.nonzero().squeeze(1)
        row_of_place = torch.repeat_interleave(torch.arange(len(lengths)), lengths)[places]
        targets = torch.cat([batch.clean[row] for row in chunk.rows])[places]
        device = states.device
        logits = self._encoder.head(states.index_select(0, places.to(device)))
        weight_of_place = torch.tensor([weights[view] for view in views])[row_of_place].to(device)
        losses: dict[str, Tensor] = {}
        of_tokens: dict[object, Tensor] = {}
        for name in names:
            # Objectives of one loss function, as MLM and TLM are, go over the vocabulary once.
            arguments = self._objectives[name].arguments
            call = (self._losses[name], *arguments.items())
            if call not in of_tokens:
                each = self._losses[name](logits, targets.to(device), reduction="none", **arguments)
                of_tokens[call] = each * weight_of_place
            own = torch.tensor([name in self._modelled[view] for view in views])[row_of_place].nonzero().squeeze(1)
            each = of_tokens[call].index_select(0, own.to(device))
            losses[name] = each.new_zeros(1).index_add(0, torch.zeros_like(own, device=device), each)[0]
            if not len(places):  # nothing picked: 0, but on the graph
                losses[name] = losses[name] + logits.sum()
        return losses

    def _token_weights(self, batch: MaskedRows, share: Share) -> list[float]:
        """One over the picked tokens of each view: those of the whole batch, or of this process's share alone."""
        counts = [0, 0, 0]
        for view, text, n_picked in zip(batch.views, batch.texts, batch.n_picked, strict=True):
            if share.exact or text % share.world == share.rank:
                counts[view] += n_picked
        return [1.0 / max(1, count) for count in counts]

    def joint(self, batch: MaskedRows, vectors: Tensor, terms: Collection[str]) -> dict[str, Tensor]:
        """Each contrast between all texts and all transliterations of the batch."""
        blocks = self._blocks(terms)
        losses: dict[str, Tensor] = {}
        for name in self._pooled:
            if name not in terms:
                continue
            settings = self._objectives[name]
            start = 2 * batch.n_texts * blocks.index(self._pooled[name])
            own = vectors[start : start + 2 * batch.n_texts, : self._width(name)]
            originals, romanised = own.split(batch.n_texts)
            told = {"text_ids": batch.text_ids.to(vectors.device)} if settings.takes_text_ids else {}
            if settings.noise:  # drawn by the batch alone, so that every process has the same
                generator = torch.Generator().manual_seed(batch.seed)
                shape = settings.noise * batch.n_texts, own.shape[1]
                told["negatives"] = torch.randn(shape, generator=generator).to(vectors.device)
            losses[name] = self._losses[name](originals, romanised, **settings.arguments, **told)
        return losses

    def _width(self, name: str) -> int:
        return self._objectives[name].projects or self._encoder.width

    def _projected(self, vectors: Tensor, projector: str) -> Tensor:
        """Vectors through the projector of that name, none for an empty one, filled up to the widest."""
        if projector:
            vectors = self._encoder.projectors[projector](vectors)
        return functional.pad(vectors, (0, self.vector_width - vectors.shape[1]))

    def _blocks(self, terms: Collection[str]) -> list[tuple[int, str, str]]:
        """Layer, pooling and projector of each matrix of vectors that the wanted contrasts compare; most share one."""
        return list(dict.fromkeys(pooled for name, pooled in self._pooled.items() if name in terms))


def _slot(batch: MaskedRows, row: int, block: int) -> int:
    """Place of a row's vector among those of the batch: block by block, originals first."""
    return (2 * block + batch.views[row]) * batch.n_texts + batch.texts[row]


def _between(encoder: Encoder, joining: Joining) -> tuple[tuple[int, ...], bool]:
    """Specials between the halves of a joined pair, and whether token types tell the halves apart.

    Raises EncoderError for a tokenizer that puts more than one special in front of a pair or behind it.
    """
    first, last = edge_ids(encoder.tokenizer)
    if joining.form != "native":
        return ((last, first) if joining.positions == "reset" else (last,)), False
    form = pair_form(encoder.tokenizer)
    if (form.before, form.after) != ((first,), (last,)):
        message = (
            f"the tokenizer of {encoder.name} puts other specials around a pair than one in front and one behind it; "
            f"give form = single."
        )
        raise EncoderError(message)
    n_types = getattr(encoder.model.config, "type_vocab_size", 0) or 0
    return form.between, form.types is not None and form.types.second == 1 and n_types > 1


def _of_texts(objectives: Mapping[str, ObjectiveConfig]) -> dict[str, TextConfig]:
    if not objectives:
        message = "nothing to train: no objectives."
        raise EncoderError(message)
    for name, settings in objectives.items():
        if settings.family != TextConfig.family:
            message = f"objective {name} is of family {settings.family or 'none'}, which reads no texts."
            raise EncoderError(message)
    return {name: cast("TextConfig", objectives[name]) for name in sorted(objectives)}


def _shared(objectives: Mapping[str, TextConfig], answer: str) -> Any:
    """What those that say something say: None where nobody does."""
    said = {name: getattr(its, answer) for name, its in objectives.items() if getattr(its, answer) is not None}
    if len(set(said.values())) > 1:
        each = ", ".join(f"{name} {value}" for name, value in said.items())
        message = f"objectives on the same texts share their rows, but {answer} of them differ: {each}; give one."
        raise EncoderError(message)
    return next(iter(said.values()), None)
