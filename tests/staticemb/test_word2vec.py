"""word2vec files: gensim reads what we write and we read what gensim writes; broken files are named by line."""

import gzip
import logging
from pathlib import Path

import numpy as np
import pytest
import zstandard
from gensim.models import KeyedVectors
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from xl_staticemb import StaticembError, WordVectors, read_word2vec, write_word2vec

CONTROLS = {chr(code) for code in range(32)} - set("\t\v\f\r")  # of white space not all is a fault
VECTORS = WordVectors(["</s>", "su", "日本"], np.random.default_rng(0).normal(size=(3, 4)))


def same(left: WordVectors, right: WordVectors) -> None:
    assert left.words == right.words
    np.testing.assert_array_equal(left.matrix, right.matrix)


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("name", ["v.vec", "v.bin", "v.vec.gz", "v"])
def test_gensim_reads_what_we_write(tmp_path: Path, binary: bool, name: str) -> None:
    path = tmp_path / name
    write_word2vec(path, VECTORS, binary=binary)
    gensim = KeyedVectors.load_word2vec_format(str(path), binary=binary)
    same(WordVectors.from_gensim(gensim), VECTORS)
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("binary", [False, True])
def test_we_read_what_gensim_writes(tmp_path: Path, binary: bool) -> None:
    path = tmp_path / "vectors"
    VECTORS.to_gensim().save_word2vec_format(str(path), binary=binary)
    same(read_word2vec(path), VECTORS)  # format found by content
    same(read_word2vec(path, binary=binary), VECTORS)


word = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\n \t\r"), min_size=1, max_size=8)
number = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.lists(word, min_size=1, max_size=5, unique=True), st.integers(1, 4), st.booleans(), st.data())
@settings(deadline=None)
def test_reading_gives_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, words: list[str], width: int, binary: bool, data: st.DataObject
) -> None:
    matrix = data.draw(arrays.arrays(np.float32, (len(words), width), elements=number))
    path = tmp_path_factory.mktemp("w2v") / "vectors.gz"
    if binary and any(char in "".join(words) for char in CONTROLS):
        with pytest.raises(StaticembError, match="cannot hold the word"):
            write_word2vec(path, WordVectors(words, matrix), binary=binary)
        return
    write_word2vec(path, WordVectors(words, matrix), binary=binary)
    same(read_word2vec(path, binary=binary), WordVectors(words, matrix))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2 2\nsu 1 2 \nev 3 4 \n", ["su", "ev"]),  # a space at the end of each line
        ("su 1 2\nev 3 4", ["su", "ev"]),  # neither first line nor last line break
        ("2 2\r\nsu 1 2\r\nev 3 4\r\n", ["su", "ev"]),
        ("2 2\nNew York 1 2\n1 000 3 4\n", ["New York", "1 000"]),  # words with spaces
        ("2 2\n\u00a0 1 2\na\u00a0b\u2028c 3 4\n", ["\u00a0", "a\u00a0b\u2028c"]),
    ],
)
def test_variants_of_the_text_format(tmp_path: Path, text: str, words: list[str]) -> None:
    path = tmp_path / "v.vec"
    path.write_bytes(text.encode())
    found = read_word2vec(path)
    assert found.words == words
    np.testing.assert_array_equal(found.matrix, [[1, 2], [3, 4]])


def test_limit_reads_the_first_words_only(tmp_path: Path) -> None:
    for binary in (False, True):
        path = tmp_path / "vectors"
        write_word2vec(path, VECTORS, binary=binary)
        assert read_word2vec(path, limit=2).words == VECTORS.words[:2]
    with pytest.raises(StaticembError, match="at least 1"):
        read_word2vec(path, limit=0)


def test_the_first_of_repeated_words_counts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "v.vec"
    path.write_text("3 1\nsu 1\nsu 2\nev 3\n", encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        found = read_word2vec(path)
    assert found.words == ["su", "ev"]
    assert found.matrix.tolist() == [[1.0], [3.0]]
    assert "1 repeated words" in caplog.text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"2 2\nsu 1 2\nev 3\n", r"v\.vec:3: expected a word and 2 numbers"),
        (b"2 2\nsu 1 x\nev 3 4\n", r"v\.vec:2: expected a word and 2 numbers .*'x'"),
        (b"2 2\nsu\t1\t2\nev\t3\t4\n", r"v\.vec:2: expected a word and 2 numbers parted by single spaces, found 'su"),
        (b"su\t1\t2\nev\t3\t4\n", r"v\.vec:1: expected a word and its numbers parted by single spaces, found 'su"),
        (b"2 2\nsu 1 2\n\nev 3 4\n", r"v\.vec:3: "),
        (b"2 2\nsu 1 nan\nev 3 4\n", r"v\.vec:2: a number is not finite"),
        (b"2 2\nsu 1 nan\nev 3 x\n", r"v\.vec:2: a number is not finite"),
        (b"2 2\nsu 1 nan(1)\nev 3 4\n", r"v\.vec:2: expected a word and 2 numbers .*'nan\(1\)'"),
        (b"2 2\nsu 1 2\n\xff 3 4\n", r"v\.vec:3: not UTF-8 \(byte 0xff\)"),
        (b"3 2\nsu 1 2\nev 3 4\n", "promises 3 words, but 2 follow"),
        (b"", "holds no word vectors"),
        (b"just_a_word\n", r"v\.vec:1: "),
    ],
)
def test_broken_text_is_named_by_line(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "v.vec"
    path.write_bytes(data)
    with pytest.raises(StaticembError, match=words):
        read_word2vec(path)


def test_broken_binary_and_compression_and_absence_are_named(tmp_path: Path) -> None:
    path = tmp_path / "v.bin"
    write_word2vec(path, VECTORS, binary=True)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(StaticembError, match="word 3 of 3: the file ends here"):
        read_word2vec(path)
    packed = tmp_path / "v.vec.gz"
    packed.write_bytes(gzip.compress(b"".join(b"w%d 1 2\n" % i for i in range(99)))[:-12])
    with pytest.raises(StaticembError, match="cut short or damaged"):
        read_word2vec(packed)
    with pytest.raises(StaticembError, match="no such file"):
        read_word2vec(tmp_path / "none.vec")


def test_a_word_with_a_space_that_gensim_wrote_in_binary_is_named(tmp_path: Path) -> None:
    path = tmp_path / "v.bin"
    spaced = WordVectors(["su", "new york", "ev", "at"], VECTORS.matrix[[0, 1, 2, 0]])
    spaced.to_gensim().save_word2vec_format(str(path), binary=True)
    with pytest.raises(StaticembError, match=r"v\.bin: word 3 of 4: b'.*ev' is .*the word before it holds a space"):
        read_word2vec(path)
    assert read_word2vec(path, limit=1).words == ["su"]
    spaced.to_gensim().save_word2vec_format(str(tmp_path / "v.vec"))  # text holds it
    assert read_word2vec(tmp_path / "v.vec").words == spaced.words


def test_binary_numbers_that_do_not_fit_the_file(tmp_path: Path) -> None:
    path = tmp_path / "v.bin"
    write_word2vec(path, VECTORS, binary=True)
    whole = path.read_bytes()
    path.write_bytes(whole + b"ev ")
    with pytest.raises(StaticembError, match=r"v\.bin: more follows behind word 3 of 3"):
        read_word2vec(path)
    assert read_word2vec(path, limit=2).words == VECTORS.words[:2]
    for width in (3, 5):
        path.write_bytes(whole.replace(b"3 4\n", b"3 %d\n" % width, 1))
        with pytest.raises(StaticembError, match=r"v\.bin: word \d of 3: "):
            read_word2vec(path)


def test_zstandard_data_cut_short_between_two_lines_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "v.vec.zst"
    halves = [b"".join(b"w%d %d 2\n" % (i, i * i) for i in range(*span)) for span in ((0, 500), (500, 999))]
    path.write_bytes(b"".join(map(zstandard.compress, halves)))
    assert len(read_word2vec(path)) == 999
    packer = zstandard.ZstdCompressor().compressobj()
    path.write_bytes(packer.compress(halves[0]) + packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))
    with pytest.raises(StaticembError, match=r"v\.vec\.zst: compressed data is cut short"):
        read_word2vec(path)


def test_words_that_the_format_cannot_hold_leave_no_file(tmp_path: Path) -> None:
    spaced = WordVectors(["su", "New York"], np.ones((2, 2)))
    write_word2vec(tmp_path / "v.vec", spaced)
    same(read_word2vec(tmp_path / "v.vec"), spaced)
    with pytest.raises(StaticembError, match="'New York'"):
        write_word2vec(tmp_path / "v.bin", spaced, binary=True)
    with pytest.raises(StaticembError, match="no folder"):
        write_word2vec(tmp_path / "none" / "v.vec", spaced)
    assert [file.name for file in tmp_path.iterdir()] == ["v.vec"]
