"""`xl eval` on labelled tasks: data by name, protocols, finished cells, comparisons."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score
from tests.cli.conftest import Run
from tests.cli.task_data import (
    LANGUAGES,
    make_dictionary,
    make_panx,
    make_questions,
    make_sib200,
    make_tatoeba,
    make_xnli,
    sentence,
    write,
)
from tests.encoders.conftest import family_folder  # noqa: F401
from tests.thinned import thinned
from tests.token_embeddings import token_embeddings

from xl_analysis import is_by_tag
from xl_encoders import ModelConfig, new_encoder
from xl_tasks.examples import TextExample
from xl_tasks.tuning import fit

QUICK = ("--set", "epochs=2", "--set", "lr=1e-3", "--set", "max_len=32", "--resamples", 50)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    for make in (make_sib200, make_xnli, make_panx, make_questions, make_tatoeba, make_dictionary):
        make(root)
    return root


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny encoder that was not trained; its embeddings tell words apart, which is all that the tasks need."""
    import random

    rng = random.Random(7)
    texts = [write(sentence(topic, rng), short) for topic in ("geography", "politics", "sports") for short in LANGUAGES]
    texts += [write("anna rome", short) for short in LANGUAGES]
    encoder = new_encoder(texts, ModelConfig(size="pico", pieces=400), seed=3)
    folder = tmp_path_factory.mktemp("models") / "small"
    encoder.save(folder)
    return folder


def rows(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def scored(xl: Run, *arguments: object) -> list[dict]:
    result = xl("eval", *arguments, "--json")
    assert result.returncode == 0, result.stderr
    return rows(result.stdout)


def test_zero_shot_by_a_probe(xl: Run, data: Path, model: Path) -> None:
    found = scored(xl, "sib200", "--model", model, "--data", data, "--probe", "--source", "en", "--layer", 0)
    shown = {(row["source"], row["target"], row["metric"]) for row in found}
    assert shown == {("eng_Latn", code, m) for code in LANGUAGES.values() for m in ("macro_f1", "accuracy")}
    by_target = {row["target"]: row for row in found if row["metric"] == "accuracy"}
    # The topic is one word: read off the embeddings it is found in the language of training, by chance in another.
    assert by_target["eng_Latn"]["value"] > 0.8
    assert by_target["ell_Grek"]["value"] < 0.7
    row = by_target["eng_Latn"]
    assert (row["n"], row["split"], row["protocol"], row["tuning"], row["layer"], row["data"], row["unit"]) == (
        30, "test", "zero-shot", "probe/default", 0, "sib200", "subword",
    )  # fmt: skip
    assert row["low"] <= row["value"] <= row["high"]


@pytest.mark.slow
def test_what_is_finished_is_not_computed_again(
    xl: Run, data: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    command = ["sib200", "--model", model, "--data", data, "--source", "eng", "--seeds", 2, "--out", out, *QUICK]
    first = scored(xl, *command, "--target", "tur")
    assert {row["seed"] for row in first} == {42, 43}

    calls = []
    fit_task = fit.fit_task

    def counted(*arguments: Any, **options: Any) -> object:
        calls.append(arguments)
        return fit_task(*arguments, **options)

    monkeypatch.setattr(fit, "fit_task", counted)
    assert scored(xl, *command, "--target", "tur") == first
    assert not calls
    # A cell whose marker is missing crashed: it is computed again, and comes out the same.
    marker = next((out / "cells").glob("*.json"))
    marker.unlink()
    assert scored(xl, *command, "--target", "tur") == first
    assert len(calls) == 1
    # Other targets and noises are added to what is there.
    calls.clear()
    more = scored(xl, *command, "--target", "tur", "--target", "ell")
    assert len(calls) == 2
    assert [row for row in more if row["target"] == "tur_Latn"] == first
    kept = rows((out / "results.jsonl").read_text(encoding="utf-8"))
    assert sorted(map(json.dumps, kept)) == sorted(map(json.dumps, more))
    about = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert (about["status"], about["tasks"], about["options"]["seeds"]) == ("finished", ["sib200"], 2)
    assert about["versions"]["xl-tasks"]
    report = xl("report", out)
    assert report.returncode == 0, report.stderr
    assert "sib200" in report.stdout


@pytest.mark.slow
def test_a_fit_that_was_stopped_goes_on(
    xl: Run, data: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in step 3; the same command makes the steps that are left, to the same figures, and tidies up."""
    from xl_cli.launch.stopping import Stopping

    out = tmp_path / "out"
    command = ["sib200", "--model", model, "--data", data, "--source", "eng", "--target", "tur", *QUICK]
    command += ["--robust", "at", "--set", "batch=16"]
    straight = scored(xl, *command)
    steps: list[int] = []
    fit_task: Any = fit.fit_task

    def watched(*arguments: Any, on_step: Callable, **options: Any) -> object:
        return fit_task(*arguments, on_step=lambda step: (steps.append(step.step), on_step(step)), **options)

    monkeypatch.setattr(fit, "fit_task", watched)
    with monkeypatch.context() as patch:
        patch.setattr(Stopping, "__call__", lambda self: steps[-1] == 3)
        result = xl("eval", *command, "--out", out)
    assert result.returncode != 0
    assert re.search(r"sib200 .*: stopped after step 3 of \d+; the same command goes on from there\.", result.stderr)
    assert [path.name for path in (out / "checkpoints").rglob("*.safetensors")] == ["step-00000003.safetensors"]
    assert not list((out / "cells").iterdir())
    steps.clear()
    assert scored(xl, *command, "--out", out) == straight
    assert steps[0] == 4
    assert steps.count(1) == 1  # the robust model's, which had not begun
    assert not list((out / "checkpoints").iterdir())


def test_a_task_that_fails_is_told_and_tried_again(
    xl: Run, data: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [
        "eval", "panx", "sib200", "--model", model, "--data", data, "--probe", "--source", "eng", "--target", "tur",
        "--out", tmp_path, "--resamples", 0,
    ]  # fmt: skip
    from xl_tasks.problems.tagging.problem import TaggingProblem

    def broken(*_: object) -> None:
        message = "no memory left"
        raise RuntimeError(message)

    with monkeypatch.context() as patch:
        patch.setattr(TaggingProblem, "decode", broken)
        result = xl(*command)
    assert result.returncode == 1
    assert "panx small eng_Latn zero-shot layer" in result.stderr
    assert "RuntimeError: no memory left" in result.stderr
    assert {row["task"] for row in rows((tmp_path / "results.jsonl").read_text(encoding="utf-8"))} == {"sib200"}
    again = xl(*command)
    assert again.returncode == 0, again.stderr
    assert {row["task"] for row in rows((tmp_path / "results.jsonl").read_text(encoding="utf-8"))} == {"sib200", "panx"}


def test_mixed_language_pairs(xl: Run, data: Path, model: Path) -> None:
    found = scored(
        xl, "xnli", "--model", model, "--data", data, "--probe", "--protocol", "mixed-language",
        "--protocol", "zero-shot", "--source", "eng", "--resamples", 50,
    )  # fmt: skip
    single = {row["target"]: row for row in found if row["protocol"] == "zero-shot" and row["metric"] == "accuracy"}
    found = [row for row in found if row["protocol"] == "mixed-language"]
    accuracy = {row["target"]: row for row in found if row["metric"] == "accuracy"}
    languages = sorted(LANGUAGES.values())
    cells = {f"{a}+{b}" for a in languages for b in languages}
    assert set(accuracy) == cells | {"diagonal", "off-diagonal"}
    # One model: a cell of one language is that language's zero-shot score.
    assert {code: row["value"] for code, row in single.items()} == {
        code: accuracy[f"{code}+{code}"]["value"] for code in languages
    }
    assert "trained on dev" in accuracy["diagonal"]["tuning"]
    for name, same in (("diagonal", True), ("off-diagonal", False)):
        values = [accuracy[cell]["value"] for cell in cells if (cell.split("+")[0] == cell.split("+")[1]) == same]
        assert accuracy[name]["value"] == pytest.approx(np.mean(values))


@pytest.mark.slow
def test_robust_and_noisy_scores_are_compared(xl: Run, data: Path, model: Path) -> None:
    found = scored(
        xl, "sib200", "--model", model, "--data", data, "--source", "eng", "--target", "eng", "--robust", "rs-rp",
        "--noise", "typos=0.3", "--set", "robust.eps_rel=0.3", *QUICK,
    )  # fmt: skip
    plain = {(r["robust"], r["noise"]): r["value"] for r in found if r["metric"] == "accuracy" and not r["baseline"]}
    assert set(plain) == {(r, n) for r in ("", "rs-rp eps_rel=0.3") for n in ("", "typos=0.3")}
    gains = {(r["robust"], r["noise"], r["baseline"]): r for r in found if r["metric"] == "accuracy" and r["baseline"]}
    assert set(gains) == {
        ("", "typos=0.3", "noise=none"),
        ("rs-rp eps_rel=0.3", "typos=0.3", "noise=none"),
        ("rs-rp eps_rel=0.3", "typos=0.3", "robust=none"),
        ("rs-rp eps_rel=0.3", "", "robust=none"),
    }
    gain = gains["rs-rp eps_rel=0.3", "typos=0.3", "robust=none"]
    assert gain["value"] == pytest.approx(plain["rs-rp eps_rel=0.3", "typos=0.3"] - plain["", "typos=0.3"])
    assert gain["low"] <= gain["value"] <= gain["high"]
    assert 0 < gain["p"] <= 1


@pytest.mark.parametrize("task", thinned(["panx", "xquad"], 2))
def test_every_kind_of_task_is_trained_robustly(xl: Run, data: Path, model: Path, tmp_path: Path, task: str) -> None:
    table = tmp_path / "neighbours.tsv"
    table.write_text("the\tone of\nriver\tlake hill\n", encoding="utf-8")
    robust = ("--robust", "at", "--robust", "rs-rp", "--robust", "rs-da", "--neighbours", table)
    found = scored(
        xl, task, "--model", model, "--data", data, "--source", "eng", "--target", "tur", *robust, "--set",
        "robust.loss=kl", "--set", "robust.steps=1", "--train-limit", 8, "--set", "epochs=1", "--resamples", 20,
    )  # fmt: skip
    names = {row["robust"] for row in found}
    assert names == {"", *(f"{kind} loss=kl steps=1" for kind in ("at", "rs-rp", "rs-da"))}
    gains = {row["robust"] for row in found if row["baseline"] == "robust=none"}
    assert gains == names - {""}


def test_in_language_shows_dev_beside_test(xl: Run, data: Path, model: Path) -> None:
    found = scored(
        xl, "panx", "--model", model, "--data", data, "--probe", "--protocol", "in-language", "--target", "el",
        "--target", "tr", "--layer", 0, "--resamples", 0,
    )  # fmt: skip
    shown = {(row["source"], row["target"], row["split"]) for row in found}
    assert shown == {(code, code, split) for code in ("ell_Grek", "tur_Latn") for split in ("dev", "test")}
    assert all(row["low"] is None for row in found)
    for metric in ("f1", "f1 PER", "f1 LOC"):
        assert {row["value"] > 0.9 for row in found if row["metric"] == metric} == {True}


@pytest.mark.slow
# Greek has no phonemes; the data have it, and nothing of it is read.
@pytest.mark.parametrize(
    ("name", "unit", "side"), [("canine", "character", "--target"), ("xphonebert", "phonemes", "--source")]
)
def test_a_model_reads_the_unit_it_was_made_for(
    xl: Run,
    data: Path,
    family_folder: Callable[[str], Path],  # noqa: F811
    name: str,
    unit: str,
    side: str,
) -> None:
    """Characters and phonemes go the same way as sub-words: every word of the file is scored."""
    found = scored(
        xl, "panx", "--model", family_folder(name), "--data", data, "--protocol", "in-language", side, "tr",
        "--set", "epochs=1", "--set", "max_len=48", "--limit", 10, "--train-limit", 10, "--resamples", 0,
    )  # fmt: skip
    assert {row["unit"] for row in found} == {unit}
    whole = [row for row in found if not is_by_tag(row["metric"])]
    assert {row["n"] for row in whole if row["split"] == "test"} == {10}
    # Each of the ten sentences has one name, of a person or a place.
    names = {row["metric"]: row["n"] for row in found if row not in whole and row["split"] == "test"}
    assert {metric for metric, n in names.items() if n} == {"f1 PER", "f1 LOC"}
    assert sum(names.values()) == 10
    refused = xl("eval", "panx", "--model", family_folder(name), "--data", data, "--input", "subword", "--target", "tr")
    assert refused.returncode == 1
    assert "choose" in refused.stderr


def test_questions_are_trained_on_squad(xl: Run, data: Path, model: Path) -> None:
    found = scored(
        xl, "XQuAD", "--model", model, "--data", data, "--source", "eng", "--target", "tur", "--target", "eng",
        "--set", "epochs=12", "--set", "lr=2e-3", "--set", "warmup=0", "--set", "batch=4", "--resamples", 0,
    )  # fmt: skip
    f1 = {row["target"]: row for row in found if row["metric"] == "f1"}
    assert f1["eng_Latn"]["n"] == 24
    assert f1["eng_Latn"]["tuning"].endswith("trained on squad")
    assert f1["eng_Latn"]["value"] > f1["tur_Latn"]["value"]


@pytest.mark.slow
def test_the_best_of_a_grid_is_scored(xl: Run, data: Path, model: Path) -> None:
    """A rate at which nothing is learnt loses against one that learns: the score is that of the better one alone."""
    common = ("sib200", "--model", model, "--data", data, "--source", "eng", "--target", "eng", "--resamples", 0)
    settings = ("--set", "epochs=6", "--set", "max_len=32")
    both = scored(xl, *common, *settings, "--grid", "lr=1e-7,2e-3")
    alone = scored(xl, *common, *settings, "--set", "lr=2e-3")
    values = [[row["value"] for row in its if row["metric"] == "accuracy"] for its in (both, alone)]
    assert values[0] == values[1]
    assert both[0]["tuning"] == "full/default epochs=6 max_len=32 lr=1e-7,2e-3 by dev: lr=0.002"


@pytest.mark.slow
def test_the_radius_is_chosen_on_the_source_s_dev_set(xl: Run, data: Path, model: Path) -> None:
    """Of two radii the one with the higher dev score; plain training has no radius and is fitted once."""
    common = ("sib200", "--model", model, "--data", data, "--source", "eng", "--target", "eng", "--resamples", 0,
              "--set", "epochs=6", "--set", "lr=2e-3", "--set", "max_len=32", "--robust", "rs-rp")  # fmt: skip

    def fitted(*more: object) -> tuple[list[dict], dict[str, tuple[float, str]]]:
        result = xl("eval", *common, *more, "--json")
        assert result.returncode == 0, result.stderr
        lines = re.findall(
            r"zero-shot (rs-rp )?seed 42: .*dev ([\d.]+) \(step.*?kept\)(?:; best of 2: (\S+))?", result.stderr
        )
        return rows(result.stdout), {name.strip(): (float(dev), chosen) for name, dev, chosen in lines}

    dev = {radius: fitted("--set", f"robust.eps_rel={radius}")[1]["rs-rp"][0] for radius in ("0.01", "30")}
    found, told = fitted("--grid", "robust.eps_rel=0.01,30", "--resamples", 20)
    assert dev["0.01"] != dev["30"]
    best = max(dev, key=lambda radius: dev[radius])
    assert told == {"": (told[""][0], ""), "rs-rp": (dev[best], f"robust.eps_rel={best}")}
    tunings = {row["robust"]: row["tuning"] for row in found if not row["baseline"]}
    assert tunings[""].endswith("max_len=32")
    assert tunings["rs-rp eps_rel=0.01,30 by dev"] == f"{tunings['']}: robust.eps_rel={best}"
    assert {row["robust"] for row in found if row["baseline"] == "robust=none"} == {"rs-rp eps_rel=0.01,30 by dev"}


def test_nothing_is_chosen_without_a_dev_set(xl: Run, data: Path, model: Path) -> None:
    result = xl(
        "eval", "sib200", "--model", model, "--data", data, "--source", "eng", "--target", "eng", "--split", "dev",
        "--grid", "lr=1e-3,1e-4", "--set", "epochs=1",
    )  # fmt: skip
    assert result.returncode == 1
    assert "the best of 2 settings is chosen on a dev set, and eng_Latn has none" in result.stderr


@pytest.mark.slow
def test_two_models_are_compared_with_the_first(xl: Run, data: Path, model: Path, tmp_path: Path) -> None:
    from xl_encoders import load_encoder

    other = load_encoder(str(model))
    with torch.no_grad():
        token_embeddings(other.model).zero_()
    other.save(tmp_path / "blank")
    found = scored(
        xl, "sib200", "tatoeba", "--model", model, "--model", tmp_path / "blank", "--data", data, "--probe",
        "--source", "eng", "--target", "tur", "--target", "eng", "--layer", 0,
    )  # fmt: skip
    losses = {(r["task"], r["target"]): r for r in found if r["baseline"] and r["metric"] in ("accuracy", "top1")}
    assert {r["baseline"] for r in losses.values()} == {"model=small"}
    assert losses["sib200", "eng_Latn"]["value"] < -0.3
    assert losses["sib200", "eng_Latn"]["p"] < 0.05
    assert losses["retrieval", "tur_Latn"]["n"] == 30


def test_a_figure_is_that_of_the_predictions(xl: Run, data: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The macro-F1 of the row is scikit-learn's on what the model said about the file's texts."""
    from xl_tasks.problems.classification.problem import ClassificationProblem

    said: list[tuple[list, list]] = []
    measures = ClassificationProblem.measures

    def spied(
        self: ClassificationProblem, examples: list[TextExample], predictions: list[str], language: str
    ) -> object:
        said.append(([e.label for e in examples], list(predictions)))
        return measures(self, examples, predictions, language)

    monkeypatch.setattr(ClassificationProblem, "measures", spied)
    found = scored(
        xl, "sib200", "--model", model, "--data", data, "--source", "eng", "--target", "tur", *QUICK
    )  # fmt: skip
    gold, predicted = said[-1]
    lines = (data / "sib200" / "tur_Latn" / "test.tsv").read_text(encoding="utf-8").split("\n")[1:-1]
    assert gold == [line.split("\t")[1] for line in lines]
    value = next(row["value"] for row in found if row["metric"] == "macro_f1")
    assert value == pytest.approx(f1_score(gold, predicted, average="macro"))


def test_words_by_an_encoder_and_by_vectors(xl: Run, data: Path, model: Path, tmp_path: Path) -> None:
    found = scored(xl, "bli", "--model", model, "--data", data, "--layer", 0)
    assert {(row["source"], row["target"], row["unit"]) for row in found} == {("eng_Latn", "tur_Latn", "subword")}
    folder = tmp_path / "vectors"
    folder.mkdir()
    pairs = [line.split(" ") for line in (data / "muse/en-tr.5000-6500.txt").read_text("utf-8").split("\n")[:-1]]
    for side, name in ((0, "eng_Latn.vec"), (1, "tr.vec")):
        lines = [f"{len(pairs)} {len(pairs)}"]
        lines += [" ".join([pair[side], *map(str, np.eye(len(pairs))[i])]) for i, pair in enumerate(pairs)]
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = scored(xl, "bli", "--model", folder, "--data", data)
    assert {row["value"] for row in found if row["metric"] == "p@1"} == {1.0}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["sib2000"], 2, "unknown task 'sib2000'; did you mean 'sib200'?"),
        (["sib200", "--set", "lr"], 2, "no equals sign"),
        (["sib200", "--set", "learning=3"], 2, "unknown key 'learning'"),
        (["sib200", "--set", "epochs=many"], 2, "a number is needed"),
        (["sib200", "--set", "robust.eps=1"], 2, "no --robust"),
        (["sib200", "--probe", "--robust", "at"], 2, "give one of them"),
        (["sib200", "--robust", "rs-da"], 2, "xl static neighbours"),
        (["sib200", "--protocol", "mixed-language"], 2, "sib200 is on single texts"),
        (["panx", "--protocol", "mixed-language"], 2, "no pairs of texts"),
        (["sib200", "--preset", "papa"], 2, "choose one of"),
        (["sib200", "--target", "deu_Latn"], 1, "deu_Latn"),
        (["sib200", "--noise", "typo=0.1"], 2, "typos"),
        (["tatoeba", "--probe"], 2, "--probe: no meaning for tatoeba, only for"),
        (["xquad", "--probe", "--source", "eng"], 2, "a probe cannot answer questions"),
        (["sib200", "--save-models"], 2, "name the folder: --out OUT"),
        (["retrieval"], 2, "holds the data of several tasks (tatoeba, sib200-retrieval"),
        (["tatoeba", "--source", "tur", "--target", "ell"], 2, "share no item"),
        (["bli", "--source", "deu"], 2, "no set of the languages asked for"),
        (["bucc2018"], 1, "de-en.training.de"),
        (["retrieval", "--data", ""], 2, "name it: --data FOLDER"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    xl: Run, data: Path, model: Path, arguments: list[str], code: int, words: str
) -> None:
    given = arguments if "--data" in arguments else [*arguments, "--data", data]
    result = xl("eval", *given, "--model", model)
    assert result.returncode == code, result.stderr
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_listed_tasks_are_those_of_the_papers(xl: Run) -> None:
    listed = rows(xl("ls", "tasks", "--json").stdout)
    xtreme = {row["name"] for row in listed if row["xtreme"]}
    assert xtreme == {"xnli", "pawsx", "udpos", "panx", "xquad", "mlqa", "tydiqa", "bucc2018", "tatoeba"}
    shown = xl("ls", "tasks").stdout
    for name in ("XNLI", "PAWS-X", "XQuAD", "TyDiQA", "MLQA", "BUCC", "Tatoeba", "PAN-X", "POS"):
        assert name in shown
