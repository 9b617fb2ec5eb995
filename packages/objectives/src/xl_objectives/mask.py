"""Token corruption for masked language modelling: Devlin et al. 2019, section 3.1, as the alignment papers use it.

Each content token is picked with the same probability, independently of the others; of the picked ones 80 % become
the mask token, 10 % a token drawn from the whole vocabulary, 10 % stay. What is picked has to be predicted.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from xl_objectives.errors import ObjectiveError

_MASKED_SHARE = 0.8
_RANDOM_SHARE = 0.1


class Masked(NamedTuple):
    """Corrupted token ids and where they have to be restored.

    ids: (batch, len) int64, what the encoder reads.
    picked: (batch, len) bool, true where the original id has to be predicted.
    """

    ids: Int[Tensor, "batch len"]
    picked: Bool[Tensor, "batch len"]


def mask_tokens(
    ids: Int[Tensor, "batch len"],
    content: Bool[Tensor, "batch len"],
    *,
    mask_id: int,
    vocabulary_size: int,
    mask_prob: float = 0.15,
    generator: torch.Generator | None = None,
) -> Masked:
    """Corrupt `ids` for masked language modelling; the input is left as it is.

    ids: (batch, len) int64 token ids.
    content: (batch, len) bool, true keeps a token as a candidate; false for specials and padding, never picked.
    mask_id: id of the mask token, in [0, vocabulary_size).
    vocabulary_size: number of token ids; random replacements come from all of them, specials included.
    mask_prob: chance of each candidate to be picked, in (0, 1]; independent draws, not an exact share.
    generator: source of randomness on the device of `ids`; None takes torch's global one.

    Raises ObjectiveError for a `mask_prob` or `mask_id` out of range.
    """
    if not 0.0 < mask_prob <= 1.0:
        message = f"mask_prob is {mask_prob}; give a probability above 0 and at most 1."
        raise ObjectiveError(message)
    if not 0 <= mask_id < vocabulary_size:
        message = f"mask_id {mask_id} lies outside the vocabulary of {vocabulary_size} tokens."
        raise ObjectiveError(message)
    # One draw decides both: below mask_prob a token is picked, and where below that says what becomes of it.
    draw = torch.rand(ids.shape, generator=generator, device=ids.device)
    picked = content & (draw < mask_prob)
    masked = picked & (draw < mask_prob * _MASKED_SHARE)
    replaced = picked & ~masked & (draw < mask_prob * (_MASKED_SHARE + _RANDOM_SHARE))
    random_ids = torch.randint(vocabulary_size, ids.shape, generator=generator, device=ids.device)
    corrupted = torch.where(replaced, random_ids, ids).masked_fill(masked, mask_id)
    return Masked(corrupted, picked)
