"""Splits, training texts and fingerprints, against laws and splits computed by hand."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xl_tasks import ParallelTexts, TaskError, hold_out, training_texts

WORDS = st.text(min_size=1, max_size=3)
DATA = st.builds(
    lambda texts: ParallelTexts(name="some", texts=texts),
    st.dictionaries(st.sampled_from(["eng_Latn", "tur_Latn", "heb_Hebr"]), st.dictionaries(WORDS, WORDS), min_size=1),
)


def share(group: str) -> float:
    """The number in [0, 1) that decides, from the hexadecimal digest: 53 bits of SHA-256."""
    return (int(hashlib.sha256(group.encode()).hexdigest()[:16], 16) >> 11) * 2.0**-53


@given(DATA)
def test_every_key_gets_the_split_its_hash_says(data):
    splits = hold_out(data, test=0.3, dev=0.2)
    assert set(splits) == {key for texts in data.texts.values() for key in texts}
    for key, split in splits.items():
        expected = "test" if share(key) < 0.3 else "dev" if share(key) < 0.5 else "train"
        assert split == expected


def test_shares_are_met():
    data = ParallelTexts(name="some", texts={"eng_Latn": {f"k{i}": "x" for i in range(5000)}})
    found = list(hold_out(data).values())
    # Three standard deviations of a binomial share at n = 5000 are below 0.017.
    assert abs(found.count("test") / 5000 - 0.2) < 0.017
    assert abs(found.count("dev") / 5000 - 0.1) < 0.017


def test_the_data_sets_own_split_comes_first_and_groups_stay_together():
    keys = [f"{chapter:05}{verse:03}" for chapter in range(40) for verse in range(5)]
    texts = {"eng_Latn": dict.fromkeys(keys, "x")}
    splits = hold_out(ParallelTexts(name="some", texts=texts, groups={key: key[:5] for key in keys}))
    assert len({(key[:5], split) for key, split in splits.items()}) == 40
    assert set(splits.values()) == {"train", "dev", "test"}
    own = ParallelTexts(name="some", texts=texts, splits=dict.fromkeys(keys[:100], "dev"))
    assert {hold_out(own, test=0, dev=0)[key] for key in keys[:100]} == {"dev"}
    assert {hold_out(own, test=0, dev=0)[key] for key in keys[100:]} == {"train"}


def test_adding_a_language_moves_no_key():
    few = ParallelTexts(name="some", texts={"eng_Latn": {f"k{i}": "x" for i in range(50)}})
    more = ParallelTexts(name="some", texts={**few.texts, "tur_Latn": {f"k{i}": "y" for i in range(90)}})
    assert hold_out(few).items() <= hold_out(more).items()


@given(DATA)
def test_no_held_out_text_is_trained_on(data):
    splits = hold_out(data, test=0.3, dev=0.2)
    train = training_texts(data, splits)
    assert set(train) == set(data.languages)
    held = [text for texts in data.texts.values() for key, text in texts.items() if splits[key] != "train"]
    for language, texts in train.items():
        assert not set(texts) & set(held)
        assert len(texts) == len(set(texts))
        allowed = {text for key, text in data.texts[language].items() if splits[key] == "train"}
        assert set(texts) == allowed - set(held)


def test_training_texts_leave_out_what_another_language_holds_out():
    data = ParallelTexts(
        name="some",
        texts={"eng_Latn": {"a": "Malta", "b": "Rome", "c": "Rome"}, "tur_Latn": {"d": "Malta", "b": "Roma"}},
    )
    splits = {"a": "train", "b": "train", "c": "train", "d": "dev"}
    assert training_texts(data, splits) == {"eng_Latn": ["Rome"], "tur_Latn": ["Roma"]}


def test_bad_shares_and_splits():
    data = ParallelTexts(name="some", texts={"eng_Latn": {"a": "x"}})
    for test, dev in ((-0.1, 0), (0.9, 0.2), (float("nan"), 0)):
        with pytest.raises(TaskError, match="shares in"):
            hold_out(data, test=test, dev=dev)
    with pytest.raises(TaskError, match="'a' has split 'valid'; known: train, dev, test"):
        ParallelTexts(name="some", texts={"eng_Latn": {"a": "x"}}, splits={"a": "valid"})


@given(DATA)
def test_fingerprint_sees_content_and_not_order(data):
    turned = ParallelTexts(
        name="other",
        texts={language: dict(reversed(texts.items())) for language, texts in reversed(data.texts.items())},
    )
    assert turned.fingerprint == data.fingerprint
    assert len(data.fingerprint) == 64
    for language, texts in data.texts.items():
        for key in texts:
            changed = {**data.texts, language: {**texts, key: texts[key] + "x"}}
            assert ParallelTexts(name="some", texts=changed).fingerprint != data.fingerprint
    longer = ParallelTexts(name="some", texts={**data.texts, "ell_Grek": {}})
    assert longer.fingerprint != data.fingerprint


def test_restrict():
    data = ParallelTexts(
        name="some",
        texts={"eng_Latn": {"a": "x", "b": "y"}, "tur_Latn": {"a": "z"}, "heb_Hebr": {"c": "w"}},
        splits={"a": "test", "c": "dev"},
        groups={"b": "g", "c": "h"},
        pools={"a": "p", "c": "q"},
    )
    smaller = data.restrict(["Turkish", "en"])
    assert smaller.languages == ("eng_Latn", "tur_Latn")
    assert (smaller.splits, smaller.groups, smaller.pools) == ({"a": "test"}, {"b": "g"}, {"a": "p"})
    with pytest.raises(
        TaskError, match=r"some: unknown language 'tur_Arab'; did you mean 'tur_Latn'\? known: eng_Latn"
    ):
        data.restrict(["tur_Arab"])
    with pytest.raises(TaskError, match="unknown language 'klingonish'"):
        data.restrict(["klingonish"])
    with pytest.raises(TaskError, match="no language asked for"):
        data.restrict([])
