"""Coverage on a tokenizer whose answers can be counted by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xl_analysis import AnalysisError, coverage_table, tokenizer_coverage


def letters(text: str) -> list[str]:
    """One piece a letter; everything but a to m is unknown."""
    return [char if "a" <= char <= "m" else "<unk>" for char in text if not char.isspace()]


def test_counts_by_hand():
    found = tokenizer_coverage({"eng_Latn": ["abc xyz abx", "abc"], "ell_Grek": ["αβγ a"]}, letters, "<unk>")
    english = found["eng_Latn"]
    assert (english.n_texts, english.n_words, english.n_chars, english.n_pieces) == (2, 4, 12, 12)
    assert english.known_words == 2 / 4
    assert english.known_chars == 8 / 12
    assert (english.pieces_per_word, english.pieces_per_char) == (3, 1)
    assert found["ell_Grek"].known_chars == 1 / 4
    assert english.pieces == {"a", "b", "c"}
    assert (english.unknown_pieces, found["ell_Grek"].unknown_pieces) == (4 / 12, 3 / 4)


@given(st.lists(st.text(alphabet="abcxyz \n\u3000", max_size=12), min_size=1).filter(lambda t: "".join(t).split()))
def test_a_plain_count_agrees(texts):
    found = tokenizer_coverage({"eng_Latn": texts}, letters, "<unk>")["eng_Latn"]
    words = [word for text in texts for word in text.split()]
    assert found.known_words == pytest.approx(sum(set(word) <= set("abcdefghijklm") for word in words) / len(words))
    chars = "".join(words)
    assert found.known_chars == pytest.approx(sum(char <= "m" for char in chars) / len(chars))
    assert found.n_pieces == len(chars)


def test_a_tokenizer_without_unknown_pieces_covers_all():
    found = tokenizer_coverage({"kor_Hang": ["한국 사람"]}, lambda text: list(text.encode().hex()), "")["kor_Hang"]
    assert (found.known_words, found.known_chars) == (1, 1)


def test_no_text():
    with pytest.raises(AnalysisError, match="heb_Hebr: no word in 2 texts"):
        tokenizer_coverage({"heb_Hebr": ["", " "]}, letters, "<unk>")


def test_the_table_sets_both_forms_side_by_side():
    rows = [
        {
            "task": "coverage",
            "metric": metric,
            "value": value,
            "source": "ell_Grek",
            "target": "ell_Grek",
            "unit": unit,
            "n": 7,
        }
        for metric, unit, value in (
            ("distinct_pieces", "subword", 12.0),
            ("distinct_pieces", "romanised", 5.0),
            ("unknown_pieces", "subword", 0.25),
            ("pieces_per_word", "romanised", 1.234),
        )
    ]
    table = coverage_table(rows)
    (line,) = table.body
    cells = dict(zip(table.header, line, strict=True))
    assert (cells["distinct orig"], cells["distinct rom"]) == ("12", "5")
    assert (cells["unknown % orig"], cells["unknown % rom"]) == ("25.0", "-")
    assert (cells["pieces/word rom"], cells["n"]) == ("1.23", "7")
    with pytest.raises(AnalysisError, match="no row of task 'coverage'"):
        coverage_table([{"task": "cka"}])
