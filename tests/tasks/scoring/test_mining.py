"""Mining against slow loops that follow the definitions, on made corpora with planted translations."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from xl_tasks import TaskError, best_threshold, mine, mine_bitext, mining_rows
from xl_tasks.datasets.parallel.bucc import ComparableCorpora, Mining


def slow_mine(x, z, k, score):
    """Artetxe and Schwenk 2019, section 3: ratio margin, best partners of both sides, greedy from the top."""

    def cosine(a, b):
        length = np.linalg.norm(a) * np.linalg.norm(b)
        return float(a @ b / length) if length else 0.0

    cosines = [[cosine(a, b) for b in z] for a in x]
    columns = [list(column) for column in zip(*cosines, strict=True)]

    def near(row):
        return sorted(range(len(row)), key=lambda j: (-row[j], j))[:k]

    def value(i, j):
        if score == "cosine":
            return cosines[i][j]
        r_x = np.mean([cosines[i][n] for n in near(cosines[i])])
        r_z = np.mean([columns[j][n] for n in near(columns[j])])
        return cosines[i][j] / ((r_x + r_z) / 2) if r_x + r_z > 0 else -np.inf

    depth = k if score == "margin" else 1
    found = set()
    for i, row in enumerate(cosines):
        j = max(near(row)[:depth], key=lambda j: (value(i, j), -j))
        found.add((value(i, j), i, j))
    for j, column in enumerate(columns):
        i = max(near(column)[:depth], key=lambda i: (value(i, j), -i))
        found.add((value(i, j), i, j))
    pairs, ones, others = [], set(), set()
    for score_, i, j in sorted(found, key=lambda one: (-one[0], one[1], one[2])):
        if i not in ones and j not in others and np.isfinite(score_):
            pairs.append((i, j, score_))
            ones.add(i)
            others.add(j)
    return pairs


@pytest.mark.parametrize("as_sparse", [False, True])
@pytest.mark.parametrize("score", ["margin", "cosine"])
def test_equals_the_slow_loop(score, as_sparse):
    for seed, (n, m, k) in enumerate([(30, 25, 4), (8, 40, 4), (3, 2, 4), (20, 20, 1), (1, 1, 4)]):
        rng = np.random.default_rng(seed)
        x, z = rng.normal(size=(n, 6)), rng.normal(size=(m, 6))
        z[: min(n, m) // 2] = x[: min(n, m) // 2] + 0.2 * rng.normal(size=(min(n, m) // 2, 6))
        x, z = x.astype(np.float32), z.astype(np.float32)
        sides = (sparse.csr_array(x), sparse.csr_array(z)) if as_sparse else (x, z)
        found = mine(*sides, score=score, k=k)
        wanted = slow_mine(x.astype(float), z.astype(float), k, score)
        assert list(zip(found.first.tolist(), found.second.tolist(), strict=True)) == [pair[:2] for pair in wanted]
        # cosines come in float32, and a margin divides by a mean that may be small
        assert found.scores == pytest.approx([pair[2] for pair in wanted], rel=1e-3, abs=1e-5)


def test_sides_may_be_swapped_and_sentences_shuffled():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(40, 8)).astype(np.float32)
    z = (x[rng.permutation(40)[:30]] + 0.3 * rng.normal(size=(30, 8))).astype(np.float32)
    found = mine(x, z)
    turned = mine(z, x)
    pairs = set(zip(found.first.tolist(), found.second.tolist(), strict=True))
    assert pairs == set(zip(turned.second.tolist(), turned.first.tolist(), strict=True))
    order = rng.permutation(40)
    again = mine(x[order], z)
    assert {(int(order[i]), int(j)) for i, j in zip(again.first, again.second, strict=True)} == pairs
    # Lengths of vectors mean nothing.
    scaled = mine(x * rng.uniform(0.1, 9, (40, 1)).astype(np.float32), z)
    assert set(zip(scaled.first.tolist(), scaled.second.tolist(), strict=True)) == pairs
    assert len(set(found.first.tolist())) == len(found.first)
    assert len(set(found.second.tolist())) == len(found.second)


def test_rows_that_are_not_finite_or_zero_are_no_pair():
    x = np.eye(4, dtype=np.float32)
    z = np.eye(4, dtype=np.float32)
    z[1], x[2] = np.nan, 0
    found = mine(x, z, k=2)
    assert {(0, 0), (3, 3)} <= set(zip(found.first.tolist(), found.second.tolist(), strict=True))
    assert 1 not in found.second
    for score in ("margin", "cosine"):
        assert np.isfinite(mine(x, z, score=score).scores).all()


def slow_threshold(scores, hits, n_gold):
    """The best F1 over all numbers of pairs kept that a threshold can give."""
    best = 0.0
    for threshold in {*scores, np.inf}:
        kept = [hit for score, hit in zip(scores, hits, strict=True) if score >= threshold]
        if kept:
            precision, recall = sum(kept) / len(kept), sum(kept) / n_gold
            if precision + recall:
                best = max(best, 2 * precision * recall / (precision + recall))
    return best


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), max_size=25), st.integers(0, 9))
def test_threshold_is_the_best_of_all(pairs, missed):
    pairs = sorted(pairs, key=lambda pair: -pair[0])
    scores = np.array([pair[0] / 8 for pair in pairs], dtype=np.float64)
    hits = np.array([pair[1] for pair in pairs], dtype=bool)
    n_gold = int(hits.sum()) + missed
    threshold, f1 = best_threshold(scores, hits, max(n_gold, 1))
    assert f1 == pytest.approx(slow_threshold(scores.tolist(), hits.tolist(), max(n_gold, 1)))
    kept = scores >= threshold
    if f1:
        assert f1 == pytest.approx(2 * hits[kept].sum() / (kept.sum() + max(n_gold, 1)))
    else:
        assert not kept.any()


def test_threshold_between_neighbouring_numbers():
    low = np.float64(1.0)
    high = np.nextafter(low, 2.0)
    threshold, _ = best_threshold(np.array([high, low]), np.array([True, False]), 1)
    assert low < threshold <= high


class Words:
    """An encoder that knows which made sentences are translations; `noise` blurs it."""

    name, n_layers = "words", 2

    def __init__(self, noise=0.0):
        self.noise = noise
        self.asked = []

    def embed(self, texts, *, layer, pooling):
        self.asked.append((list(texts), layer, pooling))
        rows = []
        for text in texts:
            meaning, language = text.split()[:2]
            base = np.random.default_rng(int(meaning)).normal(size=64)
            rows.append(base + self.noise * np.random.default_rng([int(meaning), ord(language[0])]).normal(size=64))
        return np.array(rows, dtype=np.float32)


def corpora(start, n=60, n_gold=20):
    """`n_gold` sentences are in both corpora, at other places; the others have a meaning of their own."""
    rng = np.random.default_rng(start)
    shared = [start + i for i in range(n_gold)]
    first = [*shared, *(start + 1000 + i for i in range(n - n_gold))]
    second = [*shared, *(start + 2000 + i for i in range(n - n_gold))]
    rng.shuffle(first)
    rng.shuffle(second)
    return ComparableCorpora(
        languages=("deu_Latn", "eng_Latn"),
        first={f"de-{m}": f"{m} de" for m in first},
        second={f"en-{m}": f"{m} en" for m in second},
        gold=frozenset((f"de-{m}", f"en-{m}") for m in shared),
    )


def mining(**more):
    return Mining(tuning=corpora(0), tuning_part="training", scored=corpora(10_000), scored_part="test", **more)


@pytest.mark.parametrize("score", ["margin", "cosine"])
def test_planted_pairs_are_found(score):
    data = mining()
    mined = mine_bitext(Words(), data, layer=1, pooling="mean-all", score=score)
    assert set(mined.found) == data.scored.gold
    assert mined.tuning_f1 == 1
    assert [measure.value for measure in mined.measures()] == [1, 1, 1]


@pytest.mark.parametrize("noise", [1.4, 2.0])
def test_measures_are_those_of_the_sets(noise):
    data = mining()
    mined = mine_bitext(Words(noise), data, layer=1, pooling="mean-all")
    gold, found = set(data.scored.gold), set(mined.found)
    assert found
    assert found != gold
    precision, recall = len(gold & found) / len(found), len(gold & found) / len(gold)
    values = {measure.metric: measure.value for measure in mined.measures()}
    assert values == pytest.approx(
        {"f1": 2 * precision * recall / (precision + recall), "precision": precision, "recall": recall}
    )
    # A line a sentence of the first side, in its order.
    assert mined.stats.shape == (60, 3)
    for row, key in zip(mined.stats, data.scored.first, strict=True):
        assert row.tolist() == [
            sum(pair[0] == key for pair in pairs) for pairs in (gold & found, found, gold)
        ]  # fmt: skip


def test_the_threshold_comes_from_the_tuning_part():
    data = mining()
    blurred = Words(1.4)
    mined = mine_bitext(blurred, data, layer=1, pooling="x")
    # The scored part's gold pairs decide nothing: without most of them the same pairs are found.
    fewer = ComparableCorpora(
        languages=data.scored.languages,
        first=data.scored.first,
        second=data.scored.second,
        gold=frozenset(sorted(data.scored.gold)[:3]),
    )
    again = mine_bitext(
        blurred, Mining(tuning=data.tuning, tuning_part="a", scored=fewer, scored_part="b"), layer=1, pooling="x"
    )
    assert (again.found, again.threshold) == (mined.found, mined.threshold)
    # Equal sentences are embedded once.
    for texts, layer, pooling in blurred.asked:
        assert len(set(texts)) == len(texts)
        assert (layer, pooling) == (1, "x")


def test_equal_sentences_are_embedded_once_and_keep_their_ids():
    part = ComparableCorpora(
        languages=("deu_Latn", "eng_Latn"),
        first={"de-1": "1 d", "de-2": "7 d", "de-3": "1 d", "de-4": "4 d"},
        second={"en-4": "4 e", "en-1": "1 e"},
        gold=frozenset({("de-1", "en-1"), ("de-4", "en-4")}),
    )
    encoder = Words()
    data = Mining(tuning=part, tuning_part="a", scored=part, scored_part="b")
    # Of two sentences that say the same, the earlier one is paired.
    assert set(mine_bitext(encoder, data, layer=0, pooling="x", k=1).found) == part.gold
    assert encoder.asked[0][0] == ["1 d", "7 d", "4 d"]


def test_rows():
    parts = {"training": corpora(0), "test": corpora(10_000)}
    rows = mining_rows(Words(1.4), {("deu_Latn", "eng_Latn"): parts}, layer=-1, pooling="mean-all", seed=4)
    mined = mine_bitext(Words(1.4), mining(), layer=2, pooling="mean-all")
    assert [(row.metric, row.value) for row in rows] == [(one.metric, one.value) for one in mined.measures()]
    assert {(row.n, row.layer, row.split, row.source, row.seed) for row in rows} == {(20, 2, "test", "deu_Latn", 4)}
    with pytest.raises(TaskError, match="layer 3 is out of range"):
        mining_rows(Words(), {("deu_Latn", "eng_Latn"): parts}, layer=3, pooling="x")


def test_bad_settings():
    x = np.eye(3, dtype=np.float32)
    with pytest.raises(TaskError, match="score is 'dot'; known: margin, cosine"):
        mine(x, x, score="dot")
    with pytest.raises(TaskError, match="k is 0"):
        mine(x, x, k=0)
    for sides in itertools.permutations([x, x[:0]]):
        with pytest.raises(TaskError, match="no sentence on one of the sides"):
            mine(*sides)
    nothing = ComparableCorpora(languages=("deu_Latn", "eng_Latn"), first={"1": "1 d"}, second={"2": "2 e"}, gold=None)
    with pytest.raises(TaskError, match="no gold pairs, so that nothing can be scored"):
        mine_bitext(
            Words(), Mining(tuning=nothing, tuning_part="a", scored=nothing, scored_part="b"), layer=0, pooling="x"
        )
