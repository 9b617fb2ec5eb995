"""What a report tells of a run of `xl eval` and `xl analyze`: every option that was given."""

import dataclasses
from typing import Any

from xl_cli.evaluation.config import EvaluateConfig
from xl_cli.folder.run_facts import run_facts
from xl_cli.measure.registry import measure


def told(options: dict[str, Any], *tasks: str) -> str:
    return dict(run_facts({"status": "finished", "tasks": tasks, "options": options})).get("options", "")


def test_every_option_of_an_evaluation_that_was_given_is_told_and_no_other() -> None:
    usual = {field.name: field.default for field in dataclasses.fields(EvaluateConfig)}
    assert told(usual, "sib200") == ""
    for name, value in usual.items():
        if name in ("model", "data", "save_models", "engine") or name.startswith("cell_"):
            continue
        other: Any = True if value is False else 7 if isinstance(value, int) else "x"
        other = ["a", "b"] if isinstance(value, tuple) else other
        shown = "a, b" if isinstance(other, list) else str(other)
        assert told({**usual, name: other}, "sib200") == f"{name} {shown}"


def test_of_a_measure_too() -> None:
    usual = {field.name: field.default for field in dataclasses.fields(measure("cka").settings)}
    given = {**usual, "model": ["m"], "data": "texts", "minibatch": 64, "kernel": "rbf", "bandwidth": 0.8}
    assert told(given, "cka") == "kernel rbf, minibatch 64"
