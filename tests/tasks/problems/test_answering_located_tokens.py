"""Tokens and their places in the original text, whatever normalisation lies between."""

import unicodedata
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tasks.answering_tokenizers import ALL, TEXTS

from xl_tasks.problems.answering.located_tokens import locate_tokens
from xl_tasks.units.unit import Aligned, AsWritten

ALPHABET = sorted(set("".join(TEXTS)))


def located(kind, text):
    [found] = locate_tokens(ALL[kind](), [AsWritten().aligned(text, "")], [text])
    return found


def slices(kind, text):
    return [text[a:b] for a, b in located(kind, text).spans.tolist() if a < b]


@cache
def drops(kind, char):
    """Whether the tokenizer gives a character by itself no token."""
    return not ALL[kind]()(char, add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize("kind", sorted(ALL))
@settings(max_examples=60, deadline=None)
@given(text=st.text(ALPHABET, max_size=25))
def test_laws_of_places(kind, text):
    tokenizer = ALL[kind]()
    found = located(kind, text)
    assert found.ids == tokenizer(text, add_special_tokens=False)["input_ids"]
    assert found.spans.shape == (len(found.ids), 2)
    starts, ends = found.spans[:, 0], found.spans[:, 1]
    assert ((starts >= 0) & (starts <= ends) & (ends <= len(text))).all()
    for start, end in found.spans.tolist():
        assert text[start:end] == text[start:end].strip()
    covered = {place for start, end in found.spans.tolist() for place in range(start, end)}
    # What has a token of its own is in a place of the text, the spaces apart.
    lost = {text[i] for i in range(len(text)) if i not in covered and not text[i].isspace()}
    assert all(drops(kind, char) or (kind == "bert" and _dropped_by_bert(char)) for char in lost)


def _dropped_by_bert(char):
    return unicodedata.category(char) in ("Cf", "Mn")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        pytest.param("the cafe\u0301 is", "cafe\u0301", id="mark joined by NFKC"),
        pytest.param("the café is", "café", id="accent of one character"),
        pytest.param("is ﬁne now", "ﬁne", id="ligature"),
        pytest.param("في وَلَدَ ok", "وَلَدَ", id="Arabic marks"),
        pytest.param("in 한국 ok", "한국", id="Hangul in letters"),
        pytest.param("a 👩\u200d🚀 ok", "👩\u200d🚀", id="joined emoji"),
        pytest.param("a 👍🏽 ok", "👍🏽", id="skin tone"),
        pytest.param("\ufeff x\ufeffy ok", "x\ufeffy", id="U+FEFF inside"),
        pytest.param("a हिन्दी ok", "हिन्दी", id="Devanagari"),
    ],
)
@pytest.mark.parametrize("kind", sorted(ALL))
def test_a_word_with_marks_is_whole(kind, text, answer):
    start = text.index(answer)
    spans = [(a, b) for a, b in located(kind, text).spans.tolist() if a < b and a < start + len(answer) and b > start]
    assert (min(a for a, _ in spans), max(b for _, b in spans)) == (start, start + len(answer))


@pytest.mark.parametrize("kind", ["letters", "canine"])
@settings(deadline=None)
@given(text=st.text(ALPHABET, max_size=25))
def test_readers_of_characters_have_each_in_its_place(kind, text):
    spans = located(kind, text).spans.tolist()
    assert [(a, b) for a, b in spans if a < b] == [(i, i + 1) for i, c in enumerate(text) if not c.isspace()]


def test_thai_is_cut_between_its_characters():
    text = "ราชวงศ์ฉินเป็นราชวงศ์แรก"
    for kind in ("xlmr", "letters", "canine"):
        assert "".join(slices(kind, text)) == text


def test_slow_tokenizers_give_the_place_of_a_word():
    found = located("words", " long\u3000words here")
    assert len(found.ids) == 6
    assert slices("words", " long\u3000words here") == ["long", "long", "words", "words", "here", "here"]


def doubled(text):
    """A unit that writes each letter twice, leaves out "x", and puts a dash in front of each word."""
    shown, starts, ends = "", [], []
    for i, char in enumerate(text):
        new = "" if char == "x" else char if char.isspace() else char * 2
        if not char.isspace() and (i == 0 or text[i - 1].isspace()):
            new = "-" + new
        shown += new
        starts += [i] * len(new)
        ends += [i + 1] * len(new)
    return Aligned(shown, np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64))


@pytest.mark.parametrize("kind", ["letters", "canine", "roberta"])
@settings(deadline=None)
@given(text=st.text("abx \u3000", max_size=12))
def test_places_go_through_the_input_unit(kind, text):
    unit = doubled(text)
    [found] = locate_tokens(ALL[kind](), [unit], [text])
    assert found.ids == ALL[kind]()(unit.text, add_special_tokens=False)["input_ids"]
    if kind != "roberta":
        behind = [(int(a), int(b)) for c, a, b in zip(*unit, strict=True) if not c.isspace()]
        assert [(a, b) for a, b in found.spans.tolist() if a < b] == behind


def test_nothing_in_nothing_out():
    assert locate_tokens(ALL["xlmr"](), [], []) == []
    [empty] = locate_tokens(ALL["xlmr"](), [AsWritten().aligned("", "")], [""])
    assert (empty.ids, empty.spans.shape) == ([], (0, 2))
    [gone] = locate_tokens(ALL["xlmr"](), [Aligned("", np.zeros(0, np.int64), np.zeros(0, np.int64))], ["abc"])
    assert gone.ids == []
