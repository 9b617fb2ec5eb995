"""Whole runs: as many rows out as in, in every format and from every kind of input, and an account that adds up."""

import gzip
import io
import json
import lzma
import random
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.thinned import thinned
from tests.translit.standins import Short, Unruly, Upper

from xl_translit import (
    CorpusError,
    CorpusOptionError,
    Phonemizer,
    Romanizer,
    TextError,
    UnknownLanguageError,
    romanize_corpus,
)
from xl_translit.corpora import inputs
from xl_translit.corpora.formats import _strings

PACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}
UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.decompress,
    ".xz": lzma.decompress,
    ".zst": lambda data: zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read(),
}
ODD = "a\r\x85\u2028\x0c\x1c?\tß ﬁ -"  # what other readers take for line ends, TABs, letters that grow
TEXTS = st.text(st.sampled_from(ODD) | st.characters(exclude_characters="\n\ufeff", exclude_categories=["Cs"]))


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of three rows, so that small corpora have many."""
    monkeypatch.setattr(inputs, "CHUNK_ROWS", 3)


def write(path: Path, lines: list[str], pack: str = "") -> Path:
    path.write_bytes(PACK[pack]("".join(f"{line}\n" for line in lines).encode()))
    return path


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\nß中"))))
def test_strings_become_the_array_that_arrow_makes_of_them(texts: list[str]) -> None:
    import pyarrow as pa

    assert _strings(texts).equals(pa.array(texts, pa.string()))


def test_writing_parquet_loads_no_pandas(tmp_path: Path) -> None:
    write(tmp_path / "in.txt", ["Ελλάδα", "две строки"])
    program = "import sys, xl_translit; xl_translit.romanize_corpus('in.txt', 'out.parquet', pairs=True)"
    program += "; print('pyarrow' in sys.modules, 'pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, check=True, text=True)
    assert done.stdout == "True False\n"


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of an output with names, by readers that are not ours."""
    if path.suffix == ".parquet":
        from pyarrow import parquet

        return parquet.read_table(path).to_pylist()
    packed = path.suffix if path.suffix in UNPACK else ""
    lines = UNPACK[packed](path.read_bytes()).decode().split("\n")
    assert lines.pop() == ""
    if ".jsonl" in path.name:
        return [json.loads(line) for line in lines]
    names, *rows = [line.split("\t") for line in lines]
    return [dict(zip(names, row, strict=True)) for row in rows]


@settings(max_examples=25, deadline=None)
@given(st.lists(TEXTS, max_size=20), st.booleans())
def test_rows_out_are_rows_in_whatever_they_hold(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], last_line_ends: bool
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    data = "".join(f"{text}\n" for text in texts)
    if texts and texts[-1] and not last_line_ends:
        data = data[:-1]
    (folder / "in.txt").write_bytes(data.encode())
    say = Upper()
    ends = ["\r" * text.endswith("\r") for text in texts]  # no text, and back where lines are written
    texts = [text.removesuffix("\r") for text in texts]
    results = [say(text) for text in texts]
    flat = [text.replace("\t", " ") for text in texts]
    for name in ("out.txt", "out.tsv.gz", "out.jsonl.xz", "out.jsonl", "out.parquet", "pairs.txt.zst"):
        out = folder / name
        manifest = romanize_corpus(folder / "in.txt", out, pairs=name != "out.txt", transliterator=say)
        assert (manifest.counts["rows_in"], manifest.counts["rows_out"]) == (len(texts), len(texts))
        if name == "out.txt":
            assert out.read_bytes() == "".join(map("{}{}\n".format, results, ends)).encode()
        elif name == "pairs.txt.zst":
            lines = UNPACK[".zst"](out.read_bytes()).decode().split("\n")[:-1]
            assert lines == [f"{text}\t{say(text)}" for text in flat]  # a CR is in no cell
        elif ".tsv" in name:
            assert read_rows(out) == [{"text": text, "romanized": say(text)} for text in flat]
            assert manifest.counts["replaced_tabs"] == sum(t.count("\t") + say(t).count("\t") for t in texts)
        else:
            assert read_rows(out) == [{"text": t, "romanized": r} for t, r in zip(texts, results, strict=True)]


@pytest.mark.parametrize("pack", PACK)
def test_compressed_input_is_hashed_as_it_lies_on_the_disk(tmp_path: Path, pack: str) -> None:
    texts = [f"line {number}" for number in range(10)]
    path = write(tmp_path / f"in.txt{pack}", texts, pack)
    manifest = romanize_corpus(path, tmp_path / "out.txt", transliterator=Upper())
    assert manifest.inputs == [
        {
            "name": str(path),
            "sha256": sha256(path.read_bytes()).hexdigest(),
            "bytes": path.stat().st_size,
            "rows": 10,
        }
    ]
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == "".join(f"{text.upper()}\n" for text in texts)
    assert manifest.output["sha256"] == sha256((tmp_path / "out.txt").read_bytes()).hexdigest()


@pytest.mark.parametrize("pack", [".gz", ".xz", ".zst"])
def test_compressed_output_of_no_rows_is_still_compressed(tmp_path: Path, pack: str) -> None:
    (tmp_path / "in.txt").write_bytes(b"")
    romanize_corpus(tmp_path / "in.txt", tmp_path / f"out.txt{pack}", transliterator=Upper())
    assert (tmp_path / f"out.txt{pack}").stat().st_size > 0
    assert UNPACK[pack]((tmp_path / f"out.txt{pack}").read_bytes()) == b""


def test_columns_by_name_in_every_format_and_others_that_go_along(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    rows: list[dict[str, Any]] = [
        {"id": number, "text": f"te\txt {number}", "more": None if number % 2 else [number]} for number in range(8)
    ]
    write(tmp_path / "in.jsonl", [json.dumps(row) for row in rows])
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "in.parquet")
    lines = ["id\ttext\tmore", *(f"{row['id']}\ttext {row['id']}\t{row['more']}" for row in rows)]
    write(tmp_path / "in.tsv.gz", lines, ".gz")
    say = Upper()
    for name in ("in.jsonl", "in.parquet"):
        for end in (".jsonl", ".parquet", ".tsv"):
            out = tmp_path / f"from-{name.partition('.')[2]}{end}"
            romanize_corpus(tmp_path / name, out, column="text", keep=["more", "id"], pairs=True, transliterator=say)
            found = read_rows(out)
            assert [list(row) for row in found] == [["more", "id", "text", "romanized"]] * 8
            assert [str(row["id"]) for row in found] == [str(row["id"]) for row in rows]
            if end == ".tsv":
                assert [row["more"] for row in found] == [
                    "" if row["more"] is None else str(row["more"]) for row in rows
                ]
                assert [row["romanized"] for row in found] == [row["text"].replace("\t", " ").upper() for row in rows]
            else:
                assert [row["romanized"] for row in found] == [row["text"].upper() for row in rows]
                assert [row["text"] for row in found] == [row["text"] for row in rows]
            if end == ".jsonl" or (end, name) == (".parquet", "in.parquet"):
                assert [row["more"] for row in found] == [row["more"] for row in rows]
                assert [row["id"] for row in found] == [row["id"] for row in rows]
    romanize_corpus(tmp_path / "in.tsv.gz", tmp_path / "t.jsonl", column="text", keep=["id"], transliterator=say)
    assert read_rows(tmp_path / "t.jsonl") == [{"id": str(n), "romanized": f"TEXT {n}"} for n in range(8)]
    # a number is a place in a file without a header
    romanize_corpus(tmp_path / "in.tsv.gz", tmp_path / "n.txt", column="2", transliterator=say)
    assert (tmp_path / "n.txt").read_text(encoding="utf-8").split("\n")[:2] == ["TEXT", "TEXT 0"]


FORMS = {
    "text": "a\rb\nc d\n",
    "tsv": "id\ttext\n1\ta\n2\tb\n",
    "jsonl": '{"id": 1, "text": "a\\r"}\n',
    "numbered": "1\ta\n",
}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("out", thinned(["o.txt", "o.tsv", "o.jsonl", "pairs.txt"], 4))
@pytest.mark.parametrize("broken", [False, True])
def test_a_cr_before_the_line_feed_is_no_text(tmp_path: Path, name: str, out: str, *, broken: bool) -> None:
    """Of `broken` input no chunk is UTF-8, so that its rows are read one by one."""
    options: dict[str, Any] = {"tsv": {"column": "text"}, "jsonl": {"column": "text"}, "numbered": {"column": "2"}}
    results = []
    for end in ("\n", "\r\n"):
        folder = tmp_path / repr(end)
        folder.mkdir()
        source = folder / ("in.tsv" if name == "numbered" else f"in.{name}")
        source.write_bytes(FORMS[name].replace("\n", end).encode() + b"\xff\n" * broken)
        target = folder / out
        given: dict[str, Any] = {"on_error": "skip", "pairs": out.startswith("pairs"), **options.get(name, {})}
        manifest = romanize_corpus(source, target, transliterator=Upper(), **given)
        results.append((target.read_bytes(), manifest.counts, manifest.unmapped))
    if name == "text" and out == "o.txt":  # the lines of text end as those of the input
        results[0] = (results[0][0].replace(b"\n", b"\r\n"), *results[0][1:])
    assert results[0] == results[1]


def test_looking_at_a_header_reads_no_more_than_it_must(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from xl_translit.corpora import sources

    path = write(tmp_path / "in.tsv", ["id\ttext", *("1\tmuch text" for _ in range(100_000))])
    readings: list[sources.ReadTally] = []
    with monkeypatch.context() as patch:
        patch.setattr(
            sources, "ReadTally", lambda original=sources.ReadTally: readings.append(original()) or readings[-1]
        )
        sources.LineSource(str(path), "tsv", "text")
    assert 0 < readings[0].n_bytes <= 1 << 17 < path.stat().st_size


def test_arrow_types_survive_where_the_sources_agree(tmp_path: Path) -> None:
    import datetime

    import pyarrow as pa
    from pyarrow import parquet

    when = datetime.datetime(2020, 2, 29, tzinfo=datetime.UTC)
    table = pa.table({"text": pa.array(["a"], pa.large_string()), "when": [when], "raw": [b"\xff"]})
    parquet.write_table(table, tmp_path / "a.parquet")
    keep = ["when", "raw"]
    say = Upper()
    romanize_corpus(tmp_path / "a.parquet", tmp_path / "o.parquet", column="text", keep=keep, transliterator=say)
    assert read_rows(tmp_path / "o.parquet") == [{"when": when, "raw": b"\xff", "romanized": "A"}]
    write(tmp_path / "b.tsv", ["text\twhen\traw", "b\tnow\tx"])
    both = [tmp_path / "a.parquet", tmp_path / "b.tsv"]
    romanize_corpus(both, tmp_path / "mixed.parquet", column="text", keep=keep, transliterator=say)
    assert [row["romanized"] for row in read_rows(tmp_path / "mixed.parquet")] == ["A", "B"]
    assert read_rows(tmp_path / "mixed.parquet")[1]["when"] == "now"


def test_folders_and_globs_are_read_in_the_order_of_their_paths(tmp_path: Path) -> None:
    for name in ("b/2.txt", "b/10.txt", "a/z.txt.gz", "a/.hidden", ".cache/x.txt"):
        path = tmp_path / "in" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        write(path, [name], ".gz" if name.endswith(".gz") else "")
    out = io.BytesIO()
    manifest = romanize_corpus(tmp_path / "in", out, transliterator=Upper())
    assert out.getvalue().decode().split() == ["A/Z.TXT.GZ", "B/10.TXT", "B/2.TXT"]
    assert [entry["rows"] for entry in manifest.inputs] == [1, 1, 1]
    out = io.BytesIO()
    romanize_corpus([f"{tmp_path}/in/**/*2.txt", tmp_path / "in/b/10.txt"], out, transliterator=Upper())
    assert out.getvalue().decode().split() == ["B/2.TXT", "B/10.TXT"]
    write(tmp_path / "in/b/rows.jsonl", ['{"t": "column"}'])
    out = io.BytesIO()
    romanize_corpus(tmp_path / "in", out, column="t", transliterator=Upper())
    assert out.getvalue() == b"COLUMN\n"


BAD_ROWS = {
    "in.txt": (b"one\n\xc3\x28\nthree\nFAIL 4\nfive", [2, 4], ["ONE", "THREE", "FIVE"]),
    "in.tsv": (b"id\ttext\n1\tone\n2\n3\t\xff\n4\tfour\n", [3, 4], ["ONE", "FOUR"]),
    "in.jsonl": (
        b'{"text": "one"}\nnot json\n[1]\n{"txt": 1}\n{"text": null}\n{"text": 7}\n'
        b'{"text": "\\ud800"}\n\n{"text": "9"}\n',
        [2, 3, 4, 5, 6, 7, 8],
        ["ONE", "9"],
    ),
}


@pytest.mark.parametrize("name", BAD_ROWS)
@pytest.mark.parametrize("jobs", thinned([1, 2], 2))
def test_bad_rows_stop_the_run_or_are_listed(tmp_path: Path, name: str, jobs: int) -> None:
    data, bad, results = BAD_ROWS[name]
    (tmp_path / name).write_bytes(data)
    column = None if name == "in.txt" else "text"
    arguments: dict[str, Any] = {"column": column, "transliterator": Upper(), "jobs": jobs}
    with pytest.raises(CorpusError, match=rf"{name}:{bad[0]}: .*; mend the row") as caught:
        romanize_corpus(tmp_path / name, tmp_path / "out.txt", **arguments)
    assert not (tmp_path / "out.txt").exists()
    manifest = romanize_corpus(tmp_path / name, tmp_path / "out.txt", on_error="skip", **arguments)
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == "".join(f"{result}\n" for result in results)
    lines = (tmp_path / "out.txt.rejected.jsonl").read_text(encoding="utf-8").split("\n")
    listed = [json.loads(line) for line in lines[:-1]]
    assert [row["line"] for row in listed] == bad
    assert {row["file"] for row in listed} == {str(tmp_path / name)}
    assert listed[0]["reason"] in str(caught.value)
    assert manifest.counts["rows_in"] == len(bad) + len(results)
    assert manifest.counts["rows_out"] == len(results)
    assert manifest.counts["rejected"] == len(bad)


def test_null_in_parquet_is_a_bad_row(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table({"text": ["a", None, "c"]}), tmp_path / "in.parquet")
    found = []
    out = io.BytesIO()
    romanize_corpus(
        tmp_path / "in.parquet", out, on_reject=found.append, column="text", transliterator=Upper(), on_error="skip"
    )
    assert out.getvalue() == b"A\nC\n"
    assert [(rejection.line, rejection.reason) for rejection in found] == [(2, "'text' is null")]


def test_the_account_is_that_of_a_slow_count(tmp_path: Path) -> None:
    random.seed(7)
    words = ["Straße", "STRASSE", "strasse", "ﬁx", "fix", "?", "-", "a,", "a", "«b»", "b", "ça"]
    texts = [" ".join(random.choices(words, k=random.randrange(6))) for _ in range(200)]
    write(tmp_path / "in.txt", texts)
    manifest = romanize_corpus(tmp_path / "in.txt", tmp_path / "out.txt", transliterator=Upper())
    results = [Upper()(text) for text in texts]
    counts = manifest.counts
    assert counts["characters_in"] == sum(map(len, texts))
    assert counts["characters_out"] == sum(map(len, results))
    assert counts["words"] == sum(len(text.split()) for text in texts)
    assert counts["empty_texts"] == texts.count("")
    assert counts["empty_results"] == sum(bool(t) and not r for t, r in zip(texts, results, strict=True)) > 0
    n_unmapped = Counter("".join(texts))["?"]
    assert manifest.unmapped == {
        "total": n_unmapped,
        "distinct": 1,
        "top": [{"character": "?", "code": "U+003F", "name": "QUESTION MARK", "count": n_unmapped}],
    }
    ratios = sorted(len(r) / len(t) for t, r in zip(texts, results, strict=True) if t)
    assert manifest.length_ratio["mean"] == pytest.approx(sum(ratios) / len(ratios), abs=1e-4)  # four decimals kept
    for label, value in manifest.length_ratio["quantiles"].items():
        # the smallest ratio that at least this share of the rows does not exceed, cut to hundredths
        place = next(i for i in range(len(ratios)) if 100 * (i + 1) >= int(label[:-1]) * len(ratios))
        assert value == pytest.approx(int(ratios[place] * 100 + 1e-9) / 100)
    by_result = defaultdict(set)
    for text, result in zip(texts, results, strict=True):
        if len(text.split()) == len(result.split()):
            for word in text.split():
                bare = word.strip("«»,?-")
                if bare:
                    by_result[bare.upper()].add(bare)
    shared = {result: found for result, found in by_result.items() if len(found) > 1}
    assert {entry["result"]: set(entry["words"]) for entry in manifest.collisions["top"]} == shared
    assert manifest.collisions["results_shared"] == len(shared) == 2
    assert manifest.collisions["words_sharing"] == sum(map(len, shared.values()))
    saved = json.loads((tmp_path / "out.txt.manifest.json").read_text(encoding="utf-8"))
    assert saved == json.loads(json.dumps(vars(manifest)))
    assert saved["versions"]["upper"] == "1"


def test_words_beyond_the_limit_are_not_compared_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xl_translit.corpora.statistics.MAX_WORDS", 3)
    write(tmp_path / "in.txt", ["a A b", "c B d C"])
    manifest = romanize_corpus(tmp_path / "in.txt", tmp_path / "out.txt", transliterator=Upper())
    assert manifest.collisions["words_compared"] == 3
    assert manifest.collisions["limit_reached"] is True
    assert [entry["words"] for entry in manifest.collisions["top"]] == [["a", "A"]]


@pytest.mark.parametrize("name", ["out.txt", "out.tsv.gz", "out.jsonl", "out.parquet"])
@pytest.mark.slow
def test_the_number_of_processes_changes_no_byte(tmp_path: Path, name: str) -> None:
    write(tmp_path / "in.txt", [f"word{n % 7} Word{n % 5} ?{n}" for n in range(100)])
    for jobs in (1, 2, 3):
        romanize_corpus(tmp_path / "in.txt", tmp_path / f"{jobs}{name}", pairs=True, jobs=jobs, transliterator=Upper())
    assert len({(tmp_path / f"{jobs}{name}").read_bytes() for jobs in (1, 2, 3)}) == 1
    manifests = [json.loads((tmp_path / f"{jobs}{name}.manifest.json").read_text("utf-8")) for jobs in (1, 2, 3)]
    for manifest in manifests:
        del manifest["run"]
    assert manifests[0] == manifests[1] == manifests[2]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 30), st.integers(1, 8))
def test_shards_one_behind_the_other_are_the_whole(
    tmp_path_factory: pytest.TempPathFactory, n_rows: int, n_shards: int
) -> None:
    folder = tmp_path_factory.mktemp("shards")
    texts = [f"row {number}" for number in range(n_rows)]
    paths = [write(folder / "a.txt", texts[: n_rows // 3]), write(folder / "b.txt.gz", texts[n_rows // 3 :], ".gz")]
    whole, parts = io.BytesIO(), io.BytesIO()
    manifest = romanize_corpus(paths, whole, transliterator=Upper())
    sizes = []
    for number in range(1, n_shards + 1):
        shard = romanize_corpus(paths, parts, transliterator=Upper(), shard=f"{number}/{n_shards}")
        assert shard.inputs == manifest.inputs  # of the whole inputs, so that shards can be told to belong together
        sizes.append(shard.counts["rows_in"])
    assert parts.getvalue() == whole.getvalue()
    assert max(sizes) - min(sizes) <= 1


def test_a_shard_names_the_lines_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_bytes(b"1\n2\n3\n4\n\xff\n6\n")
    with pytest.raises(CorpusError, match=r"in\.txt:5: not UTF-8"):
        romanize_corpus(tmp_path / "in.txt", io.BytesIO(), transliterator=Upper(), shard="2/2")


def test_a_transliterator_of_someone_else_is_held_to_its_promises(tmp_path: Path) -> None:
    write(tmp_path / "in.txt", ["a", "b"])
    with pytest.raises(CorpusError, match="upper gave 1 results for 2 rows"):
        romanize_corpus(tmp_path / "in.txt", io.BytesIO(), transliterator=Short())
    for form, expected in (("text", b"a\t \nb\t \n"), ("tsv", b"romanized\na  \nb  \n")):
        out = io.BytesIO()
        manifest = romanize_corpus(tmp_path / "in.txt", out, format=form, transliterator=Unruly())
        assert out.getvalue() == expected
        assert manifest.counts["replaced_line_feeds"] == 2


def test_line_feeds_inside_json_stay_in_formats_that_can_hold_them(tmp_path: Path) -> None:
    write(tmp_path / "in.jsonl", [json.dumps({"text": "a\nb"})])
    for name, text in (("o.jsonl", "a\nb"), ("o.parquet", "a\nb"), ("o.tsv", "a b")):
        romanize_corpus(tmp_path / "in.jsonl", tmp_path / name, pairs=True, column="text", transliterator=Upper())
        assert read_rows(tmp_path / name) == [{"text": text, "romanized": "A B"}]


def test_a_data_set_of_the_hub_is_streamed_by_its_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    data = datasets.Dataset.from_dict({"id": [1, 2, 3], "sentence": ["a", None, "c"]})
    asked = []

    def load_dataset(**arguments: Any) -> datasets.IterableDataset:
        asked.append(arguments)
        return data.to_iterable_dataset()

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    manifest = romanize_corpus(
        "owner/name",
        tmp_path / "out.parquet",
        column="sentence",
        keep=["id"],
        split="test",
        config="tur",
        revision="abc",
        on_error="skip",
        transliterator=Upper(),
    )
    assert asked == [{"path": "owner/name", "name": "tur", "split": "test", "revision": "abc", "streaming": True}]
    assert read_rows(tmp_path / "out.parquet") == [{"id": 1, "romanized": "A"}, {"id": 3, "romanized": "C"}]
    assert (manifest.inputs[0]["name"], manifest.inputs[0]["rows"]) == ("owner/name/tur:test", 3)
    with pytest.raises(CorpusOptionError, match="there is no column 'text'; there are: id, sentence"):
        romanize_corpus("owner/name", io.BytesIO(), column="text", transliterator=Upper())


def test_a_hub_id_that_cannot_be_opened_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def load_dataset(**_: Any) -> None:
        message = "Dataset 'owner/name' doesn't\n exist"
        raise FileNotFoundError(message)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(CorpusError, match=r"owner/name:train: no file of this name, .* \(Dataset .* doesn't exist\)"):
        romanize_corpus("owner/name", io.BytesIO(), column="text", transliterator=Upper())
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(CorpusError, match=r"needs `datasets`; pip install 'xl-translit\[corpora\]'"):
        romanize_corpus("owner/name", io.BytesIO(), column="text", transliterator=Upper())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"to": "latin"}, "'latin' is not known; it can be: latn, ipa, phonemes"),
        ({"to": "ipa", "transliterator": None}, "to=ipa needs the language"),
        ({"engine": "spark"}, "'spark' is not known; it can be: local, ray"),
        ({"on_error": "ignore"}, "'ignore' is not known; it can be: stop, skip"),
        ({"jobs": 0}, "at least one process must work"),
        ({"format": "xml"}, "'xml' is not known; it can be: text, tsv, jsonl, parquet"),
        ({"format": "parquet"}, "Parquet cannot be written to a stream"),
        ({"shard": "0/3"}, "shards are numbered 1/3 to 3/3"),
        ({"shard": "one"}, "write it as 3/8"),
        ({"keep": ["id"], "format": "tsv"}, "name the text's column too"),
        ({"keep": ["id"], "column": "text"}, "lines of text have no names for columns to keep"),
        ({"keep": ["text"], "column": "text", "format": "tsv"}, "would stand in the output twice"),
        ({"ties": "keep"}, "options of a transliterator that is given already"),
        ({"ties": "keep", "transliterator": None}, "ties: no option of to=latn"),
        ({"column": "text"}, "needs rows with columns"),
        ({"input_format": "jsonl"}, "name the column of the text with --column"),
    ],
)
def test_options_that_cannot_be_are_refused_before_any_work(
    tmp_path: Path, arguments: dict[str, Any], words: str
) -> None:
    write(tmp_path / "in.txt", ["a"])
    out = io.BytesIO()
    asked: dict[str, Any] = {"transliterator": Upper(), **arguments}
    with pytest.raises(CorpusOptionError) as caught:
        romanize_corpus(tmp_path / "in.txt", out, **asked)
    assert words in str(caught.value)
    assert out.getvalue() == b""


def test_places_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    write(tmp_path / "in.txt", ["a"])
    write(tmp_path / "in.jsonl", ['{"one": 1, "two": "2"}'])
    write(tmp_path / "in.tsv", ["one\ttwo"])
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no")
    (tmp_path / "bad.gz").write_bytes(b"no gzip\n")
    (tmp_path / "empty").mkdir()

    def refusal(*names: str, out: str | None = None, kind: type[Exception] = CorpusError, **options: Any) -> str:
        target = io.BytesIO() if out is None else tmp_path / out
        paths = [name if name == "-" else tmp_path / name for name in names]
        with pytest.raises(kind) as caught:
            romanize_corpus(paths, target, transliterator=Upper(), **options)
        return str(caught.value)

    assert "in.txt exists already" in refusal("in.txt", out="in.txt", kind=CorpusOptionError)
    assert "there is no folder" in refusal("in.txt", out="none/out.txt")
    assert "no such file" in refusal("none.txt", kind=TextError)
    assert "no such file" in refusal("none.txt", kind=TextError, column="text")
    assert "no file matches" in refusal("*.none")
    assert "holds no file" in refusal("empty")
    assert "there are: one, two" in refusal("in.tsv", column="text", kind=CorpusOptionError)
    assert "there are: one, two" in refusal("in.jsonl", column="text", kind=CorpusOptionError)
    assert "there are: one, two" in refusal("in.jsonl", kind=CorpusOptionError)
    assert "is no Parquet file" in refusal("bad.parquet", column="text")
    assert "damaged before its first line ended" in refusal("bad.gz", kind=TextError)
    assert "standard input can be read once" in refusal("-", "-", kind=CorpusOptionError)
    assert "has no shards" in refusal("-", kind=CorpusOptionError, shard="1/2")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("bad.gz", "bad.parquet", "empty", "in.jsonl", "in.tsv", "in.txt")
    ]
    with pytest.raises(UnknownLanguageError):
        romanize_corpus(tmp_path / "in.txt", io.BytesIO(), lang="Turkihs")


def test_a_column_that_is_no_text_names_those_that_are(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table({"id": [1], "body": ["a"]}), tmp_path / "in.parquet")
    with pytest.raises(CorpusOptionError, match="column 'id' holds int64, not text; columns of text: body"):
        romanize_corpus(tmp_path / "in.parquet", io.BytesIO(), column="id", transliterator=Upper())


def test_the_romanizer_is_the_default_and_gets_the_language(tmp_path: Path) -> None:
    write(tmp_path / "in.txt", ["Игорь"])
    for lang in (None, "Ukrainian"):
        out = io.BytesIO()
        manifest = romanize_corpus(tmp_path / "in.txt", out, lang=lang)
        assert out.getvalue().decode() == Romanizer(lang)("Игорь") + "\n"
        assert manifest.options["lang"] == (None if lang is None else "ukr_Cyrl")
        assert manifest.versions["uroman"] == Romanizer().version


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    for data, expected in ((b"\xef\xbb\xbfa\nb\n", b"A\nB\n"), (b"\xef\xbb\xbf", b""), (b"\xef\xbb\xbf\n", b"\n")):
        (tmp_path / "in.txt").write_bytes(data)
        out = io.BytesIO()
        romanize_corpus(tmp_path / "in.txt", out, transliterator=Upper())
        assert out.getvalue() == expected


def test_refused_rows_of_different_faults_are_listed_in_order(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_bytes(b"FAIL\n\xff\nc\n")
    found = []
    romanize_corpus(tmp_path / "in.txt", io.BytesIO(), transliterator=Upper(), on_error="skip", on_reject=found.append)
    assert [rejection.line for rejection in found] == [1, 2]


def test_what_an_earlier_run_wrote_is_no_input_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("α\n", encoding="utf-8")
    first = romanize_corpus(tmp_path, tmp_path / "out.txt", on_error="skip")
    second = romanize_corpus(tmp_path, tmp_path / "again.txt")
    assert first.counts["rows_in"] == second.counts["rows_in"] == 1


def test_a_corpus_takes_the_code_of_a_table(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("আমি\n", encoding="utf-8")
    for lang in ("ben-Beng-red", "generic-Latn"):
        romanize_corpus(tmp_path / "a.txt", tmp_path / f"{lang}.txt", to="ipa", lang=lang)
        expected = Phonemizer(lang)("আমি")
        assert (tmp_path / f"{lang}.txt").read_text(encoding="utf-8") == f"{expected}\n"
