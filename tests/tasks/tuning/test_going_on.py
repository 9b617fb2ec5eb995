"""Fine-tuning that was stopped or killed goes on to the same weights; two processes give what one gives."""

from pathlib import Path

import pytest
import torch
from tests.encoders.distributed.test_processes import run_processes
from tests.tasks.tuning.test_fit import ENG, problems, same, scripted, settings, weights
from tests.tasks.tuning_toys import toy_encoder
from tests.tasks.tuning_worker import tune
from tests.thinned import thinned

from xl_encoders import Checkpoints
from xl_tasks.errors import StoppedError
from xl_tasks.robustness.config import RobustConfig
from xl_tasks.robustness.perturbing import Perturbation
from xl_tasks.tuning import fit as module
from xl_tasks.tuning.fit import FittedModel, fit_task

pytestmark = pytest.mark.usefixtures("one_thread")

AT = Perturbation.of(RobustConfig(eps=0.3, steps=1), 1.0)


class Killed(BaseException):
    pass


def run(kind: str, options: dict, *, perturbation=None, values=(), **more) -> tuple[FittedModel, list[int]]:
    """The fitted model and the steps that were made; dropout is on. values: dev scores, where they are given."""
    encoder, config = toy_encoder(), settings(epochs=4.0, every=2, **options)
    problem, data = problems(encoder, config)[kind]
    problem = scripted(values, encoder, config) if values else problem
    steps = []
    fitted = fit_task(
        encoder, problem, {ENG: data(17)}, {ENG: data(9, 1)}, config, perturbation=perturbation,
        on_step=lambda step: steps.append(step.step), **more,
    )  # fmt: skip
    assert isinstance(fitted, FittedModel)
    return fitted, steps


@pytest.mark.parametrize("at", thinned([3, 4], 2))
@pytest.mark.parametrize(
    ("kind", "options", "perturbation"),
    [
        ("tagging", {"warmup": 0.3, "schedule": "cosine"}, AT),
        ("classification", {"mode": "lora", "accumulate": 2, "batch": 3}, None),
        ("answering", {"precision": "bf16", "keep": "last"}, None),
    ],
    ids=["robust", "lora", "bf16"],
)
def test_goes_on_to_the_same_weights(tmp_path: Path, kind: str, options: dict, perturbation, at: int) -> None:
    """Stopped in the middle of an epoch, or where a dev score is due, which is then taken afterwards."""
    if options.get("mode") == "lora":
        pytest.importorskip("peft")  # of the extra lora
    straight, every = run(kind, options, perturbation=perturbation)
    checkpoints = Checkpoints(tmp_path, "x")
    calls = iter(range(1, 99))
    with pytest.raises(StoppedError, match=f"stopped after step {at} of {straight.steps}"):
        run(kind, options, perturbation=perturbation, checkpoints=checkpoints, should_stop=lambda: next(calls) == at)
    fitted, steps = run(kind, options, perturbation=perturbation, checkpoints=checkpoints)
    assert steps == every[at:]
    assert same(weights(fitted), weights(straight))
    assert (fitted.scores, fitted.kept, fitted.steps) == (straight.scores, straight.kept, straight.steps)


@pytest.mark.parametrize("patience", thinned([0, 3], 2), ids=["best", "early"])
def test_scores_before_a_kill_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patience: int) -> None:
    """The best of all is that of step 2, long before the last checkpoint; each score is asked for once."""
    values = [0.9, 0.2, 0.3, 0.4, 0.5, 0.6][: 4 if patience else 6]
    options = {"patience": patience}
    straight, every = run("tagging", options, values=values)
    assert (straight.kept, straight.steps) == (2, 8 if patience else 12)
    monkeypatch.setattr(module, "_SAVE_EVERY", 3)
    checkpoints = Checkpoints(tmp_path, "x", last=False)

    def die(step: int, score: float) -> None:
        if step == 8:
            raise Killed

    with pytest.raises(Killed):
        run("tagging", options, values=values, checkpoints=checkpoints, on_score=die)
    assert checkpoints.latest() == 6
    fitted, steps = run("tagging", options, values=values[3:], checkpoints=checkpoints)
    assert steps == every[6:]
    assert fitted.scores == straight.scores
    assert fitted.kept == 2
    assert same(weights(fitted), weights(straight))
    assert checkpoints.latest() == (6 if patience else 9)  # nothing is written for the last step


def test_another_fit_is_refused_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(StoppedError):
        run("tagging", {}, checkpoints=Checkpoints(tmp_path, "one"), should_stop=lambda: True)
    with pytest.raises(ValueError, match="belongs to another recipe or other data"):
        run("tagging", {}, checkpoints=Checkpoints(tmp_path, "two"))


def test_frozen_weights_are_in_no_checkpoint(tmp_path: Path) -> None:
    pytest.importorskip("peft")
    with pytest.raises(StoppedError):
        run("tagging", {"mode": "lora"}, checkpoints=Checkpoints(tmp_path, "x"), should_stop=lambda: True)
    [file] = tmp_path.iterdir()
    whole = sum(p.numel() for p in toy_encoder().parameters())
    assert file.stat().st_size < 4 * whole / 2


@pytest.mark.slow
def test_two_processes_are_one(tmp_path: Path) -> None:
    """Losses, norms and dev scores of one process, and the same weights on both, straight or stopped on the way."""
    one = tune()
    first, second = run_processes(tmp_path, 2, worker="tests.tasks.tuning_worker")
    for found in (first["straight"], second["straight"]):
        assert found["losses"] == pytest.approx(one["losses"], rel=1e-5)
        assert found["norms"] == pytest.approx(one["norms"], rel=1e-4)
        assert (found["scores"], found["kept"]) == (one["scores"], one["kept"])
        off = sum(int((~torch.isclose(found["weights"][k], v, atol=1e-5)).sum()) for k, v in one["weights"].items())
        assert off < 1e-3 * sum(v.numel() for v in one["weights"].values())  # Adam's sign, where a slope is rounding
    for found in (second["straight"], first["again"], second["again"]):
        assert same(found["weights"], first["straight"]["weights"])
        assert found["scores"] == first["straight"]["scores"]
    assert list(first["again"]["losses"]) == [4]
