"""Model cards: what a hub reads of them, a recipe that runs again, code that runs as written, for runs in any state."""

import json
import re
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard
from tests.cli.conftest import Run, small

from xl_cli.folder.model_card import export_card, language_tag, model_card, write_model_card
from xl_cli.folder.run_folder import RunFolder
from xl_cli.recipe.recipe import load_recipe, parse_recipe
from xl_encoders import POOLINGS, Encoder, load_encoder
from xl_tasks import Row

TEXTS = ["Ankara", "Άγκυρα", "አንካራ"]


@pytest.fixture(scope="module")
def run(xl: Run, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    out = tmp_path_factory.mktemp("runs") / "mine"
    result = xl(*small(corpus, 'train.variants=["mlm","mlm+seq"]'), "--out", out)
    assert result.returncode == 0, result.stderr
    return RunFolder(out)


def head(card: str) -> dict:
    return ModelCard(card).data.to_dict()


def block(card: str, language: str) -> str:
    """The one code block of a language."""
    (code,) = re.findall(rf"^```{language}\n(.*?)^```", card, re.DOTALL | re.MULTILINE)
    return code


def executed(code: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    monkeypatch.chdir(folder)
    names: dict = {}
    exec(compile(code, "card", "exec"), names)
    return np.asarray(names["vectors"])


def test_the_head_is_what_a_hub_reads(run: RunFolder) -> None:
    found = head(model_card(run.about(), run.rows()))
    assert found["language"] == ["el", "en", "tr"]
    assert found["library_name"] == "transformers"
    assert found["pipeline_tag"] == "feature-extraction"
    assert {"cross-lingual", "mlm", "seq"} <= set(found["tags"])
    assert "base_model" not in found  # it is new
    assert "license" not in found  # the user's own text


# ISO 639-1, and ISO 639-3 for languages without two letters
@pytest.mark.parametrize(
    ("code", "tag"),
    [("tur_Latn", "tr"), ("pes_Arab", "fa"), ("arb_Arab", "ar"), ("heb_Hebr", "he"), ("zho_Hant", "zh"),
     ("npi_Deva", "ne"), ("est_Latn", "et"), ("gsw_Latn", "gsw"), ("ckb_Arab", "ckb"), ("ace_Arab", "ace")],
)  # fmt: skip
def test_languages_are_written_as_the_hub_wants_them(code: str, tag: str) -> None:
    assert language_tag(code) == tag


@pytest.mark.parametrize("name", ["names", "ppa", "scratch"])
def test_the_recipe_runs_again(run: RunFolder, tmp_path: Path, name: str) -> None:
    recipe = load_recipe(name, [] if name == "names" else ["data.files=['corpus']"])
    about = {**run.about(), "recipe_name": name, "recipe": recipe.as_dict()}
    (tmp_path / f"{name}.toml").write_text(block(model_card(about, []), "toml"), encoding="utf-8")
    assert load_recipe(str(tmp_path / f"{name}.toml")) == recipe
    assert parse_recipe(name, json.loads(json.dumps(recipe.as_dict()))) == recipe


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("layer", [1, 2])
def test_the_code_runs_as_written(run: RunFolder, layer: int, pooling: str, monkeypatch: pytest.MonkeyPatch) -> None:
    about = {**run.about(), "layer": layer, "pooling": pooling}
    found = executed(block(model_card(about, []), "python"), run.model, monkeypatch)
    wanted = load_encoder(str(run.model)).embed(TEXTS, layer=layer, pooling=pooling)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_results_and_data_are_those_of_the_run(run: RunFolder) -> None:
    card = model_card(run.about(), run.rows())
    assert card.count("# mine\n") == 1
    for variant in ("mlm", "mlm+seq"):
        rows = [row.value for row in run.rows() if row.variant == variant and row.metric == "top10"]
        cells = next(line for line in card.splitlines() if re.match(rf"\| {re.escape(variant)} ", line)).split("|")
        assert cells[2].strip() == f"{100 * np.mean(rows):.1f}"
    assert "This model is the line `mlm+seq`." in card
    (corpus,) = run.about()["data"]
    line = next(line for line in card.splitlines() if corpus["fingerprint"] in line)
    assert all(code in line for code in ("ell_Grek", "eng_Latn", "tur_Latn"))
    assert f"transformers {run.about()['versions']['transformers']}" in card
    assert "not finished" not in card


def test_a_run_without_rows_and_an_interrupted_one(run: RunFolder) -> None:
    assert "Nothing was scored" in model_card(run.about(), [])
    about = {**run.about(), "status": "interrupted", "model": {"variant": "mlm", "step": 3}}
    card = model_card(about, [row for row in run.rows() if row.variant == "untrained"])
    assert "**The run is not finished**: this is its state after step 3 of mlm." in card
    assert "untrained" in card
    # a run that was stopped before it knew its layer
    for key in ("layer", "pooling", "n_parameters", "versions", "data", "wall_seconds"):
        about.pop(key, None)
    assert "hidden_states[-1]" in model_card(about, [])


@pytest.mark.parametrize(
    "fields",
    [
        {"task": "bli", "metric": "p1", "source": "eng_Latn", "target": "tur_Latn"},
        {"task": "retrieval", "metric": "mrr", "source": "eng_Latn", "target": "tur_Latn"},
        {"task": "retrieval", "metric": "top10", "source": "eng", "target": "tur"},
    ],
)
def test_rows_of_any_kind_are_shown(run: RunFolder, fields: dict) -> None:
    card = model_card(run.about(), [Row(value=0.4321, variant="mlm", **fields)])
    assert "0.4321" in card


def test_the_model_it_started_from(run: RunFolder, tmp_path: Path) -> None:
    def about(start: str) -> dict:
        recipe = run.about()["recipe"]
        return {**run.about(), "recipe": {**recipe, "model": {**recipe["model"], "from": start, "revision": "abc"}}}

    card = model_card(about("FacebookAI/xlm-roberta-base"), [])
    assert head(card)["base_model"] == "FacebookAI/xlm-roberta-base"
    assert "post-trained from `FacebookAI/xlm-roberta-base` at revision abc" in card
    assert "The terms of the model that it started from apply" in card
    # a folder of this machine means nothing to others
    card = model_card(about(str(tmp_path)), [])
    assert "base_model" not in head(card)
    assert f"post-trained from `{tmp_path.name}`" in card


def test_the_licence_of_the_data_where_there_is_one(run: RunFolder) -> None:
    def with_data(*names: str) -> dict:
        corpora = [{"name": name, "languages": ["tur_Latn"], "fingerprint": "0" * 64} for name in names]
        return {**run.about(), "data": corpora}

    card = model_card(with_data("sib200"), [])
    assert head(card)["license"] == "cc-by-sa-4.0"
    assert "Licence: to be filled in" not in card
    for names in (("names",), ("sib200", "tatoeba"), ("sib200", "names"), ("sib200", "unheard-of"), ("bible",)):
        card = model_card(with_data(*names), [])
        assert "license" not in head(card)
        assert "**Licence: to be filled in by whoever publishes this model.**" in card
    assert "not known here" in model_card(with_data("unheard-of"), [])


def test_the_card_lies_beside_the_model(run: RunFolder, tmp_path: Path) -> None:
    shutil.copytree(run.path, tmp_path / "copy")
    copy = RunFolder(tmp_path / "copy")
    write_model_card(copy)
    assert (copy.model / "README.md").read_text(encoding="utf-8") == model_card(run.about(), run.rows())
    assert isinstance(load_encoder(str(copy.model)), Encoder)
    shutil.rmtree(copy.model)
    write_model_card(copy)
    assert not copy.model.exists()


@pytest.mark.parametrize("form", ["sentence-transformers", "transformers"])
def test_a_card_of_a_model_that_is_from_no_run(form: str) -> None:
    def card(source: str) -> str:
        return export_card(
            {}, [], name="x", source=source, form=form, layer=2, pooling="first", max_len=32, where="me/x"
        )

    assert head(card("FacebookAI/xlm-roberta-base"))["base_model"] == "FacebookAI/xlm-roberta-base"
    assert head(card("FacebookAI/xlm-roberta-base"))["library_name"] == form
    assert "base_model" not in head(card("/somewhere/model"))
    assert '"me/x"' in block(card("a"), "python")
    assert "is not recorded in its folder" in card("a")
    assert "## Recipe" not in card("a")


def test_a_key_without_a_value_is_left_out(run: RunFolder) -> None:
    recipe = {"train": {"seed": 1, "limit": None}, "objective": [{"name": "seq", "layer": None, "over": [1, 2]}]}
    found = tomllib.loads(block(model_card({**run.about(), "recipe": recipe}, []), "toml"))
    assert found == {"train": {"seed": 1}, "objective": [{"name": "seq", "over": [1, 2]}]}


def test_a_projector_that_is_not_in_the_folder_is_told() -> None:
    objectives = [{"name": "mlm"}, {"name": "seq", "projector": 128}, {"name": "tlm", "projector": 0}]
    about = {"recipe": {"model": {"from": "new"}, "objective": objectives}, "model": {"variant": "mlm+seq"}}
    told = "seq compared its vectors behind a learned projection to 128 dimensions, which is no part of this model."
    card = model_card(about, [])
    assert told in card
    assert card.count("projection") == 1
    assert "projection" not in model_card({**about, "model": {"variant": "mlm"}}, []).split("## Recipe")[0]
