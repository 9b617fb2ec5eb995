"""How many tokens texts have, counted without loading transformers where the tokenizer allows it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Texts -> number of tokens of each, specials left out.
TokenCounter = Callable[[Sequence[str]], list[int]]


def token_counter(tokenizer: "Tokenizer") -> TokenCounter:
    """Counts with a tokenizer of the `tokenizers` library, without cutting or padding."""
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda texts: [len(found) for found in tokenizer.encode_batch(list(texts), add_special_tokens=False)]


def counter_of(folder: Path, model_type: str) -> TokenCounter | None:
    """Counts with the tokenizer of a model's folder; None where it cannot be opened."""
    if (folder / "tokenizer.json").is_file():
        from tokenizers import Tokenizer

        return token_counter(Tokenizer.from_file(str(folder / "tokenizer.json")))
    if model_type == "canine":
        return lambda texts: list(map(len, texts))
    # A kind that transformers alone can read.
    from transformers import AutoTokenizer

    opened = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False, local_files_only=True)
    if opened is None:
        return None
    return lambda texts: [len(row) for row in opened(list(texts), add_special_tokens=False, verbose=False)["input_ids"]]
