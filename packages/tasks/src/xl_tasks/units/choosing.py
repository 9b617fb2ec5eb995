"""Which input unit a model reads: its own by default, another by name, and whether the two go together."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from xl_encoders.registry import unknown_name
from xl_tasks.errors import TaskError
from xl_tasks.units.phonemes import WORD_BOUNDARY, Phonemes
from xl_tasks.units.romanised import Romanised
from xl_tasks.units.unit import AsWritten, Unit

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from xl_encoders import Encoder

_log = logging.getLogger(__name__)

UNITS: Mapping[str, str] = {
    "subword": "text as it stands, cut into pieces by the model's own tokenizer",
    "character": "text as it stands, for models that read characters (CANINE)",
    "phonemes": "segments of the International Phonetic Alphabet, for models like XPhoneBERT",
    "romanised": "text in Latin letters (Uroman), for any model",
}
"""Names of the units and what they are."""

_OTHER_SPELLINGS = {
    "characters": "character", "phoneme": "phonemes", "romanized": "romanised", "subwords": "subword",
    "sub-word": "subword", "latn": "romanised",
}  # fmt: skip

_READ = {"subword": "pieces of words", "character": "characters", "phonemes": "phonemes"}
_READABLE = {
    "subword": ("subword", "phonemes", "romanised"),
    "character": ("character", "phonemes", "romanised"),
    "phonemes": ("phonemes",),
}
"""A model's own unit -> the units that it can be given."""

_AFFRICATES = ("t͡s", "t͡ʃ", "t͡ɕ", "d͡z", "d͡ʒ", "d͡ʑ")
_SEGMENTS = "p b t d k ɡ m n ŋ f v s z ʃ ʒ x h l r ɾ j w i e ɛ a ɑ ɔ o u y ø ə ɯ"
"""Sounds that many languages have, to try a vocabulary on where no text is given."""
_PHRASES = ("the other people and the king", "и что на не по", "zq 字ж")
"""Texts in which a vocabulary of pieces holds some piece of two letters, and letters that a small one does not know."""
_MOST_UNKNOWN = 0.02
"""Share of unknown pieces above which the log warns."""


def unit_name(name: str) -> str:
    """The name in UNITS that `name` means, in any case; TaskError with the nearest one otherwise."""
    folded = name.strip().lower()
    folded = _OTHER_SPELLINGS.get(folded, folded)
    if folded not in UNITS:
        raise TaskError(unknown_name("input", name, UNITS))
    return folded


def input_unit(name: str, tokenizer: "PreTrainedTokenizerBase | None" = None) -> Unit:
    """The unit called `name`: subword, character, phonemes or romanised.

    tokenizer: what will read it. With it, phonemes spell affricates (`t͡ʃ`, `t ʃ` or `ʧ`) in the way that gives the
        smallest share of unknown pieces; as they are where that does not decide.

    Raises TaskError for an unknown name.
    """
    match unit_name(name):
        case "phonemes":
            return Phonemes(ties=_ties(tokenizer)) if tokenizer is not None else Phonemes()
        case "romanised":
            return Romanised()
        case found:
            return AsWritten(name=found)


def default_unit(encoder: "Encoder") -> str:
    """What `encoder` was made for, judged by its tokenizer: "character", "phonemes", else "subword"."""
    if _reads_characters(encoder.tokenizer):
        return "character"
    return "phonemes" if _reads_phonemes(encoder.tokenizer) else "subword"


def check_unit(
    name: str,
    encoder: "Encoder",
    languages: Iterable[str] = (),
    *,
    samples: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Say before any work starts that a model cannot read a unit, or that it hardly can.

    name: of the unit. languages: those of the task, in any spelling.
    samples: language -> some texts of it, on which the share of unknown pieces is measured; without any, phonemes are
        tried with sounds that many languages have.

    Raises TaskError where the unit is characters and the tokenizer makes pieces of words, or the other way round; where
    a model of phonemes is given letters; and for a language that phonemes cannot be made for. Where more than 2 % of
    the pieces of phonemes or of romanised text are unknown to the model, a warning in the log gives their share.
    """
    name = unit_name(name)
    own = default_unit(encoder)
    if name not in _READABLE[own]:
        message = (
            f"input is {name}, but {encoder.name} reads {_READ[own]}; "
            f"choose {' or '.join(_READABLE[own])}, or another model."
        )
        raise TaskError(message)
    unit = input_unit(name, encoder.tokenizer)
    by_language = dict.fromkeys(languages, ()) | dict(samples or {})
    rewritten = {language: unit.texts(texts, language) for language, texts in by_language.items()}
    if name == "phonemes" and not any(rewritten.values()):
        rewritten[""] = [_SEGMENTS]
    if name in ("subword", "character"):
        return
    for language, texts in rewritten.items():
        share = unknown_share(encoder.tokenizer, texts)
        if share > _MOST_UNKNOWN:
            of = f" of {language}" if language else ""
            _log.warning("%s does not know %.1f %% of the pieces of %s%s.", encoder.name, 100 * share, name, of)


def unknown_share(tokenizer: "PreTrainedTokenizerBase", texts: Sequence[str]) -> float:
    """Share of the pieces of `texts` (as the model reads them) that are the unknown token, 0 to 1; 0 for no piece."""
    unknown = tokenizer.unk_token_id
    if unknown is None or not texts:
        return 0.0
    rows = tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
    n_pieces = sum(map(len, rows))
    return sum(row.count(unknown) for row in rows) / n_pieces if n_pieces else 0.0


def _reads_characters(tokenizer: "PreTrainedTokenizerBase") -> bool:
    """Whether each code point, also the space, is one token, and none of these is unknown."""
    ids_of = _ids_of(tokenizer)
    for probe in _PHRASES:
        ids = ids_of(probe)
        if len(ids) != len(probe) or tokenizer.unk_token_id in ids or len(set(ids)) != len(set(probe)):
            return False
    return True


def _reads_phonemes(tokenizer: "PreTrainedTokenizerBase") -> bool:
    """Whether the word boundary is a token of its own, and what stands between two spaces is never cut."""
    ids_of = _ids_of(tokenizer)
    boundary = ids_of(WORD_BOUNDARY)
    whole = len(boundary) == 1 and boundary[0] != tokenizer.unk_token_id and len(ids_of(f"a {WORD_BOUNDARY} a")) == 3
    # The name, because a tokenizer may cut what it does not know although it was made for single segments.
    return whole and (len(ids_of("qxzjvqk")) == 1 or "xphonebert" in str(tokenizer.name_or_path).lower())


def _ties(tokenizer: "PreTrainedTokenizerBase") -> str:
    """How affricates are written for a tokenizer: the way with the fewest unknown pieces, the first of equals.

    XPhoneBERT knows all three. `t͡s` is among its sixty commonest units; only its English text has them split.
    """
    ligatures = dict(zip(_AFFRICATES, "ʦʧʨʣʤʥ", strict=True))
    written = {
        "keep": list(_AFFRICATES),
        "split": [sound.replace("\u0361", " ") for sound in _AFFRICATES],
        "ligature": list(ligatures.values()),
    }
    return min(written, key=lambda ties: unknown_share(tokenizer, written[ties]))


def _ids_of(tokenizer: "PreTrainedTokenizerBase") -> Callable[[str], list[int]]:
    return lambda text: tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
