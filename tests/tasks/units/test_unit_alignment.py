"""Alignment of rewritten texts: made-up rewriters whose segments are known, and laws with the real ones."""

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_tasks.units.alignment import Aligner
from xl_tasks.units.phonemes import Phonemes
from xl_tasks.units.romanised import Romanised

LANGUAGES = ("tur_Latn", "ell_Grek", "arb_Arab", "zho_Hans", "tha_Thai", "hin_Deva", "kor_Hang", "rus_Cyrl")
LETTERS = "aé ışΓειά мир ёЪ مرحب شَ 你好三万。， กอเทฟำ नमस्ते कि 한국어 '-!()12\u200d\u0301\u00a0\u3000"


def pieces(aligned) -> list[tuple[str, int, int]]:
    """Runs of characters with one span."""
    found: list[list] = []
    for char, start, end in zip(aligned.text, aligned.starts.tolist(), aligned.ends.tolist(), strict=True):
        if found and found[-1][1:] == [start, end]:
            found[-1][0] += char
        else:
            found.append([char, start, end])
    return [tuple(piece) for piece in found]


def digraphs(texts):
    """σχ and μπ are read together, υ is silent."""
    table = {"σχ": "sh", "μπ": "b", "σ": "s", "χ": "kh", "μ": "m", "π": "p", "α": "a", "υ": ""}
    return [re.sub("σχ|μπ|[σχμπαυ]", lambda match: table[match[0]], text) for text in texts]


def test_segments_are_the_shortest_that_the_rewriter_treats_alone():
    aligned = Aligner(digraphs)("ασχα μπα σχ")
    assert aligned.text == "asha ba sh"
    assert pieces(aligned) == [
        ("a", 0, 1), ("sh", 1, 3), ("a", 3, 4), (" ", 4, 5), ("b", 5, 7), ("a", 7, 8), (" ", 8, 9), ("sh", 9, 11)
    ]  # fmt: skip
    assert aligned.starts.dtype == aligned.ends.dtype == np.int64


def test_what_gives_nothing_belongs_to_its_neighbour_or_to_nobody():
    # A silent letter inside a word is covered; a word of silent letters alone is dropped.
    aligned = Aligner(digraphs)("αυμ υυ υα")
    assert aligned.text == "am  a"
    covered = {i for start, end in zip(aligned.starts, aligned.ends, strict=True) for i in range(start, end)}
    assert covered == {0, 1, 2, 3, 6, 7, 8}


def test_a_rule_that_looks_across_a_space_keeps_the_text_of_the_whole():
    def full_stops(texts):  # as Uroman writes 。, with a space behind it unless one is there
        return [text.replace("。 ", ". ").replace("。", ". ") for text in texts]

    aligned = Aligner(full_stops)("a。 b。c")
    assert aligned.text == "a. b. c"
    assert pieces(aligned) == [("a", 0, 1), (". ", 1, 3), ("b", 3, 4), (". ", 4, 5), ("c", 5, 6)]


def test_cuts_that_exclude_each_other_are_not_taken_together():
    # Pairs of equal letters may not be parted further than once: length is written as a number.
    def lengths(texts):
        return [str(len(text)) if len(text) != 3 else "12" for text in texts]

    # 3 letters give "12": 1 + 2 is allowed, and so is nothing else.
    assert pieces(Aligner(lengths)("xyz")) == [("1", 0, 1), ("2", 1, 3)]


def test_long_words_are_halved_to_the_same_segments():
    spans = [(start, end) for _, start, end in pieces(Aligner(digraphs)("ασχμπ" * 40))]
    assert spans == [(5 * k + start, 5 * k + end) for k in range(40) for start, end in ((0, 1), (1, 3), (3, 5))]


def test_phonemes_of_words_and_their_parts():
    aligned = Phonemes().aligned("Çay  güzel.", "tur")
    assert aligned.text == "t ʃ a j ▁ ɡ y z e l ▁ ."
    spans = pieces(aligned)
    assert ("t ʃ", 0, 1) in spans  # an affricate is one letter
    assert (" ▁ ", 3, 5) in spans  # the two spaces
    assert (" ▁ ", 10, 10) in spans  # nothing stands before the full stop
    assert spans[-1] == (".", 10, 11)


def check(unit, text, language):
    aligned = unit.aligned(text, language)
    assert aligned.text == unit.texts([text], language)[0]
    assert len(aligned.starts) == len(aligned.ends) == len(aligned.text)
    assert (np.diff(aligned.starts) >= 0).all()
    assert (np.diff(aligned.ends) >= 0).all()
    assert (aligned.starts <= aligned.ends).all()
    assert not len(aligned.text) or (aligned.starts[0] >= 0 and aligned.ends[-1] <= len(text))
    covered = np.zeros(len(text), dtype=bool)
    for start, end in zip(aligned.starts, aligned.ends, strict=True):
        covered[start:end] = True
    # A word is covered as a whole, or dropped where nothing is left of it.
    for match in re.finditer(r"\S+", text):
        word = covered[match.start() : match.end()]
        assert word.all() or (not word.any() and not unit.texts([match[0]], language)[0].strip())
    return aligned, covered


def there_and_back(aligned, start, end):
    """The span of the original behind the characters that come from [start, end)."""
    found = np.flatnonzero((aligned.starts < end) & (aligned.ends > start))
    return int(aligned.starts[found[0]]), int(aligned.ends[found[-1]])


@given(st.text(LETTERS, max_size=20), st.sampled_from(LANGUAGES), st.data())
@settings(max_examples=150, deadline=None)
@pytest.mark.parametrize("unit", [Romanised(), Phonemes()], ids=["romanised", "phonemes"])
def test_spans_of_any_text_lead_there_and_back(unit, text, language, data):
    if unit.name == "phonemes" and language in ("ell_Grek", "zho_Hans"):
        language = "tur_Latn"
    aligned, covered = check(unit, text, language)
    if covered.any():
        places = np.flatnonzero(covered)
        start, last = sorted(data.draw(st.tuples(*[st.sampled_from(places.tolist())] * 2)))
        begin, end = there_and_back(aligned, start, last + 1)
        assert begin <= start
        assert end > last
        # At most one segment more on each side: what was added lies in the segments of the first and the last place.
        spans = list(zip(aligned.starts.tolist(), aligned.ends.tolist(), strict=True))
        assert begin == min(a for a, b in spans if a <= start < b)
        assert end == max(b for a, b in spans if a <= last < b)


@pytest.mark.data
@pytest.mark.parametrize("language", ["tr", "el", "ar", "zh", "th"])
def test_answers_of_xquad_lead_there_and_back(data_folder, language):
    text = (data_folder / "xquad" / f"xquad.{language}.json").read_text("utf-8")
    paragraphs = [p for article in json.loads(text)["data"] for p in article["paragraphs"]][:4]
    for paragraph in paragraphs:
        context = paragraph["context"]
        units = [Romanised()] if language in ("el", "zh") else [Romanised(), Phonemes()]
        for unit in units:
            aligned, covered = check(unit, context, language)
            for answer in [answer for qa in paragraph["qas"] for answer in qa["answers"]]:
                start, end = answer["answer_start"], answer["answer_start"] + len(answer["text"])
                assert covered[start]
                assert covered[end - 1]
                begin, stop = there_and_back(aligned, start, end)
                assert context[begin:stop].find(answer["text"]) >= 0
