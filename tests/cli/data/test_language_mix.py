"""What is told of a run's texts before anything is trained: other scripts, copies, scripts that nobody romanises."""

from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.cli.made_data import greek, sentences, write_lines

N = 60


def plan(xl: Run, folder: Path, *settings: str, recipe: str = "scratch") -> str:
    every = [f'data.files="{folder}"', "model.size=pico", *settings]
    result = xl("align", recipe, "--dry-run", *(p for each in every for p in ("--set", each)))
    assert result.returncode == 0, result.stderr
    return result.stderr


def test_text_in_its_own_script_is_not_remarked(xl: Run, tmp_path: Path) -> None:
    english = sentences(N)
    write_lines(tmp_path / "eng_Latn.txt", english)
    write_lines(tmp_path / "ell_Grek.txt", list(map(greek, english)))
    assert "note: of" not in plan(xl, tmp_path)
    assert "are the same in" not in plan(xl, tmp_path)


@pytest.mark.parametrize(("n_other", "advice"), [(6, "take these lines out"), (40, "called after the right language")])
def test_lines_in_another_script_are_counted(xl: Run, tmp_path: Path, n_other: int, advice: str) -> None:
    english, other = sentences(N), sentences(N, seed=1)
    write_lines(tmp_path / "eng_Latn.txt", english)
    lines = [*map(greek, english[: N - n_other]), *other[N - n_other :]]
    write_lines(tmp_path / "ell_Grek.txt", lines)
    told = plan(xl, tmp_path)
    assert f"note: of {N} texts of ell_Grek looked at, {100 * n_other / N:.0f} % Latn (line {N - n_other + 1})" in told
    assert advice in told


def test_copies_of_the_other_language_are_counted(xl: Run, tmp_path: Path) -> None:
    english = [line for line in sentences(2 * N) if len(line.split()) > 2][:N]
    write_lines(tmp_path / "eng_Latn.txt", english)
    write_lines(tmp_path / "mlt_Latn.txt", [line if n % 10 == 0 else line + "x" for n, line in enumerate(english)])
    assert f"note: {N // 10} texts are the same in eng_Latn and mlt_Latn (line 1 of eng_Latn)" in plan(xl, tmp_path)


def test_pairs_are_looked_at_by_the_languages_of_their_files(xl: Run, tmp_path: Path) -> None:
    lines = sentences(N)
    write_lines(tmp_path / "news.el", [*map(greek, lines[: N - 6]), *lines[N - 6 :]])
    write_lines(tmp_path / "news.en", sentences(N, seed=1))
    files = f'data.files=["{tmp_path / "news.el"}", "{tmp_path / "news.en"}"]'
    result = xl("align", "ot-word", "--dry-run", "--set", files, "--set", "model.from=nowhere/model")
    assert f"10 % Latn (pair {N - 5} of news.el-news.en)" in result.stderr


def test_a_script_that_the_romaniser_does_not_read(xl: Run, tmp_path: Path) -> None:
    santali = ["ᱥᱟᱱᱛᱟᱲᱤ ᱯᱟᱹᱨᱥᱤ ᱫᱚ ᱢᱤᱫ ᱯᱟᱹᱨᱥᱤ ᱠᱟᱱᱟ", "ᱱᱚᱶᱟ ᱫᱚ ᱚᱞ ᱪᱤᱠᱤ ᱛᱮ ᱚᱞ ᱦᱩᱭᱩᱜᱼᱟ"] * 20
    write_lines(tmp_path / "sat_Olck.txt", [f"{line} {n}" for n, line in enumerate(santali)])
    write_lines(tmp_path / "eng_Latn.txt", sentences(40))
    told = plan(xl, tmp_path, 'data.kind="text"', "data.held_out=0.0", "data.dev=0.0", "train.variants=mlm+seq")
    assert "the romaniser does not read Olck, the script of sat_Olck" in told
    assert "mlm, seq" in told or "seq" in told
    silent = plan(
        xl, tmp_path, 'data.kind="text"', "data.held_out=0.0", "data.dev=0.0", "train.variants=mlm",
        "objective.mlm.text=original",
    )  # fmt: skip
    assert "does not read" not in silent


def test_folders_of_files_of_unequal_length(xl: Run, tmp_path: Path) -> None:
    write_lines(tmp_path / "eng_Latn.txt", sentences(N))
    write_lines(tmp_path / "ell_Grek.txt", list(map(greek, sentences(N - 1))))
    result = xl("align", "scratch", "--set", f'data.files="{tmp_path}"', "--set", 'data.kind="parallel"')
    assert result.returncode == 1
    assert f"eng_Latn.txt:{N} is the first line without a partner" in result.stderr
    assert result.stderr.count("\n") == 1
