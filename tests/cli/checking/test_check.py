"""`xl check`: what agrees, what does not, and what cannot be read in a way."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cli.conftest import Run

import xl_cli
from xl_encoders import ModelConfig, new_encoder
from xl_encoders.agreement import ways
from xl_encoders.model.encoder import save_model

LINES = [f"{a} {b}{end}" for a in ("badeko", "gikolu", "mane") for b in ("suta", "vima") for end in ("", " lune de")]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "tiny"
    save_model(new_encoder(LINES, ModelConfig(size="pico", pieces=40, max_len=32), seed=1), folder)
    return folder


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("".join(f"{line}\n\n" for line in LINES), encoding="utf-8")
    return path


def test_every_way_agrees_and_is_told(xl: Run, model: Path, text: Path) -> None:
    pytest.importorskip("sentence_transformers")
    done = xl("check", model, text, "--layer", "last")
    assert done.returncode == 0, done.stderr
    for way in ("padded batches", "packed", "bfloat16", "exported, opened again", "by sentence-transformers", "cached"):
        (line,) = (line for line in done.stdout.splitlines() if way in line)
        assert " agrees" in line
    rows = [json.loads(line) for line in xl("check", model, text, "--layer", "last", "--json").stdout.splitlines()]
    figures = {(row["variant"], row["metric"]): row["value"] for row in rows}
    assert figures["padded batches", "least_cosine"] > 1 - 1e-6
    assert 0 < figures["bfloat16", "difference"] < 0.1
    assert all(row["n"] == len(LINES) for row in rows)


def test_a_way_that_differs_fails(xl: Run, model: Path, text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = ways.packed

    def spoiled(*given: Any, **more: Any) -> np.ndarray | None:
        vectors = right(*given, **more)
        assert vectors is not None
        vectors[3] = vectors[4]
        return vectors

    monkeypatch.setattr(ways, "packed", spoiled)
    done = xl("check", model, text)
    assert done.returncode == 1
    assert "packed, as in training (farthest: " in done.stderr
    assert "differs by more than 0.001" in done.stdout


@pytest.mark.parametrize("pooling", ["mean-all", "last,max"])
def test_a_sentence_encoder_beside_its_own_library_and_ways_that_cannot_be_gone(
    model: Path, text: Path, tmp_path: Path, pooling: str
) -> None:
    pytest.importorskip("sentence_transformers")
    xl_cli.export(model, out=tmp_path / "st", layer="1", pooling=pooling, prompt="piro: ")
    told = str(xl_cli.check(tmp_path / "st", text))
    assert f"layer 1 of 1, {pooling}, prompt 'piro: '" in told
    (own,) = (line for line in told.splitlines() if line.startswith("sentence-transformers"))
    assert own.endswith(" agrees")


def test_wrong_settings_are_told(xl: Run, model: Path, text: Path) -> None:
    for arguments, code, said in (
        ([model, "--layer", "all"], 2, "--layer"),
        ([model, "--lang", "tur"], 2, "--lang: no meaning"),
        ([model, text, "--limit", "0"], 2, "limit"),
        ([model, text.with_name("nothing.txt")], 1, "nothing.txt"),
        ([text, text], 1, "text.txt"),
    ):
        done = xl("check", *arguments)
        assert (done.returncode, said in done.stderr) == (code, True), done.stderr
