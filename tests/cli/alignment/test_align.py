"""`xl align` as a user meets it: a run folder, a table, a plan, going on after a stop, and errors in plain words."""

import json
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from tests.cli.conftest import Run, small
from tests.cli.made_data import about_of, log_of
from tests.warm import Warm
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

from xl_cli.alignment.row_meanings import row_meanings
from xl_cli.recipe.recipe import load_recipe
from xl_objectives import OBJECTIVES

LANGUAGES = {"eng_Latn", "ell_Grek", "tur_Latn"}
VARIANTS = {"untrained", "mlm", "mlm+seq+tlm", "string-match"}
FIELDS = {
    "task", "metric", "value", "n", "source", "target", "seed", "model", "layer", "pooling", "unit", "variant",
    "coverage", "data", "version", "split", "protocol", "tuning", "robust", "noise", "skipped", "baseline", "low",
    "high", "p", "p_holm", "prompt", "chance",
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(xl: Run, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    import torch

    out = tmp_path_factory.mktemp("runs") / "run"
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # as the processes have that are compared with it
    result = xl(*small(corpus), "--out", out)
    torch.set_num_threads(before)
    assert result.returncode == 0, result.stderr
    return out, result.stdout


def rows_of(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "results.jsonl").read_text(encoding="utf-8").splitlines()]


def test_rows_are_complete(finished: tuple[Path, str]) -> None:
    rows = rows_of(finished[0])
    cells = {(row["variant"], row["metric"], row["source"], row["target"]) for row in rows}
    assert len(cells) == len(rows) == 4 * 3 * 6
    for row in rows:
        assert set(row) == FIELDS
        assert 0 <= row["value"] <= 1
        assert row["seed"] == 1
    assert {row["variant"] for row in rows} == VARIANTS
    assert {row["metric"] for row in rows} == {"top1", "top5", "top10"}
    assert {row["source"] for row in rows} == LANGUAGES


def test_what_a_step_of_each_variant_took_is_told(finished: tuple[Path, str]) -> None:
    out, stdout = finished
    cost = about_of(out)["cost"]
    assert list(cost) == ["mlm", "mlm+seq+tlm"]
    logged = log_of(out)
    for variant, its in cost.items():
        seconds = sorted(row["seconds"] for row in logged if row["variant"] == variant)
        assert its["steps"] == len(seconds) == 6
        assert its["seconds_a_step"] == pytest.approx((seconds[2] + seconds[3]) / 2)
        assert 1e7 < its["peak_memory"] < 1e11
        assert re.search(rf"^A step:(.*; | ){re.escape(variant)} [0-9.e-]+ s, [0-9.]+ GB of the ", stdout, re.MULTILINE)


def test_the_table_shows_every_variant(finished: tuple[Path, str]) -> None:
    out, stdout = finished
    lines = {line.split("  ")[0]: line for line in stdout.splitlines()}
    order = [name for name in lines if name in VARIANTS]
    explained = [line.split(": ")[0] for line in stdout.splitlines() if line.split(": ")[0] in VARIANTS]
    assert explained == order
    assert order == ["untrained", "mlm", "mlm+seq+tlm", "string-match"]
    rows = [row for row in rows_of(out) if row["variant"] == "mlm" and row["metric"] == "top10"]
    mean = 100 * sum(row["value"] for row in rows) / len(rows)
    assert re.split(r"\s{2,}", lines["mlm"])[1] == f"{mean:.1f}"
    assert str(out / "model") in stdout


def test_the_model_opens_with_transformers(finished: tuple[Path, str]) -> None:
    folder = finished[0] / "model"
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    for kind in (AutoModel, AutoModelForMaskedLM):
        assert kind.from_pretrained(folder)(**tokenizer("badegi", return_tensors="pt"))[0].shape[0] == 1


def test_the_run_says_how_it_was_made(finished: tuple[Path, str]) -> None:
    about = json.loads((finished[0] / "run.json").read_text(encoding="utf-8"))
    assert about["status"] == "finished"
    assert about["recipe"]["train"]["steps"] == 6
    assert about["versions"]["torch"]
    assert about["seed"] == 1
    assert about["wall_seconds"] > 0
    assert len(about["data"][0]["fingerprint"]) == 64
    log = [json.loads(line) for line in (finished[0] / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(record["variant"], record["step"]) for record in log] == [
        (variant, step) for variant in ("mlm", "mlm+seq+tlm") for step in range(1, 7)
    ]
    assert set(log[-1]["losses"]) == {"mlm", "seq", "tlm"}
    assert all(record["weights"] == {"mlm": 1.0, "seq": 50.0, "tlm": 1.0} for record in log[6:])
    # Gradient norms of each are measured at the first step; a lone objective's is the whole norm.
    assert [set(record["grad_norms"]) for record in log[5:8]] == [set(), {"mlm", "seq", "tlm"}, set()]
    assert all(record["grad_norm"] > 0 for record in log)
    assert "selected" not in about
    card = (finished[0] / "model" / "README.md").read_text(encoding="utf-8")
    assert "mlm+seq+tlm" in card
    assert not (finished[0] / "checkpoints").exists()


@pytest.mark.slow
def test_progress_goes_to_stderr_and_rows_to_stdout(xl: Run, corpus: Path, tmp_path: Path) -> None:
    result = xl(
        *small(corpus, 'train.variants="mlm+seq+tlm"', "eval.string_match=false"), "--out", tmp_path / "r", "--json"
    )
    assert result.returncode == 0, result.stderr
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert {row["variant"] for row in rows} == {"untrained", "mlm+seq+tlm"}
    assert "steps" in result.stderr


@pytest.mark.slow
def test_same_seed_same_model_other_seed_other_model(
    xl_forked: Run, corpus: Path, finished: tuple[Path, str], tmp_path: Path
) -> None:
    """Against a process of another start, whose hashes of texts have another seed."""
    first = load_file(finished[0] / "model" / "model.safetensors")
    for seed, same in ((1, True), (2, False)):
        out = tmp_path / str(seed)
        assert xl_forked(*small(corpus, f"train.seed={seed}"), "--out", out).returncode == 0
        again = load_file(out / "model" / "model.safetensors")
        assert all(again[name].equal(first[name]) for name in first) is same


def log_length(out: Path) -> int:
    path = out / "log.jsonl"
    return path.read_bytes().count(b"\n") if path.is_file() else 0


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 1), (signal.SIGTERM, 0)])
def test_a_stop_leaves_a_usable_folder(xl: Run, corpus: Path, tmp_path: Path, number: int, code: int) -> None:
    out = tmp_path / "run"
    process = Warm("-m", "xl_cli", *small(corpus, "train.steps=100000"), "--out", out)
    deadline = time.monotonic() + 120
    while log_length(out) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in stderr
    assert re.search(r"stopped after step \d+ of 100000 of mlm; .* xl align --resume --out", stderr)
    assert json.loads((out / "run.json").read_text(encoding="utf-8"))["status"] == "interrupted"
    scored = xl("eval", "retrieval", "--model", out, "--data", corpus, "--limit", 20, "--json")
    assert scored.returncode == 0, scored.stderr


def test_resume_of_a_finished_run_prints_its_table(xl: Run, finished: tuple[Path, str]) -> None:
    result = xl("align", "--resume", "--out", finished[0])
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[:5] == finished[1].splitlines()[:5]


def test_dry_run_prints_recipe_and_plan_and_trains_nothing(xl: Run, corpus: Path, tmp_path: Path) -> None:
    import tomllib

    result = xl(*small(corpus), "--dry-run", "--out", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    recipe = tomllib.loads(result.stdout)
    assert recipe["train"]["steps"] == 6
    assert recipe["data"][0]["kind"] == "parallel"
    for word in ("parameters", "steps for each variant: 6", "about tokens read", "about disk"):
        assert word in result.stdout
    assert not (tmp_path / "run").exists()


def test_the_resolved_recipe_is_a_recipe(xl: Run, corpus: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(xl(*small(corpus), "--dry-run").stdout, encoding="utf-8")
    again = xl("align", path, "--dry-run")
    assert again.returncode == 0, again.stderr
    assert again.stdout == path.read_text(encoding="utf-8")


def test_the_plan_counts_the_parameters_that_the_run_has(xl: Run, corpus: Path, finished: tuple[Path, str]) -> None:
    plan = xl(*small(corpus), "--dry-run").stdout
    counted = int(re.findall(r"# parameters: ([\d,]+)", plan)[0].replace(",", ""))
    about = json.loads((finished[0] / "run.json").read_text(encoding="utf-8"))
    assert counted == about["n_parameters"]


def test_a_pretrained_encoder_is_post_trained(
    xl: Run, corpus: Path, finished: tuple[Path, str], tmp_path: Path
) -> None:
    model = finished[0] / "model"
    result = xl(
        *small(corpus, f'model.from="{model}"', 'train.variants=["mlm+seq", "mlm+tlm"]'), "--out", tmp_path / "r"
    )
    assert result.returncode == 0, result.stderr
    assert {row["variant"] for row in rows_of(tmp_path / "r")} == {"pretrained", "mlm+seq", "mlm+tlm", "string-match"}


def test_an_ablation_is_one_override(xl: Run, corpus: Path) -> None:
    import tomllib

    result = xl(*small(corpus, "train.variants=mlm"), "--dry-run")
    assert result.returncode == 0, result.stderr
    assert [entry["name"] for entry in tomllib.loads(result.stdout)["objective"]] == ["mlm"]


@pytest.mark.slow
def test_text_without_translations_is_scored_on_other_data(xl: Run, corpus: Path, tmp_path: Path) -> None:
    lines = (corpus / "ell_Grek.txt").read_text(encoding="utf-8").splitlines()
    (tmp_path / "ell_Grek.txt").write_text("\n".join(lines[:90]) + "\n", encoding="utf-8")
    (tmp_path / "tur_Latn.txt").write_text("bade lar\nkolu\n", encoding="utf-8")
    arguments = small(tmp_path, 'data.kind="text"', f'data.files="{tmp_path}/*.txt"', f'eval.data="{corpus}"')
    result = xl(*arguments, "--out", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert {row["source"] for row in rows_of(tmp_path / "run")} == LANGUAGES


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["align", "nmaes"], r"unknown recipe 'nmaes'; did you mean 'names'\?"),
        (["align", "missing.toml"], r"missing\.toml: no such recipe file"),
        (["align", "--set", "train.step=4"], r"unknown key 'train\.step'; did you mean 'train\.steps'\?"),
        (["align", "--set", "trian.steps=4"], r"unknown recipe section 'trian'; did you mean 'train'\?"),
        (["align", "--set", "train.steps=many"], r"train\.steps is 'many'; it takes a whole number"),
        (["align", "--set", "train.steps=1.5"], r"train\.steps is 1\.5; it takes a whole number"),
        (["align", "--set", "steps=4"], r"--set 'steps=4' is not of the form section\.key=value"),
        (["align", "--set", "train.lr=-1"], r"train\.lr is -1\.0; give a number above 0"),
        (["align", "--set", "data.kind=nmaes"], r"data\.kind is 'nmaes'; choose one of names, parallel, text"),
        (["align", "--set", "data.kind=parallel"], r"data\.kind is parallel but data\.files is empty"),
        (["align", "--set", "objective.sqe.weight=1"], r"unknown objective 'sqe'; did you mean 'seq'\?"),
        (["align", "--set", "train.variants=mlm+sqe"], r"'mlm\+sqe'"),
        (
            ["align", "--set", 'model.from="new"', "--set", "model.layer=9", "--set", "train.steps=1"],
            r"model\.layer is 9, but the encoder has layers 0 \(embeddings\) to 1",
        ),
        (["align", "--resume", "--set", "train.steps=3"], r"--set cannot change it"),
        (["align", "--resume", "--out", "nowhere"], r"nowhere holds no run\.json"),
        (["eval", "retreival", "--model", "m", "--data", "d"], r"unknown task 'retreival'; did you mean 'retrieval'\?"),
        (["ls", "recipe"], r"unknown list 'recipe'; did you mean 'recipes'\?"),
    ],
)
def test_wrong_usage_is_one_line_with_the_way_out(xl: Run, tmp_path: Path, arguments: list[str], words: str) -> None:
    result = xl(*arguments, cwd=tmp_path)
    assert result.returncode == 2, result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("xl: ")
    assert re.search(words, last), last
    assert "Traceback" not in result.stderr


def broken(folder: Path, name: str, content: bytes) -> str:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    return str(folder)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("eng_Latn.txt", b"good\nb\xffd\n", r"eng_Latn\.txt:2: .*UTF-8"),
        ("eng_Latn.txt", b"", r"eng_Latn\.txt"),
        ("qqx_Latn.txt", b"good\n", r"qqx_Latn"),
        ("notes.pdf", b"x", r"Known layouts"),
    ],
)
def test_broken_data_is_named_by_file_and_line(
    xl: Run, corpus: Path, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    folder = broken(tmp_path / "data", name, content)
    if name == "eng_Latn.txt":
        (tmp_path / "data" / "ell_Grek.txt").write_bytes((corpus / "ell_Grek.txt").read_bytes())
    result = xl(*small(Path(folder)), "--out", tmp_path / "run")
    assert result.returncode == 1
    assert re.search(words, result.stderr.strip().splitlines()[-1]), result.stderr
    assert not (tmp_path / "run").exists()


def test_missing_folder_and_unequal_files(xl: Run, corpus: Path, tmp_path: Path) -> None:
    result = xl(*small(tmp_path / "nothing"), "--out", tmp_path / "run")
    assert "no such file or folder" in result.stderr
    (tmp_path / "eng_Latn.txt").write_text("a\nb\nc\n", encoding="utf-8")
    (tmp_path / "tur_Latn.txt").write_text("a\nb\n", encoding="utf-8")
    result = xl(*small(tmp_path), "--out", tmp_path / "run")
    assert result.returncode == 1
    assert re.search(r"3 .*2 |2 .*3 ", result.stderr), result.stderr


def test_an_output_folder_that_exists_is_refused(xl: Run, corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine", encoding="utf-8")
    result = xl(*small(corpus), "--out", tmp_path)
    assert result.returncode == 2
    assert "exists already" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]


def test_debug_shows_the_traceback(xl_process: Run) -> None:
    assert "Traceback" in xl_process("--debug", "align", "nmaes").stderr


def test_a_run_that_cannot_begin_leaves_no_folder(xl: Run, corpus: Path, tmp_path: Path) -> None:
    for setting, code in (("model.layer=9", 2), (f'model.from="{tmp_path}/none"', 1)):
        result = xl(*small(corpus, setting), "--out", tmp_path / "run")
        assert result.returncode == code
        assert not (tmp_path / "run").exists()


def test_resuming_with_other_data_is_refused(xl: Run, corpus: Path, finished: tuple[Path, str], tmp_path: Path) -> None:
    import shutil

    out, data = tmp_path / "run", tmp_path / "data"
    shutil.copytree(finished[0], out)
    shutil.copytree(corpus, data)
    (data / "tr.txt").write_text("x\n" * 120, encoding="utf-8")
    about = json.loads((out / "run.json").read_text(encoding="utf-8"))
    about["recipe"]["data"][0]["files"] = [str(data)]
    (out / "run.json").write_text(json.dumps(about), encoding="utf-8")
    result = xl("align", "--resume", "--out", out)
    assert result.returncode == 1
    assert "the data is not what" in result.stderr


@pytest.mark.data
def test_real_layouts_train(xl: Run, data_folder: Path, tmp_path: Path) -> None:
    for name in ("sib200", "bible"):
        settings = [
            f'data.files="{data_folder / name}"', 'data.languages=["eng_Latn", "ell_Grek"]', "model.pieces=200",
            "data.limit=1500", "train.steps=2", "eval.limit=50", "model.max_len=64",
        ]  # fmt: skip
        arguments = [part for setting in settings for part in ("--set", setting)]
        result = xl("align", "scratch", *arguments, "--out", tmp_path / name, "--json")
        assert result.returncode == 0, result.stderr
        assert {json.loads(line)["data"] for line in result.stdout.splitlines()} == {name}


def test_every_objective_has_words_for_the_table() -> None:
    recipe = load_recipe("names")
    lines = row_meanings(recipe, OBJECTIVES)
    assert all(
        re.fullmatch(rf"{name}: trained with {name} \(.+\)", line) for name, line in zip(OBJECTIVES, lines, strict=True)
    )
