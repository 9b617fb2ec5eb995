"""Files of vectors of every format: there and back, against gensim and the safetensors library, and what is refused."""

import gzip
import logging
import lzma
import pickle
from pathlib import Path

import numpy as np
import pytest
from gensim.models import KeyedVectors
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from xl_staticemb import StaticembError, VectorFile, VectorWriter, WordVectors, read_vectors, write_vectors
from xl_staticemb.files import text as text_module

NAMES = ["v.vec", "v.txt", "v.bin", "v.safetensors", "v.vec.gz", "v.bin.gz", "v.vec.xz", "v.vec.zst", "v"]


def random_vectors(n_words: int, width: int, seed: int = 0) -> WordVectors:
    matrix = np.random.default_rng(seed).normal(size=(n_words, width)).astype(np.float32)
    return WordVectors([f"w{row}" for row in range(n_words)], matrix)


def same(left: WordVectors, right: WordVectors) -> None:
    assert left.words == right.words
    np.testing.assert_array_equal(left.matrix, right.matrix)


def needs_extra(name: str) -> None:
    """Skip where the library of a suffix is not installed."""
    if name.endswith(".zst"):
        pytest.importorskip("zstandard")


@pytest.mark.parametrize("name", NAMES)
def test_there_and_back_whole_limited_and_in_blocks(tmp_path: Path, name: str) -> None:
    needs_extra(name)
    vectors = random_vectors(700, 31)
    path = tmp_path / name
    write_vectors(path, vectors)
    expected = {name, "v.vocab.txt"} if name == "v.safetensors" else {name}
    assert {file.name for file in tmp_path.iterdir()} == expected
    same(read_vectors(path), vectors)
    same(read_vectors(path, limit=130), WordVectors(vectors.words[:130], vectors.matrix[:130]))
    file = VectorFile(path)
    assert (file.n_words, file.width) == (700, 31)
    for _ in range(2):  # each call is a new pass
        blocks = list(file.blocks(rows=64))
        assert max(len(words) for words, _ in blocks) <= 64
        same(
            WordVectors([word for words, _ in blocks for word in words], np.concatenate([m for _, m in blocks])),
            vectors,
        )


def test_many_chunks_keep_their_order_and_line_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = random_vectors(300, 5)
    path = tmp_path / "v.vec"
    write_vectors(path, vectors)
    monkeypatch.setattr(text_module, "_CHUNK", 997)
    same(read_vectors(path), vectors)
    lines = path.read_bytes().split(b"\n")
    lines[250] += b"x"
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(StaticembError, match=r"v\.vec:251: .*x' is none"):
        read_vectors(path)
    assert len(read_vectors(path, limit=249)) == 249  # what lies behind the limit is not looked at


field = st.floats(-(2.0**120), 2.0**120, width=32)  # what is rounded up still fits
odd_word = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), min_size=1, max_size=6)


@given(st.lists(odd_word, min_size=1, max_size=6, unique=True), st.integers(2, 5), st.data())
@settings(deadline=None)
def test_lines_of_other_writers(
    tmp_path_factory: pytest.TempPathFactory, words: list[str], width: int, data: st.DataObject
) -> None:
    """Any words, spaces at the end, Windows line ends, numbers as Python, word2vec, fastText or X2Static write them."""
    rows, lines = [], []
    kind = data.draw(st.sampled_from(["{!r}", "{:.6f}", "{:.5g}", "{:.3e}", "{:+.8f}"]))
    for word in words:
        numbers = [kind.format(data.draw(field)) for _ in range(width)]
        rows.append([float(number) for number in numbers])
        lines.append(" ".join([word, *numbers]) + data.draw(st.sampled_from(["\n", " \n", "\r\n", " \r\n"])))
    path = tmp_path_factory.mktemp("files") / "v.vec"
    header = data.draw(st.sampled_from([f"{len(words)} {width}\n", f"\ufeff{len(words)} {width}\n"]))
    path.write_bytes((header + "".join(lines)).encode())
    found = read_vectors(path)
    assert found.words == words
    np.testing.assert_array_equal(found.matrix, np.array(rows).astype(np.float32))


def test_no_first_line_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "glove.txt"
    path.write_bytes("\ufeffthe 0.5 1\nof 0.25 -2\n".encode())
    file = VectorFile(path)
    assert (file.n_words, file.width) == (None, 2)
    same(file.read(), WordVectors(["the", "of"], np.array([[0.5, 1], [0.25, -2]])))


def test_repeated_words_within_and_across_chunks(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_module, "_CHUNK", 4)  # a line
    path = tmp_path / "v.vec"
    path.write_text("5 1\na 1\nb 2\na 3\nc 4\nb 5\n", encoding="utf-8")
    file = VectorFile(path)
    with caplog.at_level(logging.WARNING):
        same(file.read(), WordVectors(["a", "b", "c"], np.array([[1], [2], [4]])))
        assert len(list(file.blocks(rows=1))) == 3
    assert caplog.text.count("2 repeated words") == 1
    save_file({"vectors": np.array([[1.0], [2.0], [3.0]], np.float32)}, tmp_path / "t.safetensors")
    (tmp_path / "t.vocab.txt").write_text("a\na\nb\n", encoding="utf-8")
    same(read_vectors(tmp_path / "t.safetensors"), WordVectors(["a", "b"], np.array([[1], [3]])))


def test_the_safetensors_library_reads_ours_and_we_read_its(tmp_path: Path) -> None:
    vectors = random_vectors(9, 4)
    write_vectors(tmp_path / "v.safetensors", vectors)
    np.testing.assert_array_equal(load_file(tmp_path / "v.safetensors")["vectors"], vectors.matrix)
    for dtype in (np.float16, np.float32, np.float64):
        tensors = {
            "a": np.ones(3, np.float32),
            "vectors": vectors.matrix.astype(dtype),
            "z": np.ones((2, 2), np.float32),
        }
        save_file(tensors, tmp_path / "o.safetensors", metadata={"source": "test"})
        (tmp_path / "o.vocab.txt").write_text("\n".join(vectors.words), encoding="utf-8")
        found = read_vectors(tmp_path / "o.safetensors")
        np.testing.assert_array_equal(found.matrix, vectors.matrix.astype(dtype).astype(np.float32))


def test_bfloat16_tensors_are_read(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file as save_torch

    tensor = torch.randn(5, 3, generator=torch.Generator().manual_seed(0)).bfloat16()
    save_torch({"vectors": tensor}, tmp_path / "v.safetensors")
    (tmp_path / "v.vocab.txt").write_text("a\nb\nc\nd\ne\n", encoding="utf-8")
    np.testing.assert_array_equal(read_vectors(tmp_path / "v.safetensors").matrix, tensor.float().numpy())


def test_float32_tensors_stay_on_the_disk(tmp_path: Path) -> None:
    write_vectors(tmp_path / "v.safetensors", random_vectors(9, 4))
    before = (tmp_path / "v.safetensors").read_bytes()
    matrix = read_vectors(tmp_path / "v.safetensors").matrix
    assert isinstance(matrix.base, np.memmap)
    matrix[0] = 7  # own copy
    assert (tmp_path / "v.safetensors").read_bytes() == before


@pytest.mark.parametrize("binary", [False, True])
def test_gensim_reads_what_is_written_in_blocks(tmp_path: Path, binary: bool) -> None:
    vectors = random_vectors(50, 7)
    path = tmp_path / ("v.bin" if binary else "v.vec")
    with VectorWriter(path, 50, 7) as writer:
        for start in range(0, 50, 8):
            writer.write(vectors.words[start : start + 8], vectors.matrix[start : start + 8])
    same(WordVectors.from_gensim(KeyedVectors.load_word2vec_format(str(path), binary=binary)), vectors)


def test_fewer_digits_make_the_numbers_of_format(tmp_path: Path) -> None:
    vectors = random_vectors(20, 6)
    write_vectors(tmp_path / "v.vec", vectors, digits=4)
    expected = [[float(f"{number:.4g}") for number in row] for row in vectors.matrix.tolist()]
    np.testing.assert_array_equal(read_vectors(tmp_path / "v.vec").matrix, np.array(expected).astype(np.float32))
    with pytest.raises(StaticembError, match="digits must be from 1 to 9"):
        write_vectors(tmp_path / "w.vec", vectors, digits=10)


def test_a_failed_writer_leaves_nothing_and_keeps_the_old_file(tmp_path: Path) -> None:
    for name in ("v.vec", "v.safetensors"):
        write_vectors(tmp_path / name, random_vectors(3, 2))
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    for name in ("v.vec", "v.safetensors"):
        with (
            pytest.raises(StaticembError, match="4 words were promised, but 3 came"),
            VectorWriter(tmp_path / name, 4, 2) as writer,
        ):
            writer.write(["x", "y", "z"], np.zeros((3, 2)))
        for words, matrix, what in (
            (["a\nb"], np.zeros((1, 2)), r"cannot hold the word 'a\\nb'"),
            (["\ud800"], np.zeros((1, 2)), "cannot hold the word"),
            (["a", "b"], np.array([[0, 1], [np.inf, 0]]), "word 2: a number is not finite"),
            (["a"], np.zeros((1, 3)), "width 2"),
        ):
            with pytest.raises(StaticembError, match=what), VectorWriter(tmp_path / name, 2, 2) as writer:
                writer.write(words, matrix)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


class Unsafe:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("unpickled",))


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("v.kv", pickle.dumps(Unsafe(), protocol=4), "this is a pickle"),
        ("v.vec", pickle.dumps(Unsafe(), protocol=2), "save_word2vec_format"),
        ("cc.bin", b"\xba\x16\x4f\x2f\x0c\x00\x00\x00", "a fastText model"),
        ("v.zip", b"PK\x03\x04....", "a zip archive"),
        ("v.npy", b"\x93NUMPY\x01\x00", "a numpy array without words"),
        ("v.h5", b"\x89HDF\r\n", "an HDF5 file"),
        ("v.safetensors", b"\x10", "v.vocab.txt: no such file"),
        ("v.bin", b"not a header\n\x00\x01", "begins with the line 'n_words width'"),
        ("v.vec", b"0 5\n", "holds no word vectors"),
        ("v.vec", b"2 2\n", "promises 2 words, but 0 follow"),
        ("v.vec", b"1 2\n 0.5 0.5\n", r"v\.vec:2: expected a word and 2 numbers"),
        ("v.vec", b"1 2\nsu 0.5  0.5\n", r"v\.vec:2: "),
        ("v.vec", b"1 2\nsu 0.5 1_0\n", r"v\.vec:2: .*'1_0' is none"),
        ("v.vec", b"1 2\nsu 0.5 1e39\n", r"v\.vec:2: a number is not finite"),
        ("v.vec", b"2 2\nsu 0.5 1\nev 0.5 1 2\nyok 1 2\n", "promises 2 words, but 3 follow"),
        ("v.vec.xz", lzma.compress(b"w 1 2\n" * 99)[:-20], "cut short or damaged"),
        ("v.vec.gz", gzip.compress(b"w 1 2\n" * 99, mtime=0)[:20] + b"junk" * 9, "cut short or damaged"),
        ("v.vec.zst", b"junk", "cut short or damaged"),
    ],
)
def test_what_is_refused(
    tmp_path: Path, name: str, data: bytes, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    needs_extra(name)
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(StaticembError, match=words):
        read_vectors(path)
    assert capsys.readouterr().out == ""


def test_broken_safetensors_are_refused(tmp_path: Path) -> None:
    path, vocabulary = tmp_path / "v.safetensors", tmp_path / "v.vocab.txt"
    matrix = np.ones((2, 3), np.float32)
    cases = [
        ({"vectors": matrix}, b"a\nb\nc\n", "3 words, but .* 2 vectors"),
        ({"vectors": matrix}, b"a\n\xff\n", r"v\.vocab\.txt:2: not UTF-8"),
        ({"vectors": matrix}, b"\nb\n", r"v\.vocab\.txt:1: an empty line"),
        ({"other": matrix}, b"a\nb\n", "no tensor 'vectors', only 'other'"),
        ({"vectors": matrix[0]}, b"a\nb\nc\n", r"F32 of shape \[3\]"),
        ({"vectors": matrix.astype(np.int32)}, b"a\nb\n", "is I32"),
        ({"vectors": np.array([[1.0], [np.nan]], np.float32)}, b"a\nb\n", "word 2: a number is not finite"),
    ]
    for tensors, words, what in cases:
        save_file(tensors, path)
        vocabulary.write_bytes(words)
        with pytest.raises(StaticembError, match=what):
            read_vectors(path)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(StaticembError, match="no whole safetensors file"):
        read_vectors(path)


def test_a_header_that_promises_the_world_takes_no_memory(tmp_path: Path) -> None:
    number = np.float32(1).tobytes()
    for name, row in (("v.vec", b"su 1\n"), ("v.vec.gz", b"su 1\n"), ("v.bin", b"su " + number)):
        for header in (b"999999999999 1\n", b"999999999999 99999\n", b"1 999999999999\n"):
            path = tmp_path / name
            path.write_bytes(gzip.compress(header + row) if name.endswith("gz") else header + row)
            with pytest.raises(StaticembError):
                read_vectors(path)
