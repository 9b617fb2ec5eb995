"""Words by count, subsampling and negatives against closed forms and slow counts."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from xl_staticemb import StaticembError, choose_words, count_words
from xl_staticemb.x2static.negatives import NegativeSampler, keep_probability
from xl_staticemb.x2static.occurrences import draw_targets, find_words
from xl_staticemb.x2static.word_counts import WordReader, read_vocabulary, spaced_words, vocabulary_text


@given(st.text(alphabet="ab İß\u00a0\u2028\t\u3000'é", max_size=30))
def test_words_of_tokenised_text_are_those_of_split(text):
    spans = spaced_words(text)
    assert [text[a:b] for a, b in spans] == text.split()
    counts = count_words([text, text], WordReader(spaced_words, "none"))
    assert counts == {word: 2 * n for word, n in Counter(text.split()).items()}


@pytest.mark.parametrize(
    ("lower", "read", "keys"),
    [
        ("key", "İt IS ok", ["i̇t", "is", "ok"]),
        ("both", "i̇t is ok", ["i̇t", "is", "ok"]),
        ("none", "İt IS ok", ["İt", "IS", "ok"]),
    ],
)
def test_case_of_text_and_key(lower, read, keys):
    reader = WordReader(spaced_words, lower)
    text = reader.text("İt IS ok")
    assert text == read
    assert [key for key, _ in reader.words(text)] == keys
    assert [text[a:b].lower() for _, (a, b) in reader.words(text)] == [key.lower() for key in keys]


def test_what_holds_white_space_is_no_word():
    reader = WordReader(lambda text: [(0, 1), (0, 3), (1, 2), (1, 3), (2, 2)], "key")
    assert [key for key, _ in reader.words("a b")] == ["a"]


@given(
    st.dictionaries(st.text(alphabet="abc<>", min_size=1, max_size=4), st.integers(1, 40)),
    st.integers(1, 20),
    st.integers(1, 9),
)
def test_vocabulary_is_the_most_frequent_words(counts, min_count, max_words):
    wanted = sorted(
        (word for word, n in counts.items() if n >= min_count and word != "<a>"), key=lambda w: (-counts[w], w)
    )
    if not wanted:
        with pytest.raises(StaticembError, match=f"no word occurs {min_count} times" if counts else "holds no words"):
            choose_words(counts, min_count=min_count, leave_out=["<a>"])
        return
    found = choose_words(counts, min_count=min_count, max_words=max_words, leave_out=["<a>"])
    assert found.words == wanted[:max_words]
    assert found.counts.tolist() == [counts[word] for word in found.words]
    assert found.frequencies.sum() == pytest.approx(1)


def test_vocabulary_file_gives_it_back(tmp_path):
    vocabulary = choose_words({"ёж": 12, "ab": 11, "\x01": 10})
    (tmp_path / "v").write_text(vocabulary_text(vocabulary), encoding="utf-8", newline="\n")
    again = read_vocabulary(tmp_path / "v")
    assert again.words == vocabulary.words
    assert again.counts.tolist() == vocabulary.counts.tolist()


def test_rejection_is_the_published_formula():
    t = 5e-6
    assert keep_probability(np.array([t, t / 2, 1e-9]), t).tolist() == [1, 1, 1]  # f <= t: never rejected
    for f in (1e-5, 1e-3, 0.2):
        rejected = 1 - min(1, (t / f) ** 0.5 + t / f)
        assert 1 - keep_probability(np.array([f]), t)[0] == pytest.approx(rejected, rel=1e-12)
    assert keep_probability(np.array([0.9, 1e-9]), 0).tolist() == [1, 1]


def test_draws_keep_the_share_that_was_asked_for():
    keep = np.array([1.0, 0.3, 0.0])
    words = np.repeat([0, 1, 2], 20_000)
    drawn = draw_targets(words, keep, (1, 2, 3))
    assert drawn[:20_000].all()
    assert not drawn[40_000:].any()
    assert drawn[20_000:40_000].mean() == pytest.approx(0.3, abs=4 * (0.3 * 0.7 / 20_000) ** 0.5)
    assert (drawn == draw_targets(words, keep, (1, 2, 3))).all()
    assert (drawn != draw_targets(words, keep, (1, 2, 4))).any()


@pytest.mark.parametrize("power", [0.5, 0.75, 0.0, 300.0])
def test_negatives_are_drawn_by_count_to_a_power(power):
    counts = np.array([400, 100, 25, 9, 1])
    found = np.bincount(NegativeSampler(counts, power).draw(np.random.default_rng(5), 50_000), minlength=5)
    shares = (counts / 400.0) ** power
    expected = 50_000 * shares / shares.sum()
    likely = expected > 5
    assert found[~likely].sum() < 20
    if likely.sum() > 1:
        assert chisquare(found[likely], expected[likely] * found[likely].sum() / expected[likely].sum()).pvalue > 1e-3


def test_lines_without_a_word_of_the_vocabulary_are_left_out():
    vocabulary = choose_words({"b": 3, "a": 2}, min_count=1)
    found = find_words(["x y", "A x b", "", "b"], WordReader(spaced_words), vocabulary)
    assert found.texts == ["A x b", "b"]
    assert found.units.tolist() == [0, 0, 1]
    assert [vocabulary.words[word] for word in found.words] == ["a", "b", "b"]
    assert list(zip(found.starts.tolist(), found.ends.tolist(), strict=True)) == [(0, 1), (4, 5), (0, 1)]
