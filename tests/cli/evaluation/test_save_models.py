"""`xl eval --save-models`: every fitted model lies in a folder of its own, whenever it was scored."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tests.cli.task_data import LANGUAGES, make_sib200, sentence, write

from xl_cli import CliError, analyze, evaluate
from xl_encoders import ModelConfig, new_encoder
from xl_tasks.protocols.cells import CellStore


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    make_sib200(root, sizes=(12, 6, 9))
    return root


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import random

    texts = [write(sentence(topic, random.Random(7)), short) for topic in ("politics", "sports") for short in LANGUAGES]
    folder = tmp_path_factory.mktemp("models") / "small"
    new_encoder(texts, ModelConfig(size="pico", pieces=200), seed=3).save(folder)
    return folder


def run(model: Path, data: Path, out: Path, **more: Any) -> None:
    quick: dict[str, Any] = {"set": ["steps=2", "max_len=24", "lr=1e-2"], "resamples": 0, "target": "eng"}
    evaluate("sib200", model=str(model), data=str(data), out=str(out), **{**quick, "source": "eng", **more})


def kept(out: Path) -> list[dict]:
    return [
        json.loads(path.read_text("utf-8")) | {"folder": path.parent}
        for path in sorted((out / "models").glob("*/fine_tuned.json"))
    ]


def test_a_model_that_was_scored_before_is_kept_when_it_is_asked_for(
    model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(model, data, tmp_path)
    assert kept(tmp_path) == []
    run(model, data, tmp_path, save_models=True)
    [about] = kept(tmp_path)
    assert "its model was not kept; fitted again" in capsys.readouterr().err
    asked = {"task": "sib200", "source": "eng_Latn", "unit": "subword", "encoder": "small", "seed": 42, "robust": ""}
    assert asked.items() <= about.items()
    run(model, data, tmp_path, save_models=True)
    assert "finished before (1 cells)" in capsys.readouterr().err


@pytest.mark.slow
def test_models_that_differ_in_input_settings_or_training_languages_lie_apart(
    model: Path, data: Path, tmp_path: Path
) -> None:
    run(model, data, tmp_path, save_models=True)
    run(model, data, tmp_path, save_models=True, input="romanised", source="ell", target="ell")
    run(model, data, tmp_path, save_models=True, source="ell", target="ell")
    run(model, data, tmp_path, save_models=True, train_limit=6)
    run(model, data, tmp_path, save_models=True, protocol="translate-train", target=["tur", "ell"])
    found = kept(tmp_path)
    assert len(found) == 6
    told = [(about["source"], about["unit"], about["tuning"]) for about in found]
    assert len(set(told)) == 4  # by the label alone those of translate-train are the first one
    names = [about["folder"].name for about in found]
    assert sum("eng_Latn+tur_Latn-translate-train" in name for name in names) == 1
    assert sum("eng_Latn+ell_Grek-translate-train" in name for name in names) == 1


@pytest.mark.slow
def test_probabilities_of_every_item_are_those_of_the_kept_model(model: Path, data: Path, tmp_path: Path) -> None:
    run(model, data, tmp_path, save_models=True, target=["eng", "tur"])
    [about] = kept(tmp_path)
    made = transformers.AutoModelForSequenceClassification.from_pretrained(about["folder"])
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(about["folder"])
    cells = {scored.cell.target: scored for scored in CellStore(tmp_path)}
    assert set(cells) == {"eng_Latn", "tur_Latn"}
    for code, scored in cells.items():
        lines = (data / "sib200" / code / "test.tsv").read_text("utf-8").splitlines()[1:]
        texts = [line.split("\t")[2] for line in lines]
        with torch.inference_mode():
            encoded = tokenizer(texts, return_tensors="pt", padding=True, truncation=True, max_length=24)
            expected = made(**encoded).logits.softmax(dim=1).numpy()
        assert scored.outputs is not None
        assert [key.rpartition("/")[2] for key in scored.keys] == [line.split("\t")[0] for line in lines]
        np.testing.assert_allclose(scored.outputs, expected, atol=1e-5)
        assert scored.outputs.std() > 1e-3


def test_a_kept_model_is_named_as_any_other_and_a_probe_says_what_it_is_of(
    model: Path, data: Path, tmp_path: Path
) -> None:
    run(model, data, tmp_path / "full", save_models=True)
    [about] = kept(tmp_path / "full")
    rows = evaluate("sib200", model=str(about["folder"]), data=str(data), source="eng", target="tur", probe=True)
    assert {(row.model, row.variant, row.seed) for row in rows} == {("small", "fine-tuned on sib200", 0)}
    probe: dict[str, Any] = {"probe": True, "save_models": True, "source": "eng", "target": "tur", "resamples": 0}
    evaluate("sib200", model=str(model), data=str(data), out=str(tmp_path / "probe"), **probe)
    for named in (tmp_path / "probe", kept(tmp_path / "probe")[0]["folder"]):
        with pytest.raises(CliError, match="is a linear probe on small and holds no encoder; name the model"):
            analyze("cka", model=str(named), data=str(data / "sib200"))


def test_a_kept_model_whose_weights_changed_is_refused(model: Path, data: Path, tmp_path: Path) -> None:
    run(model, data, tmp_path, save_models=True)
    [about] = kept(tmp_path)
    weights = about["folder"] / "model.safetensors"
    whole = weights.read_bytes()
    asked: dict[str, Any] = {"model": str(about["folder"]), "data": str(data / "sib200")}
    of_vectors: dict[str, Any] = {"layer": "1", "permutations": 1}
    for more in (of_vectors, {"outputs": "probs"}):
        weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(CliError, match=r"another SHA-256 than in fine_tuned\.json"):
            analyze("distance", **asked, **more)
        weights.write_bytes(whole)
        assert analyze("distance", **asked, **more)
