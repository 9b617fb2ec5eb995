"""Vocabulary extension: scores and rows against plain loops, segmentation against slow readers, laws, round trips."""

import copy
import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.encoders.conftest import TEXTS as SHORT_TEXTS
from tests.thinned import thinned
from tests.token_embeddings import token_embeddings
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AlbertConfig,
    AlbertForMaskedLM,
    AutoModelForMaskedLM,
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    BertTokenizer,
    CanineConfig,
    CanineModel,
    CanineTokenizer,
    DebertaV2Config,
    DebertaV2ForMaskedLM,
    DistilBertConfig,
    DistilBertForMaskedLM,
    ElectraConfig,
    ElectraForMaskedLM,
    ModernBertConfig,
    ModernBertForMaskedLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
    RobertaTokenizer,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
    XLMRobertaModel,
    XLMRobertaTokenizer,
)

from xl_encoders import Encoder, EncoderError, ModelConfig, extend_vocabulary, load_encoder, new_encoder
from xl_encoders.vocabulary.merges import MergeBuilder
from xl_translit import Romanizer

KINDS = ["unigram", "bpe", "byte-bpe", "wordpiece"]
HOWS = ["max", "min", "mean"]

# No Latin letter, so that romanised pieces cannot occur in them.
OTHER_SCRIPTS = [
    "η γάτα κάθεται στο χαλί και κοιτάζει το παράθυρο", "το λευκό σπίτι είναι στο μεγάλο βουνό",
    "кошка сидит на ковре и смотрит в окно", "белый дом стоит на большой горе у моря",
    "котката седи на килима и гледа през прозореца", "החתול יושב על השטיח ומביט בחלון", "הבית הלבן על ההר הגדול",
    "القطة تجلس على السجادة وتنظر من النافذة", "البيت الابيض على الجبل الكبير",
    "बिल्ली कालीन पर बैठी है और खिड़की से देखती है", "सफेद घर बड़े पहाड़ पर है", "고양이가 양탄자 위에 앉아 창밖을 본다",
    "하얀 집은 큰 산 위에 있다", "猫坐在地毯上看着窗外", "白色的房子在大山上",
]  # fmt: skip
LATIN = [
    "the cat sits on the carpet and looks out of the window", "the white house stands on the big mountain by the sea",
    "kedi halının üzerinde oturuyor ve pencereden bakıyor", "beyaz ev büyük dağın üstünde",
    "die katze sitzt auf dem teppich und schaut aus dem fenster", "das weiße haus steht auf dem großen berg",
]  # fmt: skip
TEXTS = [*OTHER_SCRIPTS, *LATIN]
SPECIALS = ["<s>", "<pad>", "</s>", "<unk>"]
ROMANISE = Romanizer().batch


def trained(kind: str, n_pieces: int) -> Tokenizer:
    """A tokenizer of `kind`, trained on `TEXTS`; `<mask>` and a word come behind its own vocabulary."""
    if kind == "unigram":
        tokenizer = Tokenizer(models.Unigram())
        trainer = trainers.UnigramTrainer(
            vocab_size=n_pieces, special_tokens=SPECIALS, unk_token="<unk>", show_progress=False
        )
    elif kind == "wordpiece":
        tokenizer = Tokenizer(models.WordPiece(unk_token="<unk>"))
        trainer = trainers.WordPieceTrainer(vocab_size=n_pieces, special_tokens=SPECIALS, show_progress=False)
    else:
        on_bytes = kind == "byte-bpe"
        tokenizer = Tokenizer(models.BPE(unk_token=None if on_bytes else "<unk>"))
        trainer = trainers.BpeTrainer(
            vocab_size=n_pieces, special_tokens=SPECIALS, show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if on_bytes else [],
        )  # fmt: skip
    if kind == "wordpiece":
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, handle_chinese_chars=False)
        tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
    elif kind == "byte-bpe":
        tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(), decoders.ByteLevel()
    else:
        tokenizer.normalizer = normalizers.NFKC()
        tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.add_special_tokens(["<mask>"])
    tokenizer.add_tokens(["zzyzx"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer


def wrapped(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>",
        mask_token="<mask>", cls_token="<s>", sep_token="</s>",
    )  # fmt: skip


SHAPE: dict[str, Any] = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 20,
    "max_position_embeddings": 66, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2,
}  # fmt: skip
_EAGER: dict[str, Any] = {"attn_implementation": "eager"}
FAMILIES: dict[str, Callable[[int], PreTrainedModel]] = {
    "xlmr": lambda n: XLMRobertaForMaskedLM(XLMRobertaConfig(vocab_size=n, type_vocab_size=1, **SHAPE)),
    "roberta": lambda n: RobertaForMaskedLM(RobertaConfig(vocab_size=n, **SHAPE)),
    "bert": lambda n: BertForMaskedLM(BertConfig(vocab_size=n, **SHAPE)),
    "distilbert": lambda n: DistilBertForMaskedLM(
        DistilBertConfig(vocab_size=n, dim=16, hidden_dim=20, n_layers=2, n_heads=2, pad_token_id=1)
    ),
    "modernbert": lambda n: ModernBertForMaskedLM(
        ModernBertConfig(vocab_size=n, **SHAPE, **_EAGER, cls_token_id=0, sep_token_id=2)
    ),
    "albert": lambda n: AlbertForMaskedLM(AlbertConfig(vocab_size=n, embedding_size=8, **SHAPE)),
    "electra": lambda n: ElectraForMaskedLM(ElectraConfig(vocab_size=n, embedding_size=8, **SHAPE)),
    "deberta": lambda n: DebertaV2ForMaskedLM(DebertaV2Config(vocab_size=n, **SHAPE)),
}


def make_encoder(kind: str, *, family: str = "xlmr", n_pieces: int = 700, spare: int = 0) -> Encoder:
    tokenizer = wrapped(trained(kind, n_pieces))
    with torch.random.fork_rng():
        torch.manual_seed(7)
        model = FAMILIES[family](len(tokenizer) + spare).eval()
        bias = model.get_output_embeddings().bias
        if bias is not None:
            torch.nn.init.normal_(bias)  # models are born with zeros, which would hide mistakes
    return Encoder(model, tokenizer, name=kind, max_len=64)


@pytest.fixture(scope="module")
def before_and_after() -> dict[tuple[str, str], tuple]:
    """(kind, how) -> old tokenizer and model, extended encoder, what was done."""
    found = {}
    for kind in KINDS:
        for how in HOWS:
            encoder = make_encoder(kind)
            old = copy.deepcopy(encoder.tokenizer), copy.deepcopy(encoder.model)
            found[kind, how] = (*old, encoder, extend_vocabulary(encoder, ROMANISE, how))
    return found


def own_model(tokenizer: Any) -> dict:
    return json.loads(tokenizer.backend_tokenizer.to_str())["model"]


# --- what is added -------------------------------------------------------------------------------------------------


def romanised_pieces(tokenizer: Any, kind: str) -> dict[str, list[int]]:
    """New piece -> ids of its sources: one piece after the other, with one call of the romaniser for each."""
    romanise = Romanizer()
    vocabulary = tokenizer.get_vocab()
    found: dict[str, list[int]] = {}
    for piece, index in sorted(vocabulary.items(), key=lambda item: item[1]):
        if index < 4 or piece in ("<mask>", "zzyzx"):
            continue
        marker = {"unigram": "▁", "bpe": "▁", "byte-bpe": "Ġ", "wordpiece": "##"}[kind]
        begins = piece.startswith(marker)
        bare = piece[len(marker) :] if begins else piece
        if kind == "byte-bpe":
            bare = decoders.ByteLevel().decode([bare])
            if "\ufffd" in bare:
                continue
        text = romanise(bare)
        # Nothing is left, or an apostrophe, where these two cut before they look for pieces.
        if not text or (kind in ("byte-bpe", "wordpiece") and "'" in text and text != "'"):
            continue
        if kind == "byte-bpe":
            byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
            text = byte_level.pre_tokenize_str(text)[0][0]
        new = marker + text if begins else text
        if new not in vocabulary:
            found.setdefault(new, []).append(index)
    return found


def plain_scores(tokenizer: PreTrainedTokenizerFast, kind: str) -> dict[int, float]:
    model = own_model(tokenizer)
    if kind == "unigram":
        return {i: score for i, (_, score) in enumerate(model["vocab"])}
    if kind == "wordpiece":
        return {index: -index for index in model["vocab"].values()}
    made = ["".join(merge) for merge in model["merges"]]
    return {index: -made.index(piece) - 1 if piece in made else 0 for piece, index in model["vocab"].items()}


@pytest.mark.parametrize("how", thinned(HOWS, 3))
@pytest.mark.parametrize("kind", KINDS)
def test_pieces_scores_and_rows_of_a_plain_loop(before_and_after: dict, kind: str, how: str) -> None:
    old_tokenizer, old_model, encoder, did = before_and_after[kind, how]
    sources = romanised_pieces(old_tokenizer, kind)
    scores = plain_scores(old_tokenizer, kind)
    new_ids = encoder.tokenizer.get_vocab()
    assert did.n_added == len(sources) > 30
    assert did.n_sources == sum(map(len, sources.values())) > did.n_added
    assert set(new_ids) >= set(sources)
    table, bias = old_model.get_input_embeddings().weight, old_model.get_output_embeddings().bias
    grown, grown_bias = token_embeddings(encoder.model), encoder.model.get_output_embeddings().bias
    grown_scores = plain_scores(encoder.tokenizer, kind)
    order = []
    for piece, ids in sources.items():
        if how == "mean":
            score = sum(scores[i] for i in ids) / len(ids)
            row, own_bias = sum(table[i] for i in ids) / len(ids), sum(bias[i] for i in ids) / len(ids)
        else:
            best = sorted(ids, key=lambda i: scores[i], reverse=how == "max")[0]
            score, row, own_bias = scores[best], table[best], bias[best]
        index = new_ids[piece]
        order.append((index, score))
        if kind == "unigram":
            assert grown_scores[index] == pytest.approx(score, abs=1e-12)  # a sum in another order
        if how == "mean":
            assert torch.allclose(grown[index], row, atol=1e-6)  # float32, likewise
            assert torch.allclose(grown_bias[index], own_bias, atol=1e-6)
        else:
            assert torch.equal(grown[index], row)
            assert torch.equal(grown_bias[index], own_bias)
    by_id = [score for _, score in sorted(order)]
    assert all(first >= second - 1e-9 for first, second in pairwise(by_id))
    assert min(order)[0] == did.n_before


def test_the_three_ways_differ(before_and_after: dict) -> None:
    for kind in KINDS:
        tables = [before_and_after[kind, how][2].model.get_input_embeddings().weight for how in HOWS]
        assert not torch.equal(tables[0], tables[1])
        assert not torch.equal(tables[0], tables[2])


@pytest.mark.parametrize("kind", KINDS)
def test_every_old_piece_is_accounted_for(before_and_after: dict, kind: str) -> None:
    old_tokenizer, _, encoder, did = before_and_after[kind, "mean"]
    parts = (did.n_no_text, did.n_empty, did.n_known, did.n_unreachable, did.n_sources)
    assert sum(parts) == did.n_before == len(old_tokenizer)
    assert did.n_after == did.n_before + did.n_added + did.n_helpers == len(encoder.tokenizer)
    assert did.n_after == encoder.model.config.vocab_size == encoder.model.get_input_embeddings().num_embeddings
    assert (did.n_helpers > 0) == (kind in ("bpe", "byte-bpe"))
    assert did.n_no_text >= 6


@pytest.mark.parametrize("kind", KINDS)
def test_old_ids_and_rows_stay(before_and_after: dict, kind: str) -> None:
    old_tokenizer, old_model, encoder, did = before_and_after[kind, "mean"]
    now = encoder.tokenizer.get_vocab()
    assert {piece: now[piece] for piece in old_tokenizer.get_vocab()} == old_tokenizer.get_vocab()
    assert encoder.tokenizer.special_tokens_map == old_tokenizer.special_tokens_map
    assert encoder.tokenizer.added_tokens_decoder == old_tokenizer.added_tokens_decoder
    assert encoder.tokenizer.convert_ids_to_tokens(encoder.tokenizer("zzyzx <mask>")["input_ids"]).count("zzyzx") == 1
    state = encoder.model.state_dict()
    for name, tensor in old_model.state_dict().items():
        assert torch.equal(state[name][: len(tensor)] if state[name].shape != tensor.shape else state[name], tensor)
    assert sorted(now.values()) == list(range(did.n_after))


def test_a_second_call_finds_nothing() -> None:
    for kind in KINDS:
        encoder = make_encoder(kind)
        first = extend_vocabulary(encoder, ROMANISE)
        config, table = own_model(encoder.tokenizer), token_embeddings(encoder.model)
        second = extend_vocabulary(encoder, ROMANISE)
        assert (second.n_before, second.n_added, second.n_helpers) == (first.n_after, 0, 0)
        assert own_model(encoder.tokenizer) == config
        assert token_embeddings(encoder.model) is table


def test_what_is_left_alone_and_what_cannot_be_reached() -> None:
    """Any function of texts will do: this one shouts, empties, and writes spaces and commas."""
    answers = {"a": "A", "b": "", "c": "x y", "d": " D ", "e": "e,e", "f": "A", "<0x0A>": "oops", "[unused1]": "oops"}
    pieces = [*SPECIALS, "<0x0A>", "[unused1]", *"abcdefg", *(f"##{c}" for c in "abcdefg")]
    tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    asked: list[list[str]] = []

    def romanise(texts: Sequence[str]) -> list[str]:
        asked.append(list(texts))
        return [answers.get(text, text) for text in texts]

    encoder = Encoder(FAMILIES["bert"](len(pieces) + 1), wrapped(tokenizer), name="shouting", max_len=64)
    did = extend_vocabulary(encoder, romanise)
    assert asked == [list("abcdefg")]
    assert (did.n_no_text, did.n_empty, did.n_known, did.n_unreachable) == (7, 2, 2, 4)  # `<mask>` is no text
    assert (did.n_sources, did.n_added) == (6, 4)
    new = encoder.tokenizer.convert_ids_to_tokens(list(range(did.n_before, did.n_after)))
    assert new == ["A", "D", "##A", "##D"]


def test_the_normaliser_has_its_say() -> None:
    """A tokenizer that lower-cases never sees a capital, so that no piece with one is made."""
    pieces = [*((special, 0.0) for special in SPECIALS), ("▁", -2.0), ("б", -3.0), ("▁б", -4.0)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    encoder = Encoder(FAMILIES["xlmr"](8), wrapped(tokenizer), name="small", max_len=64)
    extend_vocabulary(encoder, lambda texts: [text.replace("б", "B") for text in texts])
    assert encoder.tokenizer.convert_ids_to_tokens([8, 9]) == ["b", "▁b"]
    assert encoder.tokenizer.tokenize("B bB") == ["▁b", "▁b", "b"]


# --- how text is cut now -------------------------------------------------------------------------------------------


def viterbi_score(vocabulary: dict[str, float], text: str) -> float:
    """Best sum of scores over all ways to cut `text`; an unknown character costs ten less than the lowest score."""
    unknown = min(vocabulary.values()) - 10
    best = [0.0, *[float("-inf")] * len(text)]
    for end in range(1, len(text) + 1):
        for start in range(end):
            piece = text[start:end]
            if piece in vocabulary:
                best[end] = max(best[end], best[start] + vocabulary[piece])
            elif end == start + 1:
                best[end] = max(best[end], best[start] + unknown)
    return best[-1]


def slow_bpe(merges: Sequence[tuple[str, str]], text: str) -> list[str]:
    """Byte-pair encoding as it is defined: the earliest merge that fits, at its leftmost place, until none fits."""
    parts = list(text)
    while True:
        pairs = list(pairwise(parts))
        first = next((merge for merge in merges if tuple(merge) in pairs), None)
        if first is None:
            return parts
        place = pairs.index(tuple(first))
        parts[place : place + 2] = ["".join(first)]


ROMANISED_WORDS = sorted({word for line in ROMANISE(TEXTS) for word in line.split()})
ALPHABET = sorted({char for word in ROMANISED_WORDS for char in word} | {char for line in TEXTS for char in line})
words = st.one_of(
    st.sampled_from(ROMANISED_WORDS),
    st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=12),
    st.text(st.sampled_from(ALPHABET), min_size=1, max_size=12),
    st.lists(st.sampled_from(ROMANISED_WORDS), min_size=2, max_size=4).map("".join),
)
free_text = st.one_of(st.lists(words, max_size=5).map(" ".join), st.text(max_size=20))


def boundaries(tokens: Sequence[str]) -> set[int]:
    total, found = 0, set()
    for token in tokens:
        total += len(token)
        found.add(total)
    return found


@given(text=free_text)
@settings(max_examples=300, deadline=None)
def test_text_cut_into_old_pieces_is_cut_as_before(before_and_after: dict, text: str) -> None:
    for kind in KINDS:
        old_tokenizer, _, encoder, did = before_and_after[kind, "max"]
        now, before = encoder.tokenizer(text)["input_ids"], old_tokenizer(text)["input_ids"]
        if max(now) < did.n_before:
            # The one exception of WordPiece: a first half that is taken, and a rest that nothing fits.
            assert now == before or (kind == "wordpiece" and now.count(3) > before.count(3))


@given(text=free_text)
@settings(max_examples=300, deadline=None)
def test_new_merges_only_join(before_and_after: dict, text: str) -> None:
    for kind in ("bpe", "byte-bpe"):
        old_tokenizer, _, encoder, _ = before_and_after[kind, "min"]
        before, now = old_tokenizer.tokenize(text), encoder.tokenizer.tokenize(text)
        assert len(now) <= len(before)
        if "<unk>" not in before:
            assert boundaries(now) <= boundaries(before)
            assert "".join(now) == "".join(before)


@pytest.mark.parametrize("kind", ["bpe", "byte-bpe"])
@pytest.mark.parametrize("how", HOWS)
def test_each_new_piece_is_read_by_the_merges(before_and_after: dict, kind: str, how: str) -> None:
    old_tokenizer, _, encoder, did = before_and_after[kind, how]
    model = own_model(encoder.tokenizer)
    old = own_model(old_tokenizer)
    assert model["merges"][: len(old["merges"])] == old["merges"]
    assert not {"".join(merge) for merge in model["merges"][len(old["merges"]) :]} & set(old_tokenizer.get_vocab())
    for piece in encoder.tokenizer.convert_ids_to_tokens(range(did.n_before, did.n_before + did.n_added)):
        assert [token.value for token in encoder.tokenizer.backend_tokenizer.model.tokenize(piece)] == [piece]


@given(text=words)
@settings(max_examples=60, deadline=None)
def test_byte_pairs_read_as_defined(before_and_after: dict, text: str) -> None:
    encoder = before_and_after["bpe", "mean"][2]
    model = own_model(encoder.tokenizer)
    if all(char in model["vocab"] for char in text):
        read = [token.value for token in encoder.tokenizer.backend_tokenizer.model.tokenize(text)]
        assert read == slow_bpe(model["merges"], text)


@given(text=words)
@settings(max_examples=200, deadline=None)
def test_unigram_takes_the_best_path(before_and_after: dict, text: str) -> None:
    for how in HOWS:
        old_tokenizer, _, encoder, _ = before_and_after["unigram", how]
        old, vocabulary = (dict(own_model(t)["vocab"]) for t in (old_tokenizer, encoder.tokenizer))
        assert min(old.values()) == min(vocabulary.values())  # which an unknown character's cost hangs on
        if not all(char in vocabulary for char in text):
            continue
        tokens = [token.value for token in encoder.tokenizer.backend_tokenizer.model.tokenize(text)]
        best = viterbi_score(vocabulary, text)
        assert sum(vocabulary[token] for token in tokens) == pytest.approx(best, abs=1e-9)  # float64 sums
        assert best >= viterbi_score(old, text) - 1e-9


@pytest.mark.parametrize("kind", KINDS)
def test_other_scripts_are_cut_as_before_and_romanised_text_is_shorter(before_and_after: dict, kind: str) -> None:
    old_tokenizer, _, encoder, _ = before_and_after[kind, "mean"]
    assert encoder.tokenizer(OTHER_SCRIPTS)["input_ids"] == old_tokenizer(OTHER_SCRIPTS)["input_ids"]
    for line in ROMANISE(OTHER_SCRIPTS):
        assert len(encoder.tokenizer.tokenize(line)) < len(old_tokenizer.tokenize(line))


# --- byte pairs ----------------------------------------------------------------------------------------------------


def test_helpers_start_from_what_was_read_before() -> None:
    """No Latin letter is known: `sh` is a piece of ש, `o` and `m` become helpers, all of them were `<unk>`."""
    tokenizer = Tokenizer(
        models.BPE({piece: i for i, piece in enumerate([*SPECIALS, "ש", "מ", "שמ", "<mask>"])}, [("ש", "מ")])
    )
    tokenizer.model.unk_token = "<unk>"
    encoder = Encoder(FAMILIES["xlmr"](8), wrapped(tokenizer), name="small", max_len=64)
    romanised = {"ש": "s", "מ": "s", "שמ": "som"}
    did = extend_vocabulary(encoder, lambda texts: [romanised.get(text, text) for text in texts])
    assert (did.n_added, did.n_helpers, did.n_sources) == (2, 3, 3)
    assert encoder.tokenizer.convert_ids_to_tokens(list(range(8, 13))) == ["s", "som", "o", "m", "so"]
    table = token_embeddings(encoder.model)
    assert torch.equal(table[8], (table[4] + table[5]) / 2)
    assert torch.equal(table[9], table[6])
    assert torch.equal(table[10], table[3])
    assert torch.equal(table[11], table[3])
    assert torch.allclose(table[12], table[3], atol=1e-7)  # the mean of two equal rows
    assert encoder.tokenizer.tokenize("som so mos") == ["som", "<unk>", "so", "<unk>", "m", "o", "s"]


def test_dropout_of_merges_does_not_disturb() -> None:
    plain, dropping = make_encoder("bpe"), make_encoder("bpe")
    dropping.tokenizer.backend_tokenizer.model.dropout = 0.9
    for encoder in (plain, dropping):
        extend_vocabulary(encoder, ROMANISE)
    now, expected = own_model(dropping.tokenizer), own_model(plain.tokenizer)
    assert now.pop("dropout") == pytest.approx(0.9)
    assert expected.pop("dropout") is None
    assert now == expected


def test_a_piece_that_only_an_old_one_could_build_is_refused() -> None:
    builder = MergeBuilder({"a", "b", "c", "ab", "bc"}, {"abc"}, list)
    assert not builder.add("abc")
    assert not builder.merges
    assert not builder.helpers
    assert builder.add("cba")
    assert builder.merges == [("c", "b"), ("cb", "a")]
    # Too many parts to plan for: the first merge is made, then taken back.
    builder = MergeBuilder({"a", "aaaa"}, {"a" * 30}, list)
    assert not builder.add("a" * 30)
    assert not builder.merges
    assert builder.add("aa")
    assert builder.helpers == ["aa"]


@given(
    old_merges=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=8),
    wanted=st.lists(st.text("abcx", min_size=1, max_size=9), min_size=1, max_size=12, unique=True),
)
@settings(max_examples=300, deadline=None)
def test_merges_for_free_pieces(old_merges: list[tuple[int, int]], wanted: list[str]) -> None:
    """Whatever the old merges: an accepted piece is read as one; old readings are only joined."""
    old, merges = list("abc"), []
    for left, right in old_merges:
        pair = old[left % len(old)], old[right % len(old)]
        if "".join(pair) not in old:
            old.append("".join(pair))
            merges.append(pair)
    wanted = [piece for piece in wanted if piece not in old]
    builder = MergeBuilder(set(old), set(wanted), lambda text: slow_bpe(merges, text))
    accepted = [piece for piece in wanted if builder.add(piece)]
    now = [*merges, *builder.merges]
    assert not {"".join(pair) for pair in builder.merges} & set(old)
    assert not set(builder.helpers) & set(wanted)
    assert len(set(builder.helpers)) == len(builder.helpers)
    made = {*old, *accepted, *builder.helpers}
    assert all({left, right, left + right} <= made for left, right in builder.merges)
    for piece in accepted:
        assert slow_bpe(now, piece) == [piece]
    for piece in wanted:
        assert boundaries(slow_bpe(now, piece)) <= boundaries(slow_bpe(merges, piece))


def test_helpers_are_few() -> None:
    """Two parts are joined to what is wanted anyway, not by another helper."""
    builder = MergeBuilder(set("abcd"), {"abcd", "cd"}, list)
    assert builder.add("abcd")
    assert builder.merges == [("a", "b"), ("c", "d"), ("ab", "cd")]
    assert builder.helpers == ["ab"]


def test_a_piece_of_many_parts() -> None:
    builder = MergeBuilder(set("ab"), {"ab" * 40}, list)
    assert builder.add("ab" * 40)
    assert slow_bpe(builder.merges, "ab" * 40) == ["ab" * 40]


# --- the model -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", thinned(FAMILIES, 4))
@pytest.mark.parametrize("how", ["min", "mean"])
def test_scores_of_the_head_follow_from_the_sources(family: str, how: str) -> None:
    """The head is linear in its rows: a new piece scores as its source does, or the mean of what its sources score."""
    encoder = make_encoder("wordpiece", family=family, n_pieces=500)
    old_tokenizer, old_model = copy.deepcopy(encoder.tokenizer), copy.deepcopy(encoder.model)
    did = extend_vocabulary(encoder, ROMANISE, how)
    model = encoder.model
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert model.get_input_embeddings().padding_idx == old_model.get_input_embeddings().padding_idx
    assert model.config.vocab_size == model.get_output_embeddings().out_features == did.n_after
    assert {name for name, _ in model.named_parameters()} == {name for name, _ in old_model.named_parameters()}
    ids = torch.tensor([old_tokenizer("кошка the cat")["input_ids"]])
    with torch.no_grad():
        before, now = old_model(input_ids=ids).logits[0], model(input_ids=ids).logits[0]
    assert torch.allclose(now[:, : did.n_before], before, atol=1e-5)  # another shape of the product, float32
    for piece, its in romanised_pieces(old_tokenizer, "wordpiece").items():
        expected = before[:, its].mean(1) if how == "mean" else before[:, max(its)]
        assert torch.allclose(now[:, encoder.tokenizer.convert_tokens_to_ids(piece)], expected, atol=1e-5)


def test_an_untied_head_gets_rows_of_its_own() -> None:
    encoder = make_encoder("unigram")
    model = XLMRobertaForMaskedLM(
        XLMRobertaConfig(vocab_size=len(encoder.tokenizer), tie_word_embeddings=False, **SHAPE)
    )
    encoder = Encoder(model, encoder.tokenizer, name="untied", max_len=64)
    old_tokenizer, head = copy.deepcopy(encoder.tokenizer), model.get_output_embeddings().weight.detach().clone()
    extend_vocabulary(encoder, ROMANISE)
    assert model.get_output_embeddings().weight is not model.get_input_embeddings().weight
    for piece, ids in romanised_pieces(old_tokenizer, "unigram").items():
        row = model.get_output_embeddings().weight[encoder.tokenizer.convert_tokens_to_ids(piece)]
        assert torch.allclose(row, head[ids].mean(0), atol=1e-6)  # float32


def test_spare_rows_are_used_first() -> None:
    spacious = make_encoder("unigram", spare=2000)
    exact = copy.deepcopy(spacious)
    exact.model.resize_token_embeddings(len(exact.tokenizer))
    did = extend_vocabulary(spacious, ROMANISE)
    assert extend_vocabulary(exact, ROMANISE) == did
    grown = token_embeddings(spacious.model)
    assert len(grown) == did.n_before + 2000 == spacious.model.config.vocab_size
    assert torch.equal(grown[: did.n_after], token_embeddings(exact.model))


def test_half_precision_frozen_weights_and_a_model_without_head() -> None:
    encoder = make_encoder("unigram")
    config = encoder.model.config
    assert isinstance(config, XLMRobertaConfig)
    bare = XLMRobertaModel(config).to(torch.bfloat16).requires_grad_(False)
    encoder = Encoder(bare, encoder.tokenizer, name="bare", max_len=64)
    old_tokenizer, table = copy.deepcopy(encoder.tokenizer), bare.get_input_embeddings().weight.clone()
    extend_vocabulary(encoder, ROMANISE)
    grown = bare.get_input_embeddings().weight
    assert grown.dtype == torch.bfloat16
    assert not grown.requires_grad
    for piece, ids in romanised_pieces(old_tokenizer, "unigram").items():
        row = grown[encoder.tokenizer.convert_tokens_to_ids(piece)].float()
        exact = table[ids].double().mean(0)
        assert (row - exact).abs().le(exact.abs() * 2**-8 + 1e-9).all()  # one rounding to bfloat16


def test_nothing_random_is_left_or_taken() -> None:
    tables = []
    for seed in (1, 2):
        encoder = make_encoder("bpe")
        torch.manual_seed(seed)
        state = torch.get_rng_state()
        extend_vocabulary(encoder, ROMANISE)
        assert torch.equal(torch.get_rng_state(), state)
        tables.append(token_embeddings(encoder.model))
    assert torch.equal(*tables)


# --- on disk -------------------------------------------------------------------------------------------------------


def same_after_loading(encoder: Encoder, folder: Path) -> None:
    texts = [*TEXTS, *ROMANISE(TEXTS), "zzyzx <mask> ¿unknown ☃", ""]
    encoder.save(folder)
    loaded = load_encoder(str(folder), max_len=encoder.max_len)
    assert type(loaded.tokenizer) is type(encoder.tokenizer)
    assert loaded.tokenizer.get_vocab() == encoder.tokenizer.get_vocab()
    plain, masked = AutoTokenizer.from_pretrained(folder), AutoModelForMaskedLM.from_pretrained(folder).eval()
    assert plain is not None
    for tokenizer in (loaded.tokenizer, plain):
        assert tokenizer(texts)["input_ids"] == encoder.tokenizer(texts)["input_ids"]
        assert own_model(tokenizer) == own_model(encoder.tokenizer)
    encoder.eval()
    batch = encoder.batch(texts)
    with torch.no_grad():
        for ours, theirs in zip(encoder(batch.ids, batch.real), loaded(batch.ids, batch.real), strict=True):
            assert torch.equal(ours, theirs)
        scores = [m(input_ids=batch.ids, attention_mask=batch.real.long()).logits for m in (encoder.model, masked)]
        assert torch.equal(*scores)
    assert masked.get_output_embeddings().weight is masked.get_input_embeddings().weight


@pytest.mark.parametrize("kind", thinned(KINDS, 4))
def test_round_trip(tmp_path: Path, kind: str) -> None:
    encoder = make_encoder(kind)
    extend_vocabulary(encoder, ROMANISE)
    same_after_loading(encoder, tmp_path)


@pytest.mark.parametrize("family", thinned(["xlmr", "roberta", "bert"], 3))
def test_round_trip_of_a_familys_own_tokenizer(tmp_path: Path, family: str) -> None:
    """These classes build themselves anew from the pieces in the folder, and ignore much of the rest."""
    kind = {"xlmr": "unigram", "roberta": "byte-bpe", "bert": "wordpiece"}[family]
    vocabulary = own_model(wrapped(trained(kind, 600)))
    names: dict[str, Any] = {"cls_token": "<s>", "sep_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    if family == "xlmr":
        tokenizer = XLMRobertaTokenizer(vocab=[*map(tuple, vocabulary["vocab"]), ("<mask>", 0.0)])
    elif family == "roberta":
        names["merges"] = [tuple(merge) for merge in vocabulary["merges"]]
        tokenizer = RobertaTokenizer(vocab=vocabulary["vocab"], **names)
    else:
        tokenizer = BertTokenizer(vocab=vocabulary["vocab"], do_lower_case=False, mask_token="<mask>", **names)
    tokenizer.add_tokens(["zzyzx"])
    encoder = Encoder(FAMILIES[family](len(tokenizer)), tokenizer, name=family, max_len=64)
    before = tokenizer(TEXTS)["input_ids"]
    did = extend_vocabulary(encoder, ROMANISE)
    assert did.n_added > 30
    assert encoder.tokenizer(OTHER_SCRIPTS)["input_ids"] == before[: len(OTHER_SCRIPTS)]
    same_after_loading(encoder, tmp_path)


def test_a_new_encoder_of_ours(tmp_path: Path) -> None:
    encoder = new_encoder(SHORT_TEXTS, ModelConfig(size="pico", pieces=150, max_len=24), seed=1)
    did = extend_vocabulary(encoder, ROMANISE)
    assert did.n_added > 5
    same_after_loading(encoder, tmp_path)


# --- what is refused -----------------------------------------------------------------------------------------------


def test_unknown_ways_and_wrong_romanisers_change_nothing() -> None:
    encoder = make_encoder("unigram")
    config, table = own_model(encoder.tokenizer), token_embeddings(encoder.model)
    with pytest.raises(EncoderError, match=r"model\.extend_vocabulary is 'sum'; choose one of max, min, mean\."):
        extend_vocabulary(encoder, ROMANISE, "sum")
    with pytest.raises(EncoderError, match=r"romanise gave 1 texts for \d+ pieces; it must give one for each\."):
        extend_vocabulary(encoder, lambda _: ["a"])
    assert own_model(encoder.tokenizer) == config
    assert token_embeddings(encoder.model) is table


def test_tokenizers_that_cannot_be_extended() -> None:
    config = CanineConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=40, max_position_embeddings=512,
        num_hash_functions=2, num_hash_buckets=512, local_transformer_stride=16,
    )  # fmt: skip
    canine = CanineModel(config)
    with pytest.raises(EncoderError, match=r"characters \(CanineTokenizer\) has no vocabulary of the tokenizers lib"):
        extend_vocabulary(Encoder(canine, CanineTokenizer(), name="characters"), ROMANISE)
    mixed = Encoder(canine, wrapped(trained("bpe", 300)), name="mixed")
    with pytest.raises(EncoderError, match=r"mixed \(CanineModel\) has no table of token embeddings"):
        extend_vocabulary(mixed, ROMANISE)
    words = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "a"]
    level = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    phonemes = Encoder(FAMILIES["roberta"](6), wrapped(level), name="phonemes", max_len=64)
    with pytest.raises(EncoderError, match=r"tokenizer of phonemes .* is of the kind WordLevel; only Unigram, BPE, W"):
        extend_vocabulary(phonemes, ROMANISE)
    suffixed = Tokenizer(models.BPE({**dict(zip(words, range(6), strict=True))}, [], end_of_word_suffix="</w>"))
    encoder = Encoder(FAMILIES["roberta"](6), wrapped(suffixed), name="suffixed", max_len=64)
    with pytest.raises(EncoderError, match="BPE tokenizer of suffixed marks the parts of a word in a way"):
        extend_vocabulary(encoder, ROMANISE)


# --- real text -----------------------------------------------------------------------------------------------------


@pytest.mark.data
@pytest.mark.slow
def test_real_text(data_folder: Path) -> None:
    """SIB-200: romanised text takes at least a tenth fewer pieces in each script; the laws hold for its words."""
    lines = {}
    for language in ("eng_Latn", "ell_Grek", "rus_Cyrl", "heb_Hebr", "hin_Deva", "kor_Hang", "amh_Ethi"):
        rows = (data_folder / "sib200" / language / "test.tsv").read_text(encoding="utf-8").split("\n")[1:101]
        lines[language] = [row.split("\t")[2] for row in rows]
    corpus = [line for its in lines.values() for line in its]
    for kind in ("unigram", "bpe"):
        tokenizer = Tokenizer(models.Unigram() if kind == "unigram" else models.BPE(unk_token="<unk>"))
        tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.NFKC(), pre_tokenizers.Metaspace()
        options: dict[str, Any] = {"vocab_size": 4000, "special_tokens": [*SPECIALS, "<mask>"], "show_progress": False}
        trainer = (
            trainers.UnigramTrainer(unk_token="<unk>", **options)
            if kind == "unigram"
            else trainers.BpeTrainer(**options)
        )
        tokenizer.train_from_iterator(corpus, trainer)
        before = wrapped(tokenizer)
        encoder = Encoder(FAMILIES["xlmr"](len(before)), copy.deepcopy(before), name=kind, max_len=64)
        did = extend_vocabulary(encoder, ROMANISE)
        for language, its in lines.items():
            romanised = ROMANISE(its)
            n_before, n_now = (sum(len(t.tokenize(line)) for line in romanised) for t in (before, encoder.tokenizer))
            assert n_now < (n_before if language == "eng_Latn" else 0.9 * n_before), (kind, language)
            for word in {word for line in its for word in line.split()}:
                now = encoder.tokenizer(word)["input_ids"]
                assert max(now) >= did.n_before or now == before(word)["input_ids"]
