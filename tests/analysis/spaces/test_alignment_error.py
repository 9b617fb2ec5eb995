"""AER against its definition counted link by link, and gold links as files hold them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xl_analysis import AnalysisError, GoldLinks, alignment_scores, parse_gold

links = st.frozensets(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=8)


@given(st.lists(st.tuples(links, links, links), min_size=1, max_size=5))
def test_scores_are_counted_link_by_link(pairs: list[tuple[frozenset, frozenset, frozenset]]) -> None:
    a = s = in_s = in_p = 0
    for found, sure, more in pairs:
        for link in found:
            a += 1
            in_s += link in sure
            in_p += link in sure or link in more
        s += len(sure)
    gold = [GoldLinks(sure, sure | more) for _, sure, more in pairs]
    if not s:
        with pytest.raises(AnalysisError, match="hold no sure one"):
            alignment_scores([found for found, _, _ in pairs], gold)
        return
    scores = alignment_scores([found for found, _, _ in pairs], gold)
    assert scores.aer == pytest.approx(1 - (in_s + in_p) / (a + s))
    assert scores.recall == pytest.approx(in_s / s)
    assert scores.precision == pytest.approx(in_p / a if a else 0)
    assert (scores.n_links, scores.n_sure) == (a, s)
    if all(sure >= more for _, sure, more in pairs):
        assert scores.aer == pytest.approx(1 - scores.f1)


def test_gold_tells_sure_from_possible() -> None:
    (one, none) = parse_gold(["0-0 1?2 1p1 0-0\r\n", ""], lens=[(2, 3), (1, 1)])
    assert one == GoldLinks(frozenset({(0, 0)}), frozenset({(0, 0), (1, 2), (1, 1)}))
    assert none == GoldLinks(frozenset(), frozenset())


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["0-0", "0-2"], "gold.txt:2: 0-2 is out of range, the sentences have 2 and 2 words, counted from 0"),
        (["2?0", ""], "gold.txt:1: 2[?]0 is out of range"),
        (["0-0", "1:1"], "gold.txt:2: '1:1' is no link"),
        (["0-0"], "gold.txt has 1 lines for 2 sentence pairs"),
        (["0-0", "", ""], "gold.txt:3: there are only 2 sentence pairs"),
    ],
)
def test_gold_that_does_not_fit_is_refused_with_its_line(lines: list[str], told: str) -> None:
    with pytest.raises(AnalysisError, match=told):
        list(parse_gold(lines, lens=[(2, 2), (2, 2)], name="gold.txt"))


def test_links_and_gold_are_of_the_same_pairs() -> None:
    with pytest.raises(AnalysisError, match="1 sentence pairs are linked, 2 have gold"):
        alignment_scores([[(0, 0)]], [GoldLinks(frozenset(), frozenset())] * 2)
