"""The sub-words of a new model: byte-pair encoding learnt from texts by the `tokenizers` library alone."""

from collections import Counter
from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

# XLM-R's order: the padding id is 1, and positions are counted from behind it.
SPECIALS = {
    "bos_token": "<s>",
    "pad_token": "<pad>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
}
_WORD_MARKER = "▁"


def train_pieces(texts: Iterable[str], *, n_pieces: int, lower_case: bool = False) -> Tokenizer:
    """Byte-pair encoding learnt from `texts`: NFKC, a marker ▁ before each word, XLM-R's specials.

    n_pieces: size of the vocabulary, specials included; rare characters become `<unk>` where it is too small for all.
    lower_case: whether the normaliser lower-cases.
    """
    tokenizer = Tokenizer(models.BPE(unk_token=SPECIALS["unk_token"]))
    steps = [normalizers.NFKC(), *([normalizers.Lowercase()] if lower_case else [])]
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    specials = list(SPECIALS.values())
    texts = list(texts)
    alphabet = _alphabet(map(tokenizer.normalizer.normalize_str, texts), max(1, (n_pieces - len(specials)) * 4 // 5))
    trainer = trainers.BpeTrainer(
        vocab_size=n_pieces,
        special_tokens=specials,
        # The trainer itself cuts equally rare characters in the order of a hash, another one in each process.
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    ids = [(token, tokenizer.token_to_id(token)) for token in ("<s>", "</s>")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=ids
    )
    return tokenizer


def _alphabet(texts: Iterable[str], limit: int) -> list[str]:
    """The `limit` most frequent characters, equally frequent ones by code point, and the word marker.

    Room for merges is worth more than the rarest characters.
    """
    counts = Counter(char for text in texts for char in text if char != " ")
    return [_WORD_MARKER, *sorted(counts, key=lambda char: (-counts[char], char))[: limit - 1]]
