"""`xl analyze align-words`: links against a slow reading by transformers alone, files, confidences, refusals."""

import gzip
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.cli.conftest import Run
from tests.thinned import thinned
from transformers import AutoModel, AutoTokenizer

import xl_cli
from xl_analysis import Calibration, alignment_scores, parse_gold
from xl_encoders import ModelConfig, new_encoder
from xl_encoders.model.encoder import save_model

LEFT = [
    f"{a} {b} {c}"
    for a in ("badeko", "gikolu", "mane", "piro")
    for b in ("suta", "vima", "lune")
    for c in ("de", "koba")
]
RIGHT = [" ".join(reversed(line.split())) + "." for line in LEFT]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "tiny"
    words = [word for line in LEFT for word in line.split()]
    save_model(new_encoder(words, ModelConfig(size="pico", pieces=30, max_len=32), seed=1), folder)
    return folder


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Sentences of three words, and the same words in the other order, compressed."""
    left, right = tmp_path / "tr.txt", tmp_path / "eng_Latn.txt.gz"
    left.write_text("".join(f"{line}\n" for line in LEFT), encoding="utf-8")
    right.write_bytes(gzip.compress("".join(f"{line}\n" for line in RIGHT).encode()))
    gold = tmp_path / "gold"
    gold.write_text("0-2 1-1 2?0\n" * len(LEFT), encoding="utf-8")
    return ["--files", str(left), "--files", str(right)]


def slow_links(model: Path, left: str, right: str, layer: int, threshold: float | None) -> list[str]:
    """Dou and Neubig's links, or without a threshold mutual ones, loop by loop from the library's own states."""
    tokenizer: Any = AutoTokenizer.from_pretrained(model)
    encoder = AutoModel.from_pretrained(model).eval()
    sides = []
    for text in (left, right):
        encoded = tokenizer(text, return_offsets_mapping=True)
        with torch.no_grad():
            states = encoder(torch.tensor([encoded["input_ids"]]), output_hidden_states=True).hidden_states[layer][0]
        start, tokens = 0, []
        for number, word in enumerate(text.split()):
            start = text.index(word, start)
            letters = range(start, start + len(word.strip(".")))
            tokens += [
                (number, states[i].double().numpy())
                for i, (a, b) in enumerate(encoded["offset_mapping"])
                if any(a <= letter < b for letter in letters) and encoded.tokens()[i] != "▁"
            ]
        sides.append(tokens)
    dots = np.array([[x @ y for _, y in sides[1]] for _, x in sides[0]])
    norms = [np.array([np.sqrt(v @ v) for _, v in side]) for side in sides]
    if threshold is None:
        cosines = (dots / np.outer(*norms) * 2**30).round()
        stands = (cosines == cosines.max(0)) & (cosines == cosines.max(1, keepdims=True))
    else:
        raised = np.exp(dots - dots.max())
        stands = (raised / raised.sum(0) > threshold) & (raised / raised.sum(1, keepdims=True) > threshold)
    links = {(sides[0][i][0], sides[1][j][0]) for i, j in zip(*stands.nonzero(), strict=True)}
    return [f"{i}-{j}" for i, j in sorted(links)]


@pytest.mark.parametrize(("method", "threshold"), thinned([("mutual", None), ("softmax", 0.05)], 2))
def test_links_are_those_of_a_slow_reading(
    xl: Run, model: Path, files: list[str], method: str, threshold: float | None
) -> None:
    options = [] if threshold is None else ["--threshold", threshold]
    done = xl("analyze", "align-words", "--model", model, *files, "--method", method, "--layer", 1, *options)
    assert done.returncode == 0, done.stderr
    expected = [" ".join(slow_links(model, a, b, 1, threshold)) for a, b in zip(LEFT, RIGHT, strict=True)]
    assert done.stdout.splitlines() == expected
    assert any(expected)


@pytest.mark.slow
def test_files_hold_what_is_printed_and_rows_what_is_measured(
    xl: Run, model: Path, files: list[str], tmp_path: Path
) -> None:
    call = ["analyze", "align-words", "--model", model, *files, "--method", "ot", "--layer", 1]
    printed = xl(*call).stdout
    done = xl(*call, "--links", tmp_path / "a.links", "--gold", tmp_path / "gold", "--json", "--out", tmp_path / "out")
    assert (tmp_path / "a.links").read_text(encoding="utf-8") == printed
    rows = {row["metric"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert (rows["aer"]["source"], rows["aer"]["target"]) == ("tur_Latn", "eng_Latn")
    assert (rows["aer"]["pooling"], rows["aer"]["unit"], rows["aer"]["n"]) == ("ot", "word", len(LEFT))
    found = [[tuple(map(int, link.split("-"))) for link in line.split()] for line in printed.splitlines()]
    gold = list(parse_gold(["0-2 1-1 2?0"] * len(LEFT), lens=[(3, 3)] * len(LEFT)))
    assert rows["aer"]["value"] == alignment_scores(found, gold).aer  # ty: ignore[invalid-argument-type]
    assert rows["links"]["value"] == sum(map(len, found)) / len(LEFT)
    alone = [6 - len({i for i, _ in pairs}) - len({j for _, j in pairs}) for pairs in found]
    assert rows["alone"]["value"] == pytest.approx(np.mean(alone) / 6)
    assert xl("report", tmp_path / "out").returncode == 0

    xl(*call, "--links", tmp_path / "a.jsonl")
    objects = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [[(i, j) for i, j, _ in its["links"]] for its in objects] == found
    assert objects[0]["left"] == LEFT[0].split()
    assert objects[0]["right"] == RIGHT[0].rstrip(".").split()  # the full stop is no word
    confidences = [np.mean([c for _, _, c in its["links"]] or [0]) for its in objects]
    assert rows["confidence"]["value"] == pytest.approx(np.mean(confidences), abs=1e-4)  # four digits are kept


def test_one_pair_is_a_table_and_a_picture(xl: Run, model: Path, tmp_path: Path) -> None:
    call = ("analyze", "align-words", "--model", model, "--text", "badeko suta")
    done = xl(*call, "--text", "badeko suta lune mane", "--method", "ot", "--picture", tmp_path / "matrix.svg")
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()[3:] if line and line[0] in "0123456789-"][:-1]
    links = [line[0] for line in lines if line[0][0] != "-" and line[0][-1] != "-"]
    assert links
    # Every word is in a link or stands alone.
    assert {link.split("-")[0] for link in links} | {line[0][:-1] for line in lines if line[0][-1] == "-"} == {"0", "1"}
    assert {link.split("-")[1] for link in links} | {line[0][1:] for line in lines if line[0][0] == "-"} == set("0123")
    for link, source, target, *_ in lines:
        if link in links:
            assert source == ("badeko", "suta")[int(link[0])]
            assert target == ("badeko", "suta", "lune", "mane")[int(link[2])]
    assert b"<svg" in (tmp_path / "matrix.svg").read_bytes()


def test_a_language_without_spaces_is_cut_by_its_breaker(xl: Run, model: Path) -> None:
    pytest.importorskip("icu4py")
    call = (
        "analyze",
        "align-words",
        "--model",
        model,
        "--source",
        "zho_Hans",
        "--text",
        "我喜欢苹果",
        "--text",
        "suta",
    )
    words = {}
    for engine in ("rule", "icu"):
        done = xl(*call, "--engine", engine, "--layer", "0", "--method", "ot-partial", "--mass", 0.9)
        assert done.returncode == 0, done.stderr
        words[engine] = [line.split()[1] for line in done.stdout.splitlines()[3:] if line[:1].isdigit()]
    assert sorted("".join(words["rule"])) == sorted("我喜欢苹果")
    assert set(words["rule"]) == set("我喜欢苹果")
    assert {"喜欢", "苹果"} <= set(words["icu"])


@pytest.mark.slow
def test_a_calibration_is_learned_kept_and_read(xl: Run, model: Path, files: list[str], tmp_path: Path) -> None:
    call = ["analyze", "align-words", "--model", model, *files, "--layer", 1, "--gold", tmp_path / "gold", "--json"]
    learned = xl(
        *call, "--calibrate", tmp_path / "c.json", "--reliability", tmp_path / "r.png", "--calibrator", "platt"
    )
    assert learned.returncode == 0, learned.stderr
    rows = {row["metric"]: row["value"] for row in map(json.loads, learned.stdout.splitlines())}
    assert {"brier", "brier before", "calibration_error", "calibration_error before"} <= {*rows}
    assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG")
    read = xl(*call, "--calibration", tmp_path / "c.json", "--links", tmp_path / "c.jsonl")
    plain = xl(*call, "--links", tmp_path / "plain.jsonl")
    assert {**{json.loads(line)["metric"]: 0 for line in plain.stdout.splitlines()}}.keys() >= {"brier"}
    calibration = Calibration.from_json((tmp_path / "c.json").read_text(encoding="utf-8"))
    right = scores = None
    for name, its in (("c", read), ("plain", plain)):
        objects = map(json.loads, (tmp_path / f"{name}.jsonl").read_text(encoding="utf-8").splitlines())
        links = [link for each in objects for link in each["links"]]
        right = np.array([(i, j) in ((0, 2), (1, 1), (2, 0)) for i, j, _ in links])
        confidences = np.array([c for _, _, c in links])
        brier = {row["metric"]: row["value"] for row in map(json.loads, its.stdout.splitlines())}["brier"]
        assert brier == pytest.approx(np.mean((confidences - right) ** 2), abs=1e-3)  # four digits are kept
        scores = confidences if name == "plain" else scores
        if name == "plain":
            assert brier == pytest.approx(rows["brier before"])
    assert calibration.n == len(right)
    wrong = xl(*call, "--calibration", tmp_path / "c.json", "--method", "ot")
    assert (wrong.returncode, "calibrates links of method 'mutual', not of 'ot'" in wrong.stderr) == (1, True)
    call[call.index("--layer") + 1] = 0
    other = xl(*call, "--calibration", tmp_path / "c.json")
    assert "was learned with layer 1 and not 0" in other.stderr


@pytest.mark.slow
def test_pairs_that_do_not_pass_are_dropped_and_counted(xl: Run, model: Path, files: list[str], tmp_path: Path) -> None:
    call = ["analyze", "align-words", "--model", model, *files, "--layer", 1]
    xl(*call, "--links", tmp_path / "a.jsonl")
    lines = (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()
    passing = [
        f"{left}\t{right}\n"
        for left, right, line in zip(LEFT, RIGHT, lines, strict=True)
        for its in [json.loads(line)]
        if len(its["left_alone"]) + len(its["right_alone"]) <= 0.4 * 6
        and np.mean([c for _, _, c in its["links"]] or [0]) >= 0.6
    ]
    assert 0 < len(passing) < len(LEFT)
    done = xl(*call, "--kept", tmp_path / "kept.tsv", "--max-alone", 0.4, "--min-confidence", 0.6, "--json")
    assert (tmp_path / "kept.tsv").read_text(encoding="utf-8") == "".join(passing)
    n_dropped = len(LEFT) - len(passing)
    assert f"{len(passing)} of {len(LEFT)} pairs kept, {n_dropped} dropped: " in done.stderr
    rows = {row["metric"]: row["value"] for row in map(json.loads, done.stdout.splitlines())}
    assert rows["kept"] == len(passing) / len(LEFT)


def test_a_table_of_pairs_and_python(model: Path, tmp_path: Path) -> None:
    """Pairs out of one file, by the function; a side without words has no links and is told."""
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("badeko suta\tsuta\nmane\t...\n", encoding="utf-8")
    rows = xl_cli.analyze("align-words", model=model, files=pairs, layer="1", tokenized=True)
    assert [len(line.split()) > 0 for line in str(rows).split("\n")] == [True, True]
    by_rule = xl_cli.analyze("align-words", model=model, files=pairs, layer="1")
    assert str(by_rule).split("\n")[1] == ""


@pytest.mark.slow
def test_several_layers_give_figures(xl: Run, model: Path, files: list[str], tmp_path: Path) -> None:
    call = ["analyze", "align-words", "--model", model, *files, "--gold", tmp_path / "gold", "--layer", "all"]
    layers = [json.loads(line)["layer"] for line in xl(*call, "--json").stdout.splitlines()]
    assert set(layers) == set(range(max(layers) + 1))
    assert "layer" in xl(*call).stdout.splitlines()[1]
    one = xl(*call, "--links", tmp_path / "x")
    assert (one.returncode, "--links is of one; give one --layer" in one.stderr) == (2, True)


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in done.stderr.splitlines() if line.startswith("xl: ")]
    assert done.returncode in (1, 2)
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_bad_input_is_told_in_one_sentence(xl: Run, model: Path, files: list[str], tmp_path: Path) -> None:
    call = ("analyze", "align-words", "--model", model)
    short, empty, tabs = tmp_path / "short.txt", tmp_path / "empty.txt", tmp_path / "tabs.txt"
    short.write_text("suta\n", encoding="utf-8")
    empty.write_text("\n", encoding="utf-8")
    tabs.write_text("su\tta\n" * len(LEFT), encoding="utf-8")
    left, right = files[1], files[3]
    n = len(LEFT)
    assert f"{left} has {n} lines, {short} has 1; {left}:2 is the first line without a partner" in refusal(
        xl(*call, "--files", left, "--files", short)
    )
    assert "no sentence pair has words on both sides" in refusal(xl(*call, "--files", short, "--files", empty))
    assert "--text is empty once" in refusal(xl(*call, "--text", "suta", "--text", " "))
    assert "give sentences by --text, or files" in refusal(xl(*call))
    assert "--text is there 1 times" in refusal(xl(*call, "--text", "suta"))
    assert "is no .tsv; give the file of its translations" in refusal(xl(*call, "--files", left))
    assert "no such file" in refusal(xl(*call, "--files", left, "--files", tmp_path / "no"))
    gold = tmp_path / "bad.gold"
    gold.write_text("0-0\n" * (n - 1) + "3-0\n", encoding="utf-8")
    assert f"{gold}:{n}: 3-0 is out of range, the sentences have 3 and 3 words" in refusal(
        xl(*call, *files, "--gold", gold)
    )
    gold.write_text("0-0\n", encoding="utf-8")
    assert f"{gold} has 1 lines for {n} sentence pairs" in refusal(xl(*call, *files, "--gold", gold))
    assert f"{tabs}:1: a tab in this sentence" in refusal(
        xl(*call, "--files", tabs, "--files", right, "--kept", tmp_path / "k.tsv", "--max-alone", 1)
    )
    assert "--links" in refusal(xl(*call, *files, "--links", gold))
    assert f"--line is {n + 1}, but there are {n} sentence pairs" in refusal(
        xl(*call, *files, "--picture", tmp_path / "p.png", "--line", n + 1)
    )
    assert "--kept: nothing would be dropped" in refusal(xl(*call, *files, "--kept", tmp_path / "k.tsv"))
    assert "--mass: no meaning without --method ot-partial" in refusal(xl(*call, *files, "--mass", 0.5))
    assert "--calibrate: no meaning without --gold" in refusal(xl(*call, *files, "--calibrate", tmp_path / "c.json"))
    beyond = xl(*call, *files, "--kept", tmp_path / "k.tsv", "--max-alone", 2)
    assert (beyond.returncode, "--max-alone" in beyond.stderr) == (2, True)
    (tmp_path / "c.json").write_text("{}", encoding="utf-8")
    assert "c.json is no calibration" in refusal(xl(*call, *files, "--calibration", tmp_path / "c.json"))
    assert "--picture p.gif is no picture; give a name that ends in .png, .svg or .pdf" in refusal(
        xl(*call, *files, "--picture", "p.gif")
    )
