"""How a tokenizer spells text in its pieces: word markers, bytes as letters, and what it could never read as one piece.

Three tokenizer models have pieces that can be added to: SentencePiece's Unigram, byte-pair encoding (on characters or
on bytes) and WordPiece.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tokenizers import Tokenizer, decoders, pre_tokenizers

from xl_encoders.errors import EncoderError

MODELS = ("Unigram", "BPE", "WordPiece")

_WORD_MARKER = "▁"

# Pieces that stand for no text: single bytes for what the alphabet lacks, and rows that were kept free.
_NO_TEXT = re.compile(r"<0x[0-9A-F]{2}>|[\[<]unused_?\d+[\]>]|madeupword\d+")


class Spelling:
    """Between a piece and its text: `▁Ell`, `##ada` or `ĠEll` on one side, a marker and bare text on the other.

    backend: the tokenizer as the `tokenizers` library has it.
    config: the same tokenizer as its JSON form.

    Raises EncoderError for a tokenizer whose pieces have other marks than these.
    """

    def __init__(self, backend: Tokenizer, config: Mapping[str, Any], name: str) -> None:
        model = config["model"]
        steps = list(_steps(config["pre_tokenizer"]))
        self._backend = backend
        self._byte_level = any(step["type"] == "ByteLevel" for step in steps)
        self._marker = next((step["replacement"] for step in steps if step["type"] == "Metaspace"), _WORD_MARKER)
        marks = [model.get("end_of_word_suffix")] if model["type"] == "BPE" else []
        if model["type"] == "WordPiece":
            self._marker = model["continuing_subword_prefix"]
        elif model["type"] == "BPE":
            marks.append(model.get("continuing_subword_prefix"))
        if any(marks) or any(step["type"] == "ByteLevel" for step in _steps(config["normalizer"])):
            message = (
                f"the BPE tokenizer of {name} marks the parts of a word in a way that vocabulary extension does not "
                f"know; leave model.extend_vocabulary out."
            )
            raise EncoderError(message)
        self._is_wordpiece = model["type"] == "WordPiece"
        self._bytes_to_text = decoders.ByteLevel()
        self._text_to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)

    def read(self, piece: str) -> tuple[str, str] | None:
        """Marker and bare text of `piece`; None for a piece that stands for no text or for part of a character."""
        if _NO_TEXT.fullmatch(piece):
            return None
        if self._byte_level:
            text = self._bytes_to_text.decode([piece])
            if self._spell_bytes(text) != piece:
                return None
            bare = text.lstrip(" ")
            return text[: len(text) - len(bare)], bare
        bare = piece.removeprefix(self._marker) if self._is_wordpiece else piece.lstrip(self._marker)
        return piece[: len(piece) - len(bare)], bare

    def write(self, marker: str, text: str) -> str:
        """The piece with the `marker` that `read` gave and the bare `text`."""
        return self._spell_bytes(marker + text) if self._byte_level else marker + text

    def normalize(self, text: str) -> str:
        """`text` as the tokenizer's model sees it: normalised, without spaces or word markers at its ends."""
        if self._backend.normalizer is not None:
            text = self._backend.normalizer.normalize_str(text)
        return text.strip().strip("" if self._is_wordpiece else self._marker).strip()

    def is_one_word(self, marker: str, text: str) -> bool:
        """Whether the tokenizer leaves `text`, normalised, in one part before its model looks for pieces.

        It cuts at spaces; many also cut at punctuation, or between letters and digits.
        """
        if len(text.split()) != 1 or (not self._is_wordpiece and self._marker in text):
            return False
        if self._backend.pre_tokenizer is None:
            return True
        before = marker if self._byte_level else ""
        return len(self._backend.pre_tokenizer.pre_tokenize_str(before + text)) == 1

    def _spell_bytes(self, text: str) -> str:
        return "".join(part for part, _ in self._text_to_bytes.pre_tokenize_str(text))


def _steps(config: object) -> Iterator[Mapping[str, Any]]:
    """All steps of a normaliser or pre-tokenizer, those inside a sequence too."""
    if isinstance(config, list):
        for item in config:
            yield from _steps(item)
    elif isinstance(config, dict):
        if "type" in config:
            yield config
        for value in config.values():
            yield from _steps(value)
