"""`--transform` of `xl eval retrieval` and `xl analyze cka`, and reading several layers at once."""

import json
from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import Run

import xl_encoders
from xl_cli.evaluation import layer_sweep
from xl_cli.evaluation.layer_sweep import LayerSweep
from xl_cli.recipe import config
from xl_encoders import Encoder, ModelConfig, new_encoder


@pytest.fixture(scope="module")
def encoder(corpus: Path) -> Encoder:
    texts = [line for path in sorted(corpus.glob("*.txt")) for line in path.read_text(encoding="utf-8").split()]
    return new_encoder(texts, ModelConfig(size="pico", pieces=60, max_len=24), seed=1)


@pytest.fixture(scope="module")
def model(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "untrained"
    encoder.save(folder)
    return folder


TEXTS = {"a": ["ba", "de", "gigi", "kolu"], "b": ["μα", "νε", "πι", "ρο"]}


def test_the_names_are_those_of_the_encoders() -> None:
    assert config.TRANSFORMS == xl_encoders.TRANSFORMS


def test_each_language_is_centred_by_itself_and_whitened_together(encoder: Encoder) -> None:
    sweep = LayerSweep(encoder, TEXTS, [1], "mean-all", ["center", "whiten"])
    plain = {language: encoder.embed(texts, layer=1, pooling="mean-all") for language, texts in TEXTS.items()}
    centred = [vectors - vectors.mean(axis=0) for vectors in plain.values()]
    together = np.concatenate(centred).astype(np.float64)
    # Mahalanobis distances: what whitening makes of differences, whatever its axes are. Six dimensions are left.
    inverse = np.linalg.pinv(np.cov(together, rowvar=False), rcond=1e-9, hermitian=True)
    found = np.concatenate([sweep.vectors(language, texts, layer=1) for language, texts in TEXTS.items()])
    for i in range(7):
        step = together[i] - together[i + 1]
        assert ((found[i] - found[i + 1]) ** 2).sum() == pytest.approx(step @ inverse @ step, rel=1e-2)
    assert sweep.pooling == "mean-all+center+whiten"


def test_all_layers_take_one_reading(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder.embed(["the first reading tries the model"], layer=0)
    for most_bytes, n_expected in ((layer_sweep._MOST_BYTES, 1), (0, 2)):
        monkeypatch.setattr(layer_sweep, "_MOST_BYTES", most_bytes)
        sweep = LayerSweep(encoder, TEXTS, [0, 1, 1], "first")
        calls = []
        hook = encoder.model.base_model.register_forward_pre_hook(lambda *_, calls=calls: calls.append(1))
        for layer in (0, 1):
            for language, texts in TEXTS.items():
                expected = Encoder.embed(encoder, texts, layer=layer, pooling="first")
                calls.pop()
                assert np.array_equal(sweep.vectors(language, texts, layer=layer), expected)
                some = sweep.vectors(language, texts[::-2], layer=layer)
                assert np.array_equal(some, expected[::-2])
        hook.remove()
        assert len(calls) == n_expected * len(TEXTS)


def test_rows_say_what_was_done(xl: Run, corpus: Path, model: Path) -> None:
    ask = ["eval", "retrieval", "--model", model, "--data", corpus, "--layer", "all", "--json"]
    values = {}
    for name in ("", *config.TRANSFORMS):
        done = xl(*ask, *(["--transform", name] if name else []))
        assert done.returncode == 0, done.stderr
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        assert {row["pooling"] for row in rows} == {f"mean-all+{name}" if name else "mean-all"}
        values[name] = [row["value"] for row in rows]
    assert values["center"] != values[""] != values["whiten"]


def test_cka_takes_transforms_too(xl: Run, corpus: Path, model: Path) -> None:
    ask = ["analyze", "cka", "--model", model, "--data", corpus, "--layer", "1", "--json"]
    plain, whitened = (
        [json.loads(line) for line in xl(*ask, *more).stdout.splitlines()] for more in ([], ["--transform", "whiten"])
    )
    assert whitened[0]["pooling"] == "mean-all+whiten"
    for a, b in zip(plain, whitened, strict=True):
        assert a["value"] != pytest.approx(b["value"], abs=1e-3)


def test_an_unknown_transform_is_wrong_usage(xl: Run, corpus: Path, model: Path) -> None:
    done = xl("eval", "retrieval", "--model", model, "--data", corpus, "--transform", "zca")
    assert done.returncode == 2
    assert "--transform is 'zca'; choose one of center, whiten, outliers" in done.stderr
