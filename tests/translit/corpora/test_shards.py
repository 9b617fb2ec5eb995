"""A folder of shards is the single file cut in pieces of any sizes, stopped anywhere, with bad rows or none."""

import gzip
import hashlib
import json
import lzma
import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.thinned import thinned
from tests.translit.standins import Upper

from xl_translit import CorpusError, CorpusOptionError, Manifest, romanize_corpus
from xl_translit.corpora import inputs, romanization, shards

LINES = [f"row {number} of word{number % 7}" for number in range(60)]
UNPACK: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.decompress, ".xz": lzma.decompress}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Portions of some hundred bytes: LINES make a dozen shards."""
    monkeypatch.setattr(shards, "_LEAST_BYTES", 100)
    monkeypatch.setattr(shards, "_SHARDS", 12)
    monkeypatch.setattr(inputs, "CHUNK_ROWS", 4)


def parts(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())


def joined(folder: Path) -> bytes:
    """What the shards hold, one behind the other, of TSV one header."""
    read = [UNPACK.get(path.suffix, bytes)(path.read_bytes()) for path in parts(folder)]
    if ".tsv" in parts(folder)[0].name:
        read = [read[0], *(data.partition(b"\n")[2] for data in read[1:])]
    return b"".join(read)


def told(manifest: Manifest) -> dict[str, Any]:
    """What a manifest says of the rows."""
    return {name: value for name, value in vars(manifest).items() if name not in ("run", "inputs", "output")}


def run(source: Path | list[Path], out: Path | str, **options: Any) -> Manifest:
    return romanize_corpus(source, out, transliterator=Upper(), **options)


@pytest.mark.parametrize("suffix", thinned([".txt", ".tsv", ".jsonl.gz", ".txt.xz", ".tsv.gz", ".parquet"], 3))
def test_shards_one_behind_the_other_are_the_file(tmp_path: Path, suffix: str) -> None:
    table = tmp_path / "in.tsv"
    table.write_text("text\tid\n" + "".join(f"{line}\t{number}\n" for number, line in enumerate(LINES)))
    options: dict[str, Any] = {"column": "text", "pairs": True, "keep": () if suffix.startswith(".txt") else ("id",)}
    one = run(table, tmp_path / f"one{suffix}", **options)
    many = run(table, f"{tmp_path}/many{suffix}/", **options)
    folder = tmp_path / f"many{suffix}"
    assert told(many) == told(one)
    assert many.output["shards"] == len(parts(folder)) >= 10
    if suffix == ".parquet":
        from pyarrow import parquet

        assert parquet.read_table(folder) == parquet.read_table(tmp_path / "one.parquet")
    else:
        assert joined(folder) == UNPACK.get(Path(suffix).suffix, bytes)((tmp_path / f"one{suffix}").read_bytes())
    # each shard has a manifest: as many rows out as in, and what sha256sum says
    records = [json.loads(path.read_text()) for path in sorted((folder / "_shards").glob("0*.json"))]
    assert [record["shard"] for record in records] == [path.name for path in parts(folder)]
    assert [record["sha256"] for record in records] == [
        hashlib.sha256(path.read_bytes()).hexdigest() for path in parts(folder)
    ]
    assert all(record["rows_in"] == record["rows_out"] for record in records)
    assert sum(record["rows_in"] for record in records) == len(LINES)
    listing = "".join(f"{record['sha256']}  {record['shard']}\n" for record in records)
    assert many.output["shards_sha256"] == hashlib.sha256(listing.encode()).hexdigest()


LINE = st.text(st.sampled_from("ab\r\x0b\u2028éλ\ufeff \t"), max_size=12).map(str.encode)
BAD = st.sampled_from([b"\xff", b"FAIL", b"a\xc3"])
FILE = st.tuples(st.lists(st.one_of(LINE, BAD), max_size=12), st.sampled_from([b"", b"\xef\xbb\xbf"]), st.booleans())


@given(st.lists(FILE, min_size=1, max_size=3), st.integers(1, 60), st.integers(1, 5))
@settings(deadline=None, max_examples=30)
def test_any_lines_cut_anywhere(files: list[tuple[list[bytes], bytes, bool]], n_bytes: int, n_rows: int) -> None:
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as name:
        patch.setattr(shards, "_LEAST_BYTES", n_bytes)
        patch.setattr(inputs, "CHUNK_ROWS", n_rows)
        folder = Path(name)
        names = []
        for number, (lines, mark, ended) in enumerate(files):
            names.append(folder / f"{number}.txt")
            names[-1].write_bytes(mark + b"\n".join(lines) + b"\n" * (ended and bool(lines)))
        one = run(names, folder / "one.txt", on_error="skip")
        many = run(names, f"{folder}/many/", on_error="skip")
        assert joined(folder / "many") == (folder / "one.txt").read_bytes()
        assert told(many) == told(one)
        listed = [folder / f"{name}.rejected.jsonl" for name in ("one.txt", "many")]
        assert [path.exists() and path.read_text() for path in listed[1:]] == [
            path.exists() and path.read_text() for path in listed[:1]
        ]
        if one.counts["rejected"]:
            messages = []
            for out in ("stop.txt", "stops/"):
                with pytest.raises(CorpusError) as error:
                    run(names, f"{folder}/{out}")
                messages.append(str(error.value))
            assert messages[0] == messages[1]


class FirstWord(Upper):
    """Says the first word of a row for each, so that words share a result by the row where they came first."""

    def __call__(self, text: str) -> str:
        first, *others = text.split()
        return " ".join([first, *[first] * len(others)])


ROWS = st.lists(st.text("abc", min_size=1, max_size=2), min_size=1, max_size=4).map(" ".join)


@given(st.lists(ROWS, min_size=6, max_size=20), st.data())
@settings(deadline=None, max_examples=40)
def test_words_are_those_of_the_file_whoever_makes_a_shard_and_whichever_fails(
    lines: list[str], data: st.DataObject
) -> None:
    made: list[int] = []

    def anyhow(function: shards.ShardWriter, plan: list[shards.Portion], jobs: int | None) -> list[shards.Outcome]:
        """Portions in any order, in processes of which each has a copy; one of them fails at first, when half done."""
        workers = [pickle.loads(pickle.dumps(function)) for _ in range(3)]
        order = data.draw(st.permutations(plan))
        whom = data.draw(st.lists(st.integers(0, 2), min_size=len(plan), max_size=len(plan)))
        fails = data.draw(st.integers(0, len(plan) - 1))
        outcomes = []
        for number, (portion, who) in enumerate(zip(order, whom, strict=True)):
            made.append(portion.index)
            if number == fails:
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(shards.ChunkWriter, "__call__", _half_done(shards.ChunkWriter.__call__))
                    workers[who](portion)  # of no line where a long one lies across it
            outcomes.append(workers[data.draw(st.integers(0, 2)) if number == fails else who](portion))
        return outcomes

    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as name:
        patch.setattr(shards, "_LEAST_BYTES", 1)
        patch.setattr(shards, "_SHARDS", 8)
        patch.setattr(inputs, "CHUNK_ROWS", 2)
        patch.setattr(romanization, "ordered_map", anyhow)
        folder = Path(name)
        (folder / "in.txt").write_text("".join(f"{line}\n" for line in lines))
        many = romanize_corpus(folder / "in.txt", f"{folder}/many/", transliterator=FirstWord())
        patch.undo()
        one = romanize_corpus(folder / "in.txt", folder / "one.txt", transliterator=FirstWord())
        assert len(made) > 1
        assert told(many) == told(one)


def _half_done(write: Callable[..., Any]) -> Callable[..., Any]:
    def broken(self: Any, chunk: Any) -> Any:
        write(self, chunk)
        message = "no space left"
        raise OSError(message)

    return broken


class Stopped(Exception):  # noqa: N818 - what a Ctrl-C would be
    pass


@pytest.mark.parametrize("after", thinned([1, 5, 9], 1))
def test_a_run_that_was_stopped_goes_on_shard_by_shard(tmp_path: Path, after: int) -> None:
    source = tmp_path / "in.txt"
    source.write_text("".join(f"{line}\n" for line in LINES))
    run(source, f"{tmp_path}/whole/")
    left = iter(range(after))

    def stop(_: Any) -> None:
        if next(left, None) is None:
            raise Stopped

    with pytest.raises(Stopped):
        run(source, f"{tmp_path}/out/", on_progress=stop)
    assert not (tmp_path / "out.manifest.json").exists()
    with pytest.raises(CorpusError, match=r"an unfinished run of other options .*pairs: False then, True now"):
        run(source, f"{tmp_path}/out/", pairs=True)
    times = {path.name: path.stat().st_mtime_ns for path in parts(tmp_path / "out")}
    manifest = run(source, tmp_path / "out")  # it is known by what it holds
    assert manifest.run["rows_resumed"] > 0
    assert {path.name: path.stat().st_mtime_ns for path in parts(tmp_path / "out")}.items() >= times.items()
    assert joined(tmp_path / "out") == joined(tmp_path / "whole")
    whole = json.loads((tmp_path / "whole.manifest.json").read_text())
    again = json.loads((tmp_path / "out.manifest.json").read_text())
    assert {**again, "run": None} == {**whole, "run": None}
    with pytest.raises(CorpusOptionError, match="exists already"):
        run(source, f"{tmp_path}/out/")


def test_an_input_that_was_changed_is_noticed_and_one_that_was_touched_is_not(tmp_path: Path) -> None:
    source = tmp_path / "in.txt"
    source.write_text("".join(f"{line}\n" for line in LINES) + "FAIL\n")
    with pytest.raises(CorpusError, match=r"in\.txt:61: upper failed"):
        run(source, f"{tmp_path}/out/")
    os.utime(source, ns=(1, 1))
    with pytest.raises(CorpusError, match=r"in\.txt:61: upper failed"):
        run(source, f"{tmp_path}/out/")
    source.write_text(source.read_text().replace("row 3 ", "row 4 "))
    with pytest.raises(CorpusError, match="an input was changed"):
        run(source, f"{tmp_path}/out/")
    source.write_text(source.read_text() + "more\n")
    with pytest.raises(CorpusError, match=r"unfinished run of other options .*sizes"):
        run(source, f"{tmp_path}/out/")


def test_a_folder_of_shards_is_an_input(tmp_path: Path) -> None:
    source = tmp_path / "in.txt"
    source.write_text("".join(f"{line}\n" for line in LINES))
    run(source, f"{tmp_path}/a.jsonl.gz/", pairs=True)
    run(tmp_path / "a.jsonl.gz", f"{tmp_path}/b/", column="text")
    assert joined(tmp_path / "b").decode() == "".join(f"{line.upper()}\n" for line in LINES)


def test_row_groups_of_parquet_are_shared_out(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.table({"text": LINES, "id": list(range(60))})
    parquet.write_table(table, tmp_path / "in.parquet", row_group_size=10)
    options: dict[str, Any] = {"column": "text", "keep": ["id"]}
    run(tmp_path / "in.parquet", tmp_path / "one.parquet", **options)
    manifest = run(tmp_path / "in.parquet", f"{tmp_path}/many.parquet/", **options)
    assert manifest.output["shards"] == 6
    assert parquet.read_table(tmp_path / "many.parquet") == parquet.read_table(tmp_path / "one.parquet")


@pytest.mark.slow
def test_two_processes_write_the_same(tmp_path: Path) -> None:
    source = tmp_path / "in.txt"
    source.write_text("".join(f"{line}\n" for line in LINES))
    first, second = (run(source, f"{tmp_path}/{jobs}/", jobs=jobs) for jobs in (1, 2))
    assert joined(tmp_path / "1") == joined(tmp_path / "2")
    assert told(first) == told(second)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"shard": "1/2"}, "leave --shard away"),
        ({"inputs": "-"}, "<stdin>: a pipe cannot be shared out"),
        ({"engine": "ray", "out": None}, r"the engine ray writes a folder of shards, no stream"),
    ],
)
def test_what_cannot_be_shared_out_is_refused(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    import io

    (tmp_path / "in.txt").write_text("a\n")
    given: dict[str, Any] = {"inputs": tmp_path / "in.txt", "out": f"{tmp_path}/out/", **options}
    with pytest.raises(CorpusOptionError, match=words):
        romanize_corpus(given.pop("inputs"), given.pop("out") or io.BytesIO(), transliterator=Upper(), **given)
    assert not (tmp_path / "out").exists()


def test_another_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("a\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("mine\n")
    with pytest.raises(CorpusOptionError, match="out exists already"):
        run(tmp_path / "in.txt", f"{tmp_path}/out/")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_a_url_of_no_known_store_is_told(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("a\n")
    with pytest.raises(CorpusError, match=re.escape("nothing://x: no such store can be opened")):
        run(tmp_path / "in.txt", "nothing://x/out")
