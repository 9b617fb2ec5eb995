"""Ranks by cosine and CSLS against the plain definition; the verses of SR-B."""

import hashlib
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from xl_staticemb import cosine_scores, csls_scores
from xl_tasks import ParallelTexts, TaskError, retrieval_rows, score_retrieval, sr_bible_keys


class Table:
    """An encoder that looks vectors up; sparse ones if asked to."""

    name, n_layers = "table", 0

    def __init__(self, vectors, *, as_sparse=False):
        self.vectors = vectors
        self.as_sparse = as_sparse

    def embed(self, texts, *, layer, pooling):
        rows = np.array([self.vectors[text] for text in texts], dtype=np.float32)
        return sparse.csr_array(rows) if self.as_sparse else rows


def made(seed, n=40, extra=7, repeated=3):
    """Two languages; the second has texts without a counterpart, and some texts are said twice."""
    rng = np.random.default_rng(seed)
    texts = {
        "eng_Latn": {f"{i:02}": f"e{i % (n - repeated)}" for i in range(n)},
        "tur_Latn": {f"{i:02}": f"t{i % (n - repeated) if i < n else i}" for i in range(n + extra)},
    }
    hub = rng.normal(size=12)
    vectors = {}
    for i in range(n + extra):
        base = rng.normal(size=12)
        vectors[f"e{i}"] = base + rng.normal(size=12) + hub
        vectors[f"t{i}"] = base + rng.normal(size=12) + (hub if i % 5 else 3 * hub)
    return ParallelTexts(name="made", texts=texts), vectors


def plain_ranks(data, vectors, source, target, score):
    shared = sorted(data.texts[source].keys() & data.texts[target].keys())
    candidates = list(dict.fromkeys(data.texts[target].values()))
    queries = [data.texts[source][key] for key in shared]
    left, right = (
        np.array([vectors[text] for text in side], dtype=np.float32).astype(float) for side in (queries, candidates)
    )
    if score == "cosine":
        scores = cosine_scores(left, right)
    else:
        distinct = np.array([vectors[text] for text in dict.fromkeys(queries)])
        scores = csls_scores(left, right, 10, sources=distinct)
    ranks = []
    for row, key in zip(scores, shared, strict=True):
        own = row[candidates.index(data.texts[target][key])]
        ranks.append(1 + sum(other > own + 1e-6 for other in row))
    return shared, ranks


@pytest.mark.parametrize("as_sparse", [False, True])
@pytest.mark.parametrize("score", ["cosine", "csls"])
def test_ranks_are_those_of_the_definition(score, as_sparse):
    better = 0
    for seed in range(5):
        data, vectors = made(seed)
        found = score_retrieval(Table(vectors, as_sparse=as_sparse), data, data.keys, layer=0, pooling="x", score=score)
        assert [one.pair for one in found] == [("eng_Latn", "tur_Latn"), ("tur_Latn", "eng_Latn")]
        for one in found:
            shared, ranks = plain_ranks(data, vectors, *one.pair, score)
            assert list(one.keys) == shared
            assert one.ranks.dtype == np.float64
            assert one.ranks.tolist() == ranks
        assert found[0].coverage == 1
        assert found[1].coverage == 40 / 47
        better += len(set(found[0].ranks.tolist())) > 1
    assert better  # the test would say nothing if everything were found at once


def test_measures_and_rows_say_the_same():
    data, vectors = made(1)
    for score, shown in (("cosine", "x"), ("csls", "x+csls")):
        settings: dict[str, Any] = {"layer": -1, "pooling": "x", "score": score}
        found = score_retrieval(Table(vectors), data, data.keys, **settings)
        rows = retrieval_rows(Table(vectors), data, data.keys, task="made", **settings)
        measures = [measure for one in found for measure in one.measures()]
        assert [measure.metric for measure in measures[:3]] == [f"top{k}" for k in (1, 5, 10)]
        assert [(row.metric, row.value, row.n) for row in rows] == [(m.metric, m.value, m.n) for m in measures]
        for measure, k in zip(found[0].measures(), (1, 5, 10), strict=True):
            assert measure.stats[:, 0].tolist() == [float(rank <= k) for rank in found[0].ranks]
            assert measure.value == np.mean(found[0].ranks <= k)
        assert {(row.layer, row.task, row.pooling) for row in rows} == {(0, "made", shown)}


def test_csls_gives_no_credit_to_one_vector_for_all():
    data, vectors = made(0, repeated=0)
    same = dict.fromkeys(vectors, np.ones(4))
    for one in score_retrieval(Table(same), data, data.keys, layer=0, pooling="x", score="csls"):
        n_candidates = len(set(data.texts[one.pair[1]].values()))
        assert set(one.ranks) == {(n_candidates + 1) / 2}


def test_a_vector_that_is_not_finite_wins_nothing():
    data, vectors = made(2, repeated=0)
    vectors["e3"] = np.full(12, np.nan)
    ahead, back = score_retrieval(Table(vectors), data, data.keys, layer=0, pooling="x", score="csls")
    assert (ahead.ranks[3], back.ranks[3]) == (47, 40)
    assert max(ahead.ranks[:3]) < 47


def test_unknown_score():
    data, vectors = made(0)
    with pytest.raises(TaskError, match="score is 'dot'; known: cosine, csls"):
        score_retrieval(Table(vectors), data, data.keys, layer=0, pooling="x", score="dot")


def test_verses_of_sr_bible():
    rng = np.random.default_rng(0)
    ids = [f"{book:02}{chapter:03}{verse:03}" for book in (1, 40) for chapter in range(1, 21) for verse in range(1, 31)]
    texts = {
        code: {key: f"{code} {key}" for key in rng.permutation(ids)[: len(ids) - lacking]}
        for code, lacking in (("eng_Latn", 0), ("tur_Latn", 200), ("ell_Grek", 100))
    }
    data = ParallelTexts(name="bible", texts=texts)
    keys = sr_bible_keys(data)
    assert keys == sorted(set(keys))
    assert len(keys) == 500
    assert all(key in side for key in keys for side in texts.values())
    # The order in which files list verses changes nothing, nor does a language more that has them all.
    turned = {code: dict(reversed(side.items())) for code, side in texts.items()}
    more = {**turned, "deu_Latn": {key: key for key in ids}}
    assert sr_bible_keys(ParallelTexts(name="bible", texts=more)) == keys
    shared = set.intersection(*map(set, texts.values()))
    digests = {key: hashlib.sha256(key.encode()).hexdigest() for key in shared}
    worst = max(digests[key] for key in keys)
    assert all(digests[key] > worst for key in shared - set(keys))
    assert sr_bible_keys(data, 10**6) == sorted(shared)
    with pytest.raises(TaskError, match="at least one verse"):
        sr_bible_keys(data, 0)
    with pytest.raises(TaskError, match="no verse is there in each of heb_Hebr, tur_Latn"):
        sr_bible_keys(ParallelTexts(name="bible", texts={"heb_Hebr": {"1": "a"}, "tur_Latn": {"2": "b"}}))
