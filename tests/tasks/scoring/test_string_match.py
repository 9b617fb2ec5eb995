"""Character n-gram matching against tf-idf written out by hand."""

import math
from collections import Counter

import numpy as np
import pytest

from xl_tasks import ParallelTexts, StringMatch, TaskError, retrieval_rows

LATIN = {"Αθήνα": "Athina", "Athens": "Athens", "Ρώμη": "Romi", "Rome": "Rome", "Rhodos": "Rhodos"}


def tf_idf(texts: list[str]) -> list[dict[str, float]]:
    """Term frequency times ln((1 + n) / (1 + df)) + 1, scaled to unit length: scikit-learn's documented default."""
    grams = [Counter(t[i : i + k] for k in (1, 2, 3) for i in range(len(t) - k + 1)) for t in map(str.lower, texts)]
    df = Counter(gram for counts in grams for gram in counts)
    weights = [{g: c * (math.log((1 + len(texts)) / (1 + df[g])) + 1) for g, c in counts.items()} for counts in grams]
    norms = [math.sqrt(sum(w * w for w in weight.values())) for weight in weights]
    return [{g: w / norm for g, w in weight.items()} for weight, norm in zip(weights, norms, strict=True)]


def test_cosines_are_those_of_tf_idf():
    encoder = StringMatch(LATIN, LATIN.__getitem__)
    vectors = encoder.embed(list(LATIN), layer=0, pooling="none").toarray()
    expected = tf_idf(list(LATIN.values()))
    for i, one in enumerate(expected):
        for j, other in enumerate(expected):
            cosine = sum(weight * other.get(gram, 0) for gram, weight in one.items())
            assert vectors[i] @ vectors[j] == pytest.approx(cosine, abs=1e-6)  # float32
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(LATIN), encoder.width)


def test_serves_as_an_encoder():
    texts = {"ell_Grek": {"a": "Αθήνα", "b": "Ρώμη"}, "eng_Latn": {"a": "Athens", "b": "Rome", "c": "Rhodos"}}
    data = ParallelTexts(name="cities", texts=texts)
    rows = retrieval_rows(StringMatch(LATIN, LATIN.__getitem__), data, data.keys, layer=0, pooling="none")
    assert {(row.value, row.model) for row in rows if row.metric == "top1"} == {(1.0, "string-match")}


def test_each_text_is_romanised_once():
    calls = Counter()

    def romanise(text: str) -> str:
        calls[text] += 1
        return LATIN[text]

    encoder = StringMatch([*LATIN, *LATIN], romanise)
    encoder.embed(list(LATIN), layer=0, pooling="none")
    assert set(calls.values()) == {1}


def test_nothing_to_match():
    with pytest.raises(TaskError, match="at least one text"):
        StringMatch(["x"], lambda text: "")
    assert not StringMatch(["ab", ""], str).embed([""], layer=0, pooling="none").toarray().any()
