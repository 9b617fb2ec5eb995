"""Embeddings computed once: what is read again, what is another entry, and what a crash leaves."""

import copy
import os

import numpy as np
import pytest
import torch
from tests.tasks.tuning_toys import ToyTagging, classification, toy_encoder, toy_sentences, toy_texts

from xl_encoders import whole_files
from xl_tasks import TaskError
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.tuning.embedding_cache import EmbeddingCache
from xl_tasks.tuning.fit import fit_task

TEXTS = ["the cat sleeps", "a dog", "the bird sings a bird"]
ROWS, PLACES = [[0, 9, 8, 7, 2], [0, 5, 2]], [[1, 3], [1]]


@pytest.fixture
def encoder():
    return copy.deepcopy(toy_encoder()).eval()


@pytest.fixture
def passes(encoder):
    """How many forward passes the encoder has made."""
    counted = []
    encoder.model.base_model.register_forward_hook(lambda *_: counted.append(1))
    return counted


def embed(cache, encoder, texts=TEXTS, layers=(-1,), pooling="mean-content", **options):
    return cache.embed(encoder, texts, layers=list(layers), pooling=pooling, **options)


@pytest.mark.parametrize("folder", [False, True], ids=["memory", "disk"])
def test_the_second_call_reads_nothing(folder, encoder, passes, tmp_path):
    cache = EmbeddingCache(tmp_path / "cache" if folder else None)
    expected = encoder.embed(TEXTS, layers=[0, 1], pooling="first")
    del passes[:]
    first = embed(cache, encoder, layers=(0, 1), pooling="first")
    assert all(np.array_equal(a, b) for a, b in zip(first, expected, strict=True))
    n_passes = len(passes)
    assert n_passes
    again = embed(EmbeddingCache(tmp_path / "cache") if folder else cache, encoder, layers=(1, 0), pooling="first")
    assert all(np.array_equal(a, b) for a, b in zip(again[::-1], expected, strict=True))
    assert len(passes) == n_passes
    assert again[0].dtype == np.float32
    assert not again[0].flags.writeable


def test_layers_are_read_along(encoder, passes):
    cache = EmbeddingCache(layers=(0, -1))
    embed(cache, encoder, layers=(0,))
    states = cache.states(encoder, ROWS, PLACES, layers=[1])
    n_passes = len(passes)
    [found] = embed(cache, encoder, layers=(1,))
    cache.states(encoder, ROWS, PLACES, layers=[0])
    assert len(passes) == n_passes
    assert np.array_equal(found, encoder.embed(TEXTS, layer=1))
    assert states[0].shape == (3, encoder.width)


def test_a_layer_sweep_of_probes_reads_each_text_once(encoder, passes):
    config = TuningConfig(mode="probe", max_len=48)
    cache = EmbeddingCache(layers=range(encoder.n_layers + 1))
    for problem, data in ((classification(encoder, config), toy_texts), (ToyTagging(encoder.tokenizer), toy_sentences)):
        counts = []
        for layer in (1, 0, 1):
            before = len(passes)
            fitted = fit_task(
                encoder, problem, {"eng_Latn": data(20)}, {"eng_Latn": data(9, 2)}, config, layer=layer, cache=cache
            )
            fitted.predict(data(7, 3), "eng_Latn")
            counts.append(len(passes) - before)
        assert counts[0] > 0
        assert counts[1:] == [0, 0]


@pytest.mark.parametrize(
    "change",
    [
        {"texts": TEXTS[::-1]},
        {"texts": [*TEXTS[:2], TEXTS[2] + "s"]},
        {"texts": ["the cat sleepsa", " dog", TEXTS[2]]},
        {"layers": (0,)},
        {"pooling": "mean-all"},
        {"max_len": 8},
        {"precision": "bf16"},
    ],
    ids=["order", "text", "boundary", "layer", "pooling", "max-len", "precision"],
)
def test_other_settings_are_other_entries(change, encoder, passes):
    cache = EmbeddingCache()
    embed(cache, encoder)
    n_passes = len(passes)
    embed(cache, encoder, **change)
    assert len(passes) > n_passes


def test_other_weights_are_other_entries(encoder, passes, tmp_path):
    cache = EmbeddingCache(tmp_path)
    seen = [embed(cache, encoder)[0]]

    def step():
        weight = encoder.model.get_input_embeddings().weight
        optimizer = torch.optim.AdamW([weight], lr=0.1, fused=True)
        weight.sum().backward()
        optimizer.step()

    def in_place():
        with torch.no_grad():
            encoder.model.get_input_embeddings().weight.mul_(1.5)

    def loaded():
        state = encoder.model.state_dict()
        other = {key: value + 0.01 for key, value in state.items() if value.is_floating_point()}
        encoder.model.load_state_dict(other, strict=False)

    for change in (step, in_place, loaded):
        change()
        n_passes = len(passes)
        seen.append(embed(cache, encoder)[0])
        assert len(passes) > n_passes, change.__name__
        assert not np.array_equal(seen[-1], seen[-2])
    n_passes = len(passes)
    twin = copy.deepcopy(toy_encoder()).eval()  # equal weights in another object: the first entry
    assert np.array_equal(embed(cache, twin)[0], seen[0])
    assert len(passes) == n_passes


def test_states_are_those_of_the_encoder(encoder):
    rows = [[0, 9, 8, 7, 2], [0, 5, 2], [0, 11, 12, 13, 14, 15, 2]]
    places = [[1, 3], [], [0, 2, 6]]
    found = EmbeddingCache().states(encoder, rows, places, layers=[0, 1])
    for layer, states in enumerate(found):
        expected = []
        for row, wanted in zip(rows, places, strict=True):
            with torch.no_grad():
                ids = torch.tensor([row])
                expected.extend(encoder(ids, torch.ones_like(ids, dtype=torch.bool))[layer][0][wanted].numpy())
        assert np.allclose(states, np.array(expected), atol=1e-5)
    other = EmbeddingCache().states(encoder, rows, [[1, 2], [], [0, 2, 6]], layers=[0])
    assert not np.allclose(other[0][1], found[0][1])


def test_a_process_killed_while_writing_leaves_no_entry(encoder, passes, tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    def die(*_):
        raise Killed

    monkeypatch.setattr(whole_files, "_sync", die)
    with pytest.raises(Killed):
        embed(EmbeddingCache(tmp_path), encoder)
    monkeypatch.undo()
    assert not list(tmp_path.rglob("*.npy"))
    n_passes = len(passes)
    embed(EmbeddingCache(tmp_path), encoder)
    assert len(passes) > n_passes


def test_a_broken_file_is_computed_again(encoder, tmp_path, caplog):
    [expected] = embed(EmbeddingCache(tmp_path), encoder)
    [path] = tmp_path.rglob("*.npy")
    whole = path.read_bytes()
    for rest in (whole[:-5], b"", b"\x93NUMPY"):
        path.write_bytes(rest)
        assert np.array_equal(embed(EmbeddingCache(tmp_path), encoder)[0], expected)
        assert path.read_bytes() == whole
    assert "it is computed again" in caplog.text


def test_two_writers_at_once(encoder, tmp_path, monkeypatch):
    """The second one finishes while the first is about to rename its file."""
    first, second = EmbeddingCache(tmp_path), EmbeddingCache(tmp_path)
    rename, entered = os.replace, []
    from pathlib import Path

    original = Path.replace

    def replace(self, target):
        if not entered:
            entered.append(rename)
            monkeypatch.setattr(os, "getpid", lambda: 1)
            embed(second, encoder)
            monkeypatch.undo()
        return original(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    [found] = embed(first, encoder)
    assert entered
    [path] = tmp_path.rglob("*.npy")
    assert np.array_equal(np.load(path), found)


def test_memory_is_bounded(encoder, passes):
    size = encoder.width * 4 * len(TEXTS)
    cache = EmbeddingCache(memory=2 * size)
    for texts in (TEXTS, TEXTS[::-1], TEXTS, [*TEXTS[:2], "a"]):  # the last one drops the second
        embed(cache, encoder, texts)
    n_passes = len(passes)
    embed(cache, encoder, TEXTS)
    assert len(passes) == n_passes
    embed(cache, encoder, TEXTS[::-1])
    assert len(passes) > n_passes


def test_errors_are_sentences(tmp_path, encoder):
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(TaskError, match="file is no folder"):
        EmbeddingCache(file)
