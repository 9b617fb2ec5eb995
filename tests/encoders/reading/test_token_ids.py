"""Ids that kitoken gives are those of the model's own tokenizer, on any text, or kitoken is not used."""

import copy
import os
import pickle
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import kitoken
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.encoders.vocabulary.unigram import unigram_encoder
from tokenizers import normalizers

from xl_encoders import Encoder, add_pieces
from xl_encoders.reading import token_ids as module
from xl_encoders.reading.token_ids import token_ids

ADDED = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
TEXTS = st.lists(
    st.sampled_from([" ", "  ", "the", "haus", "ı", "བོད", "中", "e\u0301", "ﬁ", "x" * 90])
    | st.sampled_from(["＜s＞", "\x10", "\u0eb8\u0eba", *ADDED])
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    max_size=12,
).map("".join)


@pytest.fixture(autouse=True)
def from_the_first_text_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MANY", 1)


def composing() -> Any:
    tokenizer: Any = unigram_encoder().tokenizer
    tokenizer.backend_tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace("ß", "ss")])
    return tokenizer


@pytest.fixture(scope="module")
def latin() -> Any:
    return composing()


def own(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    return [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]


def is_quick(tokenizer: Any) -> bool:
    return module._known[tokenizer].reader is not None


@settings(max_examples=200)
@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_any_text_has_the_ids_of_the_tokenizer(latin: Any, texts: list[str]) -> None:
    assert token_ids(latin, texts) == own(latin, texts)
    assert is_quick(latin)


@pytest.mark.slow
def test_order_is_kept_in_several_threads(latin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"the {'a' * (i % 23)} {i}" for i in range(300)]
    monkeypatch.setattr(module, "_BLOCK", 7)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        assert token_ids(latin, texts) == own(latin, texts)
    finally:
        torch.set_num_threads(before)


@pytest.mark.slow
def test_a_tokenizer_that_was_read_by_kitoken_can_be_sent_and_copied(latin: Any) -> None:
    token_ids(latin, ["the cat"])
    for other in (pickle.loads(pickle.dumps(latin)), copy.deepcopy(latin)):
        assert token_ids(other, ["the cat"]) == own(latin, ["the cat"])


@pytest.mark.slow
def test_new_pieces_are_read() -> None:
    encoder = unigram_encoder()
    encoder.tokenizer = composing()
    before = token_ids(encoder.tokenizer, ["བོད མི"])
    add_pieces(encoder, [("▁བོད", -3.0), ("▁མི", -3.0)], [None, None])
    assert token_ids(encoder.tokenizer, ["བོད མི"]) == own(encoder.tokenizer, ["བོད མི"]) != before
    assert is_quick(encoder.tokenizer)


@pytest.mark.slow
def test_a_library_of_other_tables_of_unicode_is_not_used(caplog: pytest.LogCaptureFixture) -> None:
    tokenizer: Any = unigram_encoder().tokenizer
    tokenizer.backend_tokenizer.normalizer = normalizers.NFKC()  # U+209D to U+209F are younger than one of the two
    assert token_ids(tokenizer, ["\u209d\u209e"]) == own(tokenizer, ["\u209d\u209e"])
    assert is_quick(tokenizer) or "otherwise than the tokenizer" in caplog.text


RIGHT = kitoken.Kitoken


class Stub:
    """A library that reads one text otherwise."""

    @classmethod
    def from_tokenizers(cls, definition: bytes) -> "Stub":
        stub = cls()
        stub.right = RIGHT.from_tokenizers(definition)
        return stub

    right: kitoken.Kitoken

    def encode_all(self, texts: list[str]) -> list[list[int]]:
        rows = self.right.encode_all(texts)
        return [[*row, 5] if text == "a white house" else row for text, row in zip(texts, rows, strict=True)]


def test_a_library_that_differs_on_a_real_text_is_not_used_and_named_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(kitoken, "Kitoken", Stub)
    tokenizer = composing()
    for _ in range(2):
        assert token_ids(tokenizer, ["the cat", "a white house"]) == own(tokenizer, ["the cat", "a white house"])
    assert not is_quick(tokenizer)
    [message] = [record.getMessage() for record in caplog.records]
    assert message.startswith("kitoken reads 1 of ")


def test_a_definition_that_the_library_cannot_read(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(definition: bytes) -> None:
        raise ValueError("no such thing")

    monkeypatch.setattr(kitoken, "Kitoken", type("Kitoken", (), {"from_tokenizers": staticmethod(refuse)}))
    tokenizer = composing()
    assert token_ids(tokenizer, ["the cat"]) == own(tokenizer, ["the cat"])
    assert "(no such thing)" in caplog.text


def test_nothing_is_said_where_it_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "kitoken", None)
    tokenizer = composing()
    assert token_ids(tokenizer, ["the cat"]) == own(tokenizer, ["the cat"])
    assert not is_quick(tokenizer)
    assert not caplog.records


def test_few_texts_are_not_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MANY", 3)
    tokenizer = composing()
    token_ids(tokenizer, ["the", "cat"])
    assert not is_quick(tokenizer)
    token_ids(tokenizer, ["sits"])
    assert is_quick(tokenizer)


@pytest.mark.slow
def test_a_normalised_added_token_is_left_to_the_tokenizer() -> None:
    tokenizer = composing()
    tokenizer.add_tokens(["Haus"])  # found in ＨＡＵＳ or so, after normalisation
    assert token_ids(tokenizer, ["Haus"]) == own(tokenizer, ["Haus"])
    assert not is_quick(tokenizer)


@pytest.mark.parametrize("family", ["xlmr", "bert"])
def test_other_kinds_of_tokenizers_read_for_themselves(family: str, request: pytest.FixtureRequest) -> None:
    tokenizer = request.getfixturevalue(family).tokenizer
    assert token_ids(tokenizer, ["the white cat"]) == own(tokenizer, ["the white cat"])
    assert tokenizer not in module._known


def test_no_texts(latin: Any) -> None:
    assert token_ids(latin, []) == []


def real_texts() -> Iterator[str]:
    data = Path(os.environ["XL_DATA"])
    files = [*data.glob("tatoeba/tatoeba.*"), *data.glob("sib200/*/*.tsv"), *data.glob("uroman/**/*.txt")]
    for path in sorted(files):
        yield from path.read_text(encoding="utf-8", errors="replace").split("\n")


@pytest.mark.data
def test_real_texts_of_all_scripts_with_the_tokenizer_of_xlm_r(pretrained: Encoder) -> None:
    texts = sorted(set(real_texts()))
    tokenizer = pretrained.tokenizer
    found = token_ids(tokenizer, texts)
    assert is_quick(tokenizer)
    theirs: Any = tokenizer
    wanted = theirs(texts, add_special_tokens=False, verbose=False)["input_ids"]
    assert [text for text, one, other in zip(texts, found, wanted, strict=True) if one != other] == []
    assert len(texts) > 50_000
