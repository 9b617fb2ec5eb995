"""`xl export`: folders for other libraries, what they hold by default, the way to a hub, and errors in plain words."""

import json
import re
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import Run, small
from tests.cli.folder.test_model_card import block, executed, head
from tests.encoders.vocabulary.unigram import saved
from tests.thinned import thinned
from tests.token_embeddings import token_embeddings
from transformers import AutoModel

import xl_cli
from xl_encoders import load_encoder, load_tokenizer

TEXTS = ["bade", "βαδε γικο", "Lumane, 7"]


@pytest.fixture(scope="module")
def run(xl: Run, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "mine"
    result = xl(*small(corpus, "model.layer=1", "model.pooling=mean-all"), "--out", out)
    assert result.returncode == 0, result.stderr
    return out


def vectors(folder: Path) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own, at its first import
        library = pytest.importorskip("sentence_transformers", reason="the library whose folder is written")
    model = library.SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    return model.encode(TEXTS, show_progress_bar=False)


@pytest.mark.slow
def test_the_library_opens_a_run_at_its_own_layer_and_pooling(xl: Run, run: Path, tmp_path: Path) -> None:
    result = xl("export", run, "--out", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert "mine at layer 1 of 2, mean-all, up to 24 tokens (sentence-transformers)" in result.stdout
    wanted = load_encoder(str(run / "model")).embed(TEXTS, layer=1, pooling="mean-all")
    np.testing.assert_allclose(vectors(tmp_path / "out"), wanted, atol=1e-5)
    assert json.loads((tmp_path / "out" / "config.json").read_text())["num_hidden_layers"] == 1


@pytest.mark.parametrize(("layer", "pooling", "max_len"), thinned([(0, "first", 24), (-1, "mean-content", 8)], 2))
def test_options_decide(xl: Run, run: Path, tmp_path: Path, layer: int, pooling: str, max_len: int) -> None:
    options = ["--layer", layer, "--pooling", pooling, "--max-len", max_len, "--format", "sentence-transformers"]
    result = xl("export", run, "--out", tmp_path / "out", *options)
    assert result.returncode == 0, result.stderr
    encoder = load_encoder(str(run / "model"), max_len=max_len)
    wanted = encoder.embed(TEXTS, layer=layer, pooling=pooling)
    np.testing.assert_allclose(vectors(tmp_path / "out"), wanted, atol=1e-5)


def test_a_plain_folder_is_cut_at_two_thirds_of_its_depth(xl: Run, run: Path, tmp_path: Path) -> None:
    result = xl("export", run / "model", "--format", "transformers", "--out", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert AutoModel.from_pretrained(tmp_path / "out").config.num_hidden_layers == 1
    assert not (tmp_path / "out" / "modules.json").exists()


@pytest.mark.parametrize("pooling", ["mean-content", "mean-all", "first"])
@pytest.mark.parametrize("form", thinned(["sentence-transformers", "transformers"], 3))
def test_the_card_says_how_and_its_code_runs(
    xl: Run, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, pooling: str
) -> None:
    out = tmp_path / "out"
    result = xl("export", run, "--format", form, "--layer", 1, "--pooling", pooling, "--out", out)
    assert result.returncode == 0, result.stderr
    card = (out / "README.md").read_text(encoding="utf-8")
    assert head(card)["library_name"] == form
    assert head(card)["language"] == ["el", "en", "tr"]
    assert "# mine" in card
    assert "## Recipe" in card
    if form == "sentence-transformers":
        pytest.importorskip("sentence_transformers", reason="the card's code imports it")
    found = executed(block(card, "python"), out, monkeypatch)
    wanted = load_encoder(str(run / "model")).embed(["Ankara", "Άγκυρα", "አንካራ"], layer=1, pooling=pooling)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("code", "more", "words"),
    [
        (2, ["--format", "onnx"], r"--format is 'onnx'; choose one of sentence-transformers, transformers\.$"),
        (2, ["--pooling", "median"], r"--pooling is 'median'; choose one of mean-content"),
        (2, ["--private"], r"--private: no meaning without --push OWNER/NAME"),
        (2, ["--push", "me//x"], r"--push 'me//x' is no hub id"),
        (1, ["--layer", "3"], r"layer 3 is out of range: mine has 0 \(embeddings\) to 2"),
        (1, ["--max-len", "900"], r"positions for 24 tokens"),
    ],
)
def test_what_cannot_be_exported_is_named(
    xl: Run, run: Path, tmp_path: Path, code: int, more: list[str], words: str
) -> None:
    result = xl("export", run, "--out", tmp_path / "out", *more)
    assert result.returncode == code
    assert re.search(words, result.stderr.strip()), result.stderr
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_model_of_some_texts_in_a_part_of_the_size(xl: Run, tmp_path: Path) -> None:
    """Prompts are kept too, whose words no text has; the library gives the texts the vectors that it gave them."""
    library = pytest.importorskip("sentence_transformers", reason="the library that opens both folders")
    prompt = "beyaz ev: "
    xl_cli.export(saved(tmp_path / "plain"), out=tmp_path / "whole", layer="last", prompt=prompt, pooling="mean-all")
    (tmp_path / "few.txt").write_text("the cat sits\n\non the carpet\n", encoding="utf-8")
    done = xl("export", tmp_path / "whole", "--prune", tmp_path / "few.txt", "--out", tmp_path / "small")
    assert done.returncode == 0, done.stderr
    before, after = (len(load_tokenizer(str(tmp_path / name))) for name in ("whole", "small"))
    assert after < before
    assert f"Vocabulary: {after} of {before} pieces; weights: " in done.stdout
    assert len(token_embeddings(AutoModel.from_pretrained(tmp_path / "small"))) == after
    texts = ["the cat sits", "on the carpet", "the carpet", "cat"]
    one, two = (library.SentenceTransformer(str(tmp_path / name), device="cpu") for name in ("whole", "small"))
    np.testing.assert_allclose(two.encode(texts), one.encode(texts), atol=1e-6)
    assert two.tokenizer.tokenize(prompt) == one.tokenizer.tokenize(prompt)
    (tmp_path / "empty.txt").write_text("\n", encoding="utf-8")
    for name, words in (("empty.txt", "no line has text"), ("nowhere.txt", "nowhere.txt")):
        done = xl("export", tmp_path / "whole", "--prune", tmp_path / name, "--out", tmp_path / "other")
        assert done.returncode == 1
        assert words in done.stderr
        assert not (tmp_path / "other").exists()


def test_an_existing_folder_is_refused(xl: Run, run: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    result = xl("export", run, "--out", tmp_path / "out")
    assert result.returncode == 2
    assert "out exists already; name another folder." in result.stderr
    assert not list((tmp_path / "out").iterdir())


def test_a_run_without_a_model_and_no_run_at_all(xl: Run, run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "model")
    result = xl("export", tmp_path / "copy", "--out", tmp_path / "out")
    assert result.returncode == 1
    assert "is a run without a model yet" in result.stderr
    result = xl("export", tmp_path / "nothing", "--out", tmp_path / "out")
    assert result.returncode == 1
    assert "no such model folder" in result.stderr
    assert not (tmp_path / "out").exists()


class StandIn:
    """What HfApi is asked to do; `failing` is raised by the upload."""

    def __init__(self, failing: Exception | None = None) -> None:
        self.asked: list[tuple] = []
        self.failing = failing

    def __call__(self) -> "StandIn":
        return self

    def create_repo(self, hub_id: str, *, exist_ok: bool, private: bool | None) -> str:
        self.asked.append(("create", hub_id, exist_ok, private))
        return f"https://hub.example/{hub_id}"

    def upload_folder(self, *, repo_id: str, folder_path: Path) -> None:
        assert (Path(folder_path) / "modules.json").is_file()  # whole before it goes anywhere
        self.asked.append(("upload", repo_id, Path(folder_path)))
        if self.failing:
            raise self.failing


@pytest.mark.parametrize(("options", "private"), [([], None), (["--private"], True)])
def test_push_uploads_the_folder(
    xl: Run, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], private: bool | None
) -> None:
    api = StandIn()
    monkeypatch.setattr("huggingface_hub.HfApi", api)
    result = xl("export", run, "--out", tmp_path / "out", "--push", "me/names", *options)
    assert result.returncode == 0, result.stderr
    assert api.asked == [("create", "me/names", True, private), ("upload", "me/names", tmp_path / "out")]
    assert "Pushed: https://hub.example/me/names" in result.stdout
    assert 'SentenceTransformer("me/names")' in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "failing", thinned([OSError("401 Unauthorized.\nmore"), RuntimeError(), ConnectionError("no route")], 3)
)
def test_a_push_that_fails_leaves_the_folder(
    xl: Run, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: Exception
) -> None:
    monkeypatch.setattr("huggingface_hub.HfApi", StandIn(failing))
    out = tmp_path / "out"
    result = xl("export", run, "--out", out, "--push", "me/names")
    assert result.returncode == 1
    line = result.stderr.strip().splitlines()[-1]
    assert re.search(rf"--push me/names: not uploaded \(.+\); {out} is complete: .*`hf upload me/names {out}`\.$", line)
    assert (out / "model.safetensors").is_file()


def test_push_without_a_network_is_one_sentence(xl: Run, run: Path, tmp_path: Path) -> None:
    result = xl("export", run, "--out", tmp_path / "out", "--push", "me/names")  # the tests are offline
    assert result.returncode == 1
    assert "offline" in result.stderr.strip().splitlines()[-1]
    assert "Traceback" not in result.stderr
    assert (tmp_path / "out" / "modules.json").is_file()


def test_nothing_heavy_is_loaded_for_its_help(xl: Run) -> None:
    result = xl("export", "--help")
    assert result.returncode == 0
    for option in ("--out", "--format", "--layer", "--pooling", "--max-len", "--revision", "--push", "--private"):
        assert option in result.stdout


@pytest.mark.parametrize("pooling", thinned(["mean-all", "mean-content", "first"], 3))
def test_an_exported_folder_is_scored_as_it_pools(
    xl: Run, run: Path, corpus: Path, tmp_path: Path, pooling: str
) -> None:
    """Without a word about layer and pooling: those of the run, cut off below."""
    result = xl("export", run, "--layer", 1, "--pooling", pooling, "--out", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    data = ("--data", corpus, "--source", "eng_Latn", "--target", "ell_Grek", "--json")
    there = xl("eval", "retrieval", "--model", tmp_path / "out", *data)
    here = xl("eval", "retrieval", "--model", run, "--layer", 1, "--pooling", pooling, *data)
    kept = ("metric", "value", "source", "layer", "pooling")
    rows = [[[json.loads(line)[key] for key in kept] for line in out.stdout.splitlines()] for out in (there, here)]
    assert rows[0] == rows[1] != []
