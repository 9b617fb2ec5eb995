"""Low-rank updates: what is trained, what is saved, and what is said without peft."""

import sys
from typing import Any

import pytest
import torch
from tests.encoders.conftest import family, family_folder, loaded  # noqa: F401
from tests.tasks.tuning_toys import ToyTagging, classification, toy_encoder, toy_sentences, toy_texts
from tests.thinned import thinned
from torch import nn
from transformers import AutoModelForSequenceClassification

from xl_tasks import TaskError
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.tuning.fit import FittedModel, fit_task
from xl_tasks.tuning.lora import add_adapters
from xl_tasks.tuning.task_model import TaskModel

ENG = "eng_Latn"


@pytest.fixture
def _peft() -> None:
    pytest.importorskip("peft")  # of the extra lora


def settings(**options) -> TuningConfig:
    given: dict[str, Any] = {"mode": "lora", "max_len": 48, "batch": 8, "lr": 5e-3, "epochs": 2.0, **options}
    return TuningConfig(**given)


@pytest.mark.usefixtures("_peft")
@pytest.mark.parametrize(
    "family", thinned(["xlmr", "bert", "canine", "distilbert", "xlm", "modernbert"], 3), indirect=True
)
def test_only_adapters_and_head_are_trained(family):  # noqa: F811
    problem = classification(family, settings())
    model = TaskModel.of(family, problem, seed=1)
    plain = dict(model.model.named_parameters())
    prefix = f"{model.model.base_model_prefix}."
    merge = add_adapters(model, settings(lora_rank=3))
    trained = {name for name, p in model.model.named_parameters() if p.requires_grad}
    adapters = {name for name in trained if ".lora_" in name}
    head = {name for name in plain if not name.startswith(prefix) or ".pooler." in name}
    assert adapters
    assert trained == adapters | head
    shapes = [p.shape for name, p in model.model.named_parameters() if ".lora_A." in name]
    assert {shape[0] for shape in shapes} == {3}
    merge()
    assert list(dict(model.model.named_parameters())) == list(plain)


@pytest.mark.usefixtures("_peft")
def test_frozen_weights_move_by_a_matrix_of_low_rank():
    encoder = toy_encoder()
    problem = ToyTagging(encoder.tokenizer)
    fitted = fit_task(encoder, problem, {ENG: toy_sentences(24)}, {}, settings(lora_rank=2))
    assert isinstance(fitted, FittedModel)
    start = TaskModel.of(encoder, problem, seed=42).model.state_dict()
    moved = {k: v - start[k] for k, v in fitted.model.model.state_dict().items() if not torch.equal(v, start[k])}
    backbone = {k: v for k, v in moved.items() if k.startswith("roberta.")}
    assert sorted(k.split(".")[-2] for k in backbone) == ["query", "value"]
    for change in backbone.values():
        singular = torch.linalg.svdvals(change)
        assert singular[1] > 1e-4
        assert singular[2] < 1e-4 * singular[0]
    assert {k for k in moved if k not in backbone} == {"classifier.weight", "classifier.bias"}


@pytest.mark.usefixtures("_peft")
def test_saved_folder_is_a_plain_model(tmp_path):
    encoder = toy_encoder()
    config = settings()
    fitted = fit_task(encoder, classification(encoder, config), {ENG: toy_texts(24)}, {}, config)
    assert isinstance(fitted, FittedModel)
    assert not any("lora" in name for name, _ in fitted.model.model.named_modules())
    assert sum(isinstance(module, nn.Linear) for module in fitted.model.modules()) > 0
    fitted.save(tmp_path / "model")
    theirs = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model").eval()
    for example, row in zip(toy_texts(5, 4), fitted.logits(toy_texts(5, 4), ENG), strict=True):
        with torch.no_grad():
            expected = theirs(**encoder.tokenizer(example.first, return_tensors="pt")).logits[0]
        assert torch.allclose(torch.from_numpy(row), expected, atol=1e-5)


@pytest.mark.usefixtures("_peft")
def test_the_best_adapters_are_merged():
    """The kept step is in the middle: what is merged is the state that was scored."""
    encoder = toy_encoder()
    problem = ToyTagging(encoder.tokenizer)
    train, dev = {ENG: toy_sentences(24)}, {ENG: toy_sentences(30, 4)}
    fitted = fit_task(encoder, problem, train, dev, settings(epochs=3.0, lr=2e-3))
    score = problem.measures(dev[ENG], fitted.predict(dev[ENG], ENG), ENG)[0].value
    assert score == pytest.approx(max(fitted.scores.values()))


def test_without_peft_the_line_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    encoder = toy_encoder()
    problem = classification(encoder, settings())
    with pytest.raises(TaskError, match=r'needs the peft library; install it with: pip install "xl-tasks\[lora\]"'):
        fit_task(encoder, problem, {ENG: toy_texts(4)}, {}, settings())
