"""Streams of texts from files: each text once an epoch, any batch by its number, in bounded memory."""

import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from tests.thinned import thinned

from xl_encoders import EncoderError, Prefetch, TextBatch, TextStream
from xl_encoders.streams import columnar_files as text_files
from xl_encoders.streams import text_stream as streams

LANGUAGES = {"eng_Latn": 400, "ell_Grek": 130, "lao_Laoo": 20}


@pytest.fixture(autouse=True)
def _small_steps() -> Iterator[None]:
    """Chunks are read in several steps, and too far ahead to be passed over, in files as small as these too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_files, "_STEP", 5)
        patch.setattr(streams, "_MIN_REACH", 12)
        yield


def make_table(counts: dict[str, int], *, mixed: bool = True, seed: int = 0) -> pa.Table:
    random = np.random.default_rng(seed)
    languages = [name for name, count in counts.items() for _ in range(count)]
    if mixed:
        languages = [languages[i] for i in random.permutation(len(languages))]
    texts = [f"{i} {name} ψ{'x' * random.integers(1, 60)}" for i, name in enumerate(languages)]
    columns = [texts, [f"r {text}" for text in texts], languages]
    return pa.table([pa.array(column, pa.string()) for column in columns], ["text", "transliteration", "language"])


def write(table: pa.Table, path: Path, n_rows: int, **options: str) -> Path:
    if path.suffix == ".parquet":
        parquet.write_table(table, path, row_group_size=n_rows)
    else:
        make = pa.ipc.new_stream if path.suffix == ".arrows" else pa.ipc.new_file
        with make(str(path), table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
            writer.write_table(table, max_chunksize=n_rows)
    return path


def epoch(stream: TextStream, number: int = 0) -> list[TextBatch]:
    n = stream.n_per_epoch
    return [stream[number * n + i] for i in range(n)]


def numbers(batches: list[TextBatch]) -> list[int]:
    return [int(number) for batch in batches for number in batch.numbers]


def content(batch: TextBatch) -> list[object]:
    return [batch.originals, batch.romanised, batch.languages, batch.numbers.tolist()]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], pa.Table]:
    """One table in files of each format, cut at odd places; the whole of it."""
    folder = tmp_path_factory.mktemp("texts")
    table = make_table(LANGUAGES)
    paths = [
        write(table[:211], folder / "1.parquet", 23),
        write(table[211:300], folder / "2.arrow", 17),
        write(table[300:420], folder / "3.arrows", 31),
        write(table[420:], folder / "4.arrow", 1000, compression="zstd"),
    ]
    return paths, table


@settings(max_examples=25, deadline=None)
@given(
    counts=st.lists(st.integers(0, 60), min_size=1, max_size=4).filter(any),
    group=st.integers(1, 90),
    batch=st.integers(1, 20),
    buffer=st.integers(1, 90),
    seed=st.integers(0, 99),
)
def test_an_epoch_holds_every_text_once(
    tmp_path_factory: pytest.TempPathFactory, counts: list[int], group: int, batch: int, buffer: int, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("free")
    tables = [make_table({"eng_Latn": count}, seed=i) for i, count in enumerate(counts)]
    suffixes = (".parquet", ".arrow", ".arrows")
    paths = [write(table, folder / f"{i}{suffixes[i % 3]}", group) for i, table in enumerate(tables)]
    whole = pa.concat_tables(tables)
    stream = TextStream(paths, batch=batch, seed=seed, buffer=buffer, deduplicate=False)
    assert stream.n_texts == stream.n_rows == len(whole)
    for number in range(2):
        batches = epoch(stream, number)
        assert sorted(numbers(batches)) == list(range(len(whole)))
        assert (
            all(len(members) == batch for members in batches[:-1] if members is not batches[-1]) or len(whole) % batch
        )
        for members in batches:
            rows = whole.take(members.numbers)
            assert members.originals == rows["text"].to_pylist()
            assert members.romanised == rows["transliteration"].to_pylist()


@pytest.mark.parametrize("temperature", thinned([1.0, 3.0], 2))
def test_a_batch_depends_on_its_number_not_on_the_way_there(
    files: tuple[list[Path], pa.Table], temperature: float
) -> None:
    def drawn(seed: int) -> TextStream:
        return TextStream(files[0], batch=8, seed=seed, buffer=64, language_column="language", temperature=temperature)

    stream = drawn(3)
    expected = [content(stream[i]) for i in range(3 * stream.n_per_epoch)]
    assert expected[: stream.n_per_epoch] != expected[stream.n_per_epoch : 2 * stream.n_per_epoch]
    order = np.random.default_rng(0).permutation(len(expected))
    assert all(content(stream[i]) == expected[i] for i in order.tolist())
    assert content(drawn(3)[120]) == expected[120]
    assert content(drawn(4)[120]) != expected[120]


@pytest.mark.parametrize("group", thinned([6000, 40], 2))
def test_windows_mix_the_whole_corpus_anew_each_epoch_and_sort_by_length(tmp_path: Path, group: int) -> None:
    # Sorted by language, in one row group or in many: a window comes from places all over it, other ones each epoch.
    table = make_table({"eng_Latn": 3000, "ell_Grek": 3000}, mixed=False)
    stream = TextStream([write(table, tmp_path / "a.parquet", group)], batch=16, seed=0, buffer=512)
    windows = [set(numbers([stream[number * stream.n_per_epoch + i] for i in range(32)])) for number in range(4)]
    for window in windows:
        assert len(window) == 512
        assert 50 < sum(row < 3000 for row in window) < 462
    # By chance alone two windows would share 512 * 512 / 6000 = 44 rows.
    assert all(len(one & other) < 256 for one, other in itertools.combinations(windows, 2))
    lens = [[len(text) for text in batch.originals] for batch in epoch(stream)]
    assert sum(max(row) * len(row) for row in lens) < 1.1 * sum(map(sum, lens))


@pytest.mark.parametrize("temperature", thinned([0.7, 2.0, 5.0, float("inf")], 4))
@pytest.mark.parametrize("buffer", [50, 10_000])
def test_languages_are_drawn_by_temperature(
    files: tuple[list[Path], pa.Table], temperature: float, buffer: int
) -> None:
    stream = TextStream(files[0], batch=8, seed=0, buffer=buffer, language_column="language", temperature=temperature)
    assert stream.languages == LANGUAGES
    total = sum(LANGUAGES.values())
    weights = {name: count ** (1 / temperature) for name, count in LANGUAGES.items()}
    expected = {name: round(total * weight / sum(weights.values())) for name, weight in weights.items()}
    assert stream.draws == expected
    names = files[1]["language"].to_pylist()
    drawn: Counter[int] = Counter()
    n_epochs = 4
    for number in range(n_epochs):
        batches = epoch(stream, number)
        assert Counter(name for batch in batches for name in batch.languages or []) == expected
        assert all(batch.languages == [names[n] for n in batch.numbers] for batch in batches)
        drawn.update(numbers(batches))
        # The last window is smaller; in the others a language has its share of the rows, up to rounding.
        for start in range(0, len(batches) - len(batches) % (buffer // 8), buffer // 8):
            found = Counter(name for batch in batches[start : start + buffer // 8] for name in batch.languages or [])
            n_rows = found.total()
            assert all(abs(found[name] - n_rows * expected[name] / sum(expected.values())) <= 3 for name in expected)
    for number, name in enumerate(names):
        passes = n_epochs * expected[name] / LANGUAGES[name]
        assert int(passes) <= drawn[number] <= int(np.ceil(passes))


def test_a_column_without_any_value_is_an_empty_one(files: tuple[list[Path], pa.Table], tmp_path: Path) -> None:
    nothing = pa.table({name: pa.nulls(5) for name in files[1].column_names})
    stream = TextStream([files[0][0], write(nothing, tmp_path / "a.parquet", 5)], batch=8, seed=0)
    assert (stream.n_texts, stream.n_empty) == (211, 5)


def test_a_language_of_each_file_stands_for_a_column(files: tuple[list[Path], pa.Table]) -> None:
    names = ["a", "b", "a", "c"]
    stream = TextStream(files[0], batch=8, seed=0, language=names, temperature=2.0)
    assert stream.languages == {"a": 211 + 120, "b": 89, "c": 130}
    edges = [0, 211, 300, 420, 550]
    for batch in epoch(stream):
        assert batch.languages == [names[int(np.searchsorted(edges, n, side="right")) - 1] for n in batch.numbers]
    single = TextStream(files[0], batch=8, seed=0, language="tur_Latn")
    assert single[0].languages == ["tur_Latn"] * 8
    assert single.draws == single.languages == {"tur_Latn": 550}


cells = st.one_of(st.none(), st.sampled_from(["", " ", "\u3000\t", "a", "A", "ab", "b", "ψ", "日本"]))


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=60), group=st.integers(1, 20), data=st.data())
def test_rows_are_kept_as_a_plain_loop_keeps_them(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple], group: int, data: st.DataObject
) -> None:
    limit = data.draw(st.one_of(st.none(), st.integers(1, 10)))
    deduplicate = data.draw(st.booleans())
    suffix = data.draw(st.sampled_from([".parquet", ".arrow", ".arrows"]))
    kind = data.draw(st.sampled_from([pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]))
    columns = [pa.array(list(column), pa.string()).cast(kind) for column in zip(*rows, strict=True)]
    table = pa.table(columns, names=["text", "transliteration", "language"])
    path = write(table, tmp_path_factory.mktemp("rows") / f"a{suffix}", group)
    kept: list[int] = []
    seen: set[str] = set()
    n_empty = n_duplicates = 0
    for number, row in enumerate(rows):
        if any(cell is None or not cell.strip() for cell in row):
            n_empty += 1
        elif deduplicate and row[0] in seen:
            n_duplicates += 1
        else:
            seen.add(row[0])
            kept.append(number)
    options: dict[str, Any] = {"language_column": "language", "deduplicate": deduplicate, "limit": limit}
    if not kept:
        with pytest.raises(EncoderError, match=f"none of {len(rows)} rows"):
            TextStream([path], batch=4, seed=0, **options)
        return
    stream = TextStream([path], batch=4, seed=0, buffer=12, **options)
    assert (stream.n_rows, stream.n_empty, stream.n_duplicates) == (len(rows), n_empty, n_duplicates)
    assert sorted(numbers(epoch(stream))) == kept[:limit]
    assert [content(batch)[:3] for batch in epoch(stream)] == [
        [[rows[n][column] for n in batch.numbers] for column in range(3)] for batch in epoch(stream)
    ]


def test_the_column_of_romanisations_may_be_absent(files: tuple[list[Path], pa.Table], tmp_path: Path) -> None:
    bare = write(files[1].select(["text"]), tmp_path / "a.parquet", 50)
    stream = TextStream([bare], batch=8, seed=0)
    assert not stream.has_romanised
    assert stream[0].romanised is None
    assert TextStream(files[0], batch=8, seed=0, columns=("text",))[0].romanised is None
    with pytest.raises(EncoderError, match=r"a.parquet has no column 'transliteration'; its columns are: text"):
        TextStream([files[0][0], bare], batch=8, seed=0)
    with pytest.raises(EncoderError, match=r"1.parquet has a column 'transliteration' but .*a.parquet has none"):
        TextStream([bare, files[0][0]], batch=8, seed=0)


@pytest.mark.slow
def test_a_fresh_process_draws_the_same_batches(files: tuple[list[Path], pa.Table]) -> None:
    program = """
import json, sys
from xl_encoders import TextStream
assert "torch" not in sys.modules
stream = TextStream(sys.argv[1:], batch=8, seed=3, buffer=64, language_column="language", temperature=2.0)
drawn = [stream[i] for i in (150, 41)]
assert "torch" not in sys.modules
print(json.dumps([[b.originals, b.romanised, b.languages, b.numbers.tolist()] for b in drawn]))
"""
    stream = TextStream(files[0], batch=8, seed=3, buffer=64, language_column="language", temperature=2.0)
    expected = [content(stream[i]) for i in range(151)]
    for hash_seed in ("1", "2"):
        command = [sys.executable, "-c", program, *map(str, files[0])]
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        assert json.loads(done.stdout) == [expected[150], expected[41]]


def test_a_cache_gives_the_same_stream_and_notices_a_changed_file(tmp_path: Path) -> None:
    path = write(make_table(LANGUAGES), tmp_path / "a.parquet", 50)
    cache = tmp_path / "cache"

    def first(**options: Any) -> list[object]:
        stream = TextStream([path], batch=8, seed=0, cache=cache, **options)
        return [stream.n_texts, stream.n_duplicates, stream.languages, content(stream[5])]

    expected = first(language_column="language")
    (kept,) = cache.iterdir()
    written = kept.stat().st_mtime_ns
    assert first(language_column="language") == expected
    assert kept.stat().st_mtime_ns == written
    first(language_column="language", limit=100)
    assert len(list(cache.iterdir())) == 2
    kept.write_bytes(kept.read_bytes()[:-100])
    assert first(language_column="language") == expected
    write(pa.concat_tables([make_table(LANGUAGES)] * 2), path, 50)
    assert first(language_column="language")[:2] == [550, 550]


def test_a_file_that_changes_meanwhile_is_refused(tmp_path: Path) -> None:
    path = write(make_table({"eng_Latn": 300}), tmp_path / "a.parquet", 30)
    stream = TextStream([path], batch=8, seed=0, buffer=16)
    stream[0]
    write(make_table({"eng_Latn": 299}), path, 30)
    with pytest.raises(EncoderError, match=r"a.parquet has changed since"):
        epoch(stream)


@pytest.mark.parametrize("library", ["pyarrow", "xxhash"])
def test_a_library_that_is_not_installed_is_told(library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n', encoding="utf-8")
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(EncoderError, match=r"needs pyarrow and xxhash; install xl-encoders\[streaming\]"):
        TextStream([tmp_path / "a.jsonl"], batch=1, seed=1, columns=("text",))


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    good = write(make_table({"eng_Latn": 30}), tmp_path / "good.parquet", 30)
    write(pa.table({"text": [1, 2], "b": ["x", "y"]}), tmp_path / "other.arrow", 30)
    (tmp_path / "notes.txt").write_text("not a table at all", encoding="utf-8")
    (tmp_path / "cut.parquet").write_bytes(good.read_bytes()[:-200])
    whole = write(make_table({"eng_Latn": 300}), tmp_path / "w.arrows", 30).read_bytes()
    (tmp_path / "cut.arrows").write_bytes(whole[: len(whole) // 2])
    text = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")])
    write(pa.table({"text": text}), tmp_path / "latin.arrow", 30)

    def refused(path: str, message: str, **options: Any) -> None:
        with pytest.raises(EncoderError, match=message) as error:
            TextStream([tmp_path / path], batch=4, seed=0, **options)
        assert "\n" not in str(error.value)

    refused("absent.parquet", r"absent.parquet cannot be read \(No such file")
    refused("notes.txt", r"notes.txt is no Parquet, Arrow or JSON Lines file")
    refused("cut.parquet", r"cut.parquet cannot be read")
    refused("cut.arrows", r"cut.arrows cannot be read")
    refused("latin.arrow", r"latin.arrow: column 'text' holds text that is not UTF-8")
    refused("other.arrow", r"other.arrow: column 'text' holds int64, not text")
    refused("good.parquet", r"good.parquet has no column 'x'; its columns are: text, transliteration", columns=("x",))
    refused("good.parquet", r"no column 'lang'", language_column="lang")
    refused("good.parquet", "buffer is 0", buffer=0)
    refused("good.parquet", "limit is 0", limit=0)
    refused("good.parquet", "no text has a language", temperature=2.0)
    refused("good.parquet", "both language_column", language_column="language", language="a")
    refused("good.parquet", "2 languages for 1 files", language=["a", "b"])
    refused("good.parquet", "columns is 'text'", columns="text")
    with pytest.raises(EncoderError, match="no files"):
        TextStream([], batch=4, seed=0)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
@pytest.mark.parametrize("group", [5_000, 600_000])
def test_memory_stays_at_two_windows(tmp_path: Path, group: int) -> None:
    """A file of several hundred windows, read in a process of its own: what is held does not grow with it."""
    program = """
import sys
from xl_encoders import TextStream
def peak():
    # Of this process alone; what getrusage gives is at least what the parent had.
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) * 1024
stream = TextStream(sys.argv[1:], batch=32, seed=0, buffer=4000)
opened = peak()
for number in range(0, stream.n_per_epoch, 25):
    stream[number]
print(opened, peak())
"""
    # Text that does not compress well, or a whole row group in memory would hardly show.
    random = np.random.default_rng(0)
    rows = [random.bytes(200).hex() for _ in range(600_000)]
    parquet.write_table(pa.table({"text": rows}), tmp_path / "a.parquet", row_group_size=group, compression="zstd")
    del rows
    command = [sys.executable, "-c", program, str(tmp_path / "a.parquet")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    opened, peak = map(int, done.stdout.split())
    # 240 MB of text; a window is 1.6 MB, and 16 half-read row groups have their buffers.
    assert opened < 200e6
    assert peak - opened < 100e6


def test_prefetch_gives_what_the_stream_gives_in_any_order(files: tuple[list[Path], pa.Table]) -> None:
    stream = TextStream(files[0], batch=8, seed=0, buffer=64)
    asked = [0, 1, 2, 3, 9, 10, 3, 3, 4, 200, 0]
    expected = [content(stream[i]) for i in asked]
    with Prefetch(stream.__getitem__) as ahead:
        assert [content(ahead[i]) for i in asked] == expected


def test_prefetch_draws_only_so_far_ahead_and_in_order() -> None:
    drawn: list[int] = []

    def draw(number: int) -> int:
        drawn.append(number)
        return number * number

    with Prefetch(draw, ahead=3) as ahead:
        assert ahead[5] == 25
        deadline = time.monotonic() + 10
        while len(drawn) < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.05)
        assert drawn == [5, 6, 7, 8]
        assert [ahead[i] for i in range(6, 20)] == [i * i for i in range(6, 20)]
    assert drawn[:15] == list(range(5, 20))


def test_prefetch_raises_an_error_at_its_own_number() -> None:
    def draw(number: int) -> int:
        if number == 2:
            raise EncoderError("two")
        return number

    with Prefetch(draw) as ahead:
        assert [ahead[0], ahead[1]] == [0, 1]
        with pytest.raises(EncoderError, match="two"):
            ahead[2]
        assert ahead[3] == 3


def test_prefetch_leaves_no_thread_behind() -> None:
    with Prefetch(lambda number: number) as ahead:
        ahead[0]
        assert any(thread.name.startswith("prefetch") for thread in threading.enumerate())
    assert not any(thread.name.startswith("prefetch") for thread in threading.enumerate())
    program = """
import time
from xl_encoders import Prefetch
ahead = Prefetch(lambda number: time.sleep(0.05) or number)
print(ahead[0])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("0\n", "")
