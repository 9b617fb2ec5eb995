"""Tokenizers of each kind, built in memory, for the tests of question answering."""

from functools import cache

import tokenizers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import CanineTokenizer, PreTrainedTokenizerFast
from transformers.tokenization_python import PreTrainedTokenizer

from xl_encoders import train_tokenizer

TEXTS = (
    "the white cat sat on the mat in the old house of Berlin", "cafe\u0301 re\u0301sume\u0301 ﬁne ﬂow Ⅷ ² café",
    "ราชวงศ์ฉินเป็นราชวงศ์แรก ภาษาไทย", "وَلَدَ الوَلَدُ في القاهِرة", "베를린은 독일의 수도", "한국어", "क्षेत्र हिन्दी में",
    "👩\u200d🚀 😀👍🏽 ok", "中文没有空格。1817 年，", "x\ufeffy", "e\u200bf\u00a0g\u3000h\u2028i", "אָב וְ",
)  # fmt: skip
"""Marks, ligatures, scripts without spaces, joined emoji, U+FEFF and spaces of other kinds."""


@cache
def xlmr():
    """Byte-pair encoding with NFKC and a word marker, `<s> q </s></s> c </s>`."""
    return train_tokenizer(TEXTS, n_pieces=300)


@cache
def bert():
    """WordPiece that strips accents and drops control characters, `[CLS] q [SEP] c [SEP]` with token types."""
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=250, special_tokens=specials, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, mask_token="[MASK]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"], **names,
    )  # fmt: skip


@cache
def roberta():
    """Byte-level pieces: a character of several bytes may be several tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=specials,
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=False)
    return _wrapped(tokenizer)


@cache
def letters_of(alphabet):
    """A token a character of `alphabet`, spaces left out, the text as it stands; without a pair form of its own."""
    vocabulary = {c: i for i, c in enumerate(dict.fromkeys(["<s>", "<pad>", "</s>", "<unk>", "<mask>", *alphabet]))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(tokenizers.Regex(r"[\s\S]"), "isolated")]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return _wrapped(tokenizer)


def letters():
    """A token a character of TEXTS."""
    return letters_of("".join(TEXTS))


@cache
def canine():
    """CANINE's own: slow, a token a code point, spaces too."""
    return CanineTokenizer()


class Words(PreTrainedTokenizer):
    """A slow tokenizer: words between spaces, in pieces of three characters."""

    model_input_names: list[str] = ["input_ids", "attention_mask"]  # noqa: RUF012 - declared so above it

    def __init__(self, **options):
        self.vocabulary = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}
        super().__init__(bos_token="<s>", eos_token="</s>", cls_token="<s>", sep_token="</s>", pad_token="<pad>",
                         unk_token="<unk>", **options)  # fmt: skip

    @property
    def vocab_size(self):
        return 4 + 5000

    def get_vocab(self):
        return dict(self.vocabulary)

    def _tokenize(self, text, **options):
        return [word[i : i + 3] for word in text.split() for i in range(0, len(word), 3)]

    def _convert_token_to_id(self, token):
        return self.vocabulary.get(token, 4 + sum(map(ord, token)) % 5000)

    def _convert_id_to_token(self, index):
        return str(index)

    def build_inputs_with_special_tokens(self, token_ids_0, token_ids_1=None):
        return [0, *token_ids_0, 2, *([] if token_ids_1 is None else [*token_ids_1, 2])]


@cache
def words():
    return Words()


FAST = {"xlmr": xlmr, "bert": bert, "roberta": roberta}
ALL = {**FAST, "letters": letters, "canine": canine, "words": words}


def _wrapped(tokenizer):
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", cls_token="<s>", pad_token="<pad>", eos_token="</s>",
        sep_token="</s>", unk_token="<unk>", mask_token="<mask>", model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip
