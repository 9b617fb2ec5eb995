"""The loop against a plain one, resuming against not stopping, schedules against `transformers`."""

import copy
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType
from tests.encoders.conftest import TEXTS
from tests.encoders.toy_parts import make_part, same, state_of
from tests.thinned import thinned
from torch import Tensor
from transformers import get_cosine_schedule_with_warmup, get_linear_schedule_with_warmup

from xl_encoders import (
    Checkpoints,
    Chunk,
    CorpusBatches,
    Encoded,
    Encoder,
    EncoderError,
    FitConfig,
    FitEnd,
    LengthBatches,
    Share,
    StepRecord,
    Term,
    TextPart,
    count_steps,
    encode_pairs,
    fit,
    learning_rate,
)
from xl_objectives import MlmConfig, ObjectiveConfig, OtConfig, SeqConfig, TlmConfig

OBJECTIVES: dict[str, ObjectiveConfig] = {"mlm": MlmConfig(), "seq": SeqConfig(weight=2.0), "tlm": TlmConfig()}


def train(
    encoder: Encoder,
    n_steps: int,
    config: FitConfig,
    objectives: Mapping[str, ObjectiveConfig] | None = None,
    **arguments: Any,
) -> tuple[FitEnd, list[StepRecord]]:
    objectives = objectives or OBJECTIVES
    corpus = encode_pairs(TEXTS, [text[::-1] for text in TEXTS], encoder.tokenizer, encoder.max_len)
    batches = CorpusBatches(corpus, LengthBatches(corpus.lengths, batch=4, seed=config.seed))
    part = TextPart(encoder, batches, objectives, layer=1, tokens=config.tokens, seed=config.seed)
    records: list[StepRecord] = []
    arguments = {"on_step": records.append, **arguments}
    end = fit(encoder, [part], objectives, n_steps=n_steps, config=config, **arguments)
    return end, records


class Toy:
    """One loss, a function of the encoder and the number of the batch."""

    joint_terms: frozenset[str] = frozenset()
    n_per_epoch = 1

    def __init__(self, loss: Callable[[int], Tensor], name: str = "a") -> None:
        self.loss = loss
        self.name = name
        self.terms = {name: Term(name)}
        self.drawn: list[int] = []

    def draw(self, number: int) -> int:
        self.drawn.append(number)
        return number

    def chunks(self, batch: int, share: Share, terms: Collection[str]) -> list[Chunk]:
        return [Chunk(rows=[0], slots=torch.zeros(0, dtype=torch.int64))]

    def encode(self, batch: int, chunk: Chunk, share: Share, terms: Collection[str]) -> Encoded:
        return Encoded(torch.zeros(0, 1), {self.name: self.loss(batch)})

    def joint(self, batch: int, vectors: Tensor, terms: Collection[str]) -> dict[str, Tensor]:
        return {}


def quadratic(encoder: Encoder, number: int) -> Tensor:
    return torch.stack([((p - 0.01 * number) ** 2).sum() for p in encoder.parameters()]).sum()


@pytest.mark.parametrize("embedding_lr", [0.0, 4e-2])
def test_equals_a_plain_loop(xlmr: Encoder, embedding_lr: float) -> None:
    """A quadratic toy loss, the textbook AdamW of torch, clipping and accumulation written out.

    With a rate of their own token embeddings have no weight decay.
    """
    plain = copy.deepcopy(xlmr)
    config = FitConfig(lr=1e-2, embedding_lr=embedding_lr, accumulate=2, clip=0.5, weight_decay=0.1, seed=1)
    norms: list[float] = []
    fit(
        xlmr, [Toy(lambda number: quadratic(xlmr, number))], {"a": ObjectiveConfig(weight=3.0)},
        n_steps=5, config=config, on_step=lambda record: norms.append(record.grad_norm),
    )  # fmt: skip

    apart = [plain.model.get_input_embeddings().weight] if embedding_lr else []
    matrices = [p for p in plain.parameters() if p.ndim > 1 and not any(p is one for one in apart)]
    vectors = [p for p in plain.parameters() if p.ndim <= 1]
    groups: list[dict[str, Any]] = [
        {"params": matrices, "weight_decay": 0.1},
        {"params": vectors, "weight_decay": 0.0},
        *({"params": [table], "weight_decay": 0.0, "lr": embedding_lr} for table in apart),
    ]
    optimizer = torch.optim.AdamW(groups, lr=1e-2, fused=False, foreach=False)
    scheduler = get_linear_schedule_with_warmup(optimizer, 0, 5)
    for step in range(5):
        optimizer.zero_grad()
        (3.0 * (quadratic(plain, 2 * step) + quadratic(plain, 2 * step + 1)) / 2).backward()
        norm = torch.nn.utils.clip_grad_norm_(plain.parameters(), 0.5)
        assert norms[step] == pytest.approx(norm.item(), rel=1e-4)  # float32; before clipping
        optimizer.step()
        scheduler.step()
    for ours, theirs in zip(xlmr.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)  # fused against single-tensor updates in float32


def test_losses_fall(xlmr: Encoder) -> None:
    _, records = train(xlmr, 40, FitConfig(lr=3e-3))
    assert records[-1].losses["seq"] < 0.5 * records[0].losses["seq"]
    assert records[-1].losses["mlm"] < records[0].losses["mlm"]
    assert records[-1].loss == pytest.approx(
        records[-1].losses["mlm"] + 2 * records[-1].losses["seq"] + records[-1].losses["tlm"]
    )
    assert [record.step for record in records] == list(range(1, 41))


def test_streams_of_objectives_run_side_by_side(xlmr: Encoder) -> None:
    """Each at its own pace: batches of a part are counted over the steps that it takes part in."""
    one, other = Toy(lambda _: quadratic(xlmr, 0), "one"), Toy(lambda _: quadratic(xlmr, 1), "other")
    objectives = {
        "one": ObjectiveConfig(begin=0.5, weight=3.0),
        "other": ObjectiveConfig(every=3, end=0.8),
    }
    records: list[StepRecord] = []
    seen: list[tuple[str, int]] = []
    one.terms = {"one": Term("one", 0.5)}
    for part in (one, other):
        part.loss = lambda number, name=part.name: (seen.append((name, number)), quadratic(xlmr, number))[1]
    fit(
        xlmr, [one, other], objectives, n_steps=10, config=FitConfig(accumulate=2, norms_every=0),
        on_step=records.append,
    )  # fmt: skip
    assert [dict(record.weights) for record in records] == [
        {"other": 1.0}, {}, {}, {"other": 1.0}, {}, {"one": 1.5}, {"one": 1.5, "other": 1.0}, {"one": 1.5},
        {"one": 1.5}, {"one": 1.5},
    ]  # fmt: skip
    assert [number for name, number in seen if name == "one"] == list(range(10))
    assert [number for name, number in seen if name == "other"] == list(range(6))
    assert [set(record.losses) for record in records] == [set(record.weights) for record in records]


def test_a_mix_of_every_kind_trains(xlmr: Encoder) -> None:
    objectives: dict[str, ObjectiveConfig] = {"seq": SeqConfig(), "ot": OtConfig(weight=0.1)}
    parts = [make_part(xlmr, "seq", batch=4), make_part(xlmr, "ot", batch=2)]
    records: list[StepRecord] = []
    config = FitConfig(lr=3e-3, gradient_cache=True, norms_every=2)
    fit(xlmr, parts, objectives, n_steps=12, config=config, on_step=records.append)
    assert records[0].losses.keys() == {"seq", "ot", "ot-drift"}
    assert records[-1].losses["seq"] < records[0].losses["seq"]
    assert records[-1].losses["ot"] < records[0].losses["ot"]


def test_norms_are_those_of_each_objective_alone(xlmr: Encoder) -> None:
    """And measuring them changes the training by rounding alone, also what no loss reaches."""
    xlmr.model.config.hidden_dropout_prob = 0.0
    twin, alone = copy.deepcopy(xlmr), copy.deepcopy(xlmr)
    objectives: dict[str, ObjectiveConfig] = {"mlm": MlmConfig(weight=0.5), "seq": SeqConfig()}
    _, measured = train(xlmr, 4, FitConfig(norms_every=2), objectives)
    _, plain = train(twin, 4, FitConfig(norms_every=0), objectives)
    assert [bool(record.grad_norms) for record in measured] == [True, False, True, False]
    assert not any(record.grad_norms for record in plain)
    for a, b in zip(xlmr.parameters(), twin.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)
    silent = {"mlm": MlmConfig(weight=0.5), "seq": SeqConfig(weight=0.0)}
    _, only = train(alone, 1, FitConfig(norms_every=1), silent)
    assert only[0].grad_norm == pytest.approx(measured[0].grad_norms["mlm"], rel=1e-5)


def test_gradients_from_before_do_not_count(xlmr: Encoder) -> None:
    twin = copy.deepcopy(xlmr)
    quadratic(xlmr, 1).backward()
    train(xlmr, 2, FitConfig(lr=1e-3))
    train(twin, 2, FitConfig(lr=1e-3))
    assert same(state_of(xlmr), state_of(twin))


def test_what_no_loss_reaches_stays_as_it_was(xlmr: Encoder) -> None:
    """SEQ on the first block: no weight decay, no momentum in the blocks above and the head; through a resume too."""
    before = state_of(xlmr)
    train(xlmr, 3, FitConfig(lr=1e-2, weight_decay=0.5), {"seq": SeqConfig()})
    after = state_of(xlmr)
    unreached = [name for name in before if "layer.1." in name or "lm_head.dense" in name]
    assert unreached
    assert all(torch.equal(before[name], after[name]) for name in unreached)
    assert any(not torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("objectives", [OBJECTIVES, {"seq": SeqConfig()}])
@pytest.mark.parametrize("stop_after", thinned([1, 4, 7], 3))
def test_a_run_that_was_stopped_ends_in_the_same_weights(
    xlmr: Encoder, tmp_path: Path, stop_after: int, objectives: dict[str, ObjectiveConfig]
) -> None:
    """With dropout on, bit for bit; also where no loss reaches the upper blocks and the head."""
    config = FitConfig(lr=1e-3, save_every=3, norms_every=4)
    other = copy.deepcopy(xlmr)
    fresh = copy.deepcopy(xlmr)
    train(xlmr, 10, config, objectives)

    checkpoints = Checkpoints(tmp_path, "recipe")
    calls = iter(range(1, 100))
    end, _ = train(
        other, 10, config, objectives, checkpoints=checkpoints, should_stop=lambda: next(calls) == stop_after
    )  # fmt: skip
    assert end == FitEnd(step=stop_after, reason="stopped")
    assert not same(state_of(other), state_of(xlmr))
    end, records = train(fresh, 10, config, objectives, checkpoints=Checkpoints(tmp_path, "recipe"))
    assert end == FitEnd(step=10, reason="finished")
    assert len(records) == 10 - stop_after
    assert same(state_of(fresh), state_of(xlmr))


def test_a_stop_at_the_last_step_is_an_end(xlmr: Encoder, tmp_path: Path) -> None:
    end, _ = train(xlmr, 2, FitConfig(), checkpoints=Checkpoints(tmp_path, "x"), should_stop=lambda: True)
    assert end == FitEnd(step=1, reason="stopped")
    end, _ = train(xlmr, 2, FitConfig(), checkpoints=Checkpoints(tmp_path, "x"), should_stop=lambda: True)
    assert end == FitEnd(step=2, reason="finished")
    assert Checkpoints(tmp_path, "x").latest() == 2


@pytest.mark.slow
def test_a_kill_between_checkpoints_repeats_some_steps_only(xlmr: Encoder, tmp_path: Path) -> None:
    config = FitConfig(lr=1e-3, save_every=3)
    fresh = copy.deepcopy(xlmr)
    untouched = copy.deepcopy(xlmr)

    def die(record: StepRecord) -> None:
        if record.step == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(xlmr, 10, config, checkpoints=Checkpoints(tmp_path, "recipe"), on_step=die)
    assert Checkpoints(tmp_path, "recipe").latest() == 6
    train(fresh, 10, config, checkpoints=Checkpoints(tmp_path, "recipe"))
    train(untouched, 10, config)
    assert same(state_of(fresh), state_of(untouched))


def test_the_global_generator_is_left_as_it_was(xlmr: Encoder) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    train(xlmr, 2, FitConfig(lr=1e-3))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_loss_that_is_not_finite_stops_the_run(xlmr: Encoder) -> None:
    part = Toy(lambda number: quadratic(xlmr, number) * float("nan"))
    with pytest.raises(EncoderError, match=r"step 1: a loss is not finite \(a nan\)"):
        fit(xlmr, [part], {"a": ObjectiveConfig()}, n_steps=2, config=FitConfig())


def test_an_objective_without_settings_is_refused(xlmr: Encoder) -> None:
    with pytest.raises(EncoderError, match="a part computes a, for which there are no settings"):
        fit(xlmr, [Toy(lambda number: quadratic(xlmr, number))], {}, n_steps=2, config=FitConfig())


@pytest.mark.parametrize("kind", [DistributedType.DEEPSPEED, DistributedType.MEGATRON_LM])
def test_a_launch_that_takes_over_the_loop_is_refused(
    xlmr: Encoder, monkeypatch: pytest.MonkeyPatch, kind: DistributedType
) -> None:
    """Accelerate takes up its sharding with several GPUs only; here it is made to say so."""
    monkeypatch.setattr(Accelerator, "distributed_type", kind)
    with pytest.raises(EncoderError, match=rf"by {kind.value}, .*; launch with --use_fsdp or --multi_gpu"):
        train(xlmr, 2, FitConfig())


def test_an_error_while_drawing_is_raised_where_the_batch_is_needed(xlmr: Encoder) -> None:
    part = Toy(lambda number: quadratic(xlmr, number))

    def draw(number: int) -> int:
        if number == 2:
            raise EncoderError("corpus.txt:7: not UTF-8.")
        return number

    part.draw = draw
    steps: list[int] = []
    with pytest.raises(EncoderError, match=r"corpus\.txt:7"):
        fit(
            xlmr, [part], {"a": ObjectiveConfig()}, n_steps=5, config=FitConfig(),
            on_step=lambda record: steps.append(record.step),
        )  # fmt: skip
    assert steps == [1, 2]


def test_recomputing_activations_changes_nothing(xlmr: Encoder) -> None:
    """Bit for bit, dropout included: the same numbers are computed twice."""
    twin = copy.deepcopy(xlmr)
    train(xlmr, 3, FitConfig(lr=1e-3))
    train(twin, 3, FitConfig(lr=1e-3, checkpointing=True))
    for a, b in zip(xlmr.parameters(), twin.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)


@pytest.mark.slow
def test_half_precision_is_near_full_and_one_process_may_use_both(xlmr: Encoder) -> None:
    twin, cached = copy.deepcopy(xlmr), copy.deepcopy(xlmr)
    config = FitConfig(lr=1e-4, tokens=60)
    _, full = train(xlmr, 3, config)
    _, half = train(twin, 3, replace(config, precision="bf16"))
    _, both = train(cached, 3, replace(config, precision="bf16", gradient_cache=True))
    for a, b in ((full, half), (half, both)):
        assert a[-1].loss == pytest.approx(b[-1].loss, rel=0.03)  # bf16 has 8 bits
    assert full[0].losses["mlm"] != half[0].losses["mlm"]
    assert all(parameter.dtype == torch.float32 for parameter in twin.parameters())


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
def test_schedules(schedule: str) -> None:
    config = FitConfig(lr=0.5, schedule=schedule, warmup=0.0)
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.5)
    reference = None
    if schedule == "linear":
        reference = get_linear_schedule_with_warmup(optimizer, 0, 20)
    elif schedule == "cosine":
        reference = get_cosine_schedule_with_warmup(optimizer, 0, 20)
    for step in range(20):
        expected = 0.5 if reference is None else reference.get_last_lr()[0]
        assert learning_rate(step, 20, config) == pytest.approx(expected)
        if reference is not None:
            optimizer.step()
            reference.step()


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
@pytest.mark.parametrize("warmup", [0.0, 0.01, 0.15, 1 / 3, 0.97])
def test_rates_by_their_closed_form(schedule: str, warmup: float) -> None:
    """(k + 1) / (w + 1) of the peak in step k of a warm-up of w steps; behind it a line or half a wave to 0."""
    config = FitConfig(lr=3e-5, schedule=schedule, warmup=warmup)
    for n_steps in (1, 2, 7, 40, 333):
        rising = warmup * n_steps
        for step in range(n_steps):
            share = (step + 1) / (rising + 1)
            if step >= rising:
                gone = (step - rising) / (n_steps - rising)
                share = {"linear": 1 - gone, "cosine": (1 + math.cos(math.pi * gone)) / 2, "constant": 1.0}[schedule]
            assert learning_rate(step, n_steps, config) == pytest.approx(3e-5 * share, rel=1e-9)


def test_warm_up_climbs_to_the_peak_and_never_starts_at_nothing() -> None:
    config = FitConfig(lr=1.0, warmup=0.25)
    rates = [learning_rate(step, 20, config) for step in range(20)]
    assert rates[:6] == sorted(rates[:6])
    assert rates[5] == 1.0
    assert rates[0] == pytest.approx(1 / 6)
    assert rates[5:] == sorted(rates[5:], reverse=True)


def test_steps_follow_from_epochs() -> None:
    assert count_steps(100, FitConfig(epochs=2, accumulate=4)) == 50
    assert count_steps(100, FitConfig(steps=7)) == 7
    assert count_steps(1, FitConfig(epochs=0.1)) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"lr": 0.0}, r"train\.lr is 0"),
        ({"steps": 0, "epochs": 0.0}, r"train\.steps and train\.epochs are both 0"),
        ({"warmup": 1.0}, r"train\.warmup is 1"),
        ({"schedule": "step"}, r"train\.schedule is 'step'; choose one of linear, cosine, constant"),
        ({"precision": "fp8"}, r"train\.precision is 'fp8'; choose one of no, bf16, fp16"),
        ({"compat": "paper"}, r"train\.compat is 'paper'; choose one of none, published"),
        ({"batch": 0}, r"train\.batch is 0; give 1 or more"),
        ({"tokens": 0}, r"train\.tokens is 0; give 1 or more"),
        ({"norms_every": -1}, r"train\.norms_every is -1; give 0 or more"),
        ({"clip": -1.0}, r"train\.clip is -1.0; give 0 or more"),
    ],
)
def test_config_speaks_of_its_keys(arguments: dict, words: str) -> None:
    with pytest.raises(EncoderError, match=words):
        FitConfig(**arguments)


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("cached", [False, True])
def test_trains_and_embeds_on_a_gpu_in_half_precision(
    xlmr: Encoder, tmp_path: Path, precision: str, cached: bool
) -> None:
    checkpoints = Checkpoints(tmp_path, "recipe")
    config = FitConfig(lr=1e-3, precision=precision, save_every=2, gradient_cache=cached, tokens=60)
    end, records = train(xlmr, 8, config, checkpoints=checkpoints)
    assert end.step == 8
    assert xlmr.device.type == "cuda"
    assert records[-1].loss < records[0].loss
    on_gpu = xlmr.embed(TEXTS)
    assert abs(on_gpu - copy.deepcopy(xlmr).cpu().embed(TEXTS)).max() < 1e-3  # TF32 products on the GPU
