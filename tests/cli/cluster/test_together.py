"""Cells done by several processes together: the scores of one; what one cannot do is told."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.cli.task_data import make_sib200

from xl_cli.cluster.cells import score_cells
from xl_cli.cluster.together import together
from xl_cli.errors import CliError
from xl_cli.evaluation.config import EvaluateConfig
from xl_cli.evaluation.plans import NamedModel, task_plan
from xl_encoders import ModelConfig, new_encoder
from xl_tasks import TASKS

pytest.importorskip("ray")


def fails(*, rank: int) -> None:
    while os.environ["RANK"] != str(rank):  # as one waits for another's gradients
        time.sleep(0.5)
    message = f"{rank} of {os.environ['WORLD_SIZE']} cannot"
    raise CliError(message)


@pytest.mark.slow
def test_scores_are_those_of_one_process(tmp_path: Path) -> None:
    make_sib200(tmp_path, (12, 6, 8))
    new_encoder(["the words", "and others"], ModelConfig(size="pico", pieces=60), seed=0).save(tmp_path / "model")
    config = EvaluateConfig(
        model=(str(tmp_path / "model"),), data=str(tmp_path), source=("eng",), target=("tur",), resamples=20,
        set=("epochs=1", "max_len=24"), engine="ray", cell_processes=2, cell_cpus=2.0,
    )  # fmt: skip
    model = NamedModel(config.model[0], config, None, "")
    cells = [cell.name for job in task_plan(TASKS["sib200"], config).jobs(model) for cell in job.cells]
    asked: Any = {"task": "sib200", "model": config.model[0], "shown": "", "out": None, "cells": cells}
    far, near = (score_cells(**asked, config=each) for each in (config, replace(config, cell_processes=1)))
    assert len(far) == 1
    rows = [[row.to_json() for scored in each for row in scored.all_rows()] for each in (far, near)]
    assert rows[0] == rows[1]
    assert {json.loads(row)["metric"] for row in rows[0]} >= {"macro_f1", "accuracy"}


@pytest.mark.slow
def test_what_a_process_cannot_do_is_told() -> None:
    with pytest.raises(CliError, match=r"^one of 2 processes failed \(CliError: 1 of 2 cannot\)$"):
        together(2, fails, {"rank": 1}, 1.0)
