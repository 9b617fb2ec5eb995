"""`xl translit`: lines in, as many lines out; files, pipes and refusals."""

import gzip
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from xl_cli.errors import CliError
from xl_cli.main import app
from xl_translit import Romanizer, TextError

romanise = Romanizer()


def run(*args: str | Path, stdin: str | bytes = b"") -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["translit", *map(str, args)], input=stdin)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout_bytes.decode(), result.stderr


def test_standard_input_to_standard_output() -> None:
    for args in ((), ("-",)):
        assert run(*args, stdin="Ελλάδα\n\nРоссия") == (0, "Ellada\n\nRossiya\n", "")


def test_files_follow_one_another_and_only_line_feeds_end_lines(tmp_path: Path) -> None:
    lines = ["Ελλάδα\r", "", "Россия\u2028\x85\f", "以七分之差"]
    (tmp_path / "a.txt").write_bytes("\ufeff".encode() + "\n".join(lines).encode())
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress("안녕\n".encode()))
    code, out, _ = run(tmp_path / "a.txt", tmp_path / "b.txt.gz")
    assert code == 0
    assert out.split("\n") == [*(romanise(line) for line in lines), romanise("안녕"), ""]


def test_pairs_have_two_columns_even_where_a_line_has_tabs() -> None:
    _, out, _ = run("--pairs", stdin="Ελλάδα\t\tΚύπρος\nРоссия\n")
    assert [line.split("\t") for line in out.split("\n")[:-1]] == [
        ["Ελλάδα  Κύπρος", romanise("Ελλάδα  Κύπρος")],
        ["Россия", "Rossiya"],
    ]


def test_the_language_changes_what_uroman_writes() -> None:
    _, ukrainian, _ = run("--lang", "Ukrainian", stdin="Игорь")
    assert ukrainian == romanise("Игорь", "ukr_Cyrl") + "\n" != romanise("Игорь") + "\n"


def test_out_is_written_whole_and_compressed_by_suffix(tmp_path: Path) -> None:
    out = tmp_path / "out.gz"
    assert run("--out", out, stdin="Ελλάδα\n") == (0, "", "")
    assert gzip.decompress(out.read_bytes()) == b"Ellada\n"
    with pytest.raises(CliError, match=r"out\.gz exists already; remove it or choose another"):
        run("--out", out, stdin="Россия\n")
    assert gzip.decompress(out.read_bytes()) == b"Ellada\n"


def test_an_error_half_way_leaves_no_output_file(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_bytes("Ελλάδα\n".encode() + b"\xff\n")
    with pytest.raises(TextError, match=r"in\.txt:2: not UTF-8"):
        run(tmp_path / "in.txt", "--out", tmp_path / "out.txt")
    assert [file.name for file in tmp_path.iterdir()] == ["in.txt"]


def test_missing_files_are_noticed_before_any_output(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("Ελλάδα\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["translit", str(tmp_path / "in.txt"), str(tmp_path / "none.txt")])
    assert isinstance(result.exception, TextError)
    assert "none.txt: no such file" in str(result.exception)
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--to", "ipa"), "'ipa' is not known; it can be: latn"),
        (("--lang", "Turkihs"), "unknown language 'Turkihs'; did you mean Turkish?"),
    ],
)
def test_wrong_usage_ends_with_2_and_names_what_exists(args: tuple[str, ...], words: str) -> None:
    code, out, error = run(*args, stdin="a\n")
    assert (code, out) == (2, "")
    assert words in " ".join(error.split())


def test_a_reader_that_stops_early_ends_the_command_quietly(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("Ελλάδα\n" * 100_000, encoding="utf-8")
    command = [sys.executable, "-m", "xl_cli", "translit", str(tmp_path / "in.txt")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"Ellada\n"
        process.stdout.close()
        error = process.stderr.read()
        assert (process.wait(), error) == (0, b"")


def test_a_line_is_written_before_the_next_one_is_read() -> None:
    command = [sys.executable, "-m", "xl_cli", "translit"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        for line, expected in (("Ελλάδα", b"Ellada\n"), ("Россия", b"Rossiya\n")):
            process.stdin.write(f"{line}\n".encode())
            process.stdin.flush()
            assert process.stdout.readline() == expected
        process.stdin.close()
        assert process.wait() == 0
