"""Rounds of mining before a run: no sentence pair is given, text of the new language and of a known one is."""

import json
from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import Run
from tests.cli.made_data import about_of, write_lines
from tests.encoders.vocabulary.unigram import LATIN, SYLLABLES, saved

from xl_cli.folder.run_folder import RunFolder
from xl_translit import read_lines

WORDS = sorted({word.strip(",") for line in LATIN for word in line.split()})
N = 40


def sentences(n: int, seed: int) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, random.integers(3, 8), replace=False)) for _ in range(n)]


def tibetan(line: str) -> str:
    places = [divmod(WORDS.index(word), len(SYLLABLES)) for word in line.split()]
    return "".join(f"{SYLLABLES[a]}་{SYLLABLES[b]}་" for a, b in places)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    saved(tmp_path / "start")
    lines = sentences(N, seed=3)
    write_lines(tmp_path / "text" / "bod_Tibt.txt", list(map(tibetan, lines)))
    write_lines(tmp_path / "pivot" / "eng_Latn.txt", [*lines[N // 2 :], *sentences(N, seed=9)])
    scored = sentences(12, seed=11)
    for code, its in (("eng_Latn", scored), ("bod_Tibt", list(map(tibetan, scored))), ("tur_Latn", scored[::-1])):
        write_lines(tmp_path / "scored" / f"{code}.txt", its)
    return tmp_path


def settings(place: Path, *more: str) -> list[str]:
    every = [
        f'model.from="{place / "start"}"', "model.layer=-1", "model.pooling=mean-all", "model.max_len=64",
        f'data.files="{place / "text"}"', f'mine.pivot="{place / "pivot" / "eng_Latn.txt"}"', "vocabulary.budget=40",
        "train.steps=2", "model.head_warmup=1", "mine.threshold=0.5", f'eval.data="{place / "scored"}"',
        "eval.resamples=50", *more,
    ]  # fmt: skip
    return [part for one in every for part in ("--set", one)]


def test_pairs_are_found_trained_on_and_found_again(xl: Run, place: Path) -> None:
    run = place / "run"
    result = xl("align", "adopt", *settings(place, "mine.sample=5", "objective.teach.batch=8"), "--out", run)
    assert result.returncode == 0, result.stderr
    about = about_of(run)
    rounds = about["rounds"]
    assert [its["round"] for its in rounds] == [1, 2]
    text = set(read_lines(place / "text" / "bod_Tibt.txt"))
    pivot = set(read_lines(place / "pivot" / "eng_Latn.txt"))
    for its in rounds:
        pairs = [line.split("\t") for line in read_lines(its["pairs_file"])]
        assert len(pairs) == its["pairs"] > 0
        assert {one for one, *_ in pairs} <= text
        assert {other for _, other, *_ in pairs} <= pivot
        assert len({one for one, *_ in pairs}) == len({other for _, other, *_ in pairs}) == len(pairs)
        assert all(float(score) >= 0.5 for _, _, score, *_ in pairs)
        assert len(list(read_lines(its["pairs_file"].replace(".tsv", ".sample.tsv")))) == min(5, len(pairs))
    # The encoder of the first round was taught nothing, that of the second by the pairs of the first.
    first, second = (about_of(Path(its["model"]))["recipe"] for its in rounds)
    assert "teach" not in {each["name"] for each in first["objective"]}
    assert [each["files"] for each in second["data"] if each["name"] == "bitext"] == [[rounds[0]["pairs_file"]]]
    assert [e["files"] for e in about["recipe"]["data"] if e["name"] == "bitext"] == [[rounds[1]["pairs_file"]]]
    assert {each["name"] for each in about["recipe"]["objective"]} == {"teach", "seq", "mlm"}
    rows = {(row.variant, row.metric): row for row in RunFolder(run).rows() if row.task == "adopt"}
    for its in rounds:
        assert rows[f"round {its['round']}", "mined_pairs"].value == its["pairs"]
        assert rows[f"round {its['round']}", "mined_threshold"].value == 0.5
    assert rows["teach+seq+mlm", "new_texts"].target == "bod_Tibt"
    page = xl("report", run)
    assert page.returncode == 0, page.stderr
    assert "round 2" in page.stdout
    assert "round 2" in result.stdout
    assert "start as it is, before training" in " ".join(result.stdout.split())
    assert "pretrained: trained with" not in result.stdout


@pytest.mark.slow
def test_rounds_that_were_stopped_go_on(xl: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from xl_cli.mining import rounds

    calls: list[str] = []
    plain = rounds.mine

    def stopping(*arguments: object, **options: object) -> object:
        calls.append(str(options["model"]))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return plain(*arguments, **options)

    monkeypatch.setattr(rounds, "mine", stopping)
    run = place / "run"
    # New pieces may come in another order from one call to the next; here none are learnt.
    write_lines(place / "latin" / "tur_Latn.txt", [line[::-1] for line in sentences(N, seed=3)])
    latin = ["vocabulary.budget=0", "vocabulary.start=mean", f'data.files="{place / "latin"}"']
    asked = settings(place, "mine.sample=0", "train.variants=teach+seq", *latin)
    stopped = xl("align", "adopt", *asked, "--out", run)
    assert stopped.returncode != 0
    assert [its["round"] for its in about_of(run)["rounds"]] == [1]
    first = json.dumps(about_of(run)["rounds"])
    written = {path: path.stat().st_mtime_ns for path in run.rglob("model.safetensors")}
    result = xl("align", "--resume", "--out", run)
    assert result.returncode == 0, result.stderr
    assert json.dumps(about_of(run)["rounds"][:1]) == first
    assert about_of(run)["status"] == "finished"
    assert len(calls) == 3
    assert all(path.stat().st_mtime_ns == its for path, its in written.items() if path.exists())
    again = place / "again"
    assert xl("align", "adopt", *asked, "--out", again).returncode == 0
    weights = [(folder / "model" / "model.safetensors").read_bytes() for folder in (run, again)]
    assert weights[0] == weights[1]


def test_the_encoder_as_it_is_may_mine_first_and_given_pairs_stay(xl: Run, place: Path) -> None:
    lines = sentences(6, seed=21)
    write_lines(place / "known.tsv", [f"{tibetan(line)}\t{line}" for line in lines])
    more = [f'data.bitext.files="{place / "known.tsv"}"', "mine.first=model", "mine.rounds=1", "train.variants=teach"]
    result = xl("align", "adopt", *settings(place, *more, "eval.new=bod"), "--out", place / "run")
    assert result.returncode == 0, result.stderr
    about = about_of(place / "run")
    assert about["rounds"][0]["model"] == str(place / "start")
    (files,) = [each["files"] for each in about["recipe"]["data"] if each["name"] == "bitext"]
    assert files == [str(place / "known.tsv"), about["rounds"][0]["pairs_file"]]


@pytest.mark.parametrize(
    ("more", "told", "code"),
    [
        (['mine.pivot="nowhere.txt"'], "mine.pivot is nowhere.txt: no such file", 1),
        (['mine.pivot=""', "mine.rounds=3"], "mine.rounds is given, but mine.pivot names no text", 2),
        (["mine.data=others"], "mine.data is others, but the recipe has no [[data]] of kind pairs", 2),
        (["eval.new=kor"], "the run's text has none of them; name it by eval.new", 2),
        (["mine.rounds=0"], "mine.rounds is 0", 2),
    ],
)
def test_what_cannot_be_mined_is_told_before_torch(xl: Run, place: Path, more: list[str], told: str, code: int) -> None:
    result = xl("align", "adopt", *settings(place, *more), "--out", place / "run")
    assert result.returncode == code, result.stderr
    assert told in result.stderr
    assert not (place / "run").exists()


def test_a_pivot_whose_name_tells_no_language(xl: Run, place: Path) -> None:
    file = write_lines(place / "text.txt", ["a b c"])
    result = xl("align", "adopt", *settings(place, f'mine.pivot="{file}"'), "--out", place / "run")
    assert result.returncode == 2
    assert "whose name tells no language; call it after its language, as eng_Latn.txt" in result.stderr


def test_without_any_pair_a_note_names_the_way(xl: Run, place: Path) -> None:
    without = [part for part in settings(place) if "mine." not in part]
    sets = [part for one in without if one != "--set" for part in ("--set", one)]
    result = xl("align", "adopt", *sets, "--dry-run")
    assert result.returncode == 0, result.stderr
    assert "left out for want of data: teach (data.bitext.files)" in result.stderr
    assert "mine.pivot=FILE finds pairs" in result.stderr
