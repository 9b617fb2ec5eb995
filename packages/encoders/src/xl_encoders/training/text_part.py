"""The part of training that reads texts with their transliterations: MLM, SEQ and TLM on shared forward passes.

Three views of a text are masked independently: the original, its transliteration, and both joined. MLM scores the
first two, SEQ contrasts their pooled states, TLM scores the third (Xhelili, Liu and Schütze 2024, section 3). What no
wanted objective needs is not computed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from xl_encoders.errors import EncoderError
from xl_encoders.model.encoder import Encoder
from xl_encoders.model.packing import encode_rows
from xl_encoders.reading.tokens import edge_ids, special_ids, wrap_rows
from xl_encoders.training.part import Chunk, Encoded, Share, Term, by_length, mix, pool_rows
from xl_encoders.training.sources import PairBatches
from xl_objectives import MlmConfig, SeqConfig, TlmConfig, join_pairs, mask_tokens, mlm_loss, seq_loss

SettingsT = TypeVar("SettingsT")

_VIEWS = ("original", "romanised", "joined")


@dataclass(frozen=True, kw_only=True)
class MaskedRows:
    """The views of a batch of texts, masked, all rows one after another.

    n_texts: texts of the batch. views: view of each row, an index of (original, romanised, joined); texts: its text.
    rows: int64 ids with specials, as the encoder reads them. clean: the same before masking.
    picked, content: (tokens,) bool each row, true where an id has to be predicted, and where no special stands.
    """

    n_texts: int
    views: Sequence[int]
    texts: Sequence[int]
    rows: Sequence[Int[Tensor, " len"]]
    clean: Sequence[Int[Tensor, " len"]]
    picked: Sequence[Bool[Tensor, " len"]]
    content: Sequence[Bool[Tensor, " len"]]
    text_ids: Int[Tensor, "2 texts"]

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
    """MLM, SEQ and TLM on one stream of texts.

    batches: where the texts come from.
    objectives: any of mlm, seq and tlm with their settings.
    layer: `hidden_states` index that SEQ pools where its settings name none.
    tokens: most tokens of one forward pass.
    seed: decides masks and the order of TLM's halves, batch by batch.

    Raises EncoderError for no objective, or one that is none of the three.
    """

    def __init__(
        self,
        encoder: Encoder,
        batches: PairBatches,
        objectives: Mapping[str, object],
        *,
        layer: int = -1,
        tokens: int = 8192,
        seed: int = 1,
    ) -> None:
        self._mlm = _settings(objectives, "mlm", MlmConfig)
        self._seq = _settings(objectives, "seq", SeqConfig)
        self._tlm = _settings(objectives, "tlm", TlmConfig)
        if not (self._mlm or self._seq or self._tlm):
            message = f"nothing to train: none of {', '.join(objectives) or 'no objectives'} is mlm, seq or tlm."
            raise EncoderError(message)
        self._encoder = encoder
        self._batches = batches
        self._tokens = tokens
        self._special_ids = special_ids(encoder.tokenizer)
        self._seed = seed
        asked = self._seq.layer if self._seq and self._seq.layer is not None else layer
        self._layer = encoder.resolve_layer(asked)
        self._modelled = {
            0: "mlm" if self._mlm and self._mlm.text in ("both", "original") else "",
            1: "mlm" if self._mlm and self._mlm.text in ("both", "romanised") else "",
            2: "tlm" if self._tlm else "",
        }

    @property
    def terms(self) -> dict[str, Term]:
        """Mlm (the sum of both sides' means), seq and tlm, as far as they are wanted."""
        settings = {"mlm": self._mlm, "seq": self._seq, "tlm": self._tlm}
        return {name: Term(name) for name, wanted in settings.items() if wanted}

    @property
    def joint_terms(self) -> frozenset[str]:
        """SEQ compares each text with all others of the batch."""
        return frozenset({"seq"})

    @property
    def n_per_epoch(self) -> int:
        """Batches in one pass over the texts."""
        return self._batches.n_per_epoch

    @property
    def needs_romanised(self) -> bool:
        """Whether any objective reads transliterations."""
        return bool(self._seq or self._tlm or self._modelled[1])

    def draw(self, number: int) -> MaskedRows:
        """Batch `number`: its rows of all views, masked."""
        batch = self._batches[number]
        generator = torch.Generator().manual_seed(mix(self._seed, 1, number))
        tokenizer = self._encoder.tokenizer
        n_texts = len(batch.original)
        views: list[list[Tensor]] = [[], [], []]
        if self._seq or self._modelled[0]:
            views[0] = wrap_rows(batch.original, tokenizer)
        if self._seq or self._modelled[1]:
            views[1] = wrap_rows(batch.romanised, tokenizer)
        if self._tlm:
            bos_id, eos_id = edge_ids(tokenizer)
            views[2] = join_pairs(
                batch.original,
                batch.romanised,
                bos_id=bos_id,
                eos_id=eos_id,
                max_len=self._encoder.max_len,
                truncate=self._tlm.truncate,
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
            mask_prob=(self._mlm or MlmConfig()).mask_prob,
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
            text_ids=batch.text_ids,
        )

    def chunks(self, batch: MaskedRows, share: Share, wanted: Collection[str]) -> list[Chunk]:
        """The rows that the wanted objectives read, cut by length into passes of at most `tokens` tokens."""
        with_vectors, alone = [], []
        for row, (view, text) in enumerate(zip(batch.views, batch.texts, strict=True)):
            if text % share.world != share.rank:
                continue
            if view < 2 and "seq" in wanted:
                with_vectors.append(row)
            elif self._modelled[view] in wanted:
                alone.append(row)
        lengths = [len(row) for row in batch.rows]
        if with_vectors and sum(lengths[row] for row in (*with_vectors, *alone)) <= self._tokens:
            groups = by_length([*with_vectors, *alone], lengths, self._tokens)  # one pass of all views is fastest
        else:
            groups = [rows for kind in (with_vectors, alone) for rows in by_length(kind, lengths, self._tokens)]
        pooled = set(with_vectors)
        slots = [[_slot(batch, row) for row in rows if row in pooled] for rows in groups]
        return [
            Chunk(rows=rows, slots=torch.tensor(its, dtype=torch.int64))
            for rows, its in zip(groups, slots, strict=True)
        ]

    def encode(self, batch: MaskedRows, chunk: Chunk, share: Share, wanted: Collection[str]) -> Encoded:
        """Pooled states of a chunk's texts, and its share of the masked-LM losses."""
        encoder = self._encoder
        modelled = [row for row in chunk.rows if self._modelled[batch.views[row]] in wanted]
        layers = {self._layer} if len(chunk.slots) else set()
        states = encode_rows(
            encoder, [batch.rows[row] for row in chunk.rows], layers | ({encoder.n_layers} if modelled else set())
        )
        vectors = torch.zeros(0, encoder.width, device=encoder.device)
        if len(chunk.slots):
            content = torch.cat([batch.content[row] for row in chunk.rows])
            how = self._seq.pooling if self._seq else "mean-content"
            pooled = pool_rows(states.layers[self._layer], states.row_lens, content, how)
            vectors = pooled[[place for place, row in enumerate(chunk.rows) if batch.views[row] < 2]]
        losses: dict[str, Tensor] = {}
        if modelled:
            losses = self._masked_lm(batch, chunk, share, wanted, states.layers[encoder.n_layers])
        return Encoded(vectors, losses)

    def _masked_lm(
        self, batch: MaskedRows, chunk: Chunk, share: Share, wanted: Collection[str], states: Tensor
    ) -> dict[str, Tensor]:
        """Cross-entropy of the picked tokens, each divided by the number of picked tokens of its view."""
        weights = self._token_weights(batch, share)
        names = sorted({self._modelled[batch.views[row]] for row in chunk.rows} & set(wanted))
        numbers = {name: number for number, name in enumerate(names)}
        of_row = torch.tensor([numbers.get(self._modelled[batch.views[row]], -1) for row in chunk.rows])
        weight_of_row = torch.tensor([weights[batch.views[row]] for row in chunk.rows])
        lengths = torch.tensor([len(batch.rows[row]) for row in chunk.rows])
        picked = torch.cat([batch.picked[row] for row in chunk.rows])
        picked &= torch.repeat_interleave(of_row >= 0, lengths)
        places = picked.nonzero().squeeze(1)
        row_of_place = torch.repeat_interleave(torch.arange(len(lengths)), lengths)[places]
        targets = torch.cat([batch.clean[row] for row in chunk.rows])[places]
        device = states.device
        logits = self._encoder.head(states.index_select(0, places.to(device)))
        each = mlm_loss(logits, targets.to(device), reduction="none") * weight_of_row[row_of_place].to(device)
        sums = each.new_zeros(len(names)).index_add(0, of_row[row_of_place].to(device), each)
        if not len(places):  # nothing picked: 0, but on the graph
            sums = sums + logits.sum()
        return dict(zip(names, sums.unbind(), strict=True))

    def _token_weights(self, batch: MaskedRows, share: Share) -> list[float]:
        """One over the picked tokens of each view: those of the whole batch, or of this process's share alone."""
        counts = [0, 0, 0]
        for view, text, n_picked in zip(batch.views, batch.texts, batch.n_picked, strict=True):
            if share.exact or text % share.world == share.rank:
                counts[view] += n_picked
        return [1.0 / max(1, count) for count in counts]

    def joint(self, batch: MaskedRows, vectors: Tensor, wanted: Collection[str]) -> dict[str, Tensor]:
        """SEQ between all texts and all transliterations of the batch."""
        if not (self._seq and "seq" in wanted):
            return {}
        loss = seq_loss(
            vectors[: batch.n_texts],
            vectors[batch.n_texts :],
            similarity=self._seq.similarity,
            temperature=self._seq.temperature,
            factor=self._seq.factor,
            text_ids=None if self._seq.false_negatives else batch.text_ids.to(vectors.device),
        )
        return {"seq": loss}


def _slot(batch: MaskedRows, row: int) -> int:
    """Place of a row's vector among those of the batch: originals first."""
    return batch.views[row] * batch.n_texts + batch.texts[row]


def _settings(objectives: Mapping[str, object], name: str, kind: type[SettingsT]) -> SettingsT | None:
    """The settings of objective `name`, None where it is not wanted."""
    settings = objectives.get(name)
    if settings is None or isinstance(settings, kind):
        return settings
    message = f"objective {name} needs {kind.__name__}, got {type(settings).__name__}."
    raise EncoderError(message)
