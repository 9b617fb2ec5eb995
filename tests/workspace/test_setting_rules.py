"""What a field's metadata rule out is refused by every class of settings, in one sentence that names the field."""

from dataclasses import Field, fields
from typing import Any

import pytest

from xl_cli.evaluation.config import EvaluateConfig
from xl_cli.folder.report import ReportConfig
from xl_cli.recipe.config import DataConfig, EvalConfig, ReadingConfig, SelectConfig, TrainConfig
from xl_cli.vectors.bli import BliConfig
from xl_cli.vectors.extract_config import WordReadingConfig
from xl_cli.vectors.induce import InduceConfig
from xl_cli.vectors.neighbours import NeighboursConfig
from xl_cli.vectors.similarity import SimilarityConfig
from xl_encoders.config import FitConfig, ModelConfig
from xl_tasks.robustness.config import RobustConfig
from xl_tasks.tuning.config import TuningConfig

# Each class with what it cannot be made without, how messages call a field, and how many fields have rules at least.
SETTINGS: list[tuple[type, dict[str, Any], str, int]] = [
    (ModelConfig, {}, "model.{}", 6),
    (FitConfig, {}, "train.{}", 16),
    (TrainConfig, {}, "train.{}", 16),
    (DataConfig, {}, "data.{}", 6),
    (EvalConfig, {}, "eval.{}", 2),
    (SelectConfig, {}, "select.{}", 6),
    (ReadingConfig, {}, "--{}", 2),
    (EvaluateConfig, {"model": ("m",)}, "--{}", 13),
    (ReportConfig, {}, "--{}", 2),
    (WordReadingConfig, {"model": "m"}, "--{}", 3),
    (BliConfig, {"dictionary": ("d",)}, "--{}", 6),
    (InduceConfig, {}, "--{}", 8),
    (NeighboursConfig, {}, "--{}", 3),
    (SimilarityConfig, {"gold": ("g",)}, "--{}", 4),
    (TuningConfig, {}, "{}", 19),
    (RobustConfig, {}, "robust.{}", 13),
]


def ruled_out(field: Field[Any]) -> list[Any]:
    """Values next to those that the metadata allow, and NaN, which no number may be."""
    rules = field.metadata
    if "choices" in rules:
        return [("none-such",) if isinstance(field.default, tuple) else "none-such"]
    values = [rules[rule] - (1 if rule == "low" else 0) for rule in ("low", "above", "below") if rule in rules]
    return [*values, float("nan")] if values else []


@pytest.mark.parametrize(
    ("config", "given", "key", "n_ruled"), SETTINGS, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_value_that_is_ruled_out_is_refused_by_name(
    config: Any, given: dict[str, Any], key: str, n_ruled: int
) -> None:
    config(**given)
    ruled = {field.name: ruled_out(field) for field in fields(config) if ruled_out(field)}
    assert len(ruled) >= n_ruled
    for name, values in ruled.items():
        for value in values:
            with pytest.raises(ValueError, match=r"^[^\n]+ (choose one of|give) [^\n]+\.$") as refusal:
                config(**{**given, name: value})
            assert str(refusal.value).startswith(key.format(name.replace("_", "-") if "--" in key else name) + " is ")
