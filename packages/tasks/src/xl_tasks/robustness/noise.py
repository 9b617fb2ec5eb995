"""Noise that a reader hardly minds and a model may: `parse_noise("typos=0.1+drop-diacritics")`.

For the question of robust training (Huang et al., 2021, arXiv 2104.08645): whether a model that tolerates noise in its
input carries over better to other languages. Test texts are made noisy, never the labels.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from xl_encoders.registry import unknown_name
from xl_tasks.errors import TaskError
from xl_tasks.robustness.diacritics import NAME as DROP_DIACRITICS
from xl_tasks.robustness.diacritics import without_diacritics
from xl_tasks.robustness.typos import Typos

NOISES = {
    "typos": "typing errors, one in a share of the words of two letters or more: typos=0.1",
    DROP_DIACRITICS: "optional diacritics left out: accents, Arabic and Hebrew points, stress marks",
}
"""Names of the kinds of noise and what they are."""


@dataclass(frozen=True)
class Noise:
    """One kind of noise, or several that are applied one after the other.

    drop_diacritics: whether optional diacritics go. typos: the typing errors; None for none.
    typos_first: the order of the two.
    """

    typos: Typos | None = None
    drop_diacritics: bool = False
    typos_first: bool = True

    @property
    def name(self) -> str:
        """As `parse_noise` reads it: "typos=0.1+drop-diacritics"."""
        parts = [self.typos.name] if self.typos else []
        if self.drop_diacritics:
            parts.insert(len(parts) if self.typos_first else 0, DROP_DIACRITICS)
        return "+".join(parts)

    def apply(self, text: str, language: str, key: str, seed: int = 0) -> str:
        """`text` with the noise.

        language: any spelling; it chooses the keyboard, and which diacritics are optional.
        key: names the text. The same seed, key and text give the same noise, whatever is done before; another key or
            seed gives another.
        """
        return self.words([text], language, key, seed)[0]

    def words(self, words: Sequence[str], language: str, key: str, seed: int = 0) -> list[str]:
        """A sentence that comes in words, with the noise: as many words, none empty that was not; see `apply`."""
        number = _hash(seed, key, words)
        noisy = list(words)
        if self.typos and self.typos_first:
            noisy = self.typos.apply(noisy, language, number)
        if self.drop_diacritics:
            noisy = [without_diacritics(word, language) for word in noisy]
        if self.typos and not self.typos_first:
            noisy = self.typos.apply(noisy, language, number)
        return noisy


def parse_noise(spec: str) -> Noise:
    """The noise that `spec` names: "typos=RATE", "drop-diacritics", or both joined by "+", applied in that order.

    Raises TaskError for a name that is not known, with the nearest one, and for a rate that is missing, no number, or
    not above 0 and at most 1.
    """
    typos, dropped, order = None, False, []
    for part in spec.split("+"):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if name not in NOISES:
            raise TaskError(unknown_name("noise", part.strip(), NOISES))
        if name in order:
            message = f"noise {spec!r} names {name} twice; name it once."
            raise TaskError(message)
        order.append(name)
        if name == "typos":
            typos = Typos(_rate(value, part.strip()))
        elif equals:
            message = f"noise {part.strip()!r}: {name} takes no value; write {name}."
            raise TaskError(message)
        else:
            dropped = True
    return Noise(typos=typos, drop_diacritics=dropped, typos_first=order[0] == "typos")


def _rate(value: str, part: str) -> float:
    try:
        return float(value)
    except ValueError:
        message = f"noise {part!r}: typos needs the share of words that get an error; write typos=0.1."
        raise TaskError(message) from None


def _hash(seed: int, key: str, words: Sequence[str]) -> int:
    content = "\0".join((str(seed), key, *words)).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big")
