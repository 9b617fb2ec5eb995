"""Token ids of texts: by the tokenizer itself or, where it is installed and proven to give the same, by kitoken.

kitoken (the extra `xl-encoders[kitoken]`) cuts texts for a Unigram tokenizer, such as XLM-R's, some four times as fast
as the library `tokenizers`. It reads a tokenizer's own definition, which takes it half a second, so only a tokenizer
that has much to read is handed to it. Both then read every character of Unicode's first plane, some strings that
are made to be difficult, and texts that are really asked for; a single id that differs, and kitoken is not used.

Some texts the tokenizer always reads itself, since the two are known to differ there: texts that spell an added token
(`<s>`, also ＜ｓ＞, which a normaliser makes of it), that are not in Unicode's form NFC (the tables of the two are of
different years), or that hold control characters, characters that Python knows nothing of, or rare planes.
"""

import logging
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unicodedata import category, is_normalized, normalize
from weakref import WeakKeyDictionary

import torch
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerBase

if TYPE_CHECKING:
    from kitoken import Kitoken

_log = logging.getLogger(__name__)

_MANY = 20_000
"""Texts that a tokenizer reads before kitoken is asked, whose preparation takes as long as it saves on so many."""
_COMPARED = 1000
"""Texts that are really asked for, of those that both read before kitoken is trusted."""
_BLOCK = 1000
"""Texts that a thread is handed at once."""

_DIFFICULT = (
    *("", " ", "  ", "\t", "\n\n", "\r\n", "\u00a0", "\u3000", "\u200b", "\ufeff", "▁", "▁▁ ▁a", "a\u2028b\0c"),
    *("  two  spaces  ", "x" * 600, "ab " * 300, "...---!!!??", "1,234.5e-6", "http://a.b/?c=d&e=%20"),
    *(" \u0301", "e\u0301\u0302 vie\u0323\u0302t", "\u1112\u1161\u11ab\u1100\u116e\u11a8", "カ\u3099", "\u0915\u093c"),
    *("İIıi ǅ ß ﬁ ﷺ Ⅷ ① ½ ㌀", "👩\u200d👩\u200d👧 🇩🇪 👍🏽", "<s", "s>", "< s >", "<<mask", "Ａ＜ｓ＞", "𐌰𐌱 𝒜𝓑 𠀀𠀁"),
    *("中文字符沒有空格。日本語も", "ไทยไม่มีวรรค"),
)

_Shape = tuple[int, int, int]


@dataclass(frozen=True)
class _Reader:
    """kitoken in the place of a tokenizer, which it does not hold: it is forgotten with that."""

    library: "Kitoken"
    is_doubtful: Callable[[str], object]

    def __call__(self, tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> list[list[int]]:
        """Ids of each text, in as many threads as torch has; the library works without the interpreter's lock."""
        doubtful = [
            number
            for number, text in enumerate(texts)
            if (not text.isascii() and not is_normalized("NFC", text)) or self.is_doubtful(text)
        ]
        blocks = [texts[start : start + _BLOCK] for start in range(0, len(texts), _BLOCK)]
        with ThreadPoolExecutor(max(1, min(torch.get_num_threads(), len(blocks)))) as pool:
            rows = [row for its in pool.map(self.library.encode_all, blocks) for row in its]
        if doubtful:
            own = _own_ids(tokenizer, [texts[number] for number in doubtful])
            for number, row in zip(doubtful, own, strict=True):
                rows[number] = row
        return rows


@dataclass
class _Known:
    """What is known of a tokenizer of this shape: texts that it has read, and who reads for it from now on."""

    shape: _Shape
    n_read: int = 0
    asked: bool = False
    reader: _Reader | None = None


_known: "WeakKeyDictionary[PreTrainedTokenizerBase, _Known]" = WeakKeyDictionary()


def token_ids(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[list[int]]:
    """Ids of each text, whole, without specials around it."""
    texts = list(texts)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if not texts:
        return []
    if not isinstance(backend, Tokenizer) or not isinstance(backend.model, models.Unigram):
        return _own_ids(tokenizer, texts)
    added = list(backend.get_added_tokens_decoder().values())
    shape = (id(backend), backend.get_vocab_size(with_added_tokens=True), len(added))  # a vocabulary can grow
    known = _known.get(tokenizer)
    if known is None or known.shape != shape:
        known = _known[tokenizer] = _Known(shape)
    known.n_read += len(texts)
    if not known.asked and known.n_read >= _MANY:
        known.asked = True
        if not any(token.normalized for token in added):  # else no text shows which become one
            known.reader = _proven(tokenizer, backend, texts[:_COMPARED])
    return _own_ids(tokenizer, texts) if known.reader is None else known.reader(tokenizer, texts)


def _own_ids(tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> list[list[int]]:
    return tokenizer(texts, add_special_tokens=False, return_attention_mask=False, verbose=False)["input_ids"]


def _proven(tokenizer: PreTrainedTokenizerBase, backend: Tokenizer, texts: list[str]) -> _Reader | None:
    """Kitoken's reader of a tokenizer; None where it is not installed, cannot read it or reads it otherwise."""
    try:
        from kitoken import Kitoken
    except ImportError:
        return None
    probes = [*_DIFFICULT, *_characters(), *texts]
    wanted = _own_ids(tokenizer, probes)  # which ends any cutting and padding, too, that the definition would name
    definition = backend.to_str().encode()
    added = [token.content for token in backend.get_added_tokens_decoder().values()]
    name = getattr(tokenizer, "name_or_path", "") or type(tokenizer).__name__
    try:
        reader = _Reader(Kitoken.from_tokenizers(definition), re.compile(_doubtful(added)).search)
        found = reader(tokenizer, probes)
    except Exception as error:  # a kind of definition that it does not know
        _log.warning("kitoken cannot read the tokenizer %s (%s); texts are read without it.", name, error)
        return None
    n_different = sum(map(list.__ne__, wanted, found))
    if n_different:
        _log.warning(
            "kitoken reads %d of %d texts otherwise than the tokenizer %s; texts are read without it.",
            *(n_different, len(probes), name),
        )
        return None
    return reader


def _doubtful(added: Sequence[str]) -> str:
    """A pattern that finds an added token or what may become one, and the characters that texts are set apart for."""
    firsts = {token[0] for token in added}
    characters = list(map(chr, range(0x80, 0x10000)))
    alike = [char for char in characters if not firsts.isdisjoint(normalize("NFKC", char))]
    alike += [char for char in characters if category(char) == "Cn"]  # of a later Unicode, to one of the two
    rare = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\U00010000-\U0001efff\U00020000-\U0010ffff"
    return "|".join([f"[{rare}{re.escape(''.join(alike))}]", *map(re.escape, added)])


def _characters() -> list[str]:
    """Every character of the first plane and of the emoji, in strings of sixteen; half pairs are none."""
    starts = [*range(0, 0xD800, 16), *range(0xE000, 0x10000, 16), *range(0x1F000, 0x20000, 16)]
    return ["".join(map(chr, range(start, start + 16))) for start in starts]
