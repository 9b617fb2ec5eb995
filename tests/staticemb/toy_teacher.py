"""A teacher of a few lines: a word's pieces of two letters, each with a vector of its own, moved by its place."""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np

WIDTH = 6


def piece_vector(piece: str, place: int, width: int = WIDTH) -> np.ndarray:
    """State of a piece that stands as number `place` in its text (0 is the opening special)."""
    own = np.random.default_rng(zlib.crc32(piece.encode())).normal(size=width)
    return (own + 0.1 * place).astype(np.float32)


def pieces(text: str) -> list[tuple[int, int]]:
    """(start, end) of two-letter pieces of words."""
    return [
        (start, min(start + 2, word.end()))
        for word in re.finditer(r"\w+|[^\w\s]", text)
        for start in range(word.start(), word.end(), 2)
    ]


@dataclass
class ToyTeacher:
    """`calls` keeps the texts it was asked for."""

    max_len: int = 1000
    width: int = WIDTH
    fingerprint: str = "toy"
    calls: list[str] = field(default_factory=list)

    def states(self, text: str) -> tuple[list[tuple[int, int]], np.ndarray]:
        """Places of the pieces that are read, and states (n + 2, width) with the specials first and last."""
        kept = pieces(text)[: self.max_len - 2]
        words = ["<s>", *(text[a:b] for a, b in kept), "</s>"]
        return kept, np.stack([piece_vector(word, place, self.width) for place, word in enumerate(words)])

    def __call__(self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]) -> SimpleNamespace:
        self.calls += texts
        content, special, n_content, ends, sums, n_tokens = [], [], [], [], [], []
        for text, part in zip(texts, spans, strict=True):
            kept, states = self.states(text)
            content.append(states[1:-1].sum(0))
            special.append(states[0] + states[-1])
            n_content.append(len(kept))
            ends.append(len(text) if len(kept) == len(pieces(text)) else kept[-1][1])
            for start, end in part:
                inside = [1 + i for i, (a, b) in enumerate(kept) if a < end and b > start]
                sums.append(states[inside].sum(0))
                n_tokens.append(len(inside))
        return SimpleNamespace(
            content=np.array(content), n_content=np.array(n_content), special=np.array(special),
            n_special=np.full(len(texts), 2), spans=np.array(sums, dtype=np.float32).reshape(-1, self.width),
            n_tokens=np.array(n_tokens, dtype=np.int64), ends=np.array(ends),
        )  # fmt: skip


def corpus(n_lines: int, seed: int = 0, n_words: int = 30) -> list[str]:
    """Lines of two to twelve words, frequent ones more often."""
    random = np.random.default_rng(seed)
    shares = 1 / np.arange(1, n_words + 1)
    words = [f"wo{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(n_words)]
    return [
        " ".join(random.choice(words, size=random.integers(2, 13), p=shares / shares.sum())) for _ in range(n_lines)
    ]
