"""Texts as padded batches of token ids, with the two masks that everything above needs: real tokens and content."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedTokenizerBase

from xl_encoders.errors import EncoderError
from xl_encoders.reading.token_ids import token_ids


class TokenBatch(NamedTuple):
    """A padded batch of texts.

    ids: (batch, len) int64.
    real: (batch, len) bool, true for tokens and specials, false for padding (the attention mask).
    content: (batch, len) bool, true for tokens of the text itself, false for specials and padding.
    """

    ids: Int[Tensor, "batch len"]
    real: Bool[Tensor, "batch len"]
    content: Bool[Tensor, "batch len"]

    def to(self, device: torch.device) -> "TokenBatch":
        """The same batch on `device`."""
        return TokenBatch(*(tensor.to(device) for tensor in self))

    @property
    def n_tokens(self) -> int:
        """Real tokens, specials included, padding not."""
        return int(self.real.sum())


def encode_content(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_len: int
) -> tuple[list[list[int]], int]:
    """Ids of each text without specials, cut so that `<s> text </s>` fits `max_len` tokens; and how many were cut.

    The cut keeps the beginning of the text.
    """
    room = max_len - 2
    rows = token_ids(tokenizer, texts)
    return [row[:room] for row in rows], sum(len(row) > room for row in rows)


def wrap_rows(rows: Sequence[Sequence[int]], tokenizer: PreTrainedTokenizerBase) -> list[Tensor]:
    """Content ids -> `<s> text </s>` (or the tokenizer's own first and last special), one int64 tensor (len,) a row."""
    first, last = edge_ids(tokenizer)
    return [torch.tensor([first, *row, last]) for row in rows]


def pad_rows(rows: Sequence[Tensor], *, pad_id: int, special_ids: Tensor, multiple: int = 1) -> TokenBatch:
    """Stack id rows of different length into one batch, padded on the right.

    rows: int64 tensors (len,), specials included.
    pad_id: id that fills up; must be one of `special_ids`.
    special_ids: (n_specials,) int64, ids that are no content.
    multiple: the length of the batch is made a multiple of it.
    """
    ids = pad_sequence(list(rows), batch_first=True, padding_value=pad_id)
    ids = functional.pad(ids, (0, -ids.shape[1] % multiple), value=pad_id)
    lengths = torch.tensor([len(row) for row in rows])
    real = torch.arange(ids.shape[1]) < lengths[:, None]
    return TokenBatch(ids, real, real & ~torch.isin(ids, special_ids))


def special_ids(tokenizer: PreTrainedTokenizerBase) -> Tensor:
    """(n,) int64 ids that are no content: what opens, closes, separates, pads. Unknown and mask tokens are content."""
    names = ("bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id", "pad_token_id")
    found = {getattr(tokenizer, name) for name in names if getattr(tokenizer, name, None) is not None}
    return torch.tensor(sorted(found))


def edge_ids(tokenizer: PreTrainedTokenizerBase) -> tuple[int, int]:
    """Ids of the special tokens that open and close a text, as the tokenizer itself puts them: `<s>`, `</s>` or so.

    Raises EncoderError for a tokenizer that has none.
    """
    ids = tokenizer("", verbose=False)["input_ids"]
    if len(ids) > 1 and {ids[0], ids[-1]} <= set(tokenizer.all_special_ids):
        return ids[0], ids[-1]
    first = tokenizer.bos_token_id if tokenizer.cls_token_id is None else tokenizer.cls_token_id
    last = tokenizer.eos_token_id if tokenizer.sep_token_id is None else tokenizer.sep_token_id
    if first is None or last is None:
        message = "the tokenizer has no special tokens to open and close a text; give it a cls_token and a sep_token."
        raise EncoderError(message)
    return first, last
