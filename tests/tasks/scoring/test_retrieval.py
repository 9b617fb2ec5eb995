"""Retrieval with encoders whose answers are known: direction, layer, candidates, ties and coverage."""

import itertools
import logging
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_tasks import ParallelTexts, TaskError, retrieval_rows


class Table:
    """An encoder that looks vectors up, one table a layer; keeps what it was asked."""

    name = "table"

    def __init__(self, *layers: Mapping[str, Sequence[float]]):
        self.layers = layers
        self.n_layers = len(layers) - 1
        self.calls: list[tuple[list[str], int, str]] = []

    def embed(self, texts, *, layer, pooling):
        self.calls.append((list(texts), layer, pooling))
        return np.array([self.layers[layer][text] for text in texts], dtype=np.float32)


def two(english: list[str], turkish: list[str], **more) -> ParallelTexts:
    sides = {"eng_Latn": english, "tur_Latn": turkish}
    return ParallelTexts(
        name="two", texts={lang: {str(i): t for i, t in enumerate(side) if t} for lang, side in sides.items()}, **more
    )


def values(rows, source="eng_Latn") -> dict[str, float]:
    return {row.metric: row.value for row in rows if row.source == source}


def brute(vectors, queries, gold, candidates, k) -> float:
    """Share of queries whose gold is among the k best, by a plain double loop over cosines."""

    def cosine(a, b):
        a, b = np.array(vectors[a]), np.array(vectors[b])
        length = np.linalg.norm(a) * np.linalg.norm(b)
        return a @ b / length if length else 0.0

    hits = 0
    for query, answer in zip(queries, gold, strict=True):
        own = cosine(query, answer)
        better = sum(cosine(query, other) > own + 1e-6 for other in candidates)
        tied = sum(abs(cosine(query, other) - own) <= 1e-6 for other in candidates if other != answer)
        hits += 1 + better + tied / 2 <= k
    return hits / len(queries)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 25))
def test_equals_a_plain_loop(seed, n):
    rng = np.random.default_rng(seed)
    # Small whole numbers, so that ties and zero vectors happen; texts repeat.
    english = [f"e{i}" for i in rng.integers(0, n, n)]
    turkish = [f"t{i}" for i in rng.integers(0, n, n)]
    table = {text: rng.integers(-1, 2, 3).tolist() for text in sorted({*english, *turkish})}
    data = two(english, turkish)
    rows = retrieval_rows(Table(table), data, data.keys, layer=0, pooling="first")
    for source, target in itertools.permutations(data.languages, 2):
        queries = [data.texts[source][str(i)] for i in range(n)]
        gold = [data.texts[target][str(i)] for i in range(n)]
        for k in (1, 5, 10):
            (row,) = [row for row in rows if row.metric == f"top{k}" and row.source == source]
            assert row.value == pytest.approx(brute(table, queries, gold, dict.fromkeys(gold), k))


def test_direction_and_layer():
    # At layer 1 both English texts lie nearest to t0, each Turkish text nearest to its own translation.
    good = {"e0": [1, 0], "e1": [1, 0.5], "t0": [1, 0.1], "t1": [0, 1]}
    bad = {"e0": [1, 0], "e1": [0, 1], "t0": [0, 1], "t1": [1, 0]}
    data = two(["e0", "e1"], ["t0", "t1"])
    encoder = Table(bad, good)
    rows = retrieval_rows(encoder, data, data.keys, layer=1, pooling="mean-all", variant="v", seed=3, model="m")
    assert values(rows)["top1"] == 0.5
    assert values(rows, "tur_Latn")["top1"] == 1
    assert values(retrieval_rows(encoder, data, data.keys, layer=0, pooling="first"))["top1"] == 0
    row = rows[0]
    assert (row.layer, row.pooling, row.variant, row.seed, row.model, row.data) == (1, "mean-all", "v", 3, "m", "two")
    assert {call[1:] for call in encoder.calls[:2]} == {(1, "mean-all")}
    # -1 is the last layer, and the row says which that is.
    assert retrieval_rows(encoder, data, data.keys, layer=-1, pooling="first")[0].layer == 1


def test_only_the_keys_given_are_read_and_each_text_is_embedded_once():
    table = {f"{side}{i}": [i, 1] for side in "et" for i in range(5)}
    data = two(["e0", "e1", "e1", "e3", "e4"], ["t0", "t1", "t1", "t3", "t4"])
    encoder = Table(table)
    retrieval_rows(encoder, data, ["1", "2", "3"], layer=0, pooling="first")
    assert sorted(text for call in encoder.calls for text in call[0]) == ["e1", "e3", "t1", "t3"]


def test_candidates_without_a_counterpart_compete():
    table = {"e0": [1, 0], "t0": [1, 1], "t1": [1, 0]}
    data = two(["e0", ""], ["t0", "t1"])
    rows = retrieval_rows(Table(table), data, data.keys, layer=0, pooling="first")
    assert values(rows)["top1"] == 0
    assert [(row.n, row.coverage) for row in rows if row.metric == "top1"] == [(1, 1), (1, 0.5)]


def test_an_encoder_that_gives_everything_one_vector_gets_no_credit():
    texts = [f"{i}" for i in range(40)]
    data = two([f"e{t}" for t in texts], [f"t{t}" for t in texts])
    rows = retrieval_rows(
        Table({f"{side}{t}": [1, 1] for side in "et" for t in texts}), data, data.keys, layer=0, pooling="first"
    )
    assert {row.value for row in rows} == {0}


def test_equal_texts_are_one_candidate():
    data = two(["e0", "e1"], ["t", "t"])
    rows = retrieval_rows(Table({"e0": [1, 0], "e1": [0, 1], "t": [1, 1]}), data, data.keys, layer=0, pooling="first")
    assert values(rows)["top1"] == 1


def test_pools_are_searched_one_at_a_time():
    texts = {
        "eng_Latn": {"tur:1": "e1", "heb:1": "e2"},
        "tur_Latn": {"tur:1": "t1"},
        "heb_Hebr": {"heb:1": "h1"},
    }
    table = {"e1": [1, 0.2], "e2": [1, 0], "t1": [1, 0], "h1": [1, 0]}
    pools = {"tur:1": "tur", "heb:1": "heb"}
    pairs = [("tur_Latn", "eng_Latn"), ("en", "he")]
    alone = ParallelTexts(name="p", texts=texts, pools=pools)
    rows = retrieval_rows(Table(table), alone, alone.keys, pairs=pairs, layer=0, pooling="first")
    assert [(row.target, row.value, row.coverage) for row in rows if row.metric == "top1"] == [
        ("eng_Latn", 1, 1), ("heb_Hebr", 1, 1),
    ]  # fmt: skip
    joined = ParallelTexts(name="p", texts=texts)
    rows = retrieval_rows(Table(table), joined, joined.keys, pairs=pairs, layer=0, pooling="first")
    assert [(row.value, row.coverage) for row in rows if row.metric == "top1"] == [(0, 1), (1, 0.5)]


def test_pairs_without_common_keys(caplog):
    texts = {"eng_Latn": {"a": "e", "b": "f"}, "tur_Latn": {"a": "t"}, "heb_Hebr": {"b": "h"}}
    data = ParallelTexts(name="three", texts=texts)
    encoder = Table({text: [1.0] for text in "efth"})
    with caplog.at_level(logging.WARNING):
        rows = retrieval_rows(encoder, data, data.keys, layer=0, pooling="first")
    assert len(rows) == 4 * 3
    assert len(caplog.records) == 1
    assert "tur_Latn -> heb_Hebr" in caplog.text
    with pytest.raises(TaskError, match="no key among the 2 held-out ones is shared"):
        retrieval_rows(encoder, data, data.keys, pairs=[("tur_Latn", "heb_Hebr")], layer=0, pooling="first")
    with pytest.raises(TaskError, match="no key"):
        retrieval_rows(encoder, data, [], layer=0, pooling="first")


def test_bad_settings():
    data = two(["e"], ["t"])
    encoder = Table({"e": [1], "t": [1]})
    for layer in (1, -2):
        with pytest.raises(TaskError, match=f"layer {layer} is out of range: table has 0"):
            retrieval_rows(encoder, data, data.keys, layer=layer, pooling="first")
    with pytest.raises(TaskError, match="unknown language 'tur_Arab'; did you mean 'tur_Latn'"):
        retrieval_rows(encoder, data, data.keys, pairs=[("eng_Latn", "tur_Arab")], layer=0, pooling="first")
    with pytest.raises(TaskError, match="not parallel"):
        retrieval_rows(encoder, two(["e"], ["t"], parallel=False), ["0"], layer=0, pooling="first")
