"""Kinds of misses, against slow loops over the texts."""

import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_analysis import Surfaces, miss_kinds

ENGLISH = [
    "Einstein was born in 1879 in Germany.",
    "The river flooded 12 villages near Hanoi.",
    "It rained.",
    "The parliament of the region met for a very long session about the budget of the coming year.",
]
GERMAN = [
    "Einstein wurde 1879 in Deutschland geboren.",
    "Der Fluss überschwemmte 12 Dörfer bei Hanoi.",
    "Es regnete.",
    "Das Parlament der Region tagte sehr lange über den Haushalt des kommenden Jahres.",
]


def trigrams(text: str) -> set[str]:
    padded = f" {' '.join(text.lower().split())} "
    return {padded[i : i + 3] for i in range(len(padded) - 2)}


def share(a: set[str], b: set[str]) -> float:
    return len(a & b) / len(a | b) if a | b else 0.0


def slow(source: list[str], target: list[str]) -> dict[str, list[list[bool]]]:
    def words(text: str) -> set[str]:
        return set(re.findall(r"[a-zäöüß]{4,}", text.lower()))

    def kinds(i: int, j: int) -> dict[str, bool]:
        names = words(source[i]) & words(target[i])
        ratio = len(target[j]) / max(len(target[i]), 1e-9)
        return {
            "surface": share(trigrams(source[i]), trigrams(target[j]))
            > share(trigrams(source[i]), trigrams(target[i])),
            "shorter": ratio < 2 / 3,
            "longer": ratio > 3 / 2,
            "number": sorted(re.findall(r"\d+", target[i])) != sorted(re.findall(r"\d+", target[j])),
            "name": bool(names) and not names & words(target[j]),
        }

    n = len(source)
    every = [[kinds(i, j) for j in range(n)] for i in range(n)]
    return {name: [[cell[name] for cell in line] for line in every] for name in every[0][0]}


def check(source: list[str], target: list[str]) -> None:
    found = miss_kinds(Surfaces(source, source), Surfaces(target, target))
    for name, expected in slow(source, target).items():
        np.testing.assert_array_equal(found[name], expected, err_msg=name)


def test_against_a_loop() -> None:
    check(ENGLISH, GERMAN)
    found = miss_kinds(Surfaces(ENGLISH, ENGLISH), Surfaces(GERMAN, GERMAN))
    assert found["name"][0, 1]  # Einstein is not in it
    assert found["number"][0, 1]
    assert not found["name"][2, 0]  # "It rained." shares no name
    assert found["longer"][2, 0]
    assert found["shorter"][3, 2]


WORDS = st.sampled_from(["Berlin", "paris", "the", "12", "1999", "sein", "rain", "öl"])
TEXTS = st.lists(WORDS, min_size=1, max_size=6).map(" ".join)


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5))
def test_against_a_loop_on_any_texts(texts: list[tuple[str, str]]) -> None:
    check([a for a, _ in texts], [b for _, b in texts])


def test_numbers_are_alike_in_all_digits() -> None:
    arabic = Surfaces(["ولد عام ١٨٧٩", "غرق ١٢ قرية"], ["wld eam 1879", "ghrq 12 qrya"])
    assert arabic.numbers == [("1879",), ("12",)]


def test_topics() -> None:
    views = Surfaces(ENGLISH, ENGLISH)
    found = miss_kinds(views, views, ["science", "geography", "geography", "politics"])
    assert found["topic"].tolist() == [[i == j or {i, j} == {1, 2} for j in range(4)] for i in range(4)]
    assert "topic" not in miss_kinds(views, views)
