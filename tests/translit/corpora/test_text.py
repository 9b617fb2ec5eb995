"""Lines survive reading and writing; files appear whole or not at all; broken files are named by line."""

import gzip
import io
import lzma
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from xl_translit import TextError, check_readable, read_lines, replacing

PACK = {".txt": bytes, ".gz": gzip.compress, ".xz": lzma.compress, ".zst": zstandard.ZstdCompressor().compress}
UNPACK = {".txt": bytes, ".gz": gzip.decompress, ".xz": lzma.decompress}
UNPACK[".zst"] = lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data)


def lines_of(path: Path, data: bytes) -> list[str]:
    path.write_bytes(data)
    return list(read_lines(path))


@pytest.mark.parametrize("suffix", PACK)
@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\n"))))
def test_lines_written_are_the_lines_read(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, lines: list[str]
) -> None:
    path = tmp_path_factory.mktemp("text") / f"corpus{suffix}"
    with replacing(path) as stream:
        stream.writelines(f"{line}\n" for line in lines)
    data = "".join(f"{line}\n" for line in lines).encode()
    assert UNPACK[suffix](path.read_bytes()) == data
    # a byte-order mark can only be told from text where it is not the first character
    expected = data.removeprefix("\ufeff".encode()).decode().split("\n")[:-1]
    assert list(read_lines(path)) == [line.removesuffix("\r") for line in expected]


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        ("", []),
        ("\n", [""]),
        ("a", ["a"]),
        ("a\n\nb", ["a", "", "b"]),
        ("a\rb\r\n\rb\x85c\u2028d\fe\x1c\n", ["a\rb", "\rb\x85c\u2028d\fe\x1c"]),
        ("a\r\r\n\r\nb\r", ["a\r", "", "b"]),
        ("\ufeffa\n\ufeffb\n", ["a", "\ufeffb"]),
        ("\ufeff", []),
        ("\ufeff\n", [""]),
    ],
)
@pytest.mark.parametrize("suffix", PACK)
def test_only_line_feeds_end_lines(tmp_path: Path, suffix: str, data: str, lines: list[str]) -> None:
    assert lines_of(tmp_path / f"t{suffix}", PACK[suffix](data.encode())) == lines


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO("ä\r\nb\u2028".encode()), encoding="latin-1")
    monkeypatch.setattr(sys, "stdin", stdin)
    assert list(read_lines("-")) == ["ä", "b\u2028"]
    assert not stdin.buffer.closed


def test_bytes_that_are_not_utf8_are_named_by_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "corpus.txt"
    path.write_bytes("eins\nzwäi\xff\n".encode("latin-1"))
    found = []
    with pytest.raises(TextError, match=r"corpus\.txt:2: not UTF-8 \(byte 0xe4 at column 3\); .*iconv"):
        found.extend(read_lines(path))
    path.write_bytes("ok\nzwä".encode() + b"\xff\n")
    with pytest.raises(TextError, match=r"corpus\.txt:2: not UTF-8 \(byte 0xff at column 4\)"):
        list(read_lines(path))


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
def test_compressed_data_cut_short_or_damaged_is_noticed(tmp_path: Path, suffix: str) -> None:
    data = PACK[suffix](os.urandom(300_000).replace(b"\n", b"x").hex().encode())
    for broken in (data[:-20], data[: len(data) // 2], data[:9], b"no such format at all\n"):
        with pytest.raises(TextError, match="cut short or damaged"):
            lines_of(tmp_path / f"t{suffix}", broken)


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
def test_several_compressed_parts_are_read_as_one(tmp_path: Path, suffix: str) -> None:
    pack = PACK[suffix]
    assert lines_of(tmp_path / f"t{suffix}", pack(b"a\nb") + pack(b"") + pack(b"c\n")) == ["a", "bc"]


def test_absent_files_and_folders(tmp_path: Path) -> None:
    check_readable("-")
    for read in (check_readable, lambda path: next(read_lines(path))):
        with pytest.raises(TextError, match="none: no such file"):
            read(tmp_path / "none")
        with pytest.raises(TextError, match="is a folder"):
            read(tmp_path)


def test_a_file_is_replaced_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text("old", encoding="utf-8")
    with replacing(path, "wb") as stream:
        stream.write(b"new\r\n")
        assert path.read_text(encoding="utf-8") == "old"
    assert path.read_bytes() == b"new\r\n"
    assert [file.name for file in tmp_path.iterdir()] == ["out.txt"]


@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("mode", ["w", "wb"])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_nothing_behind(tmp_path: Path, suffix: str, mode: Any, error: type[BaseException]) -> None:
    path = tmp_path / f"out{suffix}"
    path.write_bytes(b"old")

    def write_half() -> None:
        with replacing(path, mode) as stream:
            stream.write("half" if mode == "w" else b"half")
            raise error

    with pytest.raises(error):
        write_half()
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(TextError, match="there is no folder"), replacing(tmp_path / "none" / "out"):
        pass
    with pytest.raises(TextError, match="not an ordinary file"), replacing(tmp_path):
        pass
    with pytest.raises(TextError, match="not an ordinary file"), replacing(os.devnull):
        pass


def test_equal_text_gives_equal_compressed_bytes(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        with replacing(tmp_path / name) as stream:
            stream.write("text\n")
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
    assert (tmp_path / "a.gz").read_bytes()[4:8] == bytes(4)  # the time stamp of RFC 1952
