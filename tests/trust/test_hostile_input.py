"""Input that is made to harm: little that unpacks to much, endless lines, counts of the world, names that lead away."""

import bz2
import gzip
import json
import lzma
import struct
import tracemalloc
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import zstandard
from pyarrow import parquet
from tests.cli.conftest import Run
from tests.cli.made_data import write_lines
from tests.workspace.test_readers import READERS

from xl_cli import UsageError
from xl_cli.claims.claim import read_claim
from xl_encoders import EncoderError
from xl_encoders.reading.vector_files import open_vectors
from xl_encoders.streams.columnar_files import open_text_file
from xl_staticemb import StaticembError, read_vectors
from xl_tasks import TaskError, load_bible, load_lines, read_rows
from xl_translit import CorpusError, TextError, read_lines, replacing, romanize_corpus

MIB = 1 << 20
N_PACKED = 200 * MIB


@contextmanager
def within(most: int) -> Generator[None]:
    """No more than `most` bytes are held at any moment by what Python allocates, numpy's arrays among it."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


def bomb(path: Path, piece: bytes) -> Path:
    """A file of some kilobytes that unpacks to 200 MiB of a repeated piece of one MiB."""
    opened = {".gz": gzip.open, ".xz": lzma.open, ".zst": zstandard.open}[path.suffix]
    with opened(path, "wb") as file:
        for _ in range(N_PACKED // MIB):
            file.write(piece * (MIB // len(piece)))
    assert path.stat().st_size < MIB
    return path


@pytest.mark.parametrize(
    "suffix", [".zst", pytest.param(".gz", marks=pytest.mark.slow), pytest.param(".xz", marks=pytest.mark.slow)]
)
def test_a_line_that_unpacks_without_end_is_refused(suffix: str, tmp_path: Path) -> None:
    path = bomb(tmp_path / f"a.txt{suffix}", bytes(1))
    with within(400 * MIB), pytest.raises(TextError, match=rf"a\.txt{suffix}:1: the line is longer than 128 MiB"):
        list(read_lines(path))
    with (
        within(300 * MIB),
        pytest.raises(StaticembError, match=rf"a\.txt{suffix}:1: expected a word"),
    ):
        read_vectors(path)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".zst", ".gz"])
def test_lines_that_unpack_without_end_are_read_one_by_one(suffix: str, tmp_path: Path) -> None:
    path = bomb(tmp_path / f"a.txt{suffix}", b"a" * 1023 + b"\n")
    with within(160 * MIB):
        assert sum(1 for _ in read_lines(path)) == N_PACKED // 1024


def test_bzip2_is_told_as_what_it_is_not(tmp_path: Path) -> None:
    (tmp_path / "a.txt.bz2").write_bytes(bz2.compress(bytes(1000)))
    with pytest.raises(TextError, match="not UTF-8"):
        list(read_lines(tmp_path / "a.txt.bz2"))


@pytest.mark.slow
def test_a_line_of_100_megabytes_is_read_or_refused_in_bounded_memory(tmp_path: Path) -> None:
    with (tmp_path / "eng_Latn.txt").open("wb") as file:
        for _ in range(100):
            file.write(b"a" * MIB)
    with within(360 * MIB):
        assert [len(line) for line in read_lines(tmp_path / "eng_Latn.txt")] == [100 * MIB]
    (tmp_path / "v.vec").write_bytes((tmp_path / "eng_Latn.txt").read_bytes())
    with within(240 * MIB), pytest.raises(StaticembError, match=r"v\.vec"):
        read_vectors(tmp_path / "v.vec")


HOST = "a\x00b\x1b[31m\u202ec\u2066"
ROW = {"task": "t", "metric": "m", "value": 0.5, "source": "eng_Latn", "target": "tur_Latn"}


def told(xl: Run, *line: object) -> str:
    """What a command says that cannot do what it was asked for: one line, without control characters."""
    result = xl(*line)
    assert result.returncode in (1, 2)
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("xl: ")]
    assert len(lines) == 1
    assert lines[0].isprintable()
    return lines[0]


def test_controls_and_half_characters_in_rows(xl: Run, tmp_path: Path) -> None:
    (tmp_path / "results.jsonl").write_text(
        json.dumps({**ROW, "model": HOST, "variant": HOST}) + "\n", encoding="utf-8"
    )
    for form in ("text", "csv", "tex", "markdown", "html"):
        result = xl("report", tmp_path, "--format", form)
        if result.returncode == 2:
            continue  # no such form
        assert result.returncode == 0, result.stderr
        assert not set("\x00\x1b\u202e\u2066") & set(result.stdout) or form == "html"
    for name, value in (("model", "\ud800"), ("value", float("nan")), ("low", float("inf")), ("n", 1.5)):
        (tmp_path / "results.jsonl").write_text(json.dumps({**ROW, name: value}) + "\n", encoding="utf-8")
        assert rf"results.jsonl:1: {name} is" in told(xl, "report", tmp_path)
        with pytest.raises(TaskError, match=rf"results\.jsonl:1: {name} is"):
            read_rows(tmp_path / "results.jsonl")


def test_half_characters_in_texts_are_left_out_and_told(xl: Run, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "\\ud800a"}\n{"text": "b\\u0000\\u202e"}\n', encoding="utf-8")
    assert "a.jsonl:1" in told(xl, "translit", tmp_path / "a.jsonl", "--column", "text", "--out", tmp_path / "a.tsv")
    line = ("translit", tmp_path / "a.jsonl", "--column", "text", "--on-error", "skip", "--out", tmp_path / "a.tsv")
    result = xl(*line)
    assert result.returncode == 0, result.stderr
    assert "left out: 1" in result.stderr
    assert len((tmp_path / "a.tsv.rejected.jsonl").read_text(encoding="utf-8").splitlines()) == 1
    settings = (
        "model.from=new",
        "model.size=pico",
        "data.kind=text",
        f"data.files={tmp_path}/a.jsonl",
        "train.variants=mlm",
    )
    settings += ('data.columns=["text"]', "objective.mlm.weight=1")
    told(xl, "align", *(part for each in settings for part in ("--set", each)), "--out", tmp_path / "run")


COUNTS = [2**31, 2**63, 10**30]


@pytest.mark.parametrize("count", COUNTS)
def test_counts_of_the_world_take_no_memory(count: int, tmp_path: Path) -> None:
    vector = np.zeros(2, np.float32).tobytes()
    header = {"vectors": {"dtype": "F32", "shape": [count, 2], "data_offsets": [0, 8 * count]}}
    headers = json.dumps(header).encode()
    shape = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({count}, 2), }}".encode().ljust(117) + b"\n"
    cases: dict[str, tuple[bytes, Callable[[Path], object], type[Exception]]] = {
        "a.vec": (f"{count} 2\nsu 1 2\n".encode(), read_vectors, StaticembError),
        "b.vec": (f"1 {count}\nsu 1 2\n".encode(), read_vectors, StaticembError),
        "a.bin": (f"{count} 2\nsu ".encode() + vector, read_vectors, StaticembError),
        "b.bin": (f"1 {count}\nsu ".encode() + vector, read_vectors, StaticembError),
        "a.safetensors": (struct.pack("<Q", len(headers)) + headers + vector, read_vectors, StaticembError),
        "b.safetensors": (struct.pack("<Q", count % 2**64) + headers + vector, read_vectors, StaticembError),
        "a.npy": (b"\x93NUMPY\x01\x00" + struct.pack("<H", len(shape)) + shape + vector, open_vectors, EncoderError),
    }
    write_lines(tmp_path / "a.vocab.txt", ["su"])
    write_lines(tmp_path / "b.vocab.txt", ["su"])
    for name, (data, read, error) in cases.items():
        (tmp_path / name).write_bytes(data)
        with within(64 * MIB), pytest.raises(error, match=name.replace(".", r"\.")):
            read(tmp_path / name)


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e39", "1e400"])
def test_vectors_that_are_not_finite_are_refused(number: str, tmp_path: Path) -> None:
    (tmp_path / "v.vec").write_text(f"2 2\nsu 0.5 1\nev {number} 2\n", encoding="utf-8")
    with pytest.raises(StaticembError, match=r"v\.vec:3: a number is not finite"):
        read_vectors(tmp_path / "v.vec")
    with np.errstate(over="ignore"):
        stored = np.array([[0.5, 1], [float(number), 2]]).astype(np.float32)
    (tmp_path / "v.bin").write_bytes(b"2 2\nsu " + stored[0].tobytes() + b"ev " + stored[1].tobytes())
    with pytest.raises(StaticembError, match=r"v\.bin: .*not finite"):
        read_vectors(tmp_path / "v.bin")


def test_links_are_followed_and_circles_end(tmp_path: Path, xl: Run) -> None:
    """A folder may be made of links, as the hub's cache is; what leads nowhere is told, and none is written through."""
    data = tmp_path / "data"
    write_lines(tmp_path / "elsewhere" / "tur_Latn.txt", ["su", "ev"])
    data.mkdir()
    (data / "tur_Latn.txt").symlink_to(tmp_path / "elsewhere" / "tur_Latn.txt")
    (data / "again").symlink_to(data)
    assert [*load_lines(data).texts["tur_Latn"].values()] == ["su", "ev"]
    with gzip.open(tmp_path / "elsewhere" / "tur_Latn.tsv.gz", "wb") as file:
        file.write(b"40001001\tsu\n")
    (data / "tur_Latn.tsv.gz").symlink_to(tmp_path / "elsewhere" / "tur_Latn.tsv.gz")
    assert load_bible(data).texts["tur_Latn"] == {"40001001": "su"}
    (data / "gone.txt").symlink_to(tmp_path / "nothing")
    (data / "self.txt").symlink_to(data / "self.txt")
    for name in ("gone.txt", "self.txt"):
        assert name in told(xl, "translit", data / name, "--out", tmp_path / "out.txt")
    write_lines(tmp_path / "ell_Grek.txt", ["σου"])
    for name in ("tur_Latn.txt", "made.txt"):
        out = tmp_path / f"to-{name}"
        out.symlink_to(tmp_path / "elsewhere" / name)
        assert "exists already" in told(xl, "translit", tmp_path / "ell_Grek.txt", "--out", out)
        # Commands that write over what is there put a file in the link's place.
        with replacing(out) as file:
            file.write("sou\n")
        assert not out.is_symlink()
    assert not (tmp_path / "elsewhere" / "made.txt").exists()
    assert (tmp_path / "elsewhere" / "tur_Latn.txt").read_text(encoding="utf-8") == "su\nev\n"


@pytest.mark.parametrize("name", ["../a", "/a", "a/../../b", "..", ".a", "a\x00b", "a" * 300])
def test_steps_of_a_claim_stay_in_its_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        f'title = "t"\n[mini]\ndecides = "d"\n[[mini.step]]\nname = {json.dumps(name)}\n'
        'command = "align names --out {out}"\n[[mini.part]]\nsays = "s"\nof = { variant = "b" }\n'
        'against = { variant = "a" }\nleast = 0.1\n',
        encoding="utf-8",
    )
    with pytest.raises(UsageError, match=r"c\.toml: \[mini\]: a step is called .* make a name"):
        read_claim(str(tmp_path / "c.toml"))


def test_columns_of_names_that_are_not_utf8(tmp_path: Path) -> None:
    """What the fuzzer found: a name inside Parquet's own description of its columns."""
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"text": ["su"], "lang": ["tr"]}), path)
    path.write_bytes(path.read_bytes().replace(b"lang", b"l\xa1ng"))
    with pytest.raises(CorpusError, match=r"a\.parquet: is no Parquet file that could be read"):
        romanize_corpus(path, tmp_path / "b.tsv", column="text")
    with pytest.raises(EncoderError, match=r"a\.parquet cannot be read"):
        open_text_file(path)


@pytest.mark.parametrize("kind", ["corpus in Parquet", "text column of Parquet"])
def test_parquet_with_any_byte_changed_gives_all_rows_or_an_error(kind: str, tmp_path: Path) -> None:
    """Some of these promise more rows than follow, which once were left out without a word."""
    reader = READERS[kind]
    path, whole = tmp_path / reader.name, reader.whole[0]
    said = []
    for place, byte in enumerate(whole):
        path.write_bytes(whole[:place] + bytes([(byte + 2) % 256]) + whole[place + 1 :])
        try:
            reader.read(path)
        except reader.error as error:
            said.append(str(error))
    assert any("rows" in each for each in said)


@pytest.mark.parametrize("count", [2**31, 2**62])
def test_rows_of_the_world_take_no_memory(count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as a file's own description may promise; the fuzzer came to 18 thousand million in 400 bytes."""
    reader = READERS["text column of Parquet"]
    (tmp_path / reader.name).write_bytes(reader.whole[0])
    monkeypatch.setattr("xl_encoders.streams.text_index._Pass._chunk_lens", lambda *_: [count])
    with pytest.raises(EncoderError, match=r"rows are more than memory holds|another number of rows"):
        reader.read(tmp_path / reader.name)


def test_controls_in_a_line_that_is_no_object(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "a"}\n"\x1b[31m\n1\x00\n')
    with pytest.raises(EncoderError) as caught:
        open_text_file(tmp_path / "a.jsonl")
    assert str(caught.value).isprintable()
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "a"}\n1 \x0c \n[]\n')
    with pytest.raises(EncoderError, match="no JSON"):
        open_text_file(tmp_path / "a.jsonl")
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n"\u202e"\n', encoding="utf-8")
    with pytest.raises(EncoderError) as caught:
        open_text_file(tmp_path / "a.jsonl")
    assert str(caught.value).isprintable()
