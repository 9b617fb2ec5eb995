"""`xl translit`: rows in, as many rows out; files, pipes and refusals."""

import contextlib
import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import pytest
from tests.cli.conftest import Run
from tests.thinned import thinned
from typer.testing import CliRunner

from xl_cli.errors import UsageError
from xl_cli.main import app
from xl_translit import CorpusError, Romanizer, TextError

romanise = Romanizer()


def run(*args: str | Path, stdin: str | bytes = b"") -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["translit", *map(str, args)], input=stdin)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout_bytes.decode(), result.stderr


def test_standard_input_to_standard_output() -> None:
    for args in ((), ("-",), ("--jobs", "2")):
        assert run(*args, stdin="Ελλάδα\n\nРоссия") == (0, "Ellada\n\nRossiya\n", "")


def test_files_follow_one_another_and_only_line_feeds_end_lines(tmp_path: Path) -> None:
    lines = ["Ελλάδα\r", "", "Россия\u2028\x85\f", "以七分之差"]
    (tmp_path / "a.txt").write_bytes("\ufeff".encode() + "\n".join(lines).encode())
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress("안녕\n".encode()))
    code, out, _ = run(tmp_path / "a.txt", tmp_path / "b.txt.gz")
    assert code == 0
    assert out.split("\n") == [*(romanise(line) for line in lines), romanise("안녕"), ""]
    # the same from a pipe, also with a byte-order mark that comes in pieces
    assert run(stdin=(tmp_path / "a.txt").read_bytes())[1].split("\n") == [*(romanise(line) for line in lines), ""]


def test_pairs_have_two_columns_even_where_a_line_has_tabs() -> None:
    _, out, _ = run("--pairs", stdin="Ελλάδα\t\tΚύπρος\nРоссия\n")
    assert [line.split("\t") for line in out.split("\n")[:-1]] == [
        ["Ελλάδα  Κύπρος", romanise("Ελλάδα  Κύπρος")],
        ["Россия", "Rossiya"],
    ]


def test_the_language_changes_what_uroman_writes() -> None:
    _, ukrainian, _ = run("--lang", "Ukrainian", stdin="Игорь")
    assert ukrainian == Romanizer("ukr_Cyrl")("Игорь") + "\n" != romanise("Игорь") + "\n"


@pytest.mark.parametrize("romanizer", ["fast", "reference"])
def test_the_romanizer_can_be_chosen(romanizer: str) -> None:
    assert run("--romanizer", romanizer, stdin="Ελλάδα 三万\n") == (0, romanise("Ελλάδα 三万") + "\n", "")


def test_out_is_written_whole_and_compressed_by_suffix(tmp_path: Path) -> None:
    out = tmp_path / "out.gz"
    code, printed, shown = run("--out", out, stdin="Ελλάδα\n")
    assert (code, printed) == (0, "")
    assert shown.startswith(f"{out}: 1 rows of 1 in ")
    assert shown.count("\n") == 1
    assert gzip.decompress(out.read_bytes()) == b"Ellada\n"
    assert json.loads((tmp_path / "out.gz.manifest.json").read_text(encoding="utf-8"))["inputs"][0]["name"] == "<stdin>"
    with pytest.raises(UsageError, match=r"out\.gz exists already; remove it or choose another"):
        run("--out", out, stdin="Россия\n")
    assert gzip.decompress(out.read_bytes()) == b"Ellada\n"


@pytest.mark.parametrize("suffix", ["tsv", "jsonl", "parquet"])
def test_formats_by_suffix_or_by_name_are_the_same(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "in.jsonl").write_text('{"id": 1, "body": "Ελλάδα"}\n{"id": 2, "body": "Россия"}\n', encoding="utf-8")
    arguments = [tmp_path / "in.jsonl", "--column", "body", "--keep", "id", "--pairs"]
    assert run(*arguments, "--out", tmp_path / f"a.{suffix}")[0] == 0
    assert run(*arguments, "--out", tmp_path / "b", "--format", suffix)[0] == 0
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / "b").read_bytes()
    manifest = json.loads((tmp_path / "b.manifest.json").read_text(encoding="utf-8"))
    assert manifest["output"]["columns"] == ["id", "text", "romanized"]
    if suffix == "parquet":
        return
    _, out, _ = run(*arguments, "--format", suffix)
    assert out.encode() == (tmp_path / "b").read_bytes()
    if suffix == "jsonl":
        assert [json.loads(line) for line in out.split("\n")[:-1]] == [
            {"id": 1, "text": "Ελλάδα", "romanized": "Ellada"},
            {"id": 2, "text": "Россия", "romanized": "Rossiya"},
        ]


def test_columns_of_standard_input_need_the_format() -> None:
    assert run("--column", "t", "--input-format", "jsonl", stdin='{"t": "Ελλάδα"}\n') == (0, "Ellada\n", "")
    assert run("--column", "2", "--input-format", "tsv", stdin="1\tΕλλάδα\n") == (0, "Ellada\n", "")
    with pytest.raises(UsageError, match=r"a suffix .* or --input-format says which"):
        run("--column", "t", stdin="{}")


def test_shards_one_behind_the_other_are_the_whole(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("".join(f"{number}\n" for number in range(10)), encoding="utf-8")
    shards = [run(tmp_path / "in.txt", "--shard", f"{number}/3")[1] for number in (1, 2, 3)]
    assert "".join(shards) == run(tmp_path / "in.txt")[1] == (tmp_path / "in.txt").read_text(encoding="utf-8")
    with pytest.raises(UsageError, match="numbered 1/3 to 3/3"):
        run(tmp_path / "in.txt", "--shard", "4/3")


def test_bad_rows_are_said_on_standard_error_or_listed_beside_the_output(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_bytes("Ελλάδα\n".encode() + b"\xff\nok\n")
    code, out, error = run(tmp_path / "in.txt", "--on-error", "skip")
    assert (code, out) == (0, "Ellada\nok\n")
    assert "in.txt:2: left out: not UTF-8 (byte 0xff at column 1)" in error
    assert "1 of 3 rows left out" in error
    code, out, error = run(tmp_path / "in.txt", "--on-error", "skip", "--out", tmp_path / "o.txt")
    assert "left out: 1;" in error
    assert json.loads((tmp_path / "o.txt.rejected.jsonl").read_text(encoding="utf-8"))["line"] == 2


def test_an_error_half_way_leaves_no_output_file(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_bytes("Ελλάδα\n".encode() + b"\xff\n")
    with pytest.raises(CorpusError, match=r"in\.txt:2: not UTF-8"):
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
        (("--to", "klingon"), "'klingon' is not one of 'latn', 'ipa', 'phonemes'"),
        (("--lang", "Turkihs"), "unknown language 'Turkihs'; did you mean Turkish?"),
        (("--to", "ipa"), "--to ipa needs the language of the text; add --lang"),
        (
            ("--to", "ipa", "--lang", "tur", "--romanizer", "fast"),
            "--romanizer: no meaning with --to ipa and --to phonemes,",
        ),
        (("--ties", "split"), "--ties: no meaning with --to latn, only with --to ipa or --to phonemes"),
        (("--romanizer", "slow"), "'slow' is not known; it can be: fast, reference"),
        (("--format", "parquet"), "--format parquet needs a file to write"),
        (("--keep", "id", "--format", "tsv"), "name the text's column too"),
        (("--jobs", "0"), "Invalid value for '--jobs'"),
        (("--shard", "1/2"), "it has no shards; name a file"),
        (("--engine", "spark"), "'spark' is not one of 'local', 'ray'"),
    ],
)
def test_wrong_usage_ends_with_2_and_names_what_exists(xl: Run, args: tuple[str, ...], words: str) -> None:
    done = xl("translit", *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_reader_that_stops_early_ends_the_command_quietly(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("Ελλάδα\n" * 100_000, encoding="utf-8")
    command = [sys.executable, "-m", "xl_cli", "translit", str(tmp_path / "in.txt")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"Ellada\n"
        process.stdout.close()
        error = process.stderr.read()
        assert (process.wait(), error) == (0, b"")


def ends(process: "subprocess.Popen[bytes]") -> tuple[IO[bytes], IO[bytes]]:
    """Both ends of a command between pipes: where lines go in, where they come out."""
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


@pytest.mark.parametrize("jobs", thinned(["1", "2"], 2))
def test_a_line_is_written_before_the_next_one_is_read(jobs: str) -> None:
    command = [sys.executable, "-m", "xl_cli", "translit", "--jobs", jobs]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        entry, exit_ = ends(process)
        for line, expected in (("Ελλάδα", b"Ellada\n"), ("Россия", b"Rossiya\n")):
            entry.write(f"{line}\n".encode())
            entry.flush()
            assert exit_.readline() == expected
        entry.write("Κύ".encode()[:3])  # half a letter: the line is not complete
        entry.flush()
        entry.write("Κύ".encode()[3:])
        entry.close()
        assert exit_.read().decode() == romanise("Κύ") + "\n"
        assert process.wait() == 0


@pytest.mark.skipif(os.name != "posix", reason="signals of a terminal")
@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.slow
def test_ctrl_c_ends_with_a_sentence_and_the_same_command_goes_on(tmp_path: Path, jobs: str) -> None:
    lines = [f"Ελλάδα {number} Россия\n" for number in range(400_000)]
    (tmp_path / "in.txt").write_text("".join(lines), encoding="utf-8")
    out = tmp_path / "out.txt"
    # a shell that runs the tests in the background has its children ignore Ctrl-C
    program = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from xl_cli.main import main; sys.exit(main())"
    )
    command = [sys.executable, "-c", program, "translit", tmp_path / "in.txt", "--out", out, "--jobs", jobs]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while not (tmp_path / ".out.txt.parts" / "000000.json").exists():
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert error == f"xl: stopped; the same command goes on with {out}\n"
    assert not out.exists()
    assert (tmp_path / ".out.txt.parts" / "000000.json").exists()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
def test_idle_workers_end_with_a_parent_that_is_killed() -> None:
    command = [sys.executable, "-m", "xl_cli", "translit", "--jobs", "2"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, start_new_session=True, stdin=pipe, stdout=pipe) as process:
        entry, exit_ = ends(process)
        entry.write("Ελλάδα\n".encode())
        entry.flush()
        assert exit_.readline() == b"Ellada\n"
        assert session_size(process.pid) >= 3  # two of them wait for work now
        process.kill()
        process.wait()
        deadline = time.monotonic() + 10
        while session_size(process.pid):
            assert time.monotonic() < deadline, "a worker outlived its parent"
            time.sleep(0.05)


def session_size(number: int) -> int:
    """How many processes live in the session that `number` led."""
    count = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
            count += fields[3] == str(number) and fields[0] != "Z"
    return count


def test_phonemes_and_their_options(tmp_path: Path) -> None:
    from xl_translit import phonemize

    text = "Çay 23 güzel, IŞIK hâlâ."
    for options in (
        {},
        {"ties": "split"},
        {"unmapped": "drop"},
        {"digits": "spell"},
        {"segmenter": "segments"},
        {"spelling": "keep"},
    ):
        flags = [part for name, value in options.items() for part in (f"--{name}", value)]
        for form in ("ipa", "phonemes")[options == {"segmenter": "segments"} :]:  # ipa is not cut
            _, out, _ = run("--to", form, "--lang", "Turkish", *flags, stdin=text)
            assert out == phonemize(text, "tur", form=form, **options) + "\n"
    assert run("--to", "ipa", "--lang", "en", "--backend", "dictionary", stdin="cat")[1] == "kæt\n"


def test_mandarin_needs_its_dictionary_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"CC-CEDICT.*--dictionary PATH"):
        run("--to", "ipa", "--lang", "zho_Hans", "--dictionary", tmp_path / "absent", stdin="你好")
    words = tmp_path / "words.u8"
    words.write_text("你好 你好 [ni3 hao3] /hello/\n", encoding="utf-8")
    code, out, _ = run("--to", "ipa", "--lang", "zho_Hans", "--dictionary", words, stdin="你好")
    assert code == 0
    assert out.strip()
    assert "你" not in out
    with pytest.raises(UsageError, match="needs no dictionary"):
        run("--to", "ipa", "--lang", "tur", "--dictionary", words, stdin="x")


def test_letters_without_a_rule_are_told(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("آپ 12\n", encoding="utf-8")
    _, _, error = run(tmp_path / "in.txt", "--to", "ipa", "--lang", "urd", "--out", tmp_path / "o.txt")
    assert "characters without a rule: \u0653 (arabic maddah above) 1;" in error
    assert run(tmp_path / "in.txt", "--out", tmp_path / "latin.txt")[2].count("\n") == 1


@pytest.mark.parametrize("jobs", thinned(["1", "2"], 2))
def test_a_script_without_a_reading_is_told_once(jobs: str, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("ᱥᱟᱱᱛᱟᱲᱤ\nΕλλάδα\nᱟ\n", encoding="utf-8")
    code, out, error = run(tmp_path / "in.txt", "--jobs", jobs)
    assert (code, out) == (0, "slntlrrl\nEllada\nl\n")
    assert error.count("\n") == 1
    assert re.search(r"note: Olck .*OL CHIKI LETTER LA: l.*; 4 such characters here", error)
    assert "Olck" not in run(tmp_path / "in.txt", "--to", "ipa", "--lang", "tur")[2]  # not Uroman's
    run(tmp_path / "in.txt", "--out", tmp_path / "out.txt")
    assert json.loads((tmp_path / "out.txt.manifest.json").read_text(encoding="utf-8"))["unread"] == {"Olck": 4}


def test_a_table_without_a_column_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("id\ttext\n1\tα\n", encoding="utf-8")
    assert "--column NAME takes one" in run(tmp_path / "a.tsv")[2]
    code, out, error = run(tmp_path / "a.tsv", "--column", "text")
    assert (code, out, error) == (0, "a\n", "")


def test_languages_can_be_asked_for() -> None:
    result = CliRunner().invoke(app, ["ls", "languages", "tr", "Urdu", "--json"])
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["code"] for row in rows] == ["tur_Latn", "urd_Arab"]
    assert "Türkçe" in rows[0]["spellings"]
    assert not rows[0]["reading"]
    told = CliRunner().invoke(app, ["ls", "languages", "Santali", "--json"])
    assert "OL CHIKI LETTER LA: l" in json.loads(told.stdout)["reading"]
    shown = CliRunner().invoke(app, ["ls", "languages", "Santali"]).stdout
    assert "OL CHIKI LETTER LA: l" in " ".join(shown.split())
    with pytest.raises(UsageError, match="only languages and papers can be named"):
        CliRunner().invoke(app, ["ls", "tasks", "tr"], catch_exceptions=False)


@pytest.mark.parametrize("to", ["ipa", "phonemes"])
def test_files_are_of_the_language_that_their_names_tell(tmp_path: Path, to: str) -> None:
    (tmp_path / "spa_Latn.txt").write_text("hijo\n", encoding="utf-8")
    (tmp_path / "tr.txt").write_text("hijo\ncam\n", encoding="utf-8")
    files = [("spa_Latn", "spa_Latn.txt"), ("tur_Latn", "tr.txt")]
    alone = [run("--to", to, "--lang", code, tmp_path / name)[1] for code, name in files]
    assert run("--to", to, tmp_path)[:2] == (0, "".join(alone))
    code, out, _ = run("--to", to, "--lang", "spa", tmp_path)
    assert (code, out.split("\n")[0]) == (0, out.split("\n")[1])
    (tmp_path / "z_notes.txt").write_text("x\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"z_notes\.txt: .* add --lang"):
        run("--to", to, tmp_path)
