"""Segments: panphon's and the library segments' own, and nothing lost when asked to keep everything."""

import sys
import unicodedata
import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.translit.epitran_oracle import feature_table

from xl_translit import TranslitError, read_lines, segment, unknown_segments
from xl_translit.phonemes import segmentation
from xl_translit.phonemes.epitran_maps import EpitranMap
from xl_translit.phonemes.segmentation import inventory

if TYPE_CHECKING:
    from segments import Tokenizer

IPA = st.text(st.sampled_from("abtdʃʒxŋ͡ʰːʼ̪͈̃ˈ˥˩ \u2009'#1") | st.characters(exclude_categories=["Cs"]), max_size=12)


@cache
def tokenizer() -> "Tokenizer":
    with warnings.catch_warnings(action="ignore"):
        from segments import Tokenizer
    return Tokenizer()


def test_the_inventory_is_panphons() -> None:
    assert inventory().keys() == feature_table().seg_dict.keys()


@given(IPA)
@settings(max_examples=500, deadline=None)
def test_segments_are_panphons(ipa: str) -> None:
    assert segment(ipa) == feature_table().ipa_segs(ipa)


@given(st.lists(st.deferred(lambda: st.sampled_from(sorted(feature_table().seg_dict))), max_size=6).map("".join))
def test_segments_in_any_order_are_panphons(ipa: str) -> None:
    assert segment(ipa) == feature_table().ipa_segs(ipa)


@given(IPA)
@settings(max_examples=500, deadline=None)
def test_kept_characters_are_all_there_in_order(ipa: str) -> None:
    kept = segment(ipa, unknown="keep")
    assert "".join(kept) == "".join(unicodedata.normalize("NFD", ipa).split())
    assert all(kept)


@given(IPA)
@settings(max_examples=300, deadline=None)
def test_unknown_characters_are_what_panphon_leaves_out(ipa: str) -> None:
    every = [piece for piece in feature_table().segs_safe(ipa) if not piece.isspace()]
    assert sum(unknown_segments(ipa).values()) == len(every) - len(feature_table().ipa_segs(ipa))


def test_an_unknown_mark_stays_with_its_segment() -> None:
    assert segment("t͈a") == ["t", "a"]  # the fortis consonants of Korean
    assert segment("t͈a", unknown="keep") == ["t͈", "a"]
    assert segment("͈a", unknown="keep") == ["͈", "a"]
    assert unknown_segments("t͈a!") == {"͈": 1, "!": 1}


@pytest.mark.parametrize("ipa", ["t͡ʃaj", "ˈθiŋ ə̀", "tʰaː˥˩", "ʰa", "", "a", "t͈a'", "helˈlo wɔɹld"])
def test_the_other_segmenter_is_the_library_segments(ipa: str) -> None:
    said = tokenizer()(ipa, ipa=True)
    assert segment(ipa, "segments") == [part for part in said.split(" ") if part and part != "#"]


@pytest.mark.parametrize("ipa", ["t͡", "ʰ", "͡", "ˈ", "ːː"])
def test_what_the_library_fails_at_is_kept(ipa: str) -> None:
    assert "".join(segment(ipa, "segments")) == ipa


def test_a_segmenter_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "segments", None)
    segmentation._tokenizer.cache_clear()
    with pytest.raises(TranslitError, match=r"pip install 'xl-translit\[segments\]', or take panphon"):
        segment("never\u02b0seen", "segments")


def test_an_unknown_segmenter_is_refused() -> None:
    with pytest.raises(TranslitError, match="'letters' is not known; it can be: panphon, segments"):
        segment("a", "letters")  # ty: ignore[invalid-argument-type]


@pytest.mark.data
def test_words_of_real_texts(data_folder: Path) -> None:
    for code, name in (("kor-Hang", "kor"), ("hin-Deva", "hin"), ("fra-Latn", "fra"), ("tur-Latn", "tur")):
        lines = read_lines(data_folder / "tatoeba" / f"tatoeba.{name}-eng.{name}")
        for ipa in EpitranMap(code).words(sorted({word for line in lines for word in line.split()}))[::3]:
            assert segment(ipa) == feature_table().ipa_segs(ipa)
            said = tokenizer()(ipa, ipa=True).split(" ")
            assert segment(ipa, "segments") == said
