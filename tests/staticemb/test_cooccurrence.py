"""word2vec and fastText by gensim: what shares contexts is near, nothing is lost, a stopped training goes on."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xl_staticemb import CooccurrenceConfig, StaticembError, train_vectors
from xl_staticemb.cooccurrence import training

QUICK = CooccurrenceConfig(width=12, min_count=1, epochs=3, subsample=0.0, lr=0.05, buckets=500, negatives=5)


def text(n: int = 300) -> list[list[str]]:
    """Lines of words of one of four groups, so that words of a group share their contexts."""
    rng = random.Random(0)
    return [[f"{group}{rng.randrange(8)}{group}" for _ in range(12)] for group in rng.choices("abcd", k=n)]


@pytest.mark.parametrize("method", ["word2vec", "fasttext"])
@pytest.mark.parametrize("algorithm", ["skipgram", "cbow"])
def test_words_of_the_same_contexts_are_near(method: str, algorithm: str) -> None:
    lines = text()
    config = replace(QUICK, method=method, algorithm=algorithm, epochs=4)
    trained = train_vectors(lambda: iter(lines), config)
    counts = Counter(word for line in lines for word in line)
    assert trained.vectors.words == sorted(counts, key=lambda word: (-counts[word], word))
    assert (trained.n_lines, trained.n_words, trained.n_kept) == (300, 3600, 3600)
    unit = trained.vectors.unit().matrix
    groups = np.array([word[0] for word in trained.vectors.words])
    nearest = (unit @ unit.T - 2 * np.eye(len(unit))).argmax(1)
    assert np.mean(groups == groups[nearest]) > 0.9
    again = train_vectors(lambda: iter(lines), config)
    np.testing.assert_array_equal(again.vectors.matrix, trained.vectors.matrix)
    other = train_vectors(lambda: iter(lines), replace(config, seed=1))
    assert not np.array_equal(other.vectors.matrix, trained.vectors.matrix)


def test_lines_longer_than_gensim_reads_are_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_LONGEST", 5)
    words = [f"w{i}" for i in range(12)]
    assert list(training._pieces(iter([words, [], words[:5]]))) == [words[:5], words[5:10], words[10:], words[:5]]
    monkeypatch.undo()
    line = [f"w{i % 7}" for i in range(23_000)]
    trained = train_vectors(lambda: iter([line]), replace(QUICK, epochs=1))
    assert (trained.n_lines, trained.n_words) == (3, 23_000)


@pytest.mark.parametrize("method", ["word2vec", "fasttext"])
def test_a_stopped_training_goes_on_to_the_same_vectors(method: str, tmp_path: Path) -> None:
    lines, config = text(80), replace(QUICK, method=method)
    whole = train_vectors(lambda: iter(lines), config)

    passes = iter(range(3))  # words are counted, two epochs

    def sentences() -> Iterator[list[str]]:
        if next(passes, None) is None:
            raise KeyboardInterrupt
        return iter(lines)

    with pytest.raises(KeyboardInterrupt):  # out of gensim's own thread, which would hang
        train_vectors(sentences, config, folder=tmp_path, identity="a")
    rest = train_vectors(lambda: iter(lines), config, folder=tmp_path, identity="a")
    assert rest.first_epoch == 2
    np.testing.assert_array_equal(rest.vectors.matrix, whole.vectors.matrix)
    with pytest.raises(StaticembError, match="the state of another text or of other settings"):
        train_vectors(lambda: iter(lines), config, folder=tmp_path, identity="b")
    (tmp_path / "state.safetensors").write_bytes(b"no")
    with pytest.raises(StaticembError, match="not a state that can be read"):
        train_vectors(lambda: iter(lines), config, folder=tmp_path, identity="a")


def test_a_fasttext_vector_is_the_mean_of_its_parts() -> None:
    config = replace(QUICK, method="fasttext", min_gram=2, max_gram=3)
    lines = text(40)
    counts = Counter(word for line in lines for word in line)
    model = training._model(config, dict(counts), len(lines), counts.total())
    model.train(lines, total_examples=len(lines), epochs=1)
    vectors: Any = model.wv
    word = f"<{vectors.index_to_key[3]}>"
    grams = [word[start : start + n] for n in (2, 3) for start in range(len(word) - n + 1)]
    parts = [vectors.vectors_vocab[3], *(vectors.vectors_ngrams[_bucket(gram, 500)] for gram in grams)]
    np.testing.assert_allclose(vectors.vectors[3], np.mean(parts, axis=0), atol=1e-5)


def _bucket(gram: str, n: int) -> int:
    """fastText's hash: FNV-1a of 32 bits over signed bytes."""
    value = 2166136261
    for byte in gram.encode():
        value = ((value ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * 16777619) & 0xFFFFFFFF
    return value % n


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "glove"}, "method is 'glove'; choose one of word2vec, fasttext"),
        ({"min_gram": 4, "max_gram": 3}, "max_gram is 3; give 4 or more"),
        ({"lr": 0.0}, "lr is 0.0; give a number above 0"),
        ({"subsample": float("nan")}, "subsample is nan"),
    ],
)
def test_senseless_settings_are_refused(options: dict, words: str) -> None:
    with pytest.raises(StaticembError, match=words):
        CooccurrenceConfig(**options)
    with pytest.raises(StaticembError, match="the text holds no words"):
        train_vectors(lambda: iter([[], []]), QUICK)
