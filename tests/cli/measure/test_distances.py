"""`xl analyze divergence` and `distance`: the figures are the library's, of the vectors that the encoder gives."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from scipy.special import softmax
from tests.cli.conftest import Run

import xl_cli
from xl_analysis import geometry, language_distances, proxy_a_distance, sinkhorn_distances
from xl_encoders import ModelConfig, load_encoder, load_tokenizer, new_encoder
from xl_tasks import load_texts
from xl_tasks.drawing import first_by_hash


@pytest.fixture(scope="module")
def model(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder") / "pico"
    texts = [line for path in sorted(corpus.glob("*.txt")) for line in path.read_text(encoding="utf-8").split()]
    new_encoder(texts, ModelConfig(size="pico", pieces=60, max_len=24), seed=0).save(folder)
    return folder


@pytest.fixture(scope="module")
def classifier(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The encoder under a head of three labels whose outputs are far from even."""
    folder = tmp_path_factory.mktemp("classifier")
    torch.manual_seed(0)
    made = transformers.AutoModelForSequenceClassification.from_pretrained(model, num_labels=3)
    with torch.no_grad():
        made.classifier.out_proj.weight.mul_(200)
    made.save_pretrained(folder)
    load_tokenizer(str(model)).save_pretrained(folder)
    return folder


def texts_of(corpus: Path, language: str, n: int) -> list[str]:
    texts = load_texts(str(corpus)).texts[language]
    return [texts[key] for key in sorted(texts, key=int)[:n]]


def test_divergence_is_of_the_encoders_vectors(corpus: Path, model: Path) -> None:
    rows = xl_cli.analyze(
        "divergence", model=model, data=corpus, source="eng", target="ell", layer="1", folds=3, bound="paper"
    )
    encoder = load_encoder(str(model))
    views = {
        language: encoder.embed(texts_of(corpus, language, 120), layers=[1], pooling="mean-all")[0]
        for language in ("eng_Latn", "ell_Grek")
    }
    found = proxy_a_distance(views, n_folds=3)["eng_Latn", "ell_Grek"]
    pad, most = rows
    assert (pad.metric, pad.n, pad.layer) == ("pad_linear", 120, 1)
    assert pad.value == pytest.approx(found.value, abs=0.05)  # order of items, and so the folds, may differ
    assert pad.low is not None
    assert pad.high is not None
    assert pad.low <= pad.value <= pad.high
    width = encoder.width
    expected = pad.value / 2 + 2 * np.sqrt(((width + 1) * np.log(240) + np.log(40)) / 120)
    assert (most.metric, most.value) == ("bound_paper", pytest.approx(expected))
    assert "vacuous" in str(rows)


def test_distances_are_of_the_encoders_vectors(corpus: Path, model: Path) -> None:
    rows = xl_cli.analyze("distance", model=model, data=corpus, source="eng", target="ell", layer="1", permutations=50)
    encoder = load_encoder(str(model))
    views = {
        language: encoder.embed(texts_of(corpus, language, 120), layers=[1], pooling="mean-all")[0]
        for language in ("eng_Latn", "ell_Grek")
    }
    found = language_distances(views, [("eng_Latn", "ell_Grek")])["eng_Latn", "ell_Grek"]
    values = {(row.metric, row.source, row.target): row.value for row in rows}
    # The order of items decides float32 sums and which are exchanged, nothing else.
    assert values["mmd2", "eng_Latn", "ell_Grek"] == pytest.approx(found.mmd.value, abs=1e-5)
    assert values["margin", "eng_Latn", "ell_Grek"] == pytest.approx(found.margin, abs=1e-5)
    assert values["hubness", "ell_Grek", "eng_Latn"] == pytest.approx(found.hubness_back, abs=0.05)
    assert values["isotropy", "ell_Grek", "ell_Grek"] == pytest.approx(geometry(views["ell_Grek"]).isotropy, abs=1e-5)
    assert {row.p is not None for row in rows if row.metric == "mmd2"} == {True}


@pytest.mark.parametrize("outputs", ["probs", "logits"])
def test_outputs_are_those_of_transformers(corpus: Path, classifier: Path, outputs: str) -> None:
    rows = xl_cli.analyze(
        "distance", model=classifier, data=corpus, source="eng", target="tur", outputs=outputs, limit=20, blur=0.2
    )
    assert [row.metric for row in rows] == ["sinkhorn p=2 blur=0.2", "sinkhorn cost p=2 blur=0.2"]
    assert {(row.pooling, row.layer, row.n) for row in rows} == {(outputs, None, 20)}
    tokenizer = load_tokenizer(str(classifier))
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(classifier).eval()
    data = load_texts(str(corpus))
    keys = first_by_hash(data.keys, 20)
    clouds = {}
    for language in ("eng_Latn", "tur_Latn"):
        with torch.no_grad():
            each = [theirs(**tokenizer(data.texts[language][key], return_tensors="pt")).logits[0] for key in keys]
        logits = torch.stack(each).double().numpy()
        clouds[language] = softmax(logits, axis=1) if outputs == "probs" else logits
    found = sinkhorn_distances(clouds, blur=0.2)["eng_Latn", "tur_Latn"]
    # float32 logits of a padded batch, and margins that hold to a ten-thousandth.
    assert rows[0].value == pytest.approx(found.divergence, rel=1e-2, abs=1e-5)
    assert rows[1].value == pytest.approx(found.cost, rel=1e-2, abs=1e-5)


def test_what_cannot_be_measured_is_told_in_a_sentence(xl: Run, corpus: Path, model: Path) -> None:
    ask = ("analyze", "distance", "--model", model, "--data", corpus)
    headless = xl(*ask, "--outputs", "probs")
    assert headless.returncode == 1
    assert headless.stderr.splitlines()[-1].startswith(f"xl: {model} gives no logits: its config.json names ")
    few = xl("analyze", "divergence", "--model", model, "--data", corpus, "--limit", 9)
    assert few.returncode == 1
    assert few.stderr.splitlines()[-1] == (
        "xl: 9 items are too few for 5 folds; give 2 folds or more, of at least 2 items each."
    )
    for more, reason in (
        (("--outputs", "probs", "--layer", 1), "--layer: no meaning with --outputs"),
        (("--blur", 0.1), "--blur: no meaning without --outputs"),
        (("--outputs", "probs", "--blur", 0), "--blur is 0.0; give a distance above 0."),
        (("--outputs", "states"), "states"),
    ):
        refused = xl(*ask, *more)
        assert (refused.returncode, reason in refused.stderr) == (2, True), refused.stderr
    for more, reason in (
        (("--delta", 0.1), "--delta: no meaning without --bound"),
        (("--bound", "paper", "--joint-error", 0.1), "--joint-error: no meaning without --bound bendavid"),
        (("--bound", "paper", "--classifier", "mlp"), "--bound needs --vc with --classifier mlp"),
        (("--bound", "paper", "--delta", 1), "--delta is 1.0; give a probability between 0 and 1."),
    ):
        refused = xl("analyze", "divergence", "--model", model, "--data", corpus, *more)
        assert (refused.returncode, reason in refused.stderr) == (2, True), refused.stderr
    shared = xl("analyze", "space", "--measures", "distance", "--outputs", "probs", "--model", model, "--data", corpus)
    assert (shared.returncode, "xl analyze distance --outputs reads outputs" in shared.stderr) == (2, True)


def test_space_gives_what_each_alone_gives(corpus: Path, model: Path) -> None:
    ask: dict[str, Any] = {"model": model, "data": corpus, "source": "eng", "layer": "all", "limit": 30}
    together = xl_cli.analyze("space", measures=["divergence", "distance"], **ask)
    alone = [row for name in ("divergence", "distance") for row in xl_cli.analyze(name, **ask)]
    assert sorted(row.to_json() for row in together) == sorted(row.to_json() for row in alone)
