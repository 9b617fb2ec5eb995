"""How many tokens texts have, counted without loading transformers where the tokenizer allows it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Of `<s> A </s> B </s>`, which a pair is read as where the tokenizer has no form of its own for it.
_PAIR_SPECIALS = 3


@dataclass(frozen=True, slots=True)
class TokenCounter:
    """Texts -> number of tokens of each, specials left out.

    pair_specials: that the tokenizer's own form of a pair has, as `pair_form` puts it.
    """

    lengths: Callable[[Sequence[str]], list[int]]
    pair_specials: int = _PAIR_SPECIALS

    def __call__(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text."""
        return self.lengths(texts)


def token_counter(tokenizer: "Tokenizer") -> TokenCounter:
    """Counts with a tokenizer of the `tokenizers` library, without cutting or padding."""
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return TokenCounter(
        lambda texts: [len(found) for found in tokenizer.encode_batch(list(texts), add_special_tokens=False)],
        max(_PAIR_SPECIALS, tokenizer.num_special_tokens_to_add(True)),
    )


def counter_of(folder: Path, model_type: str) -> TokenCounter | None:
    """Counts with the tokenizer of a model's folder; None where it cannot be opened."""
    if (folder / "tokenizer.json").is_file():
        from tokenizers import Tokenizer

        return token_counter(Tokenizer.from_file(str(folder / "tokenizer.json")))
    if model_type == "canine":
        return TokenCounter(lambda texts: list(map(len, texts)))
    # A kind that transformers alone can read.
    from transformers import AutoTokenizer

    opened = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False, local_files_only=True)
    if opened is None:
        return None
    return TokenCounter(
        lambda texts: [len(row) for row in opened(list(texts), add_special_tokens=False, verbose=False)["input_ids"]],
        max(_PAIR_SPECIALS, opened.num_special_tokens_to_add(pair=True)),
    )
