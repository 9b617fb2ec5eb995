"""The shipped recipes say what the papers did, dry-run without a network, and run on small data."""

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Run
from tests.cli.made_data import about_of, greek, log_of, rows_of, sentences, word, write_lines, write_vectors
from tests.thinned import thinned
from transformers import AutoModel

from xl_cli.recipe.files import read_content, shipped_recipes
from xl_cli.recipe.recipe import load_recipe
from xl_translit import language

# What the publications and their code say (restated, with what we decided where they are silent, in the recipes'
# comments): written by hand, not read from the recipes.
ANY = object()  # a key with a free value: descriptions, and what a run needs of the user
GLOT500 = {
    "model.from": "cis-lmu/glot500-base", "model.layer": 8, "model.max_len": 512,
    "model.pooling": "mean-all",  # retrieval includes specials; SEQ's own pooling leaves them out
}  # fmt: skip
PPA_OBJECTIVES = {
    "mlm.weight": 1.0, "mlm.mask_prob": 0.15, "mlm.text": "both", "mlm.block": 0,
    "seq.weight": 1.0, "seq.similarity": "dot", "seq.temperature": 1.0, "seq.factor": 0.5,
    "seq.pooling": "mean-content", "tlm.weight": 1.0, "tlm.truncate": "longest_first",
}  # fmt: skip
PPA_TRAIN = {
    "train.variants": ["mlm+seq+tlm"], "train.lr": 2e-5, "train.batch": 64, "train.accumulate": 8, "train.steps": 0,
    "train.warmup": 0.0, "train.schedule": "linear", "train.weight_decay": 0.01, "train.clip": 1.0,
    "train.precision": "bf16", "train.save_every": 2000, "train.gradient_cache": False,
}  # fmt: skip
PPA_DATA = {
    "data.0.kind": "text", "data.0.held_out": 0.0, "data.0.dev": 0.0, "data.0.temperature": 1.0,
    "data.0.deduplicate": True, "data.0.to": "latn", "data.0.limit": 0,
}  # fmt: skip
PPA = {**GLOT500, **PPA_OBJECTIVES, **PPA_TRAIN, **PPA_DATA, "train.epochs": 2.0}
# Section 4.2, English as the query.
BY_TATOEBA = {
    "select.every": 2000, "select.data": "tatoeba", "select.optional": True, "select.metric": "top10",
    "select.sources": ["eng_Latn"], "select.targets": ["trained"], "select.limit": 0,
}  # fmt: skip
SAMPLED = {"data.0.share": 0.1, "data.0.least": 10_000}
MAF = {
    "ara_Arab",
    "arb_Arab",
    "ary_Arab",
    "arz_Arab",
    "fas_Arab",
    "amh_Ethi",
    "ell_Grek",
    "heb_Hebr",
    "tur_Latn",
    "mlt_Latn",
}
SEA = {
    "zho_Hani",
    "lzh_Hani",
    "yue_Hani",
    "wuu_Hani",
    "kor_Hang",
    "lao_Laoo",
    "lhu_Latn",
    "mya_Mymr",
    "bod_Tibt",
    "tha_Thai",
}

STATIC = {
    "model.from": "xlm-roberta-base", "model.layer": 8, "model.max_len": 128, "model.pooling": "mean-all",
    "data.0.name": "text", "data.0.kind": "text", "data.0.limit": 100_000, "data.0.held_out": 0.0, "data.0.dev": 0.02,
    "data.0.temperature": 1.0,
    "mlm.text": "original", "mlm.block": 128, "mlm.mask_prob": 0.15, "mlm.weight": 1.0,
    "train.lr": 5e-5, "train.steps": 7500, "train.batch": 64, "train.accumulate": 1, "train.warmup": 0.0,
    "train.schedule": "linear", "train.weight_decay": 0.0, "train.clip": 1.0, "train.precision": "no",
    "train.save_every": 500, "select.every": 500, "select.task": "mlm",
}  # fmt: skip
VECTORS = {
    "data.1.name": "vectors", "data.1.kind": "vectors", "data.1.limit": 200_000, "data.1.temperature": 1.0,
}  # fmt: skip
DCCA = {
    "train.variants": ["mlm+dcca"], "dcca.variant": "subspace", "dcca.k": 10, "dcca.batch": 1024, "dcca.max_len": 20,
    "dcca.layer": -1, "dcca.pooling": "mean-content", "dcca.center": "", "dcca.weight": 1.0,
}  # fmt: skip

WORD_ALIGNMENT = {
    "model.from": "bert-base-multilingual-cased", "model.layer": -1, "model.max_len": 128, "model.pooling": "mean-all",
    "data.0.kind": "pairs", "data.0.limit": 250_000,
    "train.lr": 5e-5, "train.epochs": 1.0, "train.steps": 0, "train.warmup": 0.1, "train.schedule": "linear",
    "train.weight_decay": 0.0, "train.clip": 1.0, "train.precision": "no", "train.save_every": 500,
}  # fmt: skip
OT = {
    **WORD_ALIGNMENT, "train.variants": ["ot"], "train.batch": 24, "train.accumulate": 2,
    "ot.words": "last", "ot.scope": "batch", "ot.p": 2, "ot.blur": 0.05, "ot.solver": "exact", "ot.cost": "euclidean",
    "ot.weights": "uniform", "ot.layer": -1, "ot.drift": 1.0, "ot.drift_reduction": "mean", "ot.drift_side": "pivot",
}  # fmt: skip

PUBLISHED: dict[str, dict[str, Any]] = {
    "ppa-maf": {**PPA, **BY_TATOEBA, **SAMPLED, "data.0.languages": MAF},
    "ppa-sea": {**PPA, **BY_TATOEBA, **SAMPLED, "data.0.languages": SEA, "train.epochs": 8.0},
    "ppa-ipa": {**PPA, **BY_TATOEBA, "data.0.to": "ipa"},
    "ppa-ot": {
        **PPA, **BY_TATOEBA, "train.variants": ["mlm+seq+tlm+ot"], "data.0.name": "text", "data.1.name": "bitext",
        "data.1.kind": "pairs", "ot.batch": 24, "ot.words": "last", "ot.scope": "batch", "ot.p": 2, "ot.blur": 0.05,
        "ot.solver": "exact", "ot.drift": 1.0, "ot.layer": -1,
    },
    "static-dcca": {**STATIC, **VECTORS, **DCCA},
    "static-fasttext-dcca": {**STATIC, **VECTORS, **DCCA},
    "static-mse": {
        **STATIC, **VECTORS, "train.variants": ["mlm+mse"], "mse.scale": "match_norm", "mse.batch": 1024,
        "mse.max_len": 20, "mse.layer": -1, "mse.pooling": "mean-content", "mse.weight": 1.0,
    },
    "static-mlm": {**STATIC, "train.variants": ["mlm"]},
    "ot-word": OT,
    "ot-published": {**OT, "ot.solver": "geomloss"},
    "ot-subword": {**OT, "ot.words": "all"},
    "ot-large": {**OT, "train.batch": 8, "train.accumulate": 3},
    "ot-pairs": {
        **WORD_ALIGNMENT, "train.variants": ["ot-pairs"], "train.batch": 24, "train.accumulate": 2,
        "ot-pairs.by": "l2", "ot-pairs.transport": 1.0, "ot-pairs.words": "last", "ot-pairs.p": 2,
        "ot-pairs.solver": "exact", "ot-pairs.layer": -1, "ot-pairs.drift": 1.0, "ot-pairs.drift_reduction": "mean",
        "ot-pairs.drift_side": "pivot",
    },
    "weam": {
        **WORD_ALIGNMENT, "train.variants": ["weam"], "train.batch": 24, "train.accumulate": 2,
        "train.weight_decay": 0.01, "weam.mask_prob": 0.15, "weam.tlm": 1.0, "weam.one_to_one": True,
        "weam.identical": True,
    },
    "amber": {
        **WORD_ALIGNMENT, "train.variants": ["bitext-tlm+attention+sentence-nce"], "train.batch": 24,
        "train.accumulate": 2, "train.weight_decay": 0.01, "sentence-nce.similarity": "dot",
        "sentence-nce.temperature": 1.0, "sentence-nce.negatives": "all", "attention.layer": -1,
    },
    "ot-joint": {**OT, "ot.scope": "languages"},
    "ot-l2": {
        **WORD_ALIGNMENT, "train.variants": ["l2"], "train.batch": 8, "train.accumulate": 1,
        "l2.words": "last", "l2.layer": -1, "l2.reduction": "sum", "l2.one_to_one": True, "l2.identical": False,
        "l2.drift": 1.0, "l2.drift_reduction": "sum", "l2.drift_side": "pivot",
    },
}  # fmt: skip
FREE = {"description", "note"}


def flat(content: dict[str, Any]) -> dict[str, Any]:
    """Recipe content as one mapping: "train.lr", "data.0.kind", "seq.temperature"."""
    found: dict[str, Any] = {key: value for key, value in content.items() if isinstance(value, str)}
    for section, table in content.items():
        if isinstance(table, dict):
            found |= {f"{section}.{key}": value for key, value in table.items()}
    for number, entry in enumerate(content.get("data", [])):
        found |= {f"data.{number}.{key}": value for key, value in entry.items()}
    for entry in content.get("objective", []):
        found |= {f"{entry['name']}.{key}": value for key, value in entry.items() if key != "name"}
    return found


def files_of(name: str) -> list[str]:
    """--set of every data.files of a recipe, to a name that is never opened."""
    entries = read_content(shipped_recipes()[name]).get("data", [])
    return [f'data.{number}.files=["here"]' for number in range(len(entries))]


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_recipe_says_what_was_published(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tatoeba").mkdir()  # where it is not at hand, nothing is chosen by it
    monkeypatch.chdir(tmp_path)
    resolved = flat(load_recipe(name, files_of(name)).as_dict())
    for key, wanted in PUBLISHED[name].items():
        found = resolved[key]
        if isinstance(wanted, set):
            assert isinstance(found, list)
            assert {language(code) for code in found} == {language(code) for code in wanted}, key
        else:
            assert found == wanted, key
    # And it sets nothing that the table does not know.
    said = flat(read_content(shipped_recipes()[name]))
    assert set(said) - FREE <= set(PUBLISHED[name])
    # SEQ reads the layer of the model's, and no more objectives are described than are trained.
    assert "seq.layer" not in resolved
    mixed = {part for variant in resolved["train.variants"] for part in variant.split("+")}
    assert {
        key.split(".")[0] for key in said if key.split(".")[0] in ("mlm", "seq", "tlm", "dcca", "mse", "ot", "l2")
    } <= mixed


def test_every_shipped_recipe_is_in_the_table_or_ours() -> None:
    assert set(shipped_recipes()) == {*PUBLISHED, "names", "scratch", "ppa", "ot-beside-l2", "adopt"}


@pytest.mark.parametrize("name", ["ppa-maf", "ppa-sea"])
def test_the_ablations_are_one_override(name: str) -> None:
    ablations = ["mlm", "mlm+seq", "mlm+tlm", "mlm+seq+tlm"]
    recipe = load_recipe(name, [*files_of(name), f"train.variants={ablations}"])
    assert list(recipe.train.variants) == ablations
    assert set(recipe.objectives) == {"mlm", "seq", "tlm"}
    alone = load_recipe(name, [*files_of(name), 'train.variants="mlm+seq"'])
    assert set(alone.objectives) == {"mlm", "seq"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts of every language that a recipe names, word vectors of two languages, bitexts with English."""
    folder = tmp_path_factory.mktemp("made")
    for number, code in enumerate(sorted({language(code) for code in MAF | SEA})):
        write_lines(folder / "texts" / f"{code}.txt", [greek(text) for text in sentences(4, seed=number)])
    write_lines(folder / "spoken" / "tur_Latn.txt", sentences(120, seed=31))
    write_lines(folder / "spoken" / "spa_Latn.txt", sentences(120, seed=32))
    for number, code in enumerate(("tur_Latn", "eng_Latn")):
        write_vectors(folder / "vectors" / f"{code}.vec", [word(30 * number + k) for k in range(30)], 128, seed=number)
    for number, code in enumerate(("tr", "el")):
        english = sentences(10, seed=40 + number)
        write_lines(folder / "bitext" / f"a.{code}", [greek(text) for text in english])
        write_lines(folder / "bitext" / f"a-{code}.en", english)
    return folder


def data_settings(name: str, made: Path) -> list[str]:
    """What a user has to say of the data, for each shipped recipe."""
    texts = made / ("spoken" if name in ("ppa-ipa", "ppa-ot") or name.startswith("static") else "texts")
    pairs = [str(made / "bitext" / file) for file in ("a.tr", "a-tr.en", "a.el", "a-el.en")]
    if name.startswith("static"):
        found = [f'data.text.files="{texts}"']
        return found if name == "static-mlm" else [*found, f'data.vectors.files="{made / "vectors"}/*.vec"']
    if name == "ppa-ot":
        return [f'data.text.files="{texts}"', f"data.bitext.files={pairs}"]
    return [f"data.files={pairs}"] if name.startswith("ot") or name in ("amber", "weam") else [f'data.files="{texts}"']


def arguments(settings: list[str]) -> list[str]:
    return list(itertools.chain.from_iterable(("--set", setting) for setting in settings))


NEW = ["model.from=new", "model.size=pico", "model.pieces=120"]


@pytest.mark.parametrize("name", thinned(PUBLISHED, 3))
def test_a_recipe_dry_runs_offline(xl: Run, made: Path, name: str) -> None:
    settings = data_settings(name, made)
    result = xl("align", name, *arguments(settings), "--dry-run")
    assert result.returncode == 0, result.stderr
    assert re.search(r"^# model: not at hand: \S+ is neither a folder here", result.stdout, flags=re.MULTILINE)
    assert re.search(r"^# (training texts|sentence pairs|words with vectors): \d+$", result.stdout, flags=re.MULTILINE)
    result = xl("align", name, *arguments([*settings, *NEW]), "--dry-run")
    assert result.returncode == 0, result.stderr
    plan = dict(re.findall(r"^# ([a-z ]+): (.*)$", result.stdout, flags=re.MULTILINE))
    assert {"parameters", "steps for each variant", "about tokens read", "about disk in bytes"} <= set(plan)
    assert int(plan["steps for each variant"].replace(",", "")) == planned_steps(name)


def planned_steps(name: str) -> int:
    """Steps on the made data, counted by hand: 9 or 10 languages of 4 texts, 240 spoken ones, 10 pairs a bitext."""
    if name.startswith("static"):
        return 7500
    # L2: two batches of 8. Else an epoch is one batch, or four of the spoken texts, and a step is 8 of them, 2 or 3.
    return 2 if name == "ot-l2" else 1


@pytest.mark.parametrize("name", thinned(PUBLISHED, 4))
def test_a_recipe_runs_on_a_new_model(xl: Run, made: Path, corpus: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / "run"
    settings = [
        *data_settings(name, made), *NEW, "train.steps=2", "train.batch=4", "train.accumulate=1", "train.log_every=1",
        "train.norms_every=1", f'eval.data="{corpus}"', "eval.limit=20", "eval.string_match=false",
    ]  # fmt: skip
    result = xl("align", name, *arguments(settings), "--out", out)
    assert result.returncode == 0, result.stderr
    wanted = set(PUBLISHED[name]["train.variants"][0].split("+"))
    for row in log_of(out):
        assert {re.sub("-drift$|^weam-tlm$", "", loss) or "weam" for loss in row["losses"]} == wanted
        assert set(row["grad_norms"]) == (wanted if len(wanted) > 1 else set())
    assert len(log_of(out)) == 2
    assert {row["variant"] for row in rows_of(out)} == {"untrained", "+".join(PUBLISHED[name]["train.variants"])}
    AutoModel.from_pretrained(out / "model")
    assert about_of(out)["status"] == "finished"
    assert ("selected" in about_of(out)) == name.startswith("static")
    assert (out / "model" / "README.md").is_file()
    assert (out / "alignments").is_dir() == (name in ("ot-l2", "weam"))


def test_transport_beside_l2_tells_what_a_step_of_each_took(xl: Run, made: Path, tmp_path: Path) -> None:
    short = [*data_settings("ot-word", made), *NEW, "train.steps=2", "train.batch=4", "train.accumulate=1"]
    result = xl("align", "ot-beside-l2", *arguments(short), "--out", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert {name: its["steps"] for name, its in about_of(tmp_path / "run")["cost"].items()} == {"l2": 2, "ot": 2}
    assert re.search(r"^A step: l2 \S+ s, \S+ GB of the \w+; ot ", result.stdout, flags=re.MULTILINE)


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        (
            "ppa-maf",
            [
                'data.files="{data}/sib200"', 'data.languages=["arb_Arab","ell_Grek","heb_Hebr","tur_Latn"]',
                'select.data="{data}/tatoeba"', "select.limit=50",
            ],
        ),
        (
            "ppa-sea",
            [
                'data.files="{data}/sib200"', 'data.languages=["kor_Hang","tha_Thai","zho_Hans","mya_Mymr"]',
                'select.data="{data}/tatoeba"', "select.limit=50",
            ],
        ),
        ("ppa-ipa", ['data.files="{data}/sib200"', 'data.languages=["tur_Latn"]']),
        (
            "static-mlm",
            [
                'data.text.files="{data}/bible/*.gz"', 'data.text.languages=["ell","eng"]', "data.text.limit=400",
                "select.limit=50",
            ],
        ),
        (
            "ot-word",
            ["data.kind=parallel", 'data.files="{data}/bible"', 'data.languages=["ell","eng"]', "data.limit=64"],
        ),
        *(
            (name, ["data.kind=parallel", 'data.files="{data}/bible"', 'data.languages=["kor","eng"]', "data.limit=64"])
            for name in ("ot-l2", "ot-pairs", "amber", "weam")
        ),
    ],
)  # fmt: skip
def test_a_recipe_runs_on_real_data(xl: Run, data_folder: Path, tmp_path: Path, name: str, settings: list[str]) -> None:
    settings = [setting.replace("{data}", str(data_folder)) for setting in settings]
    settings += [
        "model.from=new", "model.size=pico", "model.pieces=600", "train.steps=2", "train.batch=8", "train.accumulate=1",
        f'eval.data="{data_folder}/sib200"', "eval.limit=20", "eval.string_match=false", "eval.sources=ell",
        "eval.targets=eng",
    ]  # fmt: skip
    result = xl("align", name, *arguments(settings), "--out", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert about_of(tmp_path / "run")["status"] == "finished"
    assert ("selected" in about_of(tmp_path / "run")) == (name in ("ppa-maf", "ppa-sea", "static-mlm"))
    assert rows_of(tmp_path / "run")
