"""Mixed-language pairs against a plain loop over the items; wrong joins are refused."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_tasks import TaskError, cell_means, mixed_pairs
from xl_tasks.examples import Examples, TextExample

CODES = ["eng_Latn", "kor_Hang", "tur_Latn"]


def examples(content, split="test"):
    """language -> key -> label, with texts that say language and key."""
    return Examples(
        name="made",
        kind="classification",
        labels=("0", "1"),
        by_language={
            code: {
                split: tuple(
                    TextExample(key=key, first=f"{code} a{key}", second=f"{code} b{key}", label=label)
                    for key, label in items.items()
                )
            }
            for code, items in content.items()
        },
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_equals_a_plain_loop(seed):
    rng = np.random.default_rng(seed)
    gold = {str(i): str(rng.integers(2)) for i in range(60)}
    content = {}
    for code in CODES:
        order = rng.permutation(60)[: rng.integers(40, 61)]
        content[code] = {str(i): gold[str(i)] for i in order}
        if code != CODES[0]:  # a wrong label
            key = str(order[0])
            content[code][key] = str(1 - int(gold[key]))
    mixed = mixed_pairs(examples(content), "test", ["en", "Korean", "tr"])
    wanted = [
        key
        for key in content["eng_Latn"]
        if all(key in items and items[key] == content["eng_Latn"][key] for items in content.values())
    ]
    assert list(mixed) == list(itertools.product(CODES, CODES))
    assert len(mixed) == 9
    for (one, other), cell in mixed.items():
        assert [
            (e.key, e.first, e.second, e.label, e.second_language) for e in cell
        ] == [
            (key, f"{one} a{key}", f"{other} b{key}", gold[key], "" if one == other else other) for key in wanted
        ]  # fmt: skip
    everything = set().union(*content.values())
    assert mixed.coverage == len(wanted) / len(everything)
    assert mixed.missing == {code: len(everything - set(content[code])) for code in CODES}
    shared = set.intersection(*map(set, content.values()))
    # Each key has at most one language with another label, unless the two that have one share it.
    assert sum(mixed.differing.values()) >= len(shared) - len(wanted)
    assert len(mixed.dropped) == sum(n > 0 for counts in (mixed.missing, mixed.differing) for n in counts.values())


def test_what_was_dropped_is_said():
    gold = dict.fromkeys(map(str, range(20)), "1")
    other = {**gold, "3": "0"}
    del other["5"]
    mixed = mixed_pairs(examples({"eng_Latn": gold, "kor_Hang": other, "tur_Latn": gold}), "test")
    assert mixed.dropped == (
        "made test kor_Hang: 1 of 20 items are out: the language lacks them.",
        "made test kor_Hang: 1 of 20 items are out: its label is not that of the others.",
    )
    assert len(mixed["tur_Latn", "kor_Hang"]) == 18
    assert {len(cell) for cell in mixed.values()} == {18}
    with pytest.raises(KeyError):
        mixed["tur_Latn", "fra_Latn"]


@pytest.mark.slow
def test_cells_are_built_on_demand():
    big = {code: dict.fromkeys(map(str, range(5010)), "1") for code in (f"l{i:02}_Latn" for i in range(15))}
    mixed = mixed_pairs(examples(big), "test")
    assert len(mixed) == 225
    one = mixed["l00_Latn", "l01_Latn"]
    assert len(one) == 5010
    assert mixed["l00_Latn", "l01_Latn"] is not one


def test_files_that_are_not_parallel_are_refused():
    labels = ["0", "1"] * 10
    straight = {str(i): label for i, label in enumerate(labels)}
    shifted = {str(i + 1): label for i, label in enumerate(labels)}
    with pytest.raises(TaskError, match=r"made test: eng_Latn and tur_Latn disagree on 19 of 19 labels"):
        mixed_pairs(examples({"eng_Latn": straight, "tur_Latn": shifted}), "test")
    # Two of twenty is what releases have.
    noisy = {**straight, "0": "1", "2": "1"}
    assert len(mixed_pairs(examples({"eng_Latn": straight, "tur_Latn": noisy}), "test").item_keys) == 18


def test_bad_input():
    data = examples({"eng_Latn": {"1": "0"}, "tur_Latn": {"2": "0"}})
    with pytest.raises(TaskError, match="no item with one label in all of eng_Latn, tur_Latn"):
        mixed_pairs(data, "test")
    with pytest.raises(TaskError, match="need the test sets of two languages; given eng_Latn"):
        mixed_pairs(data, "test", ["en"])
    with pytest.raises(TaskError, match="need the dev sets of two languages; given none"):
        mixed_pairs(data, "dev")
    with pytest.raises(TaskError, match="tur_Latn has no dev examples"):
        mixed_pairs(data, "dev", ["tr", "en"])
    with pytest.raises(TaskError, match="unknown language 'kor_Hang'"):
        mixed_pairs(data, "test", ["ko", "en"])
    single = Examples(
        name="one",
        kind="classification",
        by_language={code: {"test": (TextExample(key="1", first="x", label="a"),)} for code in CODES},
    )
    with pytest.raises(TaskError, match="item '1' of eng_Latn is no pair of texts"):
        mixed_pairs(single, "test")


def test_means():
    rng = np.random.default_rng(0)
    table = rng.random((4, 4))
    names = list("abcd")
    means = cell_means({(a, b): table[i, j] for i, a in enumerate(names) for j, b in enumerate(names)})
    assert means.diagonal == pytest.approx(np.trace(table) / 4)
    assert means.off_diagonal == pytest.approx((table.sum() - np.trace(table)) / 12)
    assert list(means.by_first.values()) == pytest.approx([sum(row) / 4 for row in table])
    assert means.by_second["c"] == pytest.approx(sum(row[2] for row in table) / 4)
    for cells in ({}, {("a", "a"): 1.0}, {("a", "a"): 1.0, ("a", "b"): 1.0, ("b", "b"): 1.0}):
        with pytest.raises(TaskError, match="means need each ordered pair of at least two"):
            cell_means(cells)
