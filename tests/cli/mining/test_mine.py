"""`xl mine`: pairs against a slow reading by transformers alone, files, thresholds, going on, refusals."""

import gzip
import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.cli.conftest import Run
from transformers import AutoModel, AutoTokenizer

import xl_cli
from xl_cli.mining import search
from xl_encoders import ModelConfig, new_encoder
from xl_encoders.model.encoder import save_model

WORDS = ("badeko", "gikolu", "mane", "piro", "suta", "vima", "lune", "de", "koba", "rosu")
# Translations are the same words in the other order; the last ten of each side have none.
LEFT = [f"{a} {b} {c}" for a in WORDS[:4] for b in WORDS[4:7] for c in WORDS[7:]]
RIGHT = [" ".join(reversed(line.split())) for line in LEFT[:26]] + [f"{a} {b}" for a in WORDS[:5] for b in WORDS[8:]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "tiny"
    save_model(new_encoder(list(WORDS), ModelConfig(size="pico", pieces=40, max_len=32), seed=1), folder)
    return folder


@pytest.fixture
def corpora(tmp_path: Path) -> list[Path]:
    """Two files with empty and repeated lines, the second one compressed and in another order."""
    first, second = tmp_path / "tr.txt", tmp_path / "eng_Latn.txt.gz"
    first.write_text("".join(f"{line}\n\n" for line in LEFT), encoding="utf-8")
    second.write_bytes(gzip.compress("".join(f"{line}\n" for line in [*RIGHT[::-1], RIGHT[3], ""]).encode()))
    return [first, second]


def slow_pairs(model: Path, k: int) -> list[tuple[str, str, float]]:
    """Artetxe and Schwenk's pairs, from the library's own states, sentence by sentence."""
    tokenizer: Any = AutoTokenizer.from_pretrained(model)
    encoder = AutoModel.from_pretrained(model).eval()

    def vector(text: str) -> np.ndarray:
        with torch.no_grad():
            states = encoder(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        mean = states.mean(0).double().numpy()
        return mean / np.linalg.norm(mean)

    table = np.array([[vector(one) @ vector(other) for other in RIGHT] for one in LEFT])
    means = [np.sort(side, axis=1)[:, -k:].mean(1) for side in (table, table.T)]
    margin = table / ((means[0][:, None] + means[1][None]) / 2)
    near = (
        [set(np.argsort(-row)[:k].tolist()) for row in table],
        [set(np.argsort(-row)[:k].tolist()) for row in table.T],
    )
    candidates = {(i, max(near[0][i], key=lambda j: margin[i, j])) for i in range(len(LEFT))}
    candidates |= {(max(near[1][j], key=lambda i: margin[i, j]), j) for j in range(len(RIGHT))}
    pairs: list[tuple[str, str, float]] = []
    for i, j in sorted(candidates, key=lambda pair: -margin[pair]):
        if LEFT[i] not in {pair[0] for pair in pairs} and RIGHT[j] not in {pair[1] for pair in pairs}:
            pairs.append((LEFT[i], RIGHT[j], float(margin[i, j])))
    return pairs


def lines(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]


def test_equals_a_slow_reading(xl: Run, model: Path, corpora: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "pairs.tsv"
    done = xl("mine", *corpora, "--model", model, "--layer", "last", "--threshold", "0", "--out", out)
    assert done.returncode == 0, done.stderr
    found, wanted = lines(out), slow_pairs(model, 4)
    assert [row[:2] for row in found] == [list(pair[:2]) for pair in wanted]
    assert [float(row[2]) for row in found] == pytest.approx([pair[2] for pair in wanted], abs=1e-4)
    for one, other, _, line, partner in found:
        assert corpora[0].read_text(encoding="utf-8").splitlines()[int(line) - 1] == one
        assert RIGHT[::-1][int(partner) - 1] == other
    assert "72 lines, 36 sentences (36 empty)" in done.stdout
    assert "38 lines, 36 sentences (1 repeated, 1 empty)" in done.stdout
    assert not (tmp_path / "pairs.tsv.partial").exists()


def test_threshold_gold_sample_and_what_is_judged(xl: Run, model: Path, corpora: list[Path], tmp_path: Path) -> None:
    gold, kept = tmp_path / "gold.tsv", tmp_path / "vectors"
    gold.write_text("".join(f"{LEFT[n]}\t{RIGHT[n]}\n" for n in range(26)), encoding="utf-8")
    common = ["mine", *corpora, "--model", model, "--layer", "0", "--vectors", kept, "--gold", gold]
    done = xl(*common, "--sample", "5", "--out", tmp_path / "a.tsv", "--json")
    assert done.returncode == 0, done.stderr
    figures = {row["metric"]: row["value"] for row in map(json.loads, done.stdout.splitlines())}
    found = lines(tmp_path / "a.tsv")
    right = sum([one, other] in [[LEFT[n], RIGHT[n]] for n in range(26)] for one, other, *_ in found)
    assert figures["pairs"] == len(found)
    assert figures["precision"] == pytest.approx(right / len(found))
    assert figures["recall"] == pytest.approx(right / 26)
    assert figures["f1"] == pytest.approx(2 * right / (len(found) + 26))
    assert min(float(row[2]) for row in found) >= figures["threshold"] - 1e-6
    sample = lines(tmp_path / "a.sample.tsv")
    assert [row[:2] + row[4:] for row in sample] == [
        [found[place][3], found[place][4], found[place][0], found[place][1]]
        for place in [round(part * (len(found) - 1) / 4) for part in range(5)]
    ]
    judged = [
        [*row[:2], str(int([row[4], row[5]] in [[LEFT[n], RIGHT[n]] for n in range(26)])), *row[3:]] for row in sample
    ]
    marks = "".join("\t".join(row) + "\n" for row in judged)
    (tmp_path / "a.sample.tsv").write_text(marks, encoding="utf-8")
    again = xl(*common, "--known", tmp_path / "a.sample.tsv", "--out", tmp_path / "b.tsv")
    assert again.returncode == 0, again.stderr
    assert "learnt from" in again.stdout
    assert "embedding" not in again.stderr
    (tmp_path / "a.tsv").unlink()
    over = xl(*common, "--sample", "5", "--out", tmp_path / "a.tsv")
    assert over.returncode == 2
    assert f"{tmp_path / 'a.sample.tsv'} has marks in its third column" in over.stderr
    assert (tmp_path / "a.sample.tsv").read_text(encoding="utf-8") == marks


def test_a_stopped_search_goes_on(
    xl: Run, model: Path, corpora: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    common = ["mine", *corpora, "--model", model, "--threshold", "0", "--out"]
    import xl_staticemb

    slabs = xl_staticemb.nearest_slabs
    monkeypatch.setattr("xl_staticemb.nearest_slabs", lambda *these, **more: slabs(*these, rows=10, **more))
    assert xl(*common, tmp_path / "whole.tsv").returncode == 0
    save, calls = search._save, []

    def stopping(path: Path, *rest: Any) -> None:
        calls.append(path)
        if len(calls) == 5:
            raise OSError(28, "No space left on device")
        save(path, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(search, "_save", stopping)
        assert xl(*common, tmp_path / "p.tsv").returncode == 1
    assert not (tmp_path / "p.tsv").exists()
    n_before, calls = len(calls), []
    monkeypatch.setattr(search, "_save", lambda path, *rest: (calls.append(path), save(path, *rest)))
    assert xl(*common, tmp_path / "p.tsv").returncode == 0
    assert (n_before, len(calls)) == (5, 4)  # of eight: two slabs of four were kept
    assert (tmp_path / "p.tsv").read_bytes() == (tmp_path / "whole.tsv").read_bytes()
    assert not (tmp_path / "p.tsv.partial").exists()


def test_ids_and_documents_in_order(model: Path, tmp_path: Path) -> None:
    for name, side in (("a.tsv", LEFT[:26]), ("b.tsv", RIGHT[:26])):
        (tmp_path / name).write_text("".join(f"x-{n}\t{line}\n" for n, line in enumerate(side)), encoding="utf-8")
    rows = xl_cli.mine(
        tmp_path / "a.tsv", tmp_path / "b.tsv", model=str(model), ids=True, in_order=True, layer="0",
        out=tmp_path / "p.tsv",
    )  # fmt: skip
    found = sorted((int(row[3][2:]), int(row[4][2:])) for row in lines(tmp_path / "p.tsv"))
    assert all(a[1] < b[1] for a, b in itertools.pairwise(found))
    assert sum(a == b for a, b in found) >= 24
    assert {row.metric for row in rows} == {"pairs", "threshold"}


def test_files_of_bucc_with_repeated_sentences(xl: Run, model: Path, tmp_path: Path) -> None:
    """Gold names ids of lines whose sentence stood before under another id; those pairs count, once."""
    sides = {"de": [*LEFT[:26], LEFT[2], "zu viel"], "en": [RIGHT[3], *RIGHT[:26][::-1], "too much"]}
    numbers: dict[str, dict[str, list[str]]] = {}
    for code, side in sides.items():
        written = [f"{code}-{n:09}" for n in range(1, len(side) + 1)]
        numbers[code] = {}
        for key, text in zip(written, side, strict=True):
            numbers[code].setdefault(text, []).append(key)
        (tmp_path / f"de-en.sample.{code}").write_text(
            "".join(f"{key}\t{text}\n" for key, text in zip(written, side, strict=True)), encoding="utf-8"
        )
    # The last id that a sentence has: of LEFT[2] and RIGHT[3] that of the repeated line.
    gold = {LEFT[n]: (numbers["de"][LEFT[n]][-1], numbers["en"][RIGHT[n]][-1]) for n in range(26)}
    (tmp_path / "de-en.sample.gold").write_text("".join(f"{a}\t{b}\n" for a, b in gold.values()), encoding="utf-8")
    files = [tmp_path / f"de-en.sample.{code}" for code in sides]
    common = ["mine", *files, "--model", model, "--layer", "0", "--json"]
    done = xl(*common, "--ids", "--gold", tmp_path / "de-en.sample.gold", "--out", tmp_path / "p.tsv")
    assert done.returncode == 0, done.stderr
    assert "are not of the two corpora" not in done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    figures = {row["metric"]: row["value"] for row in rows}
    assert {(row["source"], row["target"]) for row in rows} == {("deu_Latn", "eng_Latn")}
    found = lines(tmp_path / "p.tsv")
    hits = sum([one, other] in [[LEFT[n], RIGHT[n]] for n in range(26)] for one, other, *_ in found)
    assert figures["recall"] == pytest.approx(hits / 26)
    assert figures["f1"] == pytest.approx(2 * hits / (26 + len(found)))
    assert all(key in numbers["de"][one] and partner in numbers["en"][other] for one, other, _, key, partner in found)
    plain = xl(*common, "--out", tmp_path / "plain.tsv")
    assert plain.returncode == 0, plain.stderr
    assert "de-en.sample.de: every line holds a TAB" in plain.stderr
    assert "--ids" in plain.stderr


def test_what_is_wrong_is_told(xl: Run, model: Path, corpora: list[Path], tmp_path: Path) -> None:
    empty, other = tmp_path / "empty.txt", tmp_path / "other.tsv"
    empty.write_text("\n \n", encoding="utf-8")
    other.write_text("nobody\tnothing\n", encoding="utf-8")
    first, second = corpora
    cases: list[tuple[list[Any], int, str]] = [
        ([first, empty], 1, "no line has text"),
        ([first, "-"], 2, "standard input"),
        ([first, second, "--ids"], 1, "tr.txt:1: expected id TAB sentence"),
        ([first, second, "--known", other], 1, "none of its 1 pairs"),
        ([first, second, "--known", first], 1, "tr.txt:1: expected A TAB B"),
        ([first, second, "--threshold", "1", "--known", other], 2, "--known: no meaning"),
        ([first, second, "--score", "cosine", "--k", "3"], 2, "--k: no meaning"),
        ([first, second, "--layer", "all"], 2, "--layer is 'all'"),
    ]
    for arguments, code, said in cases:
        done = xl("mine", *arguments, "--model", model, "--out", tmp_path / "p.tsv")
        assert (done.returncode, said in done.stderr) == (code, True), done.stderr
        assert not (tmp_path / "p.tsv").exists()
        shutil.rmtree(tmp_path / "p.tsv.partial", ignore_errors=True)
