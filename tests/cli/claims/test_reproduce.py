"""`xl reproduce`: work that is done once and gone on with, faults that are told, verdicts that follow from the rows."""

import json
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import typer
from tests.cli.conftest import Run
from typer.testing import CliRunner

import xl_cli
from xl_analysis import judge
from xl_cli import UnfinishedError, UsageError
from xl_cli.claims import running, work
from xl_cli.claims.claim import SCALES, read_claim, shipped_claims
from xl_cli.claims.work import work_of
from xl_cli.main import app
from xl_cli.published.rows import published_rows
from xl_cli.recipe.recipe import load_recipe
from xl_staticemb import WordVectors, write_vectors
from xl_tasks import read_rows
from xl_translit import BusyError, alone

CLAIM = """
title = "Trained encoders find more"

[mini]
decides = "nothing but this test"

[[mini.step]]
name = "trained"
command = "align names --set train.seed={seed} --out {out}"

[[mini.step]]
name = "scored-{which}"
for = { which = ["good", "bad"] }
command = "eval sib200 --model {step:trained} --data {data} --noise {which} --json"

[[mini.part]]
says = "what is good is above what is bad"
of = { task = "sib200", noise = "good" }
against = { noise = "bad" }
least = 0.1

[[mini.control]]
says = "what is bad is above what is good"
of = { task = "sib200", noise = "bad" }
against = { noise = "good" }
least = 0.1
"""
TARGETS = ("tur_Latn", "ell_Grek", "heb_Hebr")


def score(which: str, seed: int, target: str) -> float:
    """A planted score: good ones are 0.3 above bad ones, give or take a little."""
    return (0.6 if which == "good" else 0.3) + 0.01 * seed + 0.02 * TARGETS.index(target) * (which == "good")


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands are noted in place of being run; one that scores prints its rows, one with `fail` in it fails."""
    called: list[list[str]] = []

    def run(command: Sequence[str], *, stdout: Any, stderr: Any, **_: object) -> Any:
        words = list(command[3:])
        called.append(words)
        if any("fail" in word for word in words):
            stderr.write(b"note: this and that\nxl: no such thing.\n")
        elif words[0] == "align":
            out = Path(words[words.index("--out") + 1])
            out.mkdir(parents=True, exist_ok=True)
            (out / "results.jsonl").write_text("", encoding="utf-8")
        elif words[0] == "eval":
            model, which = words[words.index("--model") + 1], words[words.index("--noise") + 1]
            assert (Path(model).parent / "done.json").is_file(), "begun before what it needs was done"
            seed = int(Path(model).parent.name.split("-")[1])
            for target in TARGETS:
                row = {"task": "sib200", "metric": "accuracy", "source": "eng_Latn", "target": target, "model": model,
                       "noise": which, "value": score(which, seed, target)}  # fmt: skip
                stdout.write(json.dumps(row).encode() + b"\n")
        return SimpleNamespace(poll=lambda: int(any("fail" in word for word in words)))

    monkeypatch.setattr(running.subprocess, "Popen", run)
    return called


@pytest.fixture
def claim(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str = CLAIM) -> str:
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / "text").write_text("a text", encoding="utf-8")
        (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
        return str(tmp_path / "mine.toml")

    return write


def test_what_was_told_to_stop_is_not_done(commands: list[list[str]], claim: Callable[[], str], tmp_path: Path) -> None:
    """A scheduler's SIGTERM reaches each process; training that stopped so ends with exit code 0."""
    planned = work_of([(read_claim(claim()), "mini")], data="d", model="", out=tmp_path)["mine"]
    for each, status in zip(planned[:2], ("stopped", "finished"), strict=True):
        each.out.mkdir(parents=True)
        (each.out / "run.json").write_text(json.dumps({"status": status}), encoding="utf-8")
    failed = running.do(planned[:2], tmp_path)
    assert [*failed] == [planned[0].folder]
    assert [each.is_done for each in planned[:2]] == [False, True]


@pytest.mark.parametrize("jobs", [1, 4])
def test_a_verdict_follows_from_the_rows(
    jobs: int, commands: list[list[str]], claim: Callable[[], str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    rows = xl_cli.reproduce(claim(), data=str(tmp_path / "data"), out=out, jobs=jobs)
    # By hand: 0.3 and 0.00, 0.02, 0.04 by language.
    part, control = rows
    assert (part.note, part.value) == ("holds", pytest.approx(0.32))
    assert (control.note, control.value, control.metric) == ("does not hold", pytest.approx(-0.32), "control")
    assert "what is good is above what is bad" in str(rows)
    assert [row.note for row in read_rows(out / "mini" / "results.jsonl")] == ["holds", "does not hold"]
    behind = read_rows(out / "mini" / "mine" / "results.jsonl")
    assert len(behind) == 18
    # A row's model is the step that made it, its seed that of the command.
    steps = ("scored-good", "scored-bad")
    assert {(row.model, row.seed) for row in behind} == {(step, seed) for step in steps for seed in (1, 2, 3)}
    page = (out / "mini" / "page.html").read_text(encoding="utf-8")
    assert "mine: holds" in page
    assert "train.seed=2" in page
    assert [words[0] for words in commands].count("align") == 3


def test_what_is_done_is_not_done_again_and_other_data_are_other_work(
    commands: list[list[str]], claim: Callable[[], str], tmp_path: Path
) -> None:
    mine, data, out = claim(), tmp_path / "data", tmp_path / "out"
    first = xl_cli.reproduce(mine, data=str(data), out=out)
    n_first = len(commands)
    assert n_first == 9
    assert [*xl_cli.reproduce(mine, data=str(data), out=out)] == [*first]
    assert len(commands) == n_first
    # A fourth seed is three commands more; a step that lost its mark is done anew, and nothing else.
    xl_cli.reproduce(mine, data=str(data), out=out, seeds=4)
    assert len(commands) == n_first + 3
    next((out / "steps").glob("scored-good-2-*/done.json")).unlink()
    xl_cli.reproduce(mine, data=str(data), out=out)
    assert len(commands) == n_first + 4
    # Encoders do not read the data, scores do.
    (data / "text").write_text("another", encoding="utf-8")
    work._fingerprint.cache_clear()
    xl_cli.reproduce(mine, data=str(data), out=out)
    assert [words[0] for words in commands[n_first + 4 :]] == ["eval"] * 6
    # Scores of a task that has a folder of its own, here by a link, follow that folder and none beside it.
    (tmp_path / "elsewhere").mkdir()
    (data / "sib200").symlink_to(tmp_path / "elsewhere")
    for path, n in ((tmp_path / "elsewhere" / "eng.tsv", 6), (data / "another", 0), (data / "text", 0)):
        path.write_text("new", encoding="utf-8")
        work._fingerprint.cache_clear()
        done = len(commands)
        xl_cli.reproduce(mine, data=str(data), out=out)
        assert len(commands) == done + n, path


def test_a_part_that_rows_answer_twice_is_open_and_the_others_are_judged(
    commands: list[list[str]], claim: Callable[[str], str], tmp_path: Path
) -> None:
    twice = """
[[mini.part]]
says = "all is above what is bad"
of = { task = "sib200" }
against = { noise = "bad" }
least = 0.1
"""
    out = tmp_path / "out"
    rows = xl_cli.reproduce(claim(CLAIM + twice), data=str(tmp_path / "data"), out=out)
    assert [(row.metric, row.note) for row in rows] == [("part", "holds"), ("control", "does not hold")]
    assert "two rows answer it" in " ".join(str(rows).split())
    assert "two rows answer it" in (out / "mini" / "page.html").read_text(encoding="utf-8")


def test_a_data_set_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "set").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    found = []
    for text in ("one", "other"):
        (tmp_path / "elsewhere" / "text").write_text(text, encoding="utf-8")
        work._fingerprint.cache_clear()
        found.append(work._fingerprint(str(tmp_path / "data")))
    assert found[0] != found[1]


def test_the_page_keeps_what_earlier_calls_finished(
    commands: list[list[str]], claim: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And p are corrected over the parts of all claims from the first call on, so that they stay as they are."""
    claim()
    other = CLAIM.replace("scored-", "weighed-")
    shipped = {name: tmp_path / f"{name}.toml" for name in ("one", "two", "three")}
    for name, text in zip(shipped, (CLAIM, other, CLAIM.replace("--noise", "--set fail=1 --noise")), strict=True):
        shipped[name].write_text(text, encoding="utf-8")
    for module in ("claim", "reproduce"):
        monkeypatch.setattr(f"xl_cli.claims.{module}.shipped_claims", lambda: shipped)
    call: dict[str, Any] = {"data": str(tmp_path / "data"), "out": tmp_path / "out"}
    first = xl_cli.reproduce("one", **call)
    second = xl_cli.reproduce("two", **call)
    assert [row.model for row in second] == ["two", "two"]
    page = (tmp_path / "out" / "mini" / "page.html").read_text(encoding="utf-8")
    assert "one: holds" in page
    assert "two: holds" in page
    assert "three:" not in page
    assert [words[0] for words in commands].count("align") == 3
    kept = [row for row in read_rows(tmp_path / "out" / "mini" / "results.jsonl") if row.model == "one"]
    assert kept[1] == first[1]
    # The first of three tests is corrected as strictly as if the others were not there yet.
    assert kept[0].p_holm == first[0].p_holm


def test_training_that_was_stopped_goes_on(commands: list[list[str]], claim: Callable[[], str], tmp_path: Path) -> None:
    mine, out = claim(), tmp_path / "out"
    planned = work_of([(read_claim(mine), "mini")], data="d", model="", out=out)["mine"]
    (planned[0].out).mkdir(parents=True)
    (planned[0].out / "run.json").write_text('{"status": "finished"}', encoding="utf-8")
    (planned[3].folder).mkdir(parents=True)
    (planned[3].folder / "printed.txt").write_text("half a li", encoding="utf-8")
    running.do(planned, out)
    assert commands[0] == ["align", "--resume", "--out", str(planned[0].out)]
    assert commands[1] == ["align", "names", "--set", "train.seed=2", "--out", str(planned[1].out)]
    assert len(planned[3].rows()) == 3


def test_one_command_that_fails_stops_what_needs_it_and_no_more(
    commands: list[list[str]], claim: Callable[[str], str], tmp_path: Path
) -> None:
    mine = claim(CLAIM.replace("train.seed={seed}", "train.seed={seed} --set fail={seed}").replace("fail=1", ""))
    with pytest.raises(
        UnfinishedError, match=r"9 of 9 commands failed, trained-1-.* with: xl: no such thing\. "
    ) as error:
        xl_cli.reproduce(mine, data=str(tmp_path / "data"), out=tmp_path / "out")
    assert [*error.value.done] == []
    assert len(commands) == 3
    assert "no rows of the first group" in str(error.value.done)


def test_two_claims_share_an_encoder(claim: Callable[[], str], tmp_path: Path) -> None:
    claims = []
    for name in ("one", "two"):
        (tmp_path / f"{name}.toml").write_text(CLAIM.replace("Trained", name), encoding="utf-8")
        claims.append((read_claim(str(tmp_path / f"{name}.toml")), "mini"))
    claim()
    planned = work_of(claims, data=str(tmp_path / "data"), model="", out=tmp_path)
    assert [each.folder for each in planned["one"]] == [each.folder for each in planned["two"]]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("decides =", "parts = 1\ndecides =", r"mine.toml: \[mini\]: unknown key 'parts'; known: decides"),
        ("least = 0.1", "leest = 0.1", r"\[mini\] part: unknown key 'leest'; did you mean 'least'"),
        ("least = 0.1", 'least = "much"', r"\[mini\] part: least is 'much'; give a number"),
        ("least = 0.1", "least = 1\nlower = 1", r"\[mini\] part: lower is 1; give true or false"),
        ('name = "trained"', "name = 3", r"\[mini\] step: name is 3; give a text"),
        ("least = 0.1", "", r"\[mini\] part: least is missing"),
        ("least = 0.1", "least = -1", "least is -1; give a number above 0"),
        ("{step:trained}", "{step:untrained}", "scored-good: {step:untrained} is no place of an earlier step"),
        ("--data {data}", "--data {dat}", "{dat} is no place; there are data, seed, out, model, step"),
        ('for = { which = ["good", "bad"] }', 'for = { data = ["good"] }', "names that are none of data, seed"),
        ('name = "trained"', 'name = "scored-bad"', "each with a name of its own"),
        ('title = "Trained encoders find more"', "", "mine.toml: title is missing"),
        ("[mini]", "[mini", "mine.toml: not valid TOML"),
    ],
)
def test_faults_in_a_claim_are_told_before_anything_runs(
    claim: Callable[[str], str], old: str, new: str, fault: str
) -> None:
    with pytest.raises(UsageError, match=fault):
        read_claim(claim(CLAIM.replace(old, new, 1)))


def test_names_scales_and_places_that_are_not_there(claim: Callable[[], str], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown claim 'seq-retrievel'; did you mean 'seq-retrieval'"):
        xl_cli.reproduce("seq-retrievel")
    with pytest.raises(UsageError, match="claim mine has no scale real; it has mini"):
        xl_cli.reproduce(claim(), scale="real")
    with pytest.raises(UsageError, match="claim mine at scale mini reads a folder; name it with --data"):
        xl_cli.reproduce(claim(), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"model": "any"}, "--model: no meaning as no command of this starts from a model; leave that out"),
        ({"data": "any"}, "--data: no meaning as no command of this reads data"),
        ({"engine": "ray"}, "--engine: no meaning as no command of this is xl eval"),
    ],
)
def test_what_no_command_reads_is_refused(options: dict[str, Any], fault: str) -> None:
    for call in (xl_cli.reproduce, xl_cli.plan_claims):
        with pytest.raises(UsageError, match=fault):
            call("seq-retrieval", **options)


def test_two_callers_are_not_at_work_in_one_folder(
    commands: list[list[str]], claim: Callable[[], str], tmp_path: Path
) -> None:
    mine, out = claim(), tmp_path / "out"
    with alone(out), pytest.raises(BusyError, match=r"out: .* is at work here"):
        xl_cli.reproduce(mine, data=str(tmp_path / "data"), out=out)
    assert commands == []
    assert len(xl_cli.reproduce(mine, data=str(tmp_path / "data"), out=out)) == 2


STOPPED = """
title = "Training that is stopped"
[mini]
decides = "nothing"
seeds = [1]
[[mini.step]]
name = "trained"
command = '''align names --set train.steps=60 --set train.save_every=5 --set train.log_every=1 \
    --set train.seed={seed} --set 'data.languages=["tr","el"]' --set 'train.variants=["mlm"]' --out {out}'''
[[mini.part]]
says = "mlm is above the start"
of = { metric = "top10", variant = "mlm" }
against = { variant = "untrained" }
least = 0.1
"""


@pytest.mark.slow
def test_a_stop_reaches_the_commands_and_the_same_call_goes_on(claim: Callable[[str], str], tmp_path: Path) -> None:
    """SIGTERM in the midst of training: it is saved, nothing is left running, and the next call ends it."""
    mine, out = claim(STOPPED), tmp_path / "out"
    command = [sys.executable, "-m", "xl_cli", "reproduce", mine, "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not [*out.glob("steps/trained-1-*/out/log.jsonl")]:
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    told = process.communicate(timeout=120)[1]
    assert process.returncode == 0
    assert "the same command goes on in" in told
    run = next(out.glob("steps/trained-1-*"))

    def status() -> str:
        return json.loads((run / "out" / "run.json").read_text(encoding="utf-8"))["status"]

    assert status() != "finished"
    again = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert (run / "done.json").is_file(), again.stderr
    assert status() == "finished"


WORDS = """
title = "Vectors of one space find translations"
[mini]
decides = "planted vectors"
[[mini.step]]
name = "{which}"
for = { which = ["planted", "random", "shuffled"] }
command = '''static bli {data}/{seed}/{which}.eng.vec {data}/{seed}/{which}.tur.vec --source-lang eng
    --target-lang tur --dictionary {data}/{seed}/pairs.txt --both --json --variant {which}'''
[[mini.part]]
says = "planted vectors find more than random ones"
of = { metric = "p@1", pooling = "csls", variant = "planted" }
against = { variant = "random" }
over = "pair"
least = 0.1
[[mini.control]]
says = "vectors of other words find more than random ones"
of = { metric = "p@1", pooling = "csls", variant = "shuffled" }
against = { variant = "random" }
over = "pair"
least = 0.1
"""


@pytest.mark.slow
def test_shuffled_pairs_and_random_vectors_hold_nothing(claim: Callable[[str], str], tmp_path: Path) -> None:
    """Two hundred words, of which the second language's vectors are the first's with noise, others', or any."""
    words = [[f"{language}{number}" for number in range(200)] for language in ("e", "t")]
    mine = claim(WORDS)
    for seed in (1, 2, 3):
        folder = tmp_path / "data" / str(seed)
        folder.mkdir()
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(200, 20)).astype(np.float32)
        near = x + 0.3 * rng.normal(size=x.shape).astype(np.float32)
        of = {"planted": near, "shuffled": rng.permutation(near), "random": rng.normal(size=x.shape).astype(np.float32)}
        for which, z in of.items():
            write_vectors(folder / f"{which}.eng.vec", WordVectors(words[0], x))
            write_vectors(folder / f"{which}.tur.vec", WordVectors(words[1], z))
        pairs = zip(*words, strict=True)
        (folder / "pairs.txt").write_text("".join(f"{a}\t{b}\n" for a, b in pairs), encoding="utf-8")
    part, control = xl_cli.reproduce(mine, data=str(tmp_path / "data"), out=tmp_path / "out", jobs=2)
    assert (part.note, control.note) == ("holds", "does not hold")
    assert part.value > 0.8
    assert abs(control.value) < 0.05


def test_several_fine_tunings_of_one_training_count_once(tmp_path: Path, claim: Callable[[], str]) -> None:
    """A training's seed is what was drawn; its fine-tunings are not as many trainings."""
    scored = work_of([(read_claim(claim()), "mini")], data="d", model="", out=tmp_path)["mine"][-1]
    scored.folder.mkdir(parents=True)
    row = {"task": "sib200", "metric": "accuracy", "source": "eng_Latn", "target": "tur_Latn", "low": 0.1}
    lines = [json.dumps(row | {"seed": seed, "value": value}) for seed, value in ((42, 0.5), (43, 0.7))]
    (scored.folder / "printed.txt").write_text(
        "\n".join([*lines, json.dumps(row | {"target": "deu_Latn", "value": 1})])
    )
    turkish, german = scored.rows()
    assert (turkish.value, turkish.seed, turkish.low) == (pytest.approx(0.6), scored.seed, None)
    assert (german.value, german.seed, german.low) == (1, scored.seed, 0.1)


RUN, RAY = ("python", "-m", "xl_cli"), ("--engine", "ray")
SHIPPED = [(name, scale) for name in shipped_claims() for scale in SCALES if scale in read_claim(name).scales]


@pytest.mark.parametrize(("name", "scale"), SHIPPED)
def test_commands_of_shipped_claims_are_such_as_xl_takes(name: str, scale: str, tmp_path: Path) -> None:
    """Every word is an option or argument that the command has, and every recipe's key one that there is."""
    planned = work_of([(read_claim(name), scale)], data="DATA", model="MODEL", out=tmp_path)[name]
    for each in {each.step.name: each for each in planned}.values():
        command: Any = typer.main.get_command(app)
        words = list(each.words)
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        assert not any("{" in word for word in each.words)
        context = command.make_context(each.step.name, words)
        if each.words[0] == "align":
            load_recipe(context.params["recipe"], context.params["overrides"] or (), plan_only=True)
        if each.words[0] == "eval":
            # Options that its tasks would not read are refused by its plan, which needs neither model nor data.
            left_out = {place for name in ("--model", "--data") for place in _option(each.words, name)}
            words = [word for place, word in enumerate(each.words) if place not in left_out]
            for table in [*_option(words, "--neighbours")][1::2]:
                words[table] = str(tmp_path / "near.tsv")
                Path(words[table]).write_text("good\tfine\t0.9\n", encoding="utf-8")
            planned_by = CliRunner().invoke(app, [*words, "--dry-run"])
            assert planned_by.exit_code == 0, f"{each.step.name}: {planned_by.output} {planned_by.exception}"


def _option(words: Sequence[str], name: str) -> Iterator[int]:
    """Where an option and its value stand."""
    for place, word in enumerate(words):
        if word == name:
            yield from (place, place + 1)


@pytest.mark.parametrize(("name", "scale"), SHIPPED)
def test_what_a_claim_says_is_in_print_is_there(name: str, scale: str) -> None:
    claim = read_claim(name)
    rows = [row.to_dict() for row in published_rows(claim.by)] if claim.by else []
    for each in claim.scales[scale].parts:
        if each.in_print:
            assert judge(each.in_print, rows).value is not None, each.says


def test_the_list_and_the_plan_need_nothing_at_hand(xl: Run) -> None:
    listed = xl("reproduce")
    assert all(name in listed.stdout for name in shipped_claims())
    plan = xl("reproduce", "seq-retrieval", "--dry-run")
    lines = [shlex.split(line) for line in plan.stdout.split("\n") if line.startswith("xl ")]
    assert len(lines) == 3
    assert lines[0][:3] == ["xl", "align", "names"]
    options = ("--scale", "paper", "--dry-run", "--launcher", "srun --gpus 1 python", "--engine", "ray")
    spread = xl("reproduce", "seq-retrieval", *options)
    lines = [shlex.split(line) for line in spread.stdout.split("\n") if line and not line.startswith("#")]
    assert {tuple(line[:7]) for line in lines if "align" in line} == {("srun", "--gpus", "1", *RUN, "align")}
    assert {(*line[:4], *line[-2:]) for line in lines if "eval" in line} == {("xl", "eval", "bible", "--preset", *RAY)}


@pytest.mark.gpu
@pytest.mark.slow
@pytest.mark.data
def test_the_middle_scale_on_a_gpu(data_folder: Path, tmp_path: Path) -> None:
    """A base-size encoder and four sets of objectives, one seed: what one seed and one text can say, for minutes."""
    rows = xl_cli.reproduce("seq-retrieval", scale="middle", data=str(data_folder), seeds=1, out=tmp_path)
    assert len(rows) == 3
    variants = {row.variant for row in read_rows(tmp_path / "middle/seq-retrieval/results.jsonl")}
    assert {"mlm", "mlm+tlm", "mlm+seq", "mlm+seq+tlm"} <= variants
