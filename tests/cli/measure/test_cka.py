"""`xl analyze cka`: minibatches as they are read, kernels, and the picture of two models."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cli.conftest import Run
from tests.thinned import thinned

import xl_cli
from xl_analysis import MinibatchCka, cka_matrix
from xl_cli.measure import cka
from xl_encoders import Encoder, ModelConfig, load_encoder, new_encoder
from xl_tasks import load_texts


@pytest.fixture(scope="module")
def models(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("models")
    texts = [line for path in sorted(corpus.glob("*.txt")) for line in path.read_text(encoding="utf-8").split()]
    for seed, name in enumerate(("first", "second")):
        new_encoder(texts, ModelConfig(size="pico", pieces=60, max_len=24), seed=seed).save(folder / name)
    return [folder / "first", folder / "second"]


@pytest.mark.parametrize("kernel", thinned(["linear", "rbf"], 2))
def test_minibatches_are_read_one_at_a_time_and_give_the_averaged_estimate(
    monkeypatch: pytest.MonkeyPatch, corpus: Path, models: list[Path], kernel: str
) -> None:
    most: list[int] = []
    embed = Encoder.embed
    monkeypatch.setattr(
        Encoder, "embed", lambda self, texts, **more: most.append(len(texts)) or embed(self, texts, **more)
    )
    asked: dict[str, Any] = {"model": models[0], "data": corpus, "layer": ["0", "1"], "kernel": kernel, "minibatch": 50}
    rows = xl_cli.analyze("cka", **asked)
    assert max(most) == 40
    assert sum(most) == 3 * 120
    monkeypatch.undo()
    encoder, texts = load_encoder(models[0]), load_texts(str(corpus)).texts
    keys = sorted(texts["eng_Latn"])
    views = {name: encoder.embed([by[key] for key in keys], layer=1, pooling="mean-all") for name, by in texts.items()}
    kept = MinibatchCka(0.8 if kernel == "rbf" else None)
    for part in cka._minibatches(keys, 50):
        places = [keys.index(key) for key in part]
        kept.add({name: view[places] for name, view in views.items()})
    names, matrix = kept.matrix()
    expected = {(a, b): matrix[i, j] for i, a in enumerate(names) for j, b in enumerate(names)}
    found = {(row.source, row.target): row.value for row in rows if row.layer == 1}
    assert len(found) == 3
    for pair, value in found.items():
        assert value == pytest.approx(expected[pair], abs=1e-5)  # float32 vectors of other batches
    assert {row.metric for row in rows} == {"cka_rbf0.8_minibatch" if kernel == "rbf" else "cka_minibatch"}
    # With other measures the vectors are there already; the figures are the same.
    together = xl_cli.analyze("space", measures="cka", **asked)
    assert sorted(row.value for row in together) == pytest.approx(sorted(row.value for row in rows), abs=1e-5)


def test_minibatches_hold_every_item_once_and_are_of_one_size() -> None:
    keys = [f"item {number}" for number in range(103)]
    parts = cka._minibatches(keys, 25)
    assert sorted(key for part in parts for key in part) == sorted(keys)
    assert {len(part) for part in parts} == {20, 21}
    assert parts[0] != keys[:21]


@pytest.mark.slow
def test_two_models_are_the_two_triangles_of_one_picture(
    xl: Run, corpus: Path, models: list[Path], tmp_path: Path
) -> None:
    call = ("analyze", "cka", "--data", corpus, "--model", models[0], "--model", models[1])
    done = xl(*call, "--layer", "1", "--plot", tmp_path / "map.svg")
    assert done.returncode == 0, done.stderr
    told = (tmp_path / "map.svg").read_text(encoding="utf-8")
    rows = xl_cli.analyze("cka", model=models, data=corpus, layer="1")
    value = {(row.model, row.source, row.target): row.value for row in rows}
    assert f"ell · eng: {value['first', 'ell_Grek', 'eng_Latn']:.3f}" in told
    assert f"eng · ell: {value['second', 'ell_Grek', 'eng_Latn']:.3f}" in told
    several = xl(*call, "--layer", "0", "--layer", "1", "--plot", tmp_path / "layers.png")
    assert several.returncode == 0, several.stderr
    assert {path.name for path in tmp_path.glob("*.png")} == {"layers-layer0.png", "layers-layer1.png"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--plot", "map.gif"), "--plot map.gif: name a file that ends in .png, .svg, .pdf."),
        (("--kernel", "cosine"), "--kernel is 'cosine'; choose one of linear, rbf."),
        (("--kernel", "rbf", "--bandwidth", "0"), "--bandwidth is 0.0; give a number above 0."),
        (("--minibatch", "5"), "--minibatch is 5; give 0 for all sentences at once, or 8 or more."),
    ],
)
def test_what_it_refuses(xl: Run, corpus: Path, models: list[Path], options: tuple[str, ...], told: str) -> None:
    done = xl("analyze", "cka", "--data", corpus, "--model", models[0], *options)
    assert (done.returncode, done.stderr) == (2, f"xl: {told}\n")


def test_rbf_and_linear_are_those_of_the_vectors(corpus: Path, models: list[Path]) -> None:
    encoder, texts = load_encoder(models[0]), load_texts(str(corpus)).texts
    keys = sorted(texts["eng_Latn"])
    views = {name: encoder.embed([by[key] for key in keys], layer=1, pooling="mean-all") for name, by in texts.items()}
    cases: list[tuple[dict[str, Any], float | None]] = [({}, None), ({"kernel": "rbf", "bandwidth": 0.3}, 0.3)]
    for options, bandwidth in cases:
        rows = xl_cli.analyze("cka", model=models[0], data=corpus, layer="1", **options)
        matrix = cka_matrix(views, bandwidth=bandwidth)[1]
        upper = np.sort(matrix[np.triu_indices(3, 1)])
        assert np.sort([row.value for row in rows]) == pytest.approx(upper, abs=1e-4)  # float32, other padding
