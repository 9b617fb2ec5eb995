"""X2Static training against autograd and SparseAdam, on planted clusters, killed, in parts, in several processes."""

import dataclasses
import math
import threading
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from tests.staticemb.toy_teacher import ToyTeacher, corpus
from tests.thinned import thinned
from torch import nn
from torch.nn import functional

from xl_staticemb import Extraction, ProcessShare, StaticembError, X2StaticConfig, extract
from xl_staticemb.x2static import training as x2static_module
from xl_staticemb.x2static.negative_sampling import NegativeSampling

CONFIG = X2StaticConfig(min_count=1, epochs=3, subsample=0.01, batch=16, buffer=50, lr=0.01)


def batches(n: int, n_words: int, width: int, n_targets: int, columns: int, dtype=torch.float32):
    generator = torch.Generator().manual_seed(1)
    for _ in range(n):
        yield (
            torch.randn(n_targets, width, generator=generator, dtype=dtype),
            torch.randint(0, n_words, (n_targets, columns), generator=generator),
        )


def plain_loss(vectors: torch.Tensor, contexts: torch.Tensor, words: torch.Tensor, clamp: float | None = None):
    """The published sum, term by term."""
    scores = (vectors[words] * contexts.unsqueeze(1)).sum(2)
    if clamp:
        scores = scores.clamp(-clamp, clamp)
    loss = functional.softplus(-scores[:, 0]).mean()
    return loss + sum(functional.softplus(scores[:, k]).mean() for k in range(1, words.shape[1]))


def test_loss_of_zero_vectors_is_a_logarithm_for_each_word():
    contexts, words = next(batches(1, 9, 4, 5, 11))
    loss = NegativeSampling(torch.zeros(9, 4), 1e-3).step(contexts, words)
    assert float(loss) == pytest.approx(11 * math.log(2), rel=1e-6)


@pytest.mark.parametrize("tile", [1, 3, None])
@pytest.mark.parametrize("compat", [False, True])
def test_steps_equal_autograd_and_sparse_adam(tile, compat):
    start = torch.randn(30, 8, generator=torch.Generator().manual_seed(0)) * 3
    model = NegativeSampling(start, 1e-2, compat=compat)
    if tile:
        model._tile, model._buffer = tile, torch.empty(tile, 3, 8)
    table = nn.Embedding.from_pretrained(start.clone(), freeze=False, sparse=True)
    optimiser = torch.optim.SparseAdam(list(table.parameters()), lr=1e-2)
    n_clamped = 0
    for contexts, words in batches(20, 30, 8, 9, 6):
        scores = (table(words) * contexts.unsqueeze(1)).sum(2)
        n_clamped += int((scores.abs() > 20).sum())
        if compat:
            scores = scores.clamp(-20, 20)
        loss = functional.softplus(-scores[:, 0]).mean() + functional.softplus(scores[:, 1:]).mean(0).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        assert float(model.step(contexts, words)) == pytest.approx(float(loss.detach()), rel=1e-5)
    assert n_clamped > 10  # so that both kinds of loss are told apart
    assert (model.table.values - table.weight.detach()).abs().max() < 1e-5


@pytest.mark.parametrize("compat", [False, True])
def test_gradient_is_that_of_autograd_in_double_precision(compat):
    contexts, words = next(batches(1, 12, 5, 7, 4, torch.float64))
    start = torch.randn(12, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(2)) * 6
    leaf = start.clone().requires_grad_()
    plain_loss(leaf, contexts, words, 20.0 if compat else None).backward()
    model = NegativeSampling(start, 1e-3, compat=compat)
    model.step(contexts, words)
    # the first moment after one step is a tenth of the gradient
    assert leaf.grad is not None
    assert torch.allclose(model.table.state[:, 1] * 10, leaf.grad, rtol=1e-10, atol=1e-14)


def test_gradient_of_the_linear_map_is_that_of_autograd():
    contexts, words = next(batches(1, 12, 5, 7, 4, torch.float64))
    generator = torch.Generator().manual_seed(2)
    start = torch.randn(12, 3, dtype=torch.float64, generator=generator)
    linear = torch.randn(3, 5, dtype=torch.float64, generator=generator).requires_grad_()
    plain_loss(start, contexts @ linear.T, words).backward()
    model = NegativeSampling(start, 1e-3, linear=linear.detach().clone())
    model.step(contexts, words)
    assert model.linear is not None
    assert linear.grad is not None
    assert torch.allclose(model.linear[1] * 10, linear.grad, rtol=1e-10, atol=1e-14)


def test_linear_map_trains_along_as_autograd_and_adam_say():
    generator = torch.Generator().manual_seed(4)
    start, linear = torch.randn(20, 3, generator=generator), torch.randn(3, 8, generator=generator) * 0.3
    model = NegativeSampling(start, 1e-2, linear=linear)
    table = nn.Embedding.from_pretrained(start.clone(), freeze=False, sparse=True)
    other = linear.clone().requires_grad_()
    optimisers = [torch.optim.SparseAdam(list(table.parameters()), lr=1e-2), torch.optim.Adam([other], lr=1e-2)]
    for contexts, words in batches(20, 20, 8, 9, 4):
        for optimiser in optimisers:
            optimiser.zero_grad()
        scores = (table(words) * (contexts @ other.T).unsqueeze(1)).sum(2)
        (functional.softplus(-scores[:, 0]).mean() + functional.softplus(scores[:, 1:]).mean(0).sum()).backward()
        for optimiser in optimisers:
            optimiser.step()
        model.step(contexts, words)
    assert (model.table.values - table.weight.detach()).abs().max() < 1e-5
    assert model.linear is not None
    # Adam adds its eps at another place than SparseAdam does
    assert (model.linear[0] - other.detach()).abs().max() < 1e-4


@pytest.mark.parametrize("context", thinned(["all", "exclude_target"], 2))
def test_planted_clusters_are_recovered(context):
    # Words of one topic stand together; their letters are random, so that only contexts can tell.
    random = np.random.default_rng(0)
    words = ["".join(random.choice(list("abcdefghijklmnopqrstuvwxyz"), size=6)) for _ in range(32)]
    topics = [words[i::4] for i in range(4)]
    lines = [" ".join(random.choice(topics[i % 4], size=6)) for i in range(1500)]
    config = X2StaticConfig(min_count=1, epochs=4, subsample=0.05, lr=0.02, batch=16, context=context)
    vectors = extracted(lines, ToyTeacher(width=16), config).vectors.unit()
    labels = np.array([next(i for i, topic in enumerate(topics) if word in topic) for word in vectors.words])
    scores = vectors.matrix @ vectors.matrix.T
    np.fill_diagonal(scores, -2)
    assert (labels[scores.argmax(1)] == labels).mean() > 0.95


def extracted(lines, teacher, config, **more) -> Extraction:
    found = extract(lines, teacher, config, **more)
    assert found is not None
    return found


def test_width_and_first_vectors():
    lines = corpus(60)
    for dim in (0, 3, 9):
        found = extracted(lines, ToyTeacher(), dataclasses.replace(CONFIG, dim=dim)).vectors
        assert found.width == (dim or 6)
    # the rate is so small that the first vectors remain
    start = extracted(lines, ToyTeacher(), dataclasses.replace(CONFIG, lr=1e-12)).vectors.matrix
    assert 0.9 / 6 < np.abs(start).max() <= 1 / 6 + 1e-6
    assert abs(start.mean()) < 0.03


class _Streamed:
    """Lines that come anew from a generator each time; counts how often."""

    def __init__(self, lines):
        self.lines, self.n_passes = lines, 0

    def __iter__(self):
        self.n_passes += 1
        return iter(line for line in self.lines)


def test_streamed_lines_give_what_a_list_gives_in_two_passes(tmp_path):
    lines = corpus(90)
    stream = _Streamed(lines)
    one = extracted(lines, ToyTeacher(), CONFIG, lines_per_part=20)
    two = extracted(stream, ToyTeacher(), CONFIG, lines_per_part=20, folder=tmp_path / "c")
    assert stream.n_passes == 2
    assert one.vectors.words == two.vectors.words
    assert (one.vectors.matrix == two.vectors.matrix).all()
    assert one.counts == two.counts
    assert one.counts["lines"] == 90
    assert one.counts["words"] == sum(len(line.split()) for line in lines)


def test_counts_of_lines_that_are_dropped():
    config = dataclasses.replace(CONFIG, min_count=2, subsample=0)
    found = extracted(["ab ab", "xy", "", "cd cd ab"], ToyTeacher(), config)
    assert found.vectors.words == ["ab", "cd"]
    assert found.counts["lines"] == 4
    assert found.counts["lines_without_words"] == 2
    assert found.counts["lines_read"] == 2


@pytest.mark.parametrize("method", ["x2static", "aggregate"])
def test_several_processes_give_what_one_gives(tmp_path, method):
    config = CONFIG if method == "x2static" else X2StaticConfig(method="aggregate", min_count=1, first=4)
    lines = corpus(120)
    alone = ToyTeacher()
    one = extracted(lines, alone, config, lines_per_part=10)
    barrier = threading.Barrier(3)
    found: dict[int, Extraction | None] = {}
    teachers = [ToyTeacher() for _ in range(3)]

    def work(rank: int) -> None:
        share = ProcessShare(rank, 3, lambda: barrier.wait(30))
        found[rank] = extract(lines, teachers[rank], config, lines_per_part=10, folder=tmp_path / "c", share=share)

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[1] is found[2] is None
    assert found[0] is not None
    assert found[0].vectors.words == one.vectors.words
    assert (found[0].vectors.matrix == one.vectors.matrix).all()
    assert sorted(text for teacher in teachers for text in teacher.calls) == sorted(alone.calls)
    assert all(teacher.calls for teacher in teachers)


class _Killed(BaseException):
    """As sudden as SIGKILL for everything that catches errors."""


@pytest.mark.parametrize("dim", [0, 4])
def test_a_training_that_was_killed_goes_on_to_the_same_vectors(tmp_path, dim, monkeypatch):
    config = dataclasses.replace(CONFIG, save_every=3, dim=dim)
    lines = corpus(120)
    whole = extracted(lines, ToyTeacher(), config, lines_per_part=15)
    steps = whole.counts["steps"]
    assert steps == 3 * sum(-(-n // 16) for n in (45, 45, 30))  # windows of at most 50 lines, batches of 16
    step = NegativeSampling.step
    kills = [1, 4, 5, steps - 1]
    n_steps = 0

    def failing(self, contexts, words):
        nonlocal n_steps
        n_steps += 1
        if self.table.n_steps + 1 in kills:
            kills.remove(self.table.n_steps + 1)
            raise _Killed
        return step(self, contexts, words)

    monkeypatch.setattr(NegativeSampling, "step", failing)
    while True:
        teacher = ToyTeacher()
        try:
            found = extracted(lines, teacher, config, lines_per_part=15, folder=tmp_path / "c")
            break
        except _Killed:
            continue
    assert not kills
    assert not teacher.calls  # the contexts were there
    assert n_steps < steps + 4 * 4  # each call went on from a saved state
    assert found.loss == pytest.approx(whole.loss, rel=1e-12)
    assert found.counts == whole.counts
    assert (found.vectors.matrix == whole.vectors.matrix).all()


@pytest.mark.parametrize("config", [CONFIG, X2StaticConfig(method="aggregate", min_count=1, first=5)])
def test_reading_that_was_killed_goes_on(tmp_path, config):
    lines = corpus(100)
    whole = extracted(lines, ToyTeacher(), config, lines_per_part=10)

    class Mortal(ToyTeacher):
        def __call__(self, texts, spans):
            if len(self.calls) > 30:
                raise _Killed
            return super().__call__(texts, spans)

    n_calls = 0
    for _ in range(20):
        teacher = Mortal()
        try:
            found = extracted(lines, teacher, config, lines_per_part=10, folder=tmp_path / "c")
            break
        except _Killed:
            n_calls += 1
            (tmp_path / "c" / ".part-000001.safetensors.4194999.tmp").write_bytes(b"half")
    assert n_calls
    assert found.counts == whole.counts
    assert (found.vectors.matrix == whole.vectors.matrix).all()
    assert not list((tmp_path / "c").glob(".*"))


def test_a_state_of_other_settings_is_not_gone_on_with(tmp_path):
    lines = corpus(60)
    extracted(lines, ToyTeacher(), CONFIG, folder=tmp_path / "c")
    other = dataclasses.replace(CONFIG, negatives=4)
    teacher = ToyTeacher()
    again = extracted(lines, teacher, other, folder=tmp_path / "c")
    assert not teacher.calls
    assert (again.vectors.matrix == extracted(lines, ToyTeacher(), other).vectors.matrix).all()


def test_seed_decides():
    lines = corpus(60)
    first, second, other = (
        extracted(lines, ToyTeacher(), dataclasses.replace(CONFIG, seed=seed)).vectors.matrix for seed in (1, 1, 2)
    )
    assert (first == second).all()
    assert np.abs(first - other).max() > 1e-3


def test_every_line_is_in_one_batch_of_each_epoch(monkeypatch):
    seen: list[tuple[int, int]] = []
    step = NegativeSampling.step

    def watched(self, contexts, words):
        seen.extend((number, int(word)) for number, word in enumerate(words[:, 0]))
        return step(self, contexts, words)

    monkeypatch.setattr(x2static_module.NegativeSampling, "step", watched)
    lines = corpus(80)
    found = extracted(lines, ToyTeacher(), dataclasses.replace(CONFIG, subsample=0, epochs=2), lines_per_part=9)
    counts = np.bincount([word for _, word in seen])
    wanted = Counter(word for line in lines for word in line.split())
    assert counts.tolist() == [2 * wanted[word] for word in found.vectors.words]


def test_what_cannot_be_done_is_said(tmp_path):
    with pytest.raises(StaticembError, match="can be read once only"):
        extract(iter(["ab ab"]), ToyTeacher(), CONFIG)
    with pytest.raises(StaticembError, match="no word occurs 10 times"):
        extract(["ab ab"], ToyTeacher(), X2StaticConfig())
    with pytest.raises(StaticembError, match="needs `sentences`"):
        extract(["ab ab"], ToyTeacher(), dataclasses.replace(CONFIG, variant="paragraph"))
    with pytest.raises(StaticembError, match="left no target"):
        extract(corpus(20), ToyTeacher(), dataclasses.replace(CONFIG, subsample=1e-30))
    with pytest.raises(StaticembError, match="smaller `lr`"):
        extract(corpus(20), ToyTeacher(), dataclasses.replace(CONFIG, lr=1e38))
    kept: dict[str, Any] = {"folder": tmp_path / "c", "lines_per_part": 5}
    extract(corpus(20), ToyTeacher(), CONFIG, **kept)
    with pytest.raises(StaticembError, match="another context, seed;"):
        extract(corpus(20), ToyTeacher(), dataclasses.replace(CONFIG, context="no_special", seed=9), **kept)
    with pytest.raises(StaticembError, match="made from other lines"):
        extract(corpus(20, seed=1), ToyTeacher(), CONFIG, **kept)
    with pytest.raises(StaticembError, match="had 20 lines when its words were counted and has 21"):
        extract([*corpus(20), "x"], ToyTeacher(), CONFIG, **kept)


@pytest.mark.parametrize(
    ("field", "value"),
    [("method", "mean"), ("variant", "page"), ("context", "none"), ("lower", "yes"), ("min_count", 0), ("lr", 0.0),
     ("lr", math.nan), ("subsample", -1.0), ("epochs", 0), ("batch", 0), ("negatives", 0), ("dim", -1),
     ("negative_power", math.inf), ("first", 3), ("save_every", 0), ("buffer", 0), ("max_words", 0)],
)  # fmt: skip
def test_settings_out_of_range_are_named(field, value):
    with pytest.raises(StaticembError, match=rf"^{field} is "):
        X2StaticConfig(**{field: value})


@pytest.mark.gpu
def test_training_on_a_gpu_is_that_of_the_cpu():
    lines = corpus(100)
    cpu = extracted(lines, ToyTeacher(), CONFIG).vectors.matrix
    gpu = extracted(lines, ToyTeacher(), CONFIG, device="cuda").vectors.matrix
    assert np.abs(cpu - gpu).max() < 1e-4
