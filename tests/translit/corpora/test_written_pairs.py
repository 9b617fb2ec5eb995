"""What `romanize_corpus` wrote is read back as it was, or refused with the reason."""

import sys
from pathlib import Path

import pytest

from xl_translit import CorpusError, Romanizer, hash_file, romanize_corpus, written_pairs

LINES = ["Ελλάδα", "\tдва  слова", '"кавычки", \\n', "ይህ ነው።", "Çay"]


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "und.txt"
    path.write_text("".join(f"{line}\n" for line in LINES), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["p.txt", "p.txt.zst", "p.tsv", "p.tsv.gz", "p.jsonl", "p.parquet"])
def test_pairs_of_every_format_are_those_of_the_romaniser(tmp_path: Path, text: Path, name: str) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    romanize_corpus(text, tmp_path / name, pairs=True)
    (file,) = written_pairs([tmp_path / name])
    flat = LINES if name.endswith(("jsonl", "parquet")) else [line.replace("\t", " ") for line in LINES]
    say = Romanizer()
    expected = [say(line).replace("\t", " ") if flat is not LINES else say(line) for line in LINES]
    assert list(file) == list(zip(flat, expected, strict=True))
    assert (file.to, file.lang, dict(file.inputs)) == ("latn", None, {hash_file(text): str(text)})


def test_a_library_that_is_not_there_is_told_before_anything_is_done(
    tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "in.parquet").touch()
    for source, out in (
        (text, tmp_path / "p.parquet"),
        (tmp_path / "in.parquet", tmp_path / "p.tsv"),
        (text, "s3://b/c"),
    ):
        with pytest.raises(CorpusError, match=r"need `pyarrow`; pip install 'xl-translit\[corpora\]'$"):
            romanize_corpus(source, out, column="text" if source != text else None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.parquet", "und.txt"]


def test_a_folder_stands_for_its_files_of_pairs(tmp_path: Path, text: Path) -> None:
    for number in (1, 2):
        romanize_corpus(text, tmp_path / f"{number}.tsv", pairs=True, shard=f"{number}/2")
    files = written_pairs([tmp_path])
    assert [file.path.name for file in files] == ["1.tsv", "2.tsv"]
    assert len([pair for file in files for pair in file]) == len(LINES)


def test_what_is_no_whole_file_of_pairs_is_refused(tmp_path: Path, text: Path) -> None:
    romanize_corpus(text, tmp_path / "alone.txt")
    with pytest.raises(CorpusError, match="holds no texts beside their transliterations; make it again"):
        written_pairs([tmp_path / "alone.txt"])
    with pytest.raises(CorpusError, match=r"und\.txt\.manifest\.json: no such file"):
        written_pairs([text])
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match=r"empty: no file with a manifest\.json beside it"):
        written_pairs([tmp_path / "empty"])
    romanize_corpus(text, tmp_path / "pairs.tsv", pairs=True)
    with (tmp_path / "pairs.tsv").open("a", encoding="utf-8") as file:
        file.write("more\tmore\n")
    with pytest.raises(CorpusError, match=r"was changed since pairs\.tsv\.manifest\.json was written"):
        written_pairs([tmp_path / "pairs.tsv"])
    (tmp_path / "pairs.tsv.manifest.json").write_text("{}")
    with pytest.raises(CorpusError, match="not a manifest"):
        written_pairs([tmp_path / "pairs.tsv"])
