"""Symmetrized links: the published pseudo-code, written down word by word, and what must hold of any input."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xl_objectives import ObjectiveError, symmetrize
from xl_objectives.symmetrization import SYMMETRIZATIONS

Links = set[tuple[int, int]]

# A small grid, so that links touch often.
links = st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=20)
HEURISTICS = ("grow-diag", "grow-diag-final", "grow-diag-final-and")


def pseudo_code(forward: Links, reverse: Links, method: str, size: int = 8) -> Links:
    """Koehn et al. 2005, section on symmetrization, with its loops over the whole grid."""
    neighboring = [(-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)]
    alignment = {point for point in forward if point in reverse}

    def aligned_row(e: int) -> bool:
        return any((e, f) in alignment for f in range(size))

    def aligned_column(f: int) -> bool:
        return any((e, f) in alignment for e in range(size))

    new = True
    while new:
        new = False
        for e in range(size):
            for f in range(size):
                if (e, f) in alignment:
                    for de, df in neighboring:
                        e_new, f_new = e + de, f + df
                        lone = not aligned_row(e_new) or not aligned_column(f_new)
                        if lone and (e_new, f_new) in forward | reverse:
                            alignment.add((e_new, f_new))
                            new = True
    if method == "grow-diag":
        return alignment
    for a in (forward, reverse):
        for e_new in range(size):
            for f_new in range(size):
                lone = [not aligned_row(e_new), not aligned_column(f_new)]
                wanted = all(lone) if method == "grow-diag-final-and" else any(lone)
                if wanted and (e_new, f_new) in a:
                    alignment.add((e_new, f_new))
    return alignment


@pytest.mark.parametrize("method", HEURISTICS)
@given(forward=links, reverse=links)
def test_heuristics_do_what_the_pseudo_code_does(method: str, forward: Links, reverse: Links) -> None:
    assert symmetrize(forward, reverse, method) == sorted(pseudo_code(forward, reverse, method))


@given(forward=links, reverse=links)
def test_each_heuristic_takes_what_the_one_before_it_does(forward: Links, reverse: Links) -> None:
    sets = {method: set(symmetrize(forward, reverse, method)) for method in SYMMETRIZATIONS}
    assert sets["intersection"] == forward & reverse
    assert sets["union"] == forward | reverse
    for last in ("grow-diag-final", "grow-diag-final-and"):
        for less, more in itertools.pairwise(("intersection", "grow-diag", last, "union")):
            assert sets[less] <= sets[more]
    for side in (0, 1):  # with "final" no word stays alone that any direction has a link for
        linked = {link[side] for link in sets["grow-diag-final"]}
        assert linked == {link[side] for link in forward | reverse}


@pytest.mark.parametrize("method", SYMMETRIZATIONS)
@given(same=links)
def test_two_directions_that_agree_are_left_alone(method: str, same: Links) -> None:
    assert symmetrize(same, same, method) == sorted(same)


def test_a_worked_example() -> None:
    """ "michael geht davon aus , dass er im haus bleibt", in the way of the example of Koehn 2010, figure 4.13."""
    english_to_german = {(0, 0), (1, 1), (2, 5), (3, 6), (5, 7), (6, 7), (7, 8), (4, 9)}
    german_to_english = {(0, 0), (1, 1), (1, 2), (1, 3), (2, 5), (3, 6), (5, 7), (7, 8), (4, 9)}
    common = english_to_german & german_to_english
    grown = common | {(1, 2), (1, 3), (6, 7)}  # each touches a link, and one of its words is alone
    assert symmetrize(english_to_german, german_to_english, "grow-diag") == sorted(grown)
    assert symmetrize(english_to_german, german_to_english, "grow-diag-final-and") == sorted(grown)
    far = {(9, 20)}  # nothing beside it: only "final" takes it, and "final-and" as both its words are alone
    assert symmetrize(english_to_german | far, german_to_english, "grow-diag") == sorted(grown)
    assert symmetrize(english_to_german | far, german_to_english, "grow-diag-final-and") == sorted(grown | far)
    half = {(9, 0)}  # one of its words has a partner
    assert symmetrize(english_to_german | half, german_to_english, "grow-diag-final-and") == sorted(grown)
    assert symmetrize(english_to_german | half, german_to_english, "grow-diag-final") == sorted(grown | half)


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ObjectiveError, match=r"symmetrization is 'gdfa'; choose one of intersection"):
        symmetrize([], [], "gdfa")
