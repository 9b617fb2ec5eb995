"""`xl analyze ... --input`: what an encoder is given in the place of a text, in every measure that reads one."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cli.conftest import Run
from tests.cli.task_data import make_sib200
from tests.tasks import tagging_models

import xl_cli
from xl_analysis import linear_cka
from xl_encoders import ModelConfig, load_encoder, new_encoder
from xl_tasks import load_texts
from xl_tasks.units.choosing import input_unit

# There are no phonemes of Greek, and Latin letters of English are what stands there already.
TURKISH_AND_GREEK = {"source": "tur_Latn", "target": "ell_Grek"}
ENGLISH_AND_TURKISH = {"source": "eng_Latn", "target": "tur_Latn"}


@pytest.fixture(scope="module")
def models(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Tiny encoders of sub-words, of characters (fine-tuned: with a head of tags) and of phonemes."""
    folder = tmp_path_factory.mktemp("models")
    texts = [line for path in sorted(corpus.glob("*.txt")) for line in path.read_text(encoding="utf-8").split()]
    new_encoder(texts, ModelConfig(size="pico", pieces=60, max_len=24), seed=1).save(folder / "subword")
    for unit, family in (("character", "canine"), ("phonemes", "xphonebert")):
        tagging_models.model(family, 3).save_pretrained(folder / unit)
        tagging_models.tokenizer(family).save_pretrained(folder / unit)
    return {unit: folder / unit for unit in ("subword", "character", "phonemes")}


@pytest.mark.parametrize(
    ("model", "asked", "unit"),
    [
        ("subword", (), "subword"), ("subword", "romanised", "romanised"), ("subword", "phonemes", "phonemes"),
        ("character", (), "character"), ("character", "romanized", "romanised"), ("phonemes", (), "phonemes"),
    ],
)  # fmt: skip
def test_cka_is_that_of_what_the_encoder_reads_and_rows_name_it(
    corpus: Path, models: dict[str, Path], model: str, asked: Any, unit: str
) -> None:
    pair = TURKISH_AND_GREEK if unit == "romanised" else ENGLISH_AND_TURKISH
    rows = xl_cli.analyze("cka", model=models[model], data=corpus, input=asked, layer=["0", "1"], **pair)
    encoder, texts = load_encoder(models[model]), load_texts(str(corpus)).texts
    keys = sorted(texts["eng_Latn"])
    views = {}
    for language in pair.values():
        read = input_unit(unit, encoder.tokenizer).texts([texts[language][key] for key in keys], language)
        as_read = unit in ("subword", "character") or (unit, language) == ("romanised", "tur_Latn")
        assert (read == [texts[language][key] for key in keys]) == as_read
        views[language] = encoder.embed(read, layers=[0, 1], pooling="mean-all")
    for number, row in enumerate(rows):
        assert (row.unit, row.layer) == (unit, number)
        expected = linear_cka(*(views[language][number] for language in pair.values()))
        assert row.value == pytest.approx(expected, abs=1e-5)  # float32 vectors of other batches


@pytest.mark.slow
def test_every_measure_of_vectors_reads_the_input(corpus: Path, models: dict[str, Path], tmp_path: Path) -> None:
    """With the Greek of the corpus spelled in Latin letters beforehand, romanised input finds nothing to change."""
    latin = tmp_path / "latin"
    latin.mkdir()
    for path in corpus.glob("*.txt"):
        lines = path.read_text(encoding="utf-8").splitlines()
        lines = input_unit("romanised").texts(lines, path.name.partition(".")[0])
        (latin / path.name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    asked: dict[str, Any] = {"model": models["subword"], "layer": "1", "permutations": 5}
    by_input = xl_cli.analyze("space", data=corpus, input="romanised", **asked, **TURKISH_AND_GREEK)
    by_hand = xl_cli.analyze("space", data=latin, as_written=True, **asked, **TURKISH_AND_GREEK)
    assert {row.unit for row in by_input} == {"romanised"}
    value = {(row.task, row.metric, row.source, row.target): row.value for row in by_input}
    # What a miss has in common with the text is told of texts as written.
    seen = [row for row in by_hand if not row.metric.startswith("miss_")]
    assert {row.task for row in seen} == {"cka", "divergence", "distance", "alignment"}
    for row in seen:
        assert value[row.task, row.metric, row.source, row.target] == pytest.approx(row.value, abs=1e-5)
    # Texts in Latin letters are not read a second time where they are the input already.
    assert not any(row.metric.startswith("romanised") for row in by_input)
    plane: dict[str, Any] = {"model": models["subword"], "layer": "1", "method": "pca"}
    drawn = xl_cli.analyze("tsne", data=corpus, input="romanised", plot=tmp_path / "a.html", **plane)
    assert drawn[0].unit == "romanised"
    assert drawn[0].value == pytest.approx(
        xl_cli.analyze("tsne", data=latin, plot=tmp_path / "b.html", **plane)[0].value
    )
    first = next(iter(load_texts(str(corpus)).texts["ell_Grek"].values()))
    assert first in (tmp_path / "a.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_two_inputs_and_a_model_each_are_the_two_triangles(
    xl: Run, corpus: Path, models: dict[str, Path], tmp_path: Path
) -> None:
    """Figure 2 of Jung et al. (2024), with one model a language too."""
    for call, above, below in (
        (("--model", models["subword"], "--input", "subword", "--input", "phonemes"), "subword", "phonemes"),
        (("--model", models["character"], "--model", models["phonemes"]), "character", "phonemes"),
        (
            ("--model", ",".join(f"{code}={models['character']}" for code in ("eng", "tr")), "--model",
             ",".join(f"{code}={models['phonemes']}" for code in ("eng", "tr"))), "character", "phonemes",
        ),
    ):  # fmt: skip
        folder = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
        done = xl(
            "analyze",
            "cka",
            "--data",
            corpus,
            *call,
            "--layer",
            "0",
            "--source",
            "eng",
            "--target",
            "tr",
            "--out",
            folder,
            "--plot",
            f"{folder}.svg",
        )
        assert done.returncode == 0, done.stderr
        told = Path(f"{folder}.svg").read_text(encoding="utf-8")
        rows = [json.loads(line) for line in (folder / "results.jsonl").read_text(encoding="utf-8").splitlines()]
        value = {row["unit"]: row["value"] for row in rows}
        assert len(value) == len(rows) == 2
        assert f"eng · tur: {value[above]:.3f}" in told
        assert f"tur · eng: {value[below]:.3f}" in told


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (("character", "--input", "subword"), "input is subword, but character reads characters"),
        (("phonemes", "--input", "romanised"), "phonemes reads phonemes"),
        (("subword", "--input", "phonmes"), "--input is 'phonmes'"),
        (("subword", "--model", "x", "--input", "subword", "--input", "phonemes", "--input", "romanised"), "3 times"),
    ],
)
def test_refuses(xl: Run, corpus: Path, models: dict[str, Path], call: tuple[str, ...], told: str) -> None:
    done = xl("analyze", "cka", "--data", corpus, "--model", models[call[0]], *call[1:])
    assert done.returncode != 0
    assert told in done.stderr


@pytest.mark.slow
def test_fine_tuned_states_have_rows_that_meet_those_of_their_scores(
    xl: Run, corpus: Path, models: dict[str, Path], tmp_path: Path
) -> None:
    """Figure 3 of Jung et al. (2024): gaps of models of several seeds by CKA, a point a model."""
    make_sib200(tmp_path)
    call = ("eval", "sib200", "--model", models["subword"], "--data", tmp_path, "--source", "en", "--seeds", 3)
    tuned = ("--set", "epochs=1", "--set", "max_len=16", "--limit", 8, "--train-limit", 8)
    scored = xl(*call, *tuned, "--save-models", "--out", tmp_path / "scores")
    assert scored.returncode == 0, scored.stderr
    kept = sorted((tmp_path / "scores" / "models").iterdir())
    assert len(kept) == 3
    named = [option for path in kept for option in ("--model", path)]
    space = ("--data", corpus, "--source", "eng", "--layer", "last")
    cka = xl("analyze", "cka", *named, *space, "--out", tmp_path / "cka")
    assert cka.returncode == 0, cka.stderr
    outputs = xl("analyze", "distance", *named, *space[:4], "--outputs", "probs", "--out", tmp_path / "outputs")
    assert outputs.returncode == 0, outputs.stderr
    for name in ("cka", "outputs"):
        rows = [json.loads(line) for line in (tmp_path / name / "results.jsonl").read_text("utf-8").splitlines()]
        assert {(row["model"], row["tuning"].partition(" ")[0]) for row in rows} == {("subword", "full/default")}
        assert len({row["seed"] for row in rows}) == 3
    # So small a model gives each text the same answer: scores that differ are put in their place.
    results = tmp_path / "scores" / "results.jsonl"
    rows = [json.loads(line) for line in results.read_text("utf-8").splitlines()]
    rows = [row | {"value": 0.4 + (7 * number % 11) / 100} for number, row in enumerate(rows)]
    results.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    gaps = xl("analyze", "gap", results, "--metric", "accuracy", "--pivot", "eng", "--out", tmp_path / "gaps")
    assert gaps.returncode == 0, gaps.stderr
    asked = ("--x", "cka", "--y", "gap", "--within", "pair", "--coefficient", "pearson")
    plot = ("--plot", tmp_path / "figure3.svg", "--json")
    found = xl("analyze", "correlate", tmp_path / "gaps", tmp_path / "cka", *asked, *plot)
    assert found.returncode == 0, found.stderr
    score = {(row["seed"], row["target"]): row["value"] for row in rows if row["metric"] == "accuracy"}
    alike = [json.loads(line) for line in (tmp_path / "cka" / "results.jsonl").read_text("utf-8").splitlines()]
    others = [row["source"] if row["target"] == "eng_Latn" else row["target"] for row in alike]
    gap = [score[row["seed"], "eng_Latn"] - score[row["seed"], code] for row, code in zip(alike, others, strict=True)]
    every = json.loads(found.stdout.splitlines()[0])
    assert every["n"] == 6  # three seeds, and English with the two other languages
    expected = np.corrcoef([row["value"] for row in alike], gap)[0, 1]
    assert abs(every["value"]) == pytest.approx(abs(expected), abs=1e-6)
    of_run = xl("analyze", "cka", "--model", tmp_path / "scores", *space)
    assert of_run.returncode == 1
    assert "kept several models, name one of them" in of_run.stderr
    for path in kept[1:]:
        shutil.rmtree(path)
    only = xl("analyze", "cka", "--model", tmp_path / "scores", *space, "--json")
    assert only.returncode == 0, only.stderr
    assert (
        json.loads(only.stdout.splitlines()[0])["seed"] == json.loads((kept[0] / "fine_tuned.json").read_text())["seed"]
    )
