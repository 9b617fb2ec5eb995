"""One recipe on nested amounts of its pairs: what each run read, for how long, and the rows and the curve of all."""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.cli.made_data import about_of, greek, log_of, rows_of, sentences, write_lines

LANGUAGES = {"ell_Grek": greek, "eng_Latn": str}


@pytest.fixture
def recipe(tmp_path: Path, corpus: Path) -> Path:
    lines = sentences(20, seed=2)
    for number, (code, spelled) in enumerate(LANGUAGES.items()):
        write_lines(tmp_path / f"{number}.{code}", [spelled(line) for line in lines])
    files = [str(tmp_path / f"{number}.{code}") for number, code in enumerate(LANGUAGES)]
    path = tmp_path / "mine.toml"
    path.write_text(
        '[model]\nfrom = "new"\nsize = "pico"\npieces = 90\nmax_len = 64\n'
        f'[[data]]\nkind = "pairs"\nfiles = {json.dumps(files)}\n'
        '[[objective]]\nname = "ot"\n'
        f'[eval]\ndata = "{corpus}"\nlimit = 10\nstring_match = false\n'
        '[train]\nvariants = ["ot"]\nbatch = 4\nepochs = 1.0\nlog_every = 1\nsave_every = 0\n',
        encoding="utf-8",
    )
    return path


def steps_of(run: Path) -> int:
    return max(row["step"] for row in log_of(run))


def test_each_amount_is_a_run_of_its_first_pairs(xl: Run, recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = xl("align", recipe, "--amounts", "16,4", "--out", out)
    assert result.returncode == 0, result.stderr
    assert [steps_of(out / amount) for amount in ("4", "16")] == [1, 4]  # batches of 4 pairs
    for amount in (4, 16):
        assert about_of(out / str(amount))["recipe"]["data"][0]["limit"] == amount
    rows = rows_of(out)
    assert {row["variant"] for row in rows} == {"untrained", "ot@4", "ot@16"}
    for amount in ("4", "16"):
        own = {(row["metric"], row["source"], row["target"]): row["value"] for row in rows_of(out / amount)
               if row["variant"] == "ot"}  # fmt: skip
        assert own == {(row["metric"], row["source"], row["target"]): row["value"] for row in rows
                       if row["variant"] == f"ot@{amount}"}  # fmt: skip
    assert (out / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert "ot@16" in result.stdout
    again = xl("align", recipe, "--amounts", "4,16", "--out", out)
    assert again.returncode == 2
    assert "exists already" in again.stderr
    before = (out / "4" / "run.json").read_bytes()
    more = xl("align", recipe, "--amounts", "4,8,16", "--out", out, "--resume")
    assert more.returncode == 0, more.stderr
    assert (out / "4" / "run.json").read_bytes() == before  # finished: left alone
    assert {row["variant"] for row in rows_of(out)} == {"untrained", "ot@4", "ot@8", "ot@16"}
    other = xl("align", recipe, "--amounts", "4,8", "--out", out, "--resume", "--set", "train.lr=1e-5")
    assert other.returncode == 2
    assert "begun with other settings" in other.stderr


def test_upsampled_amounts_train_as_long_as_the_largest(xl: Run, recipe: Path, tmp_path: Path) -> None:
    plan = xl("align", recipe, "--amounts", "4,20", "--upsample", "--dry-run")
    assert plan.returncode == 0, plan.stderr
    assert plan.stdout.count("# steps for each variant: 5") == 2  # 20 pairs in batches of 4
    assert not (tmp_path / "runs").exists()
    plan = xl("align", recipe, "--amounts", "4,20", "--dry-run")
    assert "# steps for each variant: 1\n" in plan.stdout


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--amounts", "4,x"], "--amounts is '4,x'; give numbers with commas between them"),
        (["--amounts", "0,4"], "--amounts is 0,4; give numbers of sentence pairs, 1 or more"),
        (["--upsample"], "--upsample: no meaning without --amounts"),
        (["--amounts", "4", "--set", "data.limit=3"], "--set data.limit=3 and --amounts both say"),
    ],
)
def test_what_makes_no_sense_is_refused(xl: Run, recipe: Path, options: list[str], told: str) -> None:
    result = xl("align", recipe, *options)
    assert result.returncode == 2
    assert told in result.stderr


def test_amounts_without_pairs_are_refused(xl: Run) -> None:
    result = xl("align", "names", "--amounts", "4,8")
    assert result.returncode == 2
    assert "no objective of the recipe reads any" in result.stderr
