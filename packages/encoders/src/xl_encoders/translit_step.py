"""One step of transliteration post-training: the passes that MLM, SEQ and TLM share (Liu et al. 2024, section 3).

Three views of a text are masked independently: the original, its romanisation, and both joined. MLM scores the first
two, SEQ contrasts their pooled states, TLM scores the third. What no wanted objective needs is not computed.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

import torch
from jaxtyping import Int
from torch import Tensor

from xl_encoders.encoder import Encoder
from xl_encoders.errors import EncoderError
from xl_encoders.pooling import mean_pool
from xl_encoders.tokens import TokenBatch, edge_ids, wrap_rows
from xl_objectives import MlmConfig, SeqConfig, TlmConfig, join_pairs, mask_tokens, mlm_loss, seq_loss

SettingsT = TypeVar("SettingsT")


class PairBatch(NamedTuple):
    """Texts with their romanisations, as content token ids without specials.

    original, romanised: one id row a text; row i of both belongs together.
    text_ids: (2, n_texts) int64, equal numbers for equal strings: originals in row 0, romanisations in row 1.
    """

    original: Sequence[Sequence[int]]
    romanised: Sequence[Sequence[int]]
    text_ids: Int[Tensor, "2 texts"]


class _Pass(NamedTuple):
    """A masked batch after the encoder: its unmasked ids, what was picked, all hidden states."""

    clean: TokenBatch
    picked: Tensor
    states: tuple[Tensor, ...]


def translit_losses(
    encoder: Encoder,
    batch: PairBatch,
    objectives: Mapping[str, object],
    *,
    layer: int,
    generator: torch.Generator,
) -> dict[str, Tensor]:
    """Each wanted objective's loss on one batch, unweighted: name -> scalar with gradient.

    objectives: any of mlm (sum of both sides' mean losses), seq and tlm, with their settings.
    layer: `hidden_states` index whose pooled states SEQ contrasts; specials are left out, `<mask>` is not.
    generator: CPU source of masks and of the order of TLM's halves.
    """
    mlm_settings, seq_settings, tlm_settings = (
        _settings(objectives, "mlm", MlmConfig),
        _settings(objectives, "seq", SeqConfig),
        _settings(objectives, "tlm", TlmConfig),
    )
    mask_prob = (mlm_settings or MlmConfig()).mask_prob
    losses: dict[str, Tensor] = {}
    if mlm_settings or seq_settings:
        n_texts = len(batch.original)
        rows = [*wrap_rows(batch.original, encoder.tokenizer), *wrap_rows(batch.romanised, encoder.tokenizer)]
        # Both sides in one forward: they are of like length, and half the calls is what counts at small sizes.
        both = _masked_pass(encoder, rows, mask_prob, generator)
        if mlm_settings:
            sides = {"both": (0, 1), "original": (0,), "romanised": (1,)}[mlm_settings.text]
            parts = [_picked_loss(encoder, both, slice(side * n_texts, (side + 1) * n_texts)) for side in sides]
            losses["mlm"] = torch.stack(parts).sum()
        if seq_settings:
            pooled = mean_pool(both.states[layer], both.clean.content)
            losses["seq"] = seq_loss(
                pooled[:n_texts],
                pooled[n_texts:],
                similarity=seq_settings.similarity,
                temperature=seq_settings.temperature,
                factor=seq_settings.factor,
                text_ids=None if seq_settings.false_negatives else batch.text_ids.to(pooled.device),
            )
    if tlm_settings:
        bos_id, eos_id = edge_ids(encoder.tokenizer)
        rows = join_pairs(
            batch.original,
            batch.romanised,
            bos_id=bos_id,
            eos_id=eos_id,
            max_len=encoder.max_len,
            truncate=tlm_settings.truncate,
            generator=generator,
        )
        losses["tlm"] = _picked_loss(encoder, _masked_pass(encoder, rows, mask_prob, generator), slice(None))
    if not losses:
        message = f"nothing to train: none of {', '.join(objectives) or 'no objectives'} is mlm, seq or tlm."
        raise EncoderError(message)
    return losses


def _settings(objectives: Mapping[str, object], name: str, kind: type[SettingsT]) -> SettingsT | None:
    """The settings of objective `name`, None where it is not wanted."""
    settings = objectives.get(name)
    if settings is None or isinstance(settings, kind):
        return settings
    message = f"objective {name} needs {kind.__name__}, got {type(settings).__name__}."
    raise EncoderError(message)


def _masked_pass(encoder: Encoder, rows: list[Tensor], mask_prob: float, generator: torch.Generator) -> _Pass:
    clean = encoder.pad(rows)
    masked = mask_tokens(
        clean.ids,
        clean.content,
        mask_id=encoder.tokenizer.mask_token_id,
        vocabulary_size=len(encoder.tokenizer),
        mask_prob=mask_prob,
        generator=generator,
    )
    clean = clean.to(encoder.device)
    states = encoder(masked.ids.to(encoder.device), clean.real)
    return _Pass(clean, masked.picked.to(encoder.device), states)


def _picked_loss(encoder: Encoder, masked: _Pass, rows: slice) -> Tensor:
    """MLM loss of some rows of a pass, the head applied to the picked positions only."""
    picked = masked.picked[rows]
    return mlm_loss(encoder.head(masked.states[-1][rows][picked]), masked.clean.ids[rows][picked])
