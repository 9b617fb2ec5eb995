"""Dictionary files: formats, broken lines by number, what is written is read again."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xl_staticemb import StaticembError, read_dictionary, write_dictionary
from xl_staticemb.lexicon.dictionaries import fits_a_line


def test_dictionaries_with_tabs_and_with_spaces(tmp_path: Path) -> None:
    path = tmp_path / "en-tr.txt"
    lines = [
        "\ufeffwater su\r",
        "New York\tNew York",
        "",
        "house   ev",
        "house\tkonut ",
        "cat kedi 0.5",
        "dog\tit\t-1e-3",
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    expected = [
        ("water", "su"),
        ("New York", "New York"),
        ("house", "ev"),
        ("house", "konut"),
        ("cat", "kedi"),
        ("dog", "it"),
    ]
    assert read_dictionary(path) == expected


def test_numbers_are_words_too(tmp_path: Path) -> None:
    path = tmp_path / "d.txt"
    path.write_text("1990 1990\n7\t7\n8\t8\t8\n")
    assert read_dictionary(path) == [("1990", "1990"), ("7", "7"), ("8", "8")]


def test_lines_that_nobody_can_cut_are_left_out_on_request(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "d.txt"
    path.write_text("a b\nnew york new york\nc d e\n")
    assert read_dictionary(path, skip_unclear=True) == [("a", "b")]
    assert "2 lines of several words" in caplog.text
    with pytest.raises(StaticembError, match=r"d\.txt:2: "):
        read_dictionary(path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"a b\nword\n", r"d\.txt:2: expected source<TAB>target, found 'word'"),
        (b"a\tb\tc\n", r"d\.txt:1: "),
        (b"a b c\n", r"d\.txt:1: "),
        (b"a b\n\xe9 b\n", r"d\.txt:2: not UTF-8 \(byte 0xe9\)"),
        (b"\n", "holds no pairs"),
    ],
)
def test_broken_dictionaries_are_named_by_line(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "d.txt"
    path.write_bytes(data)
    with pytest.raises(StaticembError, match=words):
        read_dictionary(path)
    with pytest.raises(StaticembError, match="no such file"):
        read_dictionary(tmp_path / "none")


@given(st.lists(st.tuples(st.text(), st.text(), st.floats(-4, 4)), min_size=1))
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, entries: list) -> None:
    path = tmp_path_factory.mktemp("d") / "d.tsv"
    if all(fits_a_line(word) for source, target, _ in entries for word in (source, target)):
        write_dictionary(path, entries)
        assert read_dictionary(path) == [(source, target) for source, target, _ in entries]
    else:
        with pytest.raises(StaticembError, match="cannot hold the word"):
            write_dictionary(path, entries)
        assert not list(path.parent.iterdir())


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StaticembError, match="no folder"):
        write_dictionary(tmp_path / "no" / "d.tsv", [("a", "b", 1.0)])


@pytest.mark.data
def test_real_dictionaries_are_read_whole(data_folder: Path) -> None:
    files = [
        *(data_folder / "bli_xling").rglob("*.tsv"),
        *(data_folder / "bli_panlex").rglob("*.trans"),
        *(data_folder / "muse_pos").glob("*.txt"),
    ]
    assert len(files) > 50
    for path in files:
        assert len(read_dictionary(path)) == sum(1 for line in path.read_bytes().split(b"\n") if line.strip()), path
