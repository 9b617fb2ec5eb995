"""Blocks sharded by FSDP: gloo processes on the CPU end where one process with whole weights ends."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests import warm
from tests.encoders.sharding_worker import CASES, N_STEPS, RUNS, gradients, select, train, weigh
from tests.encoders.toy_parts import assert_near, make_part, same, small_encoder
from torch import nn

from xl_encoders import Checkpoints, EncoderError, FitConfig, fit, load_encoder
from xl_encoders.distributed import sharding as sharding_module
from xl_encoders.distributed.sharding import (
    Sharding,
    _reached,
    asked_for,
    clip_gradients,
    total_norm,
    unseen_by_accelerate,
)
from xl_objectives import SeqConfig


def run_processes(folder: Path, n_processes: int, *tasks: str) -> list[dict]:
    """What each of `n_processes` found; a process that fails or hangs fails the test with its last words."""
    command = ("-m", "tests.encoders.sharding_worker", folder, *tasks)
    running = warm.ranks(
        n_processes, *command, ACCELERATE_USE_CPU="true", ACCELERATE_USE_FSDP="true",
        FSDP_CPU_RAM_EFFICIENT_LOADING="true",  # the launcher's default
    )  # fmt: skip
    try:
        outputs = ["".join(process.communicate(timeout=200)) for process in running]
    finally:
        for process in running:
            process.kill()
    assert not any(process.returncode for process in running), "\n".join(output[-3000:] for output in outputs)
    return [torch.load(folder / f"{number}.pt", weights_only=True) for number in range(n_processes)]


def assert_like_one_process(found: list[dict], alone: dict, *, rel: float = 1e-5) -> None:
    """Losses, norms and weights are those of one process, and each kept its slice only.

    Where a gradient is about 0, Adam divides rounding by rounding: a weight in a thousand may differ for that, and
    later losses with it. Gradients are compared more closely in a test of their own.
    """
    assert same(found[0]["weights"], found[-1]["weights"])
    for its in found:
        assert its["whole"]
        assert torch.allclose(its["vectors"], alone["vectors"], atol=1e-4)
        assert its["end"] == alone["end"]
        assert its["shares"] == pytest.approx([1 / len(found)] * len(its["shares"]), abs=0.02)
        assert its["losses"][0] == pytest.approx(alone["losses"][0], rel=rel, abs=rel)
        for ours, theirs in zip(its["losses"], alone["losses"], strict=True):
            assert ours == pytest.approx(theirs, rel=10 * rel, abs=10 * rel)
        assert its["norms"] == pytest.approx(alone["norms"], rel=10 * rel)
        for ours, theirs in zip(its["objective norms"], alone["objective norms"], strict=True):
            assert ours == pytest.approx(theirs, rel=10 * rel)
        assert its["weights"].keys() == alone["weights"].keys()
        near = [(its["weights"][name] - weight).abs() <= rel for name, weight in alone["weights"].items()]
        assert torch.cat([one.flatten() for one in near]).double().mean() > 0.999


@pytest.mark.slow
def test_a_run_ends_in_the_weights_of_one_process(tmp_path: Path) -> None:
    """Clipped, through the cache, one process with more passes than the other."""
    found = run_processes(tmp_path, 2, "texts, clipped")
    alone = train(small_encoder(dropout=0.0), "texts, clipped")
    assert alone["end"] == (N_STEPS, "finished")
    assert min(alone["norms"]) > 0.3  # so that every step is clipped
    assert_like_one_process([its["texts, clipped"] for its in found], alone)


@pytest.mark.slow
def test_gradients_are_those_of_one_process(tmp_path: Path) -> None:
    """Slices of unequal size. Also which parameters have none: blocks above a pooled layer stay untouched."""
    found = run_processes(tmp_path, 3, "gradients")
    alone = gradients(small_encoder(dropout=0.0))
    for case in CASES:
        losses, slopes = alone[str(case)]
        if not case.exact:
            slopes = {name: slope / 3 for name, slope in slopes.items()}
        for its in found:
            found_losses, found_slopes = its["gradients"][str(case)]
            assert found_losses.keys() == losses.keys()
            for name, loss in losses.items():
                assert torch.allclose(found_losses[name], loss, rtol=1e-5, atol=1e-6), case
            assert_near(found_slopes, slopes, rel=2e-5)


@pytest.mark.slow
def test_every_run_ends_in_the_weights_of_one_process(tmp_path: Path) -> None:
    runs = [run for run in RUNS if run not in ("middle layer", "texts, clipped")]  # which other tests make
    found = run_processes(tmp_path, 2, *runs)
    for run in runs:
        alone = train(small_encoder(dropout=0.0), run)
        if RUNS[run][1].get("precision") == "bf16":
            for its in found:
                for ours, theirs in zip(its[run]["losses"], alone["losses"], strict=True):
                    assert ours == pytest.approx(theirs, rel=1e-2)
        else:
            assert_like_one_process([its[run] for its in found], alone)


@pytest.mark.slow
def test_a_resume_is_exact_and_one_process_writes(tmp_path: Path) -> None:
    """Checkpoints at the steps 2, 3 (the stop), 4 and 5, with dropout on."""
    found = run_processes(tmp_path, 2, "resume")
    for its in found:
        assert [its[name]["end"] for name in ("straight", "stopped", "resumed")] == [
            (N_STEPS, "finished"), (3, "stopped"), (N_STEPS, "finished"),
        ]  # fmt: skip
        assert same(its["resumed"]["weights"], its["straight"]["weights"])
        assert not same(its["stopped"]["weights"], its["straight"]["weights"])
        assert its["stopped"]["whole"]
    assert [its["writes"] for its in found] == [4, 0]


@pytest.mark.slow
def test_a_checkpoint_goes_on_with_another_number_of_processes(tmp_path: Path) -> None:
    """One process goes on where two stopped, and two where one stopped; the files hold the same tensors."""
    given = Checkpoints(tmp_path / "given", "x")
    train(small_encoder(dropout=0.0), "all", checkpoints=given, stop_at=3)
    ours = load_file(tmp_path / "given" / "step-00000003.safetensors")
    found = run_processes(tmp_path, 2, "go on", "stop")
    theirs = load_file(tmp_path / "stopped" / "step-00000003.safetensors")
    assert {name: tensor.shape for name, tensor in ours.items()} == {k: v.shape for k, v in theirs.items()}

    alone = train(small_encoder(dropout=0.0), "all")
    after = {key: alone[key][3:] if key in ("losses", "norms", "objective norms") else alone[key] for key in alone}
    assert_like_one_process([its["go on"] for its in found], after)
    went_on = train(small_encoder(dropout=0.0), "all", checkpoints=Checkpoints(tmp_path / "stopped", "x"))
    assert_like_one_process([{**went_on, "shares": [1.0]}], after)


@pytest.mark.slow
def test_selection_sees_and_keeps_whole_models(tmp_path: Path) -> None:
    found = run_processes(tmp_path, 2, "select")
    alone = select(tmp_path / "alone")
    assert_like_one_process([its["select"] for its in found], alone)
    for its in found:
        assert its["select"]["models"] == alone["models"]
        for (step, score), (own_step, own_score) in zip(its["select"]["scores"], alone["scores"], strict=True):
            assert step == own_step
            assert score == pytest.approx(own_score, rel=1e-6)
        assert same(its["loaded"], its["select"]["weights"])
    scores = dict(found[0]["select"]["scores"])
    for name in alone["models"]:
        kept = load_encoder(str(tmp_path / "selected" / name))
        assert weigh(kept) == pytest.approx(scores[int(name.removeprefix("step-"))], rel=1e-6)


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"compile": True}, "train.compile is on"), ({"precision": "fp16"}, "train.precision is fp16")],
)
def test_settings_that_do_not_go_with_it_are_refused(
    monkeypatch: pytest.MonkeyPatch, settings: dict, said: str
) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    encoder = small_encoder()
    part = make_part(encoder, "seq")
    monkeypatch.setattr(sharding_module, "world_size", lambda: 2)
    with pytest.raises(EncoderError, match=f"{said}, which does not go with FSDP here; .* --multi_gpu"):
        fit(encoder, [part], {"seq": SeqConfig()}, n_steps=1, config=FitConfig(**settings))


def test_a_family_with_several_passes_a_text_and_offloading_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = small_encoder()
    monkeypatch.setenv("FSDP_OFFLOAD_PARAMS", "true")
    with pytest.raises(EncoderError, match="leave offloading off"):
        Sharding(encoder)
    monkeypatch.setenv("FSDP_OFFLOAD_PARAMS", "false")
    monkeypatch.setattr(sharding_module, "supports_packing", lambda encoder: False)
    with pytest.raises(EncoderError, match="cannot be sharded by FSDP here; launch with --multi_gpu"):
        Sharding(encoder)


def test_one_process_has_nobody_to_shard_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accelerate is not told of FSDP while it starts, and the launcher's word stays."""
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    assert not asked_for()
    monkeypatch.setattr(sharding_module, "world_size", lambda: 2)
    assert asked_for()
    with unseen_by_accelerate():
        assert "ACCELERATE_USE_FSDP" not in os.environ
    assert os.environ["ACCELERATE_USE_FSDP"] == "true"
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "false")
    assert not asked_for()
    monkeypatch.undo()
    encoder = small_encoder()
    part = make_part(encoder, "seq")
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    before = dict(encoder.named_parameters())
    fit(encoder, [part], {"seq": SeqConfig()}, n_steps=1, config=FitConfig())
    assert all(parameter is before[name] for name, parameter in encoder.named_parameters())


@pytest.mark.parametrize("max_norm", [0.5, 1e9])
def test_clipping_whole_gradients_is_that_of_torch(max_norm: float) -> None:
    ours, theirs = ([nn.Parameter(torch.ones(3, 2)), nn.Parameter(torch.ones(4))] for _ in range(2))
    for parameters in (ours, theirs):
        generator = torch.Generator().manual_seed(1)
        for parameter in parameters:
            parameter.grad = torch.randn(parameter.shape, generator=generator)
    expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm)
    assert torch.allclose(clip_gradients(ours, max_norm), expected)
    for one, other in zip(ours, theirs, strict=True):
        assert one.grad is not None
        assert other.grad is not None
        assert torch.allclose(one.grad, other.grad)
    assert total_norm([]) == 0


def test_the_blocks_a_loss_depends_on_are_counted_by_pass() -> None:
    weight = torch.ones(2, requires_grad=True)
    first, second = [weight * 2], [weight * 3]
    for outputs in (first, second):
        outputs.append(outputs[-1].sin())
        outputs.append(outputs[-1].cos())
    unused = [weight * 5]
    assert _reached((first[1].sum() * second[2]).sum(), [first, second, unused]) == [2, 3, 0]
    assert _reached(torch.zeros(()), [first]) == [0]
