"""Pieces for a script that a vocabulary cannot write: learnt from text, their number chosen on text that was kept back.

Every new piece holds a character that the old vocabulary had no piece for. So in a text that it could write, none of
them occurs, and the text is cut into the same ids as before, whatever the scores; only what was `<unk>` is cut anew.

Pieces are merges of the most frequent pairs within words, best first by how often a text is cut into them.
"""

import hashlib
import json
import math
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer, models, trainers

from xl_encoders.errors import EncoderError
from xl_encoders.model.encoder import Encoder
from xl_encoders.vocabulary.extension import tokenizer_parts, written_characters

# One text in so many is kept back to choose the number of pieces by.
_KEPT_BACK = 10
# The smallest number whose loss is at most this share above the lowest: a piece more has to be learnt, too.
_WITHIN = 0.01
# Sizes that are tried grow by this factor.
_GROWTH = 1.5
# Texts that pieces are learnt from; more change little and take the trainer's memory.
_MOST_TEXTS = 50_000
_LONGEST_PIECE = 16
_UNKNOWN = "<unk>"


@dataclass(frozen=True, kw_only=True)
class NewPieces:
    """Pieces to add, best first, and how their number was chosen.

    pieces: with their scores, log probabilities in the new text.
    n_characters: single characters among the pieces, all of which the old vocabulary lacks; in WordPiece one that may
        stand at the start of a word and within one counts twice.
    losses: pieces tried -> nats a character on the texts kept back.
    unknown: the share of `<unk>` among the tokens of these texts, for each number tried.
    """

    pieces: tuple[tuple[str, float], ...]
    n_characters: int
    losses: dict[int, float]
    unknown: dict[int, float]


def unwritable(encoder: Encoder, texts: Iterable[str]) -> Counter[str]:
    """How often each character of `texts`, normalised, occurs that is in no piece of the tokenizer of `encoder`.

    Raises EncoderError for a tokenizer to which no pieces can be added here (see `learn_pieces`).
    """
    backend, config = _vocabulary(encoder)
    known = written_characters(config["model"])
    normalize = backend.normalizer.normalize_str if backend.normalizer else str
    counts = Counter(char for text in texts for char in normalize(text))
    return Counter({char: n for char, n in counts.items() if char not in known and not char.isspace()})


def learn_pieces(encoder: Encoder, texts: Sequence[str], *, budget: int) -> NewPieces:
    """Learn at most `budget` pieces for what the vocabulary of `encoder` cannot write in `texts`.

    The vocabulary is one of Unigram (Kudo 2018) or of WordPiece (Schuster and Nakajima 2012).

    texts: of the new language, or of several. The loss of a number of pieces is that of a unigram model of tokens with
    one count more than seen for each, on one text in ten, chosen by its hash, in nats a character.

    Raises EncoderError for texts that the vocabulary writes already, a budget below the number of their characters, and
    a tokenizer that needs none (bytes, characters) or is of another kind.
    """
    backend, config = _vocabulary(encoder)
    mark = config["model"].get("continuing_subword_prefix") or ""
    texts = list(dict.fromkeys(text for text in texts if text.strip()))
    new = unwritable(encoder, texts)
    if not new:
        message = (
            f"{encoder.name} has a piece for every character of these texts; nothing is to be added for them: leave "
            f"vocabulary.budget out."
        )
        raise EncoderError(message)
    needed = {form for char in new for form in _forms(char, backend, mark)}
    if budget < len(needed):
        each = "which need" if mark else "each of which needs"
        pieces = f"{len(needed)}, at the start of words and within them" if mark else "one"
        message = (
            f"vocabulary.budget is {budget}, but the texts have {len(new)} characters that {encoder.name} has no piece "
            f"for, {each} {pieces}; give {len(needed)} or more."
        )
        raise EncoderError(message)
    texts = sorted(texts, key=_hash)[:_MOST_TEXTS]
    kept_back, learnt_from = texts[::_KEPT_BACK], [text for n, text in enumerate(texts) if n % _KEPT_BACK]
    learnt = _learnt(backend, learnt_from or texts, new, budget, mark)
    own = [(piece, score) for piece, score in learnt if any(char in new for char in piece)]
    old = [(piece, score) for piece, score in learnt if not any(char in new for char in piece)]
    characters = [(piece, score) for piece, score in own if piece in needed]
    # What occurs in no text that was learnt from still needs a piece, the rarest of all.
    lowest = min(score for _, score in learnt)
    characters += [(form, lowest) for form in sorted(needed - {piece for piece, _ in characters})]
    longer = [its for its in own if its[0] not in needed and len(its[0].removeprefix(mark)) > 1]
    most = min(len(longer), budget - len(characters))
    losses, unknown = {}, {}
    for n_longer in _sizes(len(characters), most):
        n_pieces = len(characters) + n_longer
        tokenizer = _tokenizer(backend, [*old, *characters, *longer[:n_longer]], mark)
        losses[n_pieces], unknown[n_pieces] = _loss(tokenizer, learnt_from or texts, kept_back)
    best = min(losses.values())
    chosen = min(number for number, loss in losses.items() if loss <= best + _WITHIN * abs(best))
    return NewPieces(
        pieces=(*characters, *longer[: chosen - len(characters)]),
        n_characters=len(characters),
        losses=losses,
        unknown=unknown,
    )


def _vocabulary(encoder: Encoder) -> tuple[Tokenizer, dict]:
    """The tokenizer and its JSON form; EncoderError where it needs no new pieces, or none can be added here."""
    if getattr(encoder.model.config, "model_type", "") == "canine":
        message = f"{encoder.name} reads characters, all there are, and needs no new pieces; leave [vocabulary] out."
        raise EncoderError(message)
    backend, config = tokenizer_parts(encoder, "vocabulary.budget")
    kind = config["model"]["type"]
    if kind == "BPE" and (config["model"].get("byte_fallback") or "ByteLevel" in json.dumps(config["pre_tokenizer"])):
        message = (
            f"{encoder.name} writes in bytes what it has no piece for and needs no new ones; leave [vocabulary] out."
        )
        raise EncoderError(message)
    if kind == "BPE":
        message = (
            f"the tokenizer of {encoder.name} is of the kind BPE; pieces for a new script are added to Unigram (XLM-R, "
            f"E5, Glot500) and WordPiece vocabularies (mBERT, LaBSE): start from one of these."
        )
        raise EncoderError(message)
    return backend, config


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _by_score(piece: tuple[str, float]) -> tuple[float, str]:
    return -piece[1], piece[0]


def _forms(char: str, backend: Tokenizer, mark: str) -> list[str]:
    """The pieces that a character needs: itself, and in WordPiece one within words, unless it is a word of its own."""
    if not mark or len(words_of(backend, char * 2)) > 1:
        return [char]
    return [char, mark + char]


def words_of(backend: Tokenizer, text: str) -> list[str]:
    """The words of a text, as the tokenizer's model is given them."""
    normal = backend.normalizer.normalize_str(text) if backend.normalizer else text
    return [word for word, _ in backend.pre_tokenizer.pre_tokenize_str(normal)] if backend.pre_tokenizer else [normal]


def _learnt(
    backend: Tokenizer, texts: Sequence[str], new: Collection[str], n_pieces: int, mark: str
) -> list[tuple[str, float]]:
    """Characters and merges of the library's own trainer, with the logarithm of the share that each has of the tokens.

    Counted where a text is cut into the fewest pieces (Unigram) or by the longest match (WordPiece): in whole numbers,
    which are the same in each call. Those of the library's trainer for Unigram are not, and lose a little more.
    """
    words = Counter(part for text in texts for word in words_of(backend, text) for part in _parts(word))
    letters = sorted({char for word in words for char in word})
    # As special tokens the forms of characters have ids in this order, by which the trainer decides between equals.
    forms = [_UNKNOWN, *letters, *(mark + letter for letter in letters if mark)]
    trainer = trainers.WordPieceTrainer(
        vocab_size=len(forms) + n_pieces,
        special_tokens=forms,
        continuing_subword_prefix=mark,
        min_frequency=2,
        show_progress=False,
    )
    tokenizer = Tokenizer(models.WordPiece(unk_token=_UNKNOWN))
    of_script = {word: n for word, n in sorted(words.items()) if not set(new).isdisjoint(word)}
    tokenizer.train_from_iterator((word for word, n in of_script.items() for _ in range(n)), trainer)
    vocabulary = json.loads(tokenizer.to_str())["model"]["vocab"]
    pieces = [piece for piece in vocabulary if piece != _UNKNOWN and len(piece.removeprefix(mark)) <= _LONGEST_PIECE]
    cut = _tokenizer(backend, [(piece, -1.0) for piece in pieces], mark).encode_batch(list(texts))
    counts = Counter(index for encoding in cut for index in encoding.ids)
    total = sum(counts.values())
    scored = [
        (piece, math.log(max(counts[index], 0.5) / total))
        for index, piece in enumerate(pieces, 1)
        if counts[index] or piece in forms
    ]
    return sorted(scored, key=_by_score)


def _parts(word: str) -> Iterator[str]:
    """A word cut behind its punctuation, within which pieces stay.

    Scripts without spaces set it between syllables (Tibetan) or words (Ethiopic). A syllable that is in pieces with
    each of its neighbours would be learnt as often as it has neighbours.
    """
    start = 0
    for place, char in enumerate(word, 1):
        if unicodedata.category(char).startswith("P"):
            yield word[start:place]
            start = place
    if start < len(word):
        yield word[start:]


def _sizes(n_characters: int, most: int) -> list[int]:
    """Numbers of pieces beside the characters that are tried, from none to `most`."""
    sizes, n_pieces = {0, most}, float(n_characters)
    while n_pieces < n_characters + most:
        sizes.add(round(n_pieces) - n_characters)
        n_pieces *= _GROWTH
    return sorted(size for size in sizes if 0 <= size <= most)


def _tokenizer(backend: Tokenizer, pieces: Sequence[tuple[str, float]], mark: str) -> Tokenizer:
    """A tokenizer of these pieces alone, `<unk>` with the id 0. mark: of pieces within words; "" for Unigram."""
    if mark:
        ids = {piece: index for index, piece in enumerate([_UNKNOWN, *(piece for piece, _ in pieces)])}
        tokenizer = Tokenizer(models.WordPiece(ids, unk_token=_UNKNOWN, continuing_subword_prefix=mark))
    else:
        tokenizer = Tokenizer(models.Unigram([(_UNKNOWN, 0.0), *pieces], unk_id=0))
    if backend.normalizer:
        tokenizer.normalizer = backend.normalizer
    if backend.pre_tokenizer:
        tokenizer.pre_tokenizer = backend.pre_tokenizer
    return tokenizer


def _loss(tokenizer: Tokenizer, texts: Sequence[str], kept_back: Sequence[str]) -> tuple[float, float]:
    """Nats a character of the texts kept back under counts of `texts`, and the share of `<unk>` in their tokens."""
    counts, seen = (
        Counter(index for encoding in tokenizer.encode_batch(list(its)) for index in encoding.ids)
        for its in (texts, kept_back)
    )
    total = sum(counts.values()) + tokenizer.get_vocab_size()
    nats = -sum(n * math.log((counts[index] + 1) / total) for index, n in seen.items())
    return nats / max(1, sum(map(len, kept_back))), seen[0] / max(1, sum(seen.values()))
