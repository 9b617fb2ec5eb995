"""Selection while training: against a slow description, through stops and kills, and without a trace in the weights."""

import copy
import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.encoders.toy_parts import KINDS, make_part, same, small_encoder, state_of
from tests.thinned import thinned
from transformers import AutoModelForMaskedLM

from xl_encoders import Checkpoints, Encoder, FitConfig, FitEnd, Selection, StepRecord, StepScore, fit
from xl_encoders.training import selection as selection_module


def train(encoder: Encoder, selection: Selection | None, folder: Path | None = None, **arguments) -> FitEnd:
    part = make_part(encoder, "mlm+seq+tlm", batch=4)
    config = FitConfig(lr=1e-3, save_every=4)
    checkpoints = Checkpoints(folder, "x") if folder else None
    return fit(
        encoder, [part], KINDS["mlm+seq+tlm"], n_steps=10, config=config, checkpoints=checkpoints, selection=selection,
        **arguments,
    )  # fmt: skip


def models_in(folder: Path) -> list[int]:
    return sorted(int(path.name.removeprefix("step-")) for path in folder.glob("step-*"))


class Given:
    """Scores from a list, by call."""

    def __init__(self, scores: list[float]) -> None:
        self.scores = iter(scores)

    def __call__(self, encoder: Encoder) -> float:
        assert not encoder.training
        return next(self.scores)


@settings(deadline=None, max_examples=25)
@given(
    scores=st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=8),
    keep=st.integers(1, 3),
    patience=st.integers(0, 3),
)
def test_keeps_the_best_and_ends_when_nothing_gets_better(scores: list[float], keep: int, patience: int) -> None:
    """Folders stand in for models; of equal scores the earlier is better."""
    import tempfile

    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection_module, "save_model", lambda encoder, folder: folder.mkdir(parents=True))
        seen: list[StepScore] = []
        selection = Selection(
            Path(name) / "s", Given(scores), every=10, keep=keep, patience=patience, on_score=seen.append
        )  # fmt: skip
        encoder = _Still()
        best, best_at = -1.0, 0
        for number, score in enumerate(scores):
            ended = selection(encoder, 10 * (number + 1))  # ty: ignore[invalid-argument-type]
            if score > best:
                best, best_at = score, number
            assert ended == (patience > 0 and number - best_at >= patience)
            so_far = [(value, 10 * (i + 1)) for i, value in enumerate(scores[: number + 1])]
            ranked = sorted(so_far, key=lambda one: (-one[0], one[1]))
            assert models_in(selection.folder) == sorted(step for _, step in ranked[:keep])
            assert seen == selection.scores() == [StepScore(step, value) for value, step in so_far]
            found = selection.best()
            assert found == (StepScore(ranked[0][1], ranked[0][0]), selection.folder / f"step-{ranked[0][1]:08d}")


class _Still:
    """As much of an encoder as a selection asks for."""

    training = True
    device = torch.device("cpu")

    def eval(self) -> None:
        self.training = False

    def train(self, mode: bool) -> None:
        self.training = mode


def test_scores_every_so_many_steps_and_the_last(xlmr: Encoder, tmp_path: Path) -> None:
    selection = Selection(tmp_path, Given([0.1, 0.3, 0.2, 0.3]), every=3, keep=2)
    assert train(xlmr, selection) == FitEnd(step=10, reason="finished")
    assert [scored.step for scored in selection.scores()] == [3, 6, 9, 10]
    assert models_in(tmp_path) == [6, 10]
    best = selection.best()
    assert best is not None
    assert best[0] == StepScore(6, 0.3)
    last = AutoModelForMaskedLM.from_pretrained(tmp_path / "step-00000010")
    assert all(torch.equal(a, b) for a, b in zip(last.parameters(), xlmr.model.parameters(), strict=True))
    assert xlmr.training


@pytest.mark.slow
def test_early_end(xlmr: Encoder, tmp_path: Path) -> None:
    selection = Selection(tmp_path, Given([0.5, 0.4, 0.3]), every=2, patience=2)
    assert train(xlmr, selection) == FitEnd(step=6, reason="early")
    at_the_end = Selection(tmp_path / "other", Given([0.5, 0.4]), every=5, patience=1)
    assert train(xlmr, at_the_end) == FitEnd(step=10, reason="finished")


@pytest.mark.slow
def test_training_does_not_notice(xlmr: Encoder, tmp_path: Path) -> None:
    """Bit for bit, though scoring draws random numbers and leaves the encoder in another mode."""
    twin = copy.deepcopy(xlmr)

    def score(encoder: Encoder) -> float:
        torch.manual_seed(1)
        return float(encoder.embed(["white cat"]).sum() + torch.rand(3).sum())

    train(xlmr, Selection(tmp_path, score, every=2))
    train(twin, None)
    assert same(state_of(xlmr), state_of(twin))


@pytest.mark.parametrize("stop_after", thinned([2, 3, 5, 6], 4))
def test_a_stopped_run_selects_what_a_whole_one_does(tmp_path: Path, stop_after: int) -> None:
    """Also where the stop comes at a step that was to be scored."""

    def score(encoder: Encoder) -> float:
        return float(encoder.embed(["white cat"])[0, 0])

    whole = Selection(tmp_path / "whole", score, every=3, keep=2)
    train(small_encoder(), whole)
    selection = Selection(tmp_path / "s", score, every=3, keep=2)
    calls = iter(range(1, 100))
    end = train(small_encoder(), selection, tmp_path / "c", should_stop=lambda: next(calls) == stop_after)
    assert end == FitEnd(step=stop_after, reason="stopped")
    train(small_encoder(), selection, tmp_path / "c")
    assert selection.scores() == whole.scores()
    assert models_in(selection.folder) == models_in(whole.folder)
    for step in models_in(whole.folder):
        name = f"step-{step:08d}/model.safetensors"
        assert (selection.folder / name).read_bytes() == (whole.folder / name).read_bytes()


@pytest.mark.slow
def test_a_killed_run_forgets_scores_after_its_checkpoint(tmp_path: Path) -> None:
    """Checkpoint at 4, scores at 3 and 6, killed after 7: the score of 6 is found again, not counted twice."""

    def die(record: StepRecord) -> None:
        if record.step == 7:
            raise KeyboardInterrupt

    def score(encoder: Encoder) -> float:
        return float(encoder.embed(["white cat"])[0, 0])

    selection = Selection(tmp_path / "s", score, every=3, keep=3, patience=3)
    with pytest.raises(KeyboardInterrupt):
        train(small_encoder(), selection, tmp_path / "c", on_step=die)
    before = selection.scores()
    assert [scored.step for scored in before] == [3, 6]
    (tmp_path / "s" / ".step-00000006.4711.tmp").mkdir()
    train(small_encoder(), selection, tmp_path / "c")
    assert selection.scores()[:2] == before
    assert [scored.step for scored in selection.scores()] == [3, 6, 9, 10]
    assert not list((tmp_path / "s").glob(".*"))


def test_scores_are_on_disk_before_a_model_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection_module, "save_model", lambda encoder, folder: folder.mkdir(parents=True))
    selection = Selection(tmp_path, Given([0.1, 0.9]), every=1, keep=1)
    selection(_Still(), 1)  # ty: ignore[invalid-argument-type]

    def kill(path: Path, ignore_errors: bool) -> None:
        if path.name == "step-00000001":
            assert json.loads((tmp_path / "scores.json").read_text()) == [[1, 0.1], [2, 0.9]]
            raise KeyboardInterrupt

    monkeypatch.setattr(selection_module.shutil, "rmtree", kill)
    with pytest.raises(KeyboardInterrupt):
        selection(_Still(), 2)  # ty: ignore[invalid-argument-type]
    found = Selection(tmp_path, Given([]), every=1).best()
    assert found == (StepScore(2, 0.9), tmp_path / "step-00000002")
    selection.forget_after(1)  # its model is there still: nothing is lost should the run end here
    assert selection.best() == (StepScore(1, 0.1), tmp_path / "step-00000001")


def test_nothing_scored_yet(tmp_path: Path) -> None:
    selection = Selection(tmp_path / "s", Given([]), every=5)
    assert selection.scores() == []
    assert selection.best() is None
    selection.forget_after(3)
    assert not selection.folder.exists()
    assert [selection.due(step, 12) for step in (4, 5, 10, 12)] == [False, True, True, True]
    late = [selection.late(step, 12, torch.device("cpu")) for step in (0, 4, 5, 12)]
    assert late == [False, False, True, True]
