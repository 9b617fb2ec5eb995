"""The loop against a plain one, resuming against not stopping, schedules against `transformers`."""

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import get_cosine_schedule_with_warmup, get_linear_schedule_with_warmup

from tests.encoders.conftest import TEXTS
from xl_encoders import (
    CheckpointError,
    Checkpoints,
    Encoder,
    EncoderError,
    FitConfig,
    LengthBatches,
    StepRecord,
    count_steps,
    encode_pairs,
    fit,
    learning_rate,
    translit_losses,
)
from xl_objectives import MlmConfig, SeqConfig, TlmConfig

OBJECTIVES = {"mlm": MlmConfig(), "seq": SeqConfig(), "tlm": TlmConfig()}


def train(encoder: Encoder, n_steps: int, config: FitConfig, **arguments: object) -> tuple[int, list[StepRecord]]:
    corpus = encode_pairs(TEXTS, [text[::-1] for text in TEXTS], encoder.tokenizer, encoder.max_len)
    batches = LengthBatches(corpus.lengths, batch=4, seed=config.seed)
    records: list[StepRecord] = []
    done = fit(
        encoder,
        lambda number: corpus.batch(batches[number]),
        lambda batch, generator: translit_losses(encoder, batch, OBJECTIVES, layer=2, generator=generator),
        weights={"mlm": 1.0, "seq": 2.0, "tlm": 1.0},
        n_steps=n_steps,
        config=config,
        on_step=records.append,
        **arguments,
    )
    return done, records


def weights_of(encoder: Encoder) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in encoder.named_parameters()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_equals_a_plain_loop(xlmr: Encoder) -> None:
    """A quadratic toy loss, the textbook AdamW of torch, clipping and accumulation written out."""
    plain = copy.deepcopy(xlmr)
    config = FitConfig(lr=1e-2, accumulate=2, clip=0.5, weight_decay=0.1, seed=1)
    norms: list[float] = []

    def loss(encoder: Encoder, number: int) -> Tensor:
        return sum(((p - 0.01 * number) ** 2).sum() for p in encoder.parameters())  # ty: ignore[invalid-return-type]

    fit(
        xlmr, lambda number: number, lambda number, generator: {"a": loss(xlmr, number)},
        weights={"a": 3.0}, n_steps=5, config=config, on_step=lambda record: norms.append(record.grad_norm),
    )  # fmt: skip

    matrices = [p for p in plain.parameters() if p.ndim > 1]
    vectors = [p for p in plain.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}],
        lr=1e-2, fused=False, foreach=False,
    )  # fmt: skip
    scheduler = get_linear_schedule_with_warmup(optimizer, 0, 5)
    for step in range(5):
        optimizer.zero_grad()
        (3.0 * (loss(plain, 2 * step) + loss(plain, 2 * step + 1)) / 2).backward()
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


@pytest.mark.parametrize("stop_after", [1, 4, 7])
def test_a_run_that_was_stopped_ends_in_the_same_weights(xlmr: Encoder, tmp_path: Path, stop_after: int) -> None:
    """With dropout on, bit for bit."""
    config = FitConfig(lr=1e-3, save_every=3)
    other = copy.deepcopy(xlmr)
    fresh = copy.deepcopy(xlmr)
    train(xlmr, 10, config)

    checkpoints = Checkpoints(tmp_path, "recipe")
    calls = iter(range(1, 100))
    done, _ = train(other, 10, config, checkpoints=checkpoints, should_stop=lambda: next(calls) == stop_after)
    assert done == stop_after
    assert not same(weights_of(other), weights_of(xlmr))
    done, records = train(fresh, 10, config, checkpoints=Checkpoints(tmp_path, "recipe"))
    assert done == 10
    assert len(records) == 10 - stop_after
    assert same(weights_of(fresh), weights_of(xlmr))


def test_a_kill_between_checkpoints_repeats_some_steps_only(xlmr: Encoder, tmp_path: Path) -> None:
    config = FitConfig(lr=1e-3, save_every=3)
    fresh = copy.deepcopy(xlmr)
    untouched = copy.deepcopy(xlmr)

    def die(record: StepRecord) -> None:
        if record.step == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_with(xlmr, config, tmp_path, die)
    assert Checkpoints(tmp_path, "recipe").latest() == 6
    train(fresh, 10, config, checkpoints=Checkpoints(tmp_path, "recipe"))
    train(untouched, 10, config)
    assert same(weights_of(fresh), weights_of(untouched))


def fit_with(encoder: Encoder, config: FitConfig, folder: Path, on_step: object) -> None:
    corpus = encode_pairs(TEXTS, [text[::-1] for text in TEXTS], encoder.tokenizer, encoder.max_len)
    batches = LengthBatches(corpus.lengths, batch=4, seed=config.seed)
    fit(
        encoder,
        lambda number: corpus.batch(batches[number]),
        lambda batch, generator: translit_losses(encoder, batch, OBJECTIVES, layer=2, generator=generator),
        weights={"seq": 2.0},
        n_steps=10,
        config=config,
        checkpoints=Checkpoints(folder, "recipe"),
        on_step=on_step,
    )


def test_the_global_generator_is_left_as_it_was(xlmr: Encoder) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    train(xlmr, 2, FitConfig(lr=1e-3))
    assert torch.equal(torch.get_rng_state(), before)


def test_checkpoints_of_another_recipe_or_model_are_refused(xlmr: Encoder, bert: Encoder, tmp_path: Path) -> None:
    train(xlmr, 3, FitConfig(lr=1e-3), checkpoints=Checkpoints(tmp_path, "one"))
    with pytest.raises(CheckpointError, match="another recipe or other data"):
        train(xlmr, 5, FitConfig(lr=1e-3), checkpoints=Checkpoints(tmp_path, "two"))
    optimizer = torch.optim.AdamW(bert.parameters())
    with pytest.raises(CheckpointError, match="other tensors than this model"):
        Checkpoints(tmp_path, "one").restore(bert, optimizer)
    path = next(tmp_path.glob("*.safetensors"))
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="cannot be read"):
        train(xlmr, 5, FitConfig(lr=1e-3), checkpoints=Checkpoints(tmp_path, "one"))


def test_a_failed_save_leaves_the_last_checkpoint(
    xlmr: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = Checkpoints(tmp_path, "one")
    train(xlmr, 3, FitConfig(lr=1e-3), checkpoints=checkpoints)

    def full(tensors: object, path: Path, metadata: object) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("xl_encoders.checkpoint.save_file", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.save(4, xlmr, torch.optim.AdamW(xlmr.parameters()))
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000003.safetensors"]


def test_a_loss_that_is_not_finite_stops_the_run(xlmr: Encoder) -> None:
    with pytest.raises(EncoderError, match=r"step 1: a loss is not finite \(a nan\)"):
        fit(
            xlmr,
            lambda number: number,
            lambda number, generator: {"a": sum(p.sum() for p in xlmr.parameters()) * float("nan")},
            weights={},
            n_steps=2,
            config=FitConfig(),
        )


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
def test_schedules(schedule: str) -> None:
    config = FitConfig(lr=0.5, schedule=schedule, warmup=0.0)
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.5)
    if schedule == "linear":
        reference = get_linear_schedule_with_warmup(optimizer, 0, 20)
    elif schedule == "cosine":
        reference = get_cosine_schedule_with_warmup(optimizer, 0, 20)
    for step in range(20):
        expected = 0.5 if schedule == "constant" else reference.get_last_lr()[0]
        assert learning_rate(step, 20, config) == pytest.approx(expected)
        if schedule != "constant":
            optimizer.step()
            reference.step()


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
        ({"batch": 0}, r"train\.batch is 0; give 1 or more"),
    ],
)
def test_config_speaks_of_its_keys(arguments: dict, words: str) -> None:
    with pytest.raises(EncoderError, match=words):
        FitConfig(**arguments)


@pytest.mark.gpu
def test_trains_and_embeds_on_a_gpu_in_bf16(xlmr: Encoder, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, "recipe")
    config = FitConfig(lr=1e-3, precision="bf16", save_every=2)
    done, records = train(xlmr, 5, config, checkpoints=checkpoints)
    assert done == 5
    assert xlmr.device.type == "cuda"
    assert records[-1].loss < records[0].loss
    on_gpu = xlmr.embed(TEXTS)
    assert abs(on_gpu - copy.deepcopy(xlmr).cpu().embed(TEXTS)).max() < 1e-3  # TF32 products on the GPU
