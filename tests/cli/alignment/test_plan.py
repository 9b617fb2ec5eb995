"""`xl align --dry-run` and settings that cannot work: said before torch is loaded, in the words of the run itself."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.cli.conftest import Run, environment, small
from tests.cli.made_data import sentences, word, write_vectors
from tests.thinned import thinned
from transformers import XLMRobertaForMaskedLM

from xl_cli.launch.durations import words
from xl_cli.recipe.files import shipped_recipes
from xl_encoders import SIZES, EncoderError, ModelConfig, count_parameters, load_encoder, model_config, new_encoder

HEAVY = {
    "torch", "transformers", "accelerate", "sklearn", "pandas", "scipy", "pyarrow", "sentence_transformers", "datasets",
}  # fmt: skip
LOADED = """
import sys
from xl_cli.main import main
sys.argv = ["xl", *sys.argv[1:]]
try:
    main()
finally:
    sys.stderr.write("loaded: " + " ".join(sorted(name for name in sys.modules if "." not in name)))
"""


def loaded(*arguments: object) -> tuple[int, str, set[str]]:
    """Exit code, last words and the modules of `xl ARGUMENTS...`."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *map(str, arguments)], capture_output=True, text=True, check=False,
        env=environment(),
    )  # fmt: skip
    said, _, names = done.stderr.rpartition("loaded: ")
    return done.returncode, said, set(names.split())


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "model"
    new_encoder(sentences(80), ModelConfig(size="pico", pieces=90, max_len=32), seed=4).save(folder)
    return folder


def test_a_dry_run_loads_nothing_heavy(trained: Path, corpus: Path) -> None:
    for arguments in (["align"], small(corpus, f'model.from="{trained}"')):
        code, said, names = loaded(*arguments, "--dry-run")
        assert code == 0, said
        assert not names & HEAVY


# A family for which there are no masked-LM heads.
CANINE: dict[str, Any] = {"model_type": "canine", "architectures": ["CanineModel"]}


@pytest.mark.slow
def test_what_is_wrong_is_said_before_anything_heavy_is_loaded(trained: Path, corpus: Path, tmp_path: Path) -> None:
    headless = changed_config(trained, tmp_path / "headless", **CANINE)
    for settings, expected in (
        (["train.stesp=3"], 2),
        (['data.files="nowhere"'], 1),
        ([f'model.from="{headless}"'], 1),
        ([f'model.from="{trained}"', "model.layer=5"], 2),
        (['eval.data="nowhere"'], 1),
    ):
        code, said, names = loaded(*small(corpus, *settings))
        assert code == expected, said
        assert "Traceback" not in said
        assert not names & HEAVY, settings


def changed_config(folder: Path, copy: Path, **entries: object) -> Path:
    shutil.copytree(folder, copy)
    config = json.loads((copy / "config.json").read_text(encoding="utf-8"))
    (copy / "config.json").write_text(json.dumps({**config, **entries}), encoding="utf-8")
    return copy


def without_head(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    kept = {key: value for key, value in load_file(folder / "model.safetensors").items() if "lm_head" not in key}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


def without_tokenizer(folder: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()


def without_mask(folder: Path) -> None:
    config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    del config["mask_token"]
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")


def larger_vocabulary(folder: Path) -> None:
    new_encoder(sentences(300, seed=5), ModelConfig(size="pico", pieces=200), seed=1).tokenizer.save_pretrained(folder)


def cut_off(folder: Path) -> None:
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[:100])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: None, ""),
        (lambda folder: (folder / "config.json").unlink(), "holds no config.json"),
        (lambda folder: (folder / "model.safetensors").unlink(), "holds no model.safetensors"),
        (without_head, "lacks"),
        (without_tokenizer, "tokenizer"),
        (without_mask, "no mask token"),
        (larger_vocabulary, "they do not belong together"),
        (cut_off, "no whole safetensors file"),
    ],
)
def test_a_folder_that_training_would_refuse_is_refused_by_the_plan(
    xl: Run, corpus: Path, trained: Path, tmp_path: Path, damage: Callable[[Path], object], said: str
) -> None:
    """The reference is the loader itself: the plan refuses what it refuses, and nothing else."""
    folder = tmp_path / "model"
    shutil.copytree(trained, folder)
    damage(folder)
    try:
        load_encoder(str(folder), max_len=24, with_head=True)
        refused = False
    except EncoderError:
        refused = True
    assert refused == bool(said)
    result = xl(*small(corpus, f'model.from="{folder}"'), "--dry-run")
    assert result.returncode == (1 if refused else 0), result.stderr
    assert said in result.stderr
    assert result.stderr.count("xl: ") == refused


def test_a_head_is_asked_of_those_objectives_that_need_one(
    xl: Run, corpus: Path, trained: Path, tmp_path: Path
) -> None:
    """An encoder of a family without heads: mlm is refused, contrast is not. One is made for all others."""
    folder = changed_config(trained, tmp_path / "model", **CANINE)
    result = xl(*small(corpus, f'model.from="{folder}"'), "--dry-run")
    assert result.returncode == 1
    assert "has no trained masked-LM head (architectures: ['CanineModel'])" in result.stderr
    assert "not at hand" not in result.stdout
    assert xl(*small(corpus, f'model.from="{folder}"', "train.variants=seq"), "--dry-run").returncode == 0
    headless = changed_config(trained, tmp_path / "headless", architectures=["XLMRobertaModel"])
    assert xl(*small(corpus, f'model.from="{headless}"'), "--dry-run").returncode == 0


def test_faults_of_settings_files_and_model_are_told_together(
    xl: Run, corpus: Path, trained: Path, tmp_path: Path
) -> None:
    headless = changed_config(trained, tmp_path / "headless", **CANINE)
    out = tmp_path / "run"
    out.mkdir()
    (out / "mine").write_text("x", encoding="utf-8")
    settings = [f'model.from="{headless}"', "train.lr=0.0", "model.max_len=35", 'data.files=["no1", "no2"]',
                'eval.data="no3"', "data.to=latin"]  # fmt: skip
    for more in ((), ("--dry-run",)):
        result = xl(*small(corpus, *settings), "--out", out, *more)
        assert result.returncode == 2
        lines = result.stderr.splitlines()
        for fault in ("train.lr is 0.0", "data.to is 'latin'", "no3: no such", "masked-LM head", "positions for 34",
                      "exists already", "no1: no such", "no2: no such"):  # fmt: skip
            assert sum(fault in line for line in lines) == 1, (fault, lines)
        assert len(lines) == 9  # how many there are, and each
    # Files of a [[data]] that is right in itself.
    missing = xl(*small(corpus, 'data.files=["no1", "no2"]')).stderr
    assert "no1: no such file or folder" in missing
    assert "no2: no such file or folder" in missing


@pytest.mark.slow
def test_vectors_of_another_width_than_the_model(xl: Run, trained: Path, tmp_path: Path) -> None:
    write_vectors(tmp_path / "eng_Latn.vec", [word(k) for k in range(20)], 5)
    settings = [f'data.vectors.files="{tmp_path}/eng_Latn.vec"', 'data.text.files="here"', f'model.from="{trained}"',
                "train.variants=mse", "model.layer=1", "model.max_len=24", "select.every=0"]  # fmt: skip
    (tmp_path / "here").mkdir()
    settings[1] = f'data.text.files="{tmp_path}/here"'
    code, said, names = loaded("align", "static-mse", *(p for s in settings for p in ("--set", s)), "--dry-run")
    assert code == 2
    assert "have 5 dimensions and the encoder 128" in said
    assert "torch" not in names


@pytest.mark.parametrize("name", thinned(shipped_recipes(), 3))
def test_every_recipe_has_a_plan_without_any_text(xl: Run, name: str) -> None:
    result = xl("align", name, "--dry-run")
    assert result.returncode == 0, result.stderr
    recipe = tomllib.loads(result.stdout)
    plan = dict(re.findall(r"^# ([a-z ]+): (.*)$", result.stdout, flags=re.MULTILINE))
    if name == "names":
        assert "unknown" not in " ".join(plan.values())
        assert "rests on" in plan["about time"]
        return
    assert re.match(r"unknown: data\.(\w+\.)?files", plan["data"])
    assert plan["about time"] == plan["about tokens read"] == "unknown"
    steps = recipe["train"]["steps"]
    assert plan["steps for each variant"] == (f"{steps:,}" if steps else "unknown")


@pytest.mark.parametrize("size", SIZES)
def test_parameters_are_those_of_the_model_that_is_built(size: str) -> None:
    config = ModelConfig(size=size, max_len=40)
    with torch.device("meta"):
        model = XLMRobertaForMaskedLM(model_config(config, 333))
        model.tie_weights()
    assert count_parameters(config, 333) == sum(parameter.numel() for parameter in model.parameters())


def test_a_plan_counts_the_weights_of_a_folder(xl: Run, corpus: Path, trained: Path) -> None:
    result = xl(*small(corpus, f'model.from="{trained}"'), "--dry-run")
    counted = int(re.findall(r"# parameters: ([\d,]+)", result.stdout)[0].replace(",", ""))
    assert counted == sum(p.numel() for p in load_encoder(str(trained)).model.parameters())


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"), (59.6, "60 s"), (89, "89 s"), (90, "2 min"), (1039, "17 min"), (3600, "60 min"),
        (5400, "1 h 30 min"), (7200, "2 h"), (86_400, "24 h"), (130_000, "1 day 12 h"), (200_000, "2 days 8 h"),
    ],
)  # fmt: skip
def test_time_in_words(seconds: float, said: str) -> None:
    assert words(seconds) == said
