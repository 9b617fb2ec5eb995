"""What a command does, a function of Python does: the same rows and files, the same refusals, nothing on stdout."""

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer.main
from tests.cli.conftest import Run, small

import xl_cli
from xl_cli.main import app
from xl_staticemb import WordVectors, write_vectors
from xl_tasks import read_rows

N = 40
PAIRS = [(f"s{i}", f"t{i}") for i in range(N)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Vectors of two languages in one space, pairs of their words, and judgements of pairs of the first."""
    folder = tmp_path_factory.mktemp("vectors")
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(N, 8))
    write_vectors(folder / "tr.vec", WordVectors([one for one, _ in PAIRS], matrix))
    write_vectors(folder / "en.vec", WordVectors([other for _, other in PAIRS], matrix + 0.5 * rng.normal(size=(N, 8))))
    (folder / "pairs.tsv").write_text("".join(f"{one}\t{other}\n" for one, other in PAIRS[:25]), encoding="utf-8")
    gold = "".join(f"s{i}\ts{i + 1}\t{i % 5}\n" for i in range(20))
    (folder / "gold.tsv").write_text(gold, encoding="utf-8")
    return folder


def same_rows(capsys: pytest.CaptureFixture[str], call: Callable[[], Any], printed: str) -> None:
    """The rows that a function gives are those that the command prints, and the function prints none."""
    rows = call()
    assert rows
    assert [row.to_json() for row in rows] == printed.splitlines()
    assert capsys.readouterr().out == ""
    assert str(rows)


def test_bli(xl: Run, folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files = (folder / "tr.vec", folder / "en.vec")
    done = xl("static", "bli", *files, "--dictionary", folder / "pairs.tsv", "--retrieval", "nn", "--json")
    same_rows(
        capsys,
        lambda: xl_cli.bli(*files, dictionary=folder / "pairs.tsv", retrieval="nn", out=tmp_path / "rows.jsonl"),
        done.stdout,
    )
    assert [row.to_json() for row in read_rows(tmp_path / "rows.jsonl")] == done.stdout.splitlines()
    table = xl("static", "bli", *files, "--dictionary", folder / "pairs.tsv").stdout
    assert f"{xl_cli.bli(*files, dictionary=[folder / 'pairs.tsv'])}\n" == table


def test_similarity(xl: Run, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = xl("static", "similarity", folder / "tr.vec", "--gold", folder / "gold.tsv", "--oov", "zero", "--json")
    same_rows(capsys, lambda: xl_cli.similarity(folder / "tr.vec", gold=folder / "gold.tsv", oov=["zero"]), done.stdout)


def test_map(xl: Run, folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files = (folder / "tr.vec", folder / "en.vec")
    out = {"out_source": tmp_path / "tr.vec", "out_target": tmp_path / "en.vec"}
    options = ("--dictionary", folder / "pairs.tsv", "--mode", "orthogonal", "--out-source", tmp_path / "tr.cli.vec")
    done = xl("static", "map", *files, *options, "--out-target", tmp_path / "en.cli.vec", "--json")
    assert done.returncode == 0, done.stderr
    call = {"dictionary": folder / "pairs.tsv", "mode": "orthogonal", **out}
    same_rows(capsys, lambda: xl_cli.map_vectors(files, **call), done.stdout)
    for name in ("tr", "en"):
        assert (tmp_path / f"{name}.vec").read_bytes() == (tmp_path / f"{name}.cli.vec").read_bytes()


def test_a_pivot_whose_language_fails_hands_back_the_others(xl: Run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.tsv").write_text("no\tsuch\n", encoding="utf-8")
    files = [f"tur_Latn={folder / 'tr.vec'}", f"deu_Latn={folder / 'tr.vec'}"]
    dictionaries = [f"tur_Latn={folder / 'pairs.tsv'}", f"deu_Latn={tmp_path / 'bad.tsv'}"]
    options = [part for each in dictionaries for part in ("--dictionary", each)]
    pivot = f"eng_Latn={folder / 'en.vec'}"
    done = xl("static", "map", *files, "--pivot", pivot, *options, "--out", tmp_path / "a", "--json")
    assert done.returncode == 1
    with pytest.raises(xl_cli.UnfinishedError) as failed:
        xl_cli.map_vectors(files, pivot=pivot, dictionary=dictionaries, out=tmp_path / "b")
    assert [row.to_json() for row in failed.value.done] == done.stdout.splitlines()
    assert done.stdout
    assert str(failed.value) in done.stderr.replace(str(tmp_path / "a"), str(tmp_path / "b"))


def test_induce_and_neighbours(xl: Run, folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files = (folder / "tr.vec", folder / "en.vec")
    assert xl("static", "induce", *files, "--max-pairs", 9, "--out", tmp_path / "cli.tsv").returncode == 0
    pairs = xl_cli.induce(*files, max_pairs=9, out=tmp_path / "python.tsv")
    assert (tmp_path / "cli.tsv").read_bytes() == (tmp_path / "python.tsv").read_bytes()
    assert [pair[:2] for pair in pairs] == [
        tuple(line.split("\t")[:2]) for line in (tmp_path / "cli.tsv").read_text(encoding="utf-8").splitlines()
    ]
    near = ("static", "neighbours", folder / "tr.vec", "--min-similarity", 0.1, "--out")
    assert xl(*near, tmp_path / "cli.json").returncode == 0
    table = xl_cli.neighbours(folder / "tr.vec", min_similarity=0.1, out=tmp_path / "python.json")
    assert (tmp_path / "cli.json").read_bytes() == (tmp_path / "python.json").read_bytes()
    assert len(table) == len(json.loads((tmp_path / "cli.json").read_text(encoding="utf-8")))
    assert capsys.readouterr().out == ""


def test_evaluate_and_report(
    xl: Run, model: Path, corpus: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    options = ("--model", model, "--data", corpus, "--layer", 1, "--resamples", 0)
    done = xl("eval", "retrieval", *options, "--out", tmp_path / "a", "--json")
    assert done.returncode == 0, done.stderr
    call: dict[str, Any] = {"model": model, "data": corpus, "layer": 1, "resamples": 0}
    same_rows(capsys, lambda: xl_cli.evaluate("retrieval", **call, out=tmp_path / "b"), done.stdout)
    assert f"{xl_cli.evaluate(['retrieval'], **call)}\n" == xl("eval", "retrieval", *options).stdout
    assert xl_cli.report(tmp_path / "a", format="csv") + "\n" == xl("report", tmp_path / "b", "--format", "csv").stdout
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("name", "more"), [("cka", {"debiased": True}), ("coverage", {"limit": 20})])
def test_analyze(
    xl: Run, model: Path, corpus: Path, capsys: pytest.CaptureFixture[str], name: str, more: dict[str, Any]
) -> None:
    options = ["--debiased"] if name == "cka" else ["--limit", 20]
    done = xl("analyze", name, "--model", model, "--data", corpus, *options, "--json")
    same_rows(capsys, lambda: xl_cli.analyze(name, model=model, data=corpus, **more), done.stdout)


def test_extract(xl: Run, model: Path, corpus: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = corpus / "eng_Latn.txt"
    options = ("--model", model, "--method", "aggregate", "--min-count", 1, "--lang", "eng")
    done = xl("static", "extract", text, *options, "--out", tmp_path / "cli.vec", "--json")
    assert done.returncode == 0, done.stderr
    call: dict[str, Any] = {"model": model, "method": "aggregate", "min_count": 1, "lang": "eng"}
    summary = xl_cli.extract(text, **call, out=tmp_path / "python.vec")
    differing = ("out", "seconds")
    assert {key: value for key, value in vars(summary).items() if key not in differing} == {
        key: value for key, value in json.loads(done.stdout).items() if key not in differing
    }
    assert (tmp_path / "cli.vec").read_bytes() == (tmp_path / "python.vec").read_bytes()
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("one_thread")
def test_align_plan_and_export(xl: Run, corpus: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    call = small(corpus, "train.steps=2", "train.variants=mlm")
    done = xl(*call, "--out", tmp_path / "a" / "run", "--json")
    assert done.returncode == 0, done.stderr
    settings = {
        "data.kind": "parallel", "data.files": corpus, "model.size": "tiny", "model.pieces": 80, "model.max_len": 24,
        "train.batch": 16, "train.log_every": 1, "train.steps": 2, "train.variants": ["mlm"],
    }  # fmt: skip
    runs: list[Any] = []
    same_rows(
        capsys, lambda: runs.append(xl_cli.align(set=settings, out=tmp_path / "b" / "run")) or runs[0], done.stdout
    )
    assert runs[0].out == tmp_path / "b" / "run"
    again = xl_cli.align(out=runs[0].out, resume=True)
    assert list(again) == list(runs[0])
    assert f"{again}\n".startswith(str(runs[0])[:200])
    shown = xl(*call, "--dry-run").stdout
    plan = xl_cli.plan(set=call[2::2])
    assert str(plan).partition("# about time")[0] == shown.partition("# about time")[0]
    assert plan.recipe.train.steps == 2
    exported = xl_cli.export(runs[0].out, out=tmp_path / "st", layer=1)
    command = xl("export", runs[0].out, "--out", tmp_path / "st2", "--layer", 1)
    assert f"{exported}\n" == command.stdout.replace("st2:", "st:")
    assert (tmp_path / "st" / "modules.json").read_bytes() == (tmp_path / "st2" / "modules.json").read_bytes()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        (lambda folder: xl_cli.bli("x.vec", "y.vec", dictionary="d", retrieval="nn", temperature=1.0),
         "static bli x.vec y.vec --dictionary d --retrieval nn --temperature 1"),
        (lambda folder: xl_cli.bli("x.vec", "y.vec"), "static bli x.vec y.vec"),
        (lambda folder: xl_cli.bli("x.vec", "y.vec", dictionary=["d"]), "static bli x.vec y.vec --dictionary d"),
        (lambda folder: xl_cli.induce("x.vec", "y.vec", exclude_by="pair", out=folder / "o"),
         "static induce x.vec y.vec --exclude-by pair --out o"),
        (lambda folder: xl_cli.similarity("x.vec", gold="g", oov="never"),
         "static similarity x.vec --gold g --oov never"),
        (lambda folder: xl_cli.neighbours("x.vec", k=0), "static neighbours x.vec --k 0 --out o"),
        (lambda folder: xl_cli.map_vectors(["x.vec"], out_source="a", out_target="b", seeds=3),
         "static map x.vec --out-source a --out-target b --seeds 3"),
        (lambda folder: xl_cli.map_vectors(["x.vec"], mode="orthogonal"), "static map x.vec --mode orthogonal"),
        (lambda folder: xl_cli.extract("x.txt", model="m", out="v.vec", min_words=3),
         "static extract x.txt --model m --out v.vec --min-words 3"),
        (lambda folder: xl_cli.extract("x.txt", model="m", out="v.vec"), "static extract x.txt --model m --out v.vec"),
        (lambda folder: xl_cli.evaluate("names", model="nowhere/m", seeds=5), "eval names --model nowhere/m --seeds 5"),
        (lambda folder: xl_cli.evaluate("nmaes", model="nowhere/m"), "eval nmaes --model nowhere/m"),
        (lambda folder: xl_cli.analyze("cka", model="m", data="d", transform=["center"]),
         "analyze cka --model m --data d --transform center"),
        (lambda folder: xl_cli.analyze("coverage", model="m", data="d", split="tset"),
         "analyze coverage --model m --data d --split tset"),
        (lambda folder: xl_cli.export("m", out="o", format="transformers", prompt=""),
         "export m --out o --format transformers --prompt="),
        (lambda folder: xl_cli.export("m", out="o", dtype="half"), "export m --out o --dtype half"),
        (lambda folder: xl_cli.report("r", format="csv", mean="all"), "report r --format csv --mean all"),
        (lambda folder: xl_cli.align("nmaes"), "align nmaes"),
        (lambda folder: xl_cli.align(set={"train.stesp": 3}), "align --set train.stesp=3"),
    ],
)  # fmt: skip
def test_a_refusal_is_the_sentence_of_the_command(
    xl: Run,
    call: Callable[[Path], Any],
    arguments: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = xl(*arguments.split())
    with pytest.raises((ValueError, LookupError, OSError)) as error:
        call(tmp_path)
    assert f"xl: {error.value}\n" == refused.stderr
    assert refused.returncode in (1, 2)
    assert capsys.readouterr().out == ""


def test_what_typer_refuses_on_the_command_line_is_refused_in_python() -> None:
    for call, sentence in (
        (lambda: xl_cli.bli("x", "y", dictonary="d"), "unknown setting 'dictonary'; did you mean 'dictionary'?"),
        (lambda: xl_cli.bli("x", "y", dictionary="d", limit="5"), "--limit is '5'; give a whole number."),
        (lambda: xl_cli.bli("x", "y", dictionary=[1.5]), "--dictionary is [1.5]; give a list of texts."),
        (lambda: xl_cli.map_vectors(["x", "y"], digits=10), "--digits is 10; give 1 to 9."),
        (lambda: xl_cli.map_vectors(["x", "y"], seeds=0), "--seeds is 0; give 1 or more."),
        (lambda: xl_cli.analyze("cka", data="d"), "--model is missing: run folder"),
        (lambda: xl_cli.evaluate("names", model="m", probe="yes"), "--probe is 'yes'; give True or False."),
    ):
        with pytest.raises(xl_cli.UsageError) as error:
            call()
        assert str(error.value).startswith(sentence)


# Where the function of a command is called otherwise than the command, and parameters that only one of them has.
FUNCTIONS = {
    "eval": "evaluate", "static map": "map_vectors", "static extract": "extract", "static bli": "bli",
    "static induce": "induce", "static neighbours": "neighbours", "static similarity": "similarity",
    "align": "align", "export": "export", "report": "report",
}  # fmt: skip
# Another function that some options of a command belong to.
BESIDE = {"align": ("align_amounts",)}
OF_ONE = {"as_json", "dry_run"}
RENAMED = {"overrides": "set"}


@pytest.mark.parametrize("command", FUNCTIONS)
def test_a_function_has_the_parameters_of_its_command(command: str) -> None:
    found: Any = typer.main.get_command(app)
    for name in command.split():
        found = found.commands[name]
    options = {RENAMED.get(each.name, each.name) for each in found.params} - OF_ONE - {"help"}
    functions = (FUNCTIONS[command], *BESIDE.get(command, ()))
    assert options == {name for each in functions for name in inspect.signature(getattr(xl_cli, each)).parameters}
