"""A grid that is killed between two candidates: those that were finished are not trained again."""

from pathlib import Path
from typing import Any

import pytest
from tests.cli.task_data import LANGUAGES, make_sib200, sentence, write

from xl_cli import Rows, evaluate
from xl_encoders import ModelConfig, new_encoder
from xl_tasks.tuning import fit


class Killed(BaseException):
    pass


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    import random

    root = tmp_path_factory.mktemp("data")
    make_sib200(root, sizes=(30, 18, 12))
    rng = random.Random(7)
    texts = [write(sentence(topic, rng), short) for topic in ("geography", "politics", "sports") for short in LANGUAGES]
    new_encoder(texts, ModelConfig(size="pico", pieces=200), seed=3).save(root / "small")
    return {"model": str(root / "small"), "data": str(root), "source": "eng", "target": ["eng", "tur"], "resamples": 0}


def run(given: dict[str, Any], out: Path, grid: str) -> Rows:
    return evaluate("sib200", **given, grid=grid, set=["steps=6", "max_len=24", "every=3", "patience=0"], out=str(out))


@pytest.mark.slow
@pytest.mark.parametrize("rates", ["1e-2,1e-9,1e-8", "1e-9,1e-2,1e-8", "1e-9,1e-8,1e-2"])
def test_what_was_finished_is_not_trained_again(
    given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rates: str
) -> None:
    """The best is in turn the first, the second, and the one that was killed."""
    straight = run(given, tmp_path / "straight", f"lr={rates}")
    [chosen] = {row.tuning.rpartition(": ")[2] for row in straight}
    assert chosen == "lr=0.01"
    steps: list[tuple[float, int]] = []
    done = fit.fit_task

    def counted(*arguments: Any, on_step: Any, **more: Any) -> Any:
        config = arguments[4]

        def step(record: fit.TuningStep) -> None:
            steps.append((config.lr, record.step))
            if dying and config.lr == last and record.step == 2:
                raise Killed

        return done(*arguments, on_step=step, **more)

    monkeypatch.setattr(fit, "fit_task", counted)
    *first, last = map(float, rates.split(","))
    dying = True
    with pytest.raises(Killed):
        run(given, tmp_path / "out", f"lr={rates}")
    assert steps == [*((rate, number) for rate in first for number in range(1, 7)), (last, 1), (last, 2)]
    # Of the finished ones the best alone has kept its state.
    kept = [path for path in (tmp_path / "out" / "checkpoints").glob("*/step-*") if path.stem.endswith("6")]
    assert len(kept) == 1
    steps.clear()
    dying = False
    again = run(given, tmp_path / "out", f"lr={rates}")
    assert steps == [(last, number) for number in range(1, 7)]
    assert list(again) == list(straight)
    assert not list((tmp_path / "out" / "checkpoints").iterdir())
