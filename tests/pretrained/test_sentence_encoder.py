"""A sentence encoder through the commands: read where it was trained to be read, with its prompts, and exported so."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import Run, xl  # noqa: F401  (the fixture)
from tests.cli.task_data import make_panx
from tests.pretrained.sentences import SENTENCES
from xl_encoders import Encoder

PROMPTS = {"query": "query: ", "passage": "passage: "}
TEXTS = [text for code in ("eng_Latn", "arb_Arab", "zho_Hans") for text in SENTENCES[code][:5]]


def library() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own, at its first import
        return pytest.importorskip("sentence_transformers", reason="the library whose folders are read and written")


@pytest.fixture(scope="module")
def sentence_folder(pretrained_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The encoder as its authors publish it: mean of the last layer, length 1, two prompts; written by the library."""
    library()
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    folder = tmp_path_factory.mktemp("sentence") / "e5"
    modules: list[Any] = [Transformer(str(pretrained_folder)), Pooling(384, "mean"), Normalize()]
    SentenceTransformer(modules=modules, device="cpu", prompts=PROMPTS).save(str(folder), create_model_card=False)
    return folder


@pytest.fixture(scope="module")
def parallel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parallel")
    for code in ("eng_Latn", "hin_Deva", "kor_Hang"):
        (folder / f"{code}.txt").write_text("\n".join(SENTENCES[code]) + "\n", encoding="utf-8")
    return folder


def rows(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_eval_reads_the_layer_that_modules_json_names(xl: Run, sentence_folder: Path, parallel: Path) -> None:  # noqa: F811
    done = xl("eval", "retrieval", "--model", sentence_folder, "--data", parallel, "--json")
    assert done.returncode == 0, done.stderr
    found = rows(done.stdout)
    assert {(row["layer"], row["pooling"], row["prompt"]) for row in found} == {(12, "mean-all", "")}
    assert "note: e5 is read at layer 12 of 12 with pooling mean-all, as its modules.json says" in done.stderr
    assert "its prompts (passage, query) are not used; --prompt NAME puts one in front of every text" in done.stderr


def test_a_bare_folder_is_read_at_two_thirds_and_told_how_to_choose(
    xl: Run, pretrained_folder: Path, parallel: Path  # noqa: F811
) -> None:  # fmt: skip
    command = ("eval", "retrieval", "--model", pretrained_folder, "--data", parallel, "--json")
    done = xl(*command)
    assert {row["layer"] for row in rows(done.stdout)} == {8}
    assert "is read at layer 8 of 12 with pooling mean-all: two thirds of its depth" in done.stderr
    assert "if it is a sentence encoder, --layer last reads it as it was trained" in done.stderr
    last = xl(*command, "--layer", "last")
    assert {row["layer"] for row in rows(last.stdout)} == {12}
    assert "two thirds" not in last.stderr


@pytest.mark.parametrize(("prompt", "text"), [("query", "query: "), ("passage: ", "passage: "), ("Frage: ", "Frage: ")])
def test_a_prompt_by_name_or_as_text(
    xl: Run, sentence_folder: Path, pretrained: Encoder, parallel: Path, prompt: str, text: str  # noqa: F811
) -> None:  # fmt: skip
    """Against retrieval of the texts with the prompt written in front, by hand."""
    done = xl("eval", "retrieval", "--model", sentence_folder, "--data", parallel, "--prompt", prompt, "--json")
    assert done.returncode == 0, done.stderr
    found = rows(done.stdout)
    assert {row["prompt"] for row in found} == {text}
    sides = {}
    for code in ("eng_Latn", "hin_Deva", "kor_Hang"):
        vectors = pretrained.embed([text + sentence for sentence in SENTENCES[code]], layer=12, pooling="mean-all")
        sides[code] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for row in found:
        if row["metric"] == "top1":
            nearest = (sides[row["source"]] @ sides[row["target"]].T).argmax(axis=1)
            assert row["value"] == pytest.approx(float((nearest == np.arange(16)).mean()))


def test_a_default_prompt_is_used_unless_told_otherwise(
    xl: Run, sentence_folder: Path, parallel: Path, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    """And finished cells of one prompt are not taken for those of another."""
    folder = tmp_path / "e5"
    folder.mkdir()
    for path in sentence_folder.rglob("*"):
        target = folder / path.relative_to(sentence_folder)
        target.mkdir() if path.is_dir() else target.write_bytes(path.read_bytes())
    about = json.loads((folder / "config_sentence_transformers.json").read_text(encoding="utf-8"))
    (folder / "config_sentence_transformers.json").write_text(json.dumps({**about, "default_prompt_name": "query"}))
    command = ("eval", "retrieval", "--model", folder, "--data", parallel, "--json", "--out", tmp_path / "out")
    prompts = [{row["prompt"] for row in rows(xl(*command, *more).stdout)} for more in ((), ("--prompt", ""), ())]
    assert prompts == [{"query: "}, {""}, {"query: "}]
    kept = {row["prompt"] for row in rows((tmp_path / "out" / "results.jsonl").read_text(encoding="utf-8"))}
    assert kept == {"", "query: "}


def test_a_task_that_embeds_no_text_refuses_a_prompt(xl: Run, sentence_folder: Path, tmp_path: Path) -> None:  # noqa: F811
    make_panx(tmp_path, n=4)
    done = xl("eval", "panx", "--model", sentence_folder, "--data", tmp_path, "--prompt", "query")
    assert done.returncode == 2
    assert "--prompt" in done.stderr


def test_analyze_reads_it_alike(xl: Run, sentence_folder: Path, parallel: Path) -> None:  # noqa: F811
    done = xl("analyze", "cka", "--model", sentence_folder, "--data", parallel, "--prompt", "query", "--json")
    assert done.returncode == 0, done.stderr
    assert {(row["layer"], row["pooling"], row["prompt"]) for row in rows(done.stdout)} == {(12, "mean-all", "query: ")}


def test_what_is_exported_is_what_was_there(xl: Run, sentence_folder: Path, tmp_path: Path) -> None:  # noqa: F811
    """Layer, pooling, length 1 and prompts: the library gives the same vectors of both folders, by every prompt."""
    done = xl("export", sentence_folder, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    models = [library().SentenceTransformer(str(path), device="cpu") for path in (sentence_folder, tmp_path / "out")]
    for name in PROMPTS:
        wanted, found = (model.encode(TEXTS, prompt_name=name, show_progress_bar=False) for model in models)
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_an_exported_prompt_is_the_default(
    xl: Run, pretrained_folder: Path, pretrained: Encoder, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    options = ("--layer", "last", "--prompt", "query: ", "--out", tmp_path / "out")
    done = xl("export", pretrained_folder, *options)
    assert done.returncode == 0, done.stderr
    model = library().SentenceTransformer(str(tmp_path / "out"), device="cpu")
    wanted = pretrained.embed([f"query: {text}" for text in TEXTS], layer=12, pooling="mean-all")
    np.testing.assert_allclose(model.encode(TEXTS, show_progress_bar=False), wanted, atol=1e-4)
    again = xl("export", tmp_path / "out", "--out", tmp_path / "again")
    assert again.returncode == 0, again.stderr
    model = library().SentenceTransformer(str(tmp_path / "again"), device="cpu")
    np.testing.assert_allclose(model.encode(TEXTS, show_progress_bar=False), wanted, atol=1e-4)
    assert "query: " in (tmp_path / "again" / "README.md").read_text(encoding="utf-8")


def test_a_pooling_that_is_not_known_is_refused_unless_one_is_named(
    xl: Run, sentence_folder: Path, parallel: Path, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    folder = tmp_path / "e5"
    (folder / "1_Pooling").mkdir(parents=True)
    for path in sentence_folder.glob("*.json"):
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "model.safetensors").symlink_to(sentence_folder / "model.safetensors")
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode": "attention"}', encoding="utf-8")
    command = ("eval", "retrieval", "--model", folder, "--data", parallel, "--json")
    done = xl(*command)
    assert done.returncode == 1
    assert "it pools by attention" in done.stderr
    assert "give --pooling" in done.stderr
    named = xl(*command, "--pooling", "mean-all")
    assert {(row["layer"], row["pooling"]) for row in rows(named.stdout)} == {(12, "mean-all")}


def test_static_vectors_of_the_last_layer(xl: Run, sentence_folder: Path, parallel: Path, tmp_path: Path) -> None:  # noqa: F811
    command = (
        "static",
        "extract",
        parallel / "eng_Latn.txt",
        "--model",
        sentence_folder,
        "--method",
        "aggregate",
    )
    found = {}
    for layer, more in ((6, ()), (12, ("--layer", "last"))):
        out = tmp_path / f"{layer}.vec"
        done = xl(*command, *more, "--min-count", 1, "--out", out, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["layer"] == layer
        found[layer] = out.read_text(encoding="utf-8")
    assert found[6] != found[12]


def test_align_tells_how_a_sentence_encoder_is_read(
    xl: Run, sentence_folder: Path, parallel: Path, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    """The recipe's layer holds, and a note names the two settings that read it as it was trained."""
    files = json.dumps([str(parallel / f"{code}.txt") for code in ("hin_Deva", "eng_Latn")])
    settings = [f"model.from={sentence_folder}", f"data.files={files}", "train.steps=1", "train.batch=4"]
    options = [part for setting in settings for part in ("--set", setting)]
    done = xl("align", "ot-word", *options, "--set", "model.layer=8", "--out", tmp_path / "one")
    assert done.returncode == 0, done.stderr
    advice = ["--set", "model.layer=-1", "--set", "model.pooling=mean-all"]
    assert "was trained to be read at layer 12 with pooling mean-all" in done.stderr
    assert " ".join(advice) in done.stderr
    done = xl("align", "ot-word", *options, *advice, "--out", tmp_path / "two")
    assert done.returncode == 0, done.stderr
    assert "was trained to be read" not in done.stderr
