"""The special tokens that a tokenizer puts around two texts: `<s> q </s></s> c </s>`, or `[CLS] q [SEP] c [SEP]`."""

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from xl_encoders.reading.pair_types import pair_types
from xl_encoders.reading.tokens import edge_ids

# Texts to look for in a pair; unknown to a tokenizer they are found all the same, as its unknown token.
_PROBE = ("a", "b")


@dataclass(frozen=True, slots=True, kw_only=True)
class PairForm:
    """Specials before, between and after two texts, and the token types of all five parts.

    types: None for a model that has none; else the types of the three groups of specials and of both texts.
    """

    before: tuple[int, ...]
    between: tuple[int, ...]
    after: tuple[int, ...]
    types: "PairTypes | None" = None

    @property
    def n_specials(self) -> int:
        """Special tokens of a pair."""
        return len(self.before) + len(self.between) + len(self.after)

    def ids(self, first: Sequence[int], second: Sequence[int]) -> list[int]:
        """The pair as token ids."""
        return [*self.before, *first, *self.between, *second, *self.after]

    def content(self, n_first: int, n_second: int) -> list[bool]:
        """True for the tokens of the two texts, false for specials."""
        specials = [[False] * len(part) for part in (self.before, self.between, self.after)]
        return [*specials[0], *[True] * n_first, *specials[1], *[True] * n_second, *specials[2]]

    def token_types(self, n_first: int, n_second: int) -> list[int] | None:
        """The token type of each token; None for a model that has none."""
        if self.types is None:
            return None
        t = self.types
        return [*t.before, *[t.first] * n_first, *t.between, *[t.second] * n_second, *t.after]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairTypes:
    """Token types of the parts of a pair."""

    before: tuple[int, ...]
    first: int
    between: tuple[int, ...]
    second: int
    after: tuple[int, ...]


def pair_form(tokenizer: PreTrainedTokenizerBase) -> PairForm:
    """How `tokenizer` joins two texts.

    A tokenizer that joins them without any special in front gets its own first and last special around them and the
    last between them. EncoderError for one that has no specials at all.
    """
    first, second = (tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"] for text in _PROBE)
    pair = tokenizer(*_PROBE, verbose=False)
    ids = pair["input_ids"]
    typed = "token_type_ids" in tokenizer.model_input_names
    types = pair_types(tokenizer, ids, pair["token_type_ids"]) if typed else None
    i = _place(ids, first, 0)
    j = -1 if i < 0 else _place(ids, second, i + len(first))
    end = j + len(second)
    if not first or not second or i < 1 or j <= i + len(first) or end == len(ids):
        opening, closing = edge_ids(tokenizer)
        zeros = PairTypes(before=(0,), first=0, between=(0,), second=0, after=(0,))
        return PairForm(before=(opening,), between=(closing,), after=(closing,), types=None if types is None else zeros)
    cuts = (0, i), (i + len(first), j), (end, len(ids))
    before, between, after = (tuple(ids[a:b]) for a, b in cuts)
    if types is None:
        return PairForm(before=before, between=between, after=after)
    by_part = [tuple(types[a:b]) for a, b in cuts]
    return PairForm(
        before=before,
        between=between,
        after=after,
        types=PairTypes(before=by_part[0], first=types[i], between=by_part[1], second=types[j], after=by_part[2]),
    )


def _place(row: Sequence[int], part: Sequence[int], start: int) -> int:
    """Where `part` begins in `row`, from `start` on; -1 for nowhere."""
    places = range(start, len(row) - len(part) + 1)
    return next((i for i in places if list(row[i : i + len(part)]) == list(part)), -1)
