"""`xl embed`: vectors that other libraries give too, of any kind of input, whole after a kill, the same by Ray."""

import gzip
import io
import json
import time
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from numpy.typing import NDArray
from pyarrow import parquet
from safetensors.numpy import load_file
from tests.cli.conftest import Run
from tests.warm import Warm

import xl_cli
from xl_cli.embedding import worker
from xl_encoders import load_encoder, split_words

TEXTS = ["bade gi", "ko", "", "lu ma ne pi rosu tavi bade giko", "ma  ne", "κο λυ", "pi.ro, su", "ta vi ba de"]


def vectors(path: Path, column: str = "vector") -> NDArray[np.float32]:
    return np.stack(parquet.read_table(path)[column].to_numpy(zero_copy_only=False))


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    (tmp_path / "in.txt").write_text("".join(f"{text}\n" for text in TEXTS), encoding="utf-8")
    return tmp_path / "in.txt"


@pytest.mark.parametrize(
    ("prompt", "mode", "pooling"), [("", "mean", "mean-all"), ("ko: ", ["max", "weightedmean"], "max,mean-weighted")]
)
def test_sentences_are_those_of_sentence_transformers(
    model: Path, lines: Path, tmp_path: Path, prompt: str, mode: str | list[str], pooling: str
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own, at its first import
        library = pytest.importorskip("sentence_transformers", reason="the library whose vectors are compared")
    modules = import_module("sentence_transformers.sentence_transformer.modules")
    transformer = modules.Transformer(str(model), max_seq_length=32)
    pooled = modules.Pooling(transformer.get_embedding_dimension(), pooling_mode=mode)
    peer = library.SentenceTransformer(modules=[transformer, pooled], device="cpu")
    expected = peer.encode([prompt + text for text in TEXTS], show_progress_bar=False)
    read = {"model": model, "layer": "last", "pooling": pooling, "prompt": prompt}
    done = xl_cli.embed(lines, **read, shard_rows=3, out=tmp_path / "out")
    assert (done.texts, done.vectors, done.shards, done.width) == (len(TEXTS), len(TEXTS), 3, expected.shape[1])
    table = parquet.read_table(tmp_path / "out")
    assert table["text"].to_pylist() == TEXTS
    assert table["line"].to_pylist() == list(range(1, len(TEXTS) + 1))
    assert set(table["source"].to_pylist()) == {str(lines)}
    assert np.abs(vectors(tmp_path / "out") - expected).max() < 1e-5  # float32, batches of other lengths
    xl_cli.embed(lines, **read, normalize=True, dtype="float16", out=tmp_path / "one.parquet")
    unit = peer.encode([prompt + text for text in TEXTS], show_progress_bar=False, normalize_embeddings=True)
    assert vectors(tmp_path / "one.parquet").dtype == np.float16
    assert np.abs(vectors(tmp_path / "one.parquet") - unit).max() < 1e-3  # float16


def test_words_are_those_of_a_loop(model: Path, lines: Path, tmp_path: Path) -> None:
    """Every word of every text by the library's own offsets, one text at a time."""
    encoder = load_encoder(str(model), max_len=32)
    space = encoder.tokenizer.convert_tokens_to_ids("▁")
    for how, pick in (("mean", slice(None)), ("last", slice(-1, None)), ("first", slice(1))):
        out = tmp_path / f"{how}.parquet"
        xl_cli.embed(lines, model=model, unit="word", layer=[0, 1], pooling=how, out=out)
        rows = parquet.read_table(out).to_pylist()
        expected = []
        for number, text in enumerate(TEXTS, 1):
            read = encoder.tokenizer(text, return_offsets_mapping=True, return_tensors="pt")
            spans = read.pop("offset_mapping")[0].tolist()
            with torch.no_grad():
                states = encoder.model.eval().base_model(**read, output_hidden_states=True).hidden_states
            for word, (start, end) in enumerate(split_words(text)):
                inside = [i for i, (a, b) in enumerate(spans) if a < end and b > start and b > a]
                places = [i for i in inside if int(read["input_ids"][0, i]) != space][pick]
                means = [states[layer][0, places].mean(0).numpy() for layer in (0, 1)]
                expected.append((number, word, text[start:end], start, end, *means))
        assert len(rows) == len(expected) > 20
        for row, (*place, zeroth, first) in zip(rows, expected, strict=True):
            assert [row[name] for name in ("line", "word", "text", "start", "end")] == place
            assert row["tokens"] > 0
            for name, states in (("vector_0", zeroth), ("vector_1", first)):
                assert np.abs(np.array(row[name]) - states).max() < 1e-5


def _write(kind: str, folder: Path) -> tuple[Path, dict[str, Any]]:
    """TEXTS in an input of a kind, and the options with which it is read."""
    path = folder / kind
    if kind == "in.jsonl":
        path.write_text("".join(json.dumps({"t": text, "id": i}) + "\n" for i, text in enumerate(TEXTS)))
        return path, {"column": "t", "keep": "id"}
    if kind == "in.parquet":
        parquet.write_table(pa.table({"id": range(len(TEXTS)), "t": TEXTS}), path)
        return path, {"column": "t", "keep": ["id"]}
    if kind == "in.tsv.gz":
        with gzip.open(path, "wt", encoding="utf-8") as file:
            file.writelines(f"{i}\t{text}\n" for i, text in enumerate(TEXTS))
        return path, {"column": "2", "keep": "1"}
    path.mkdir()
    for i in (0, 1):
        (path / f"{i}.txt").write_text("".join(f"{text}\n" for text in TEXTS[4 * i : 4 * i + 4]), encoding="utf-8")
    return path, {}


@pytest.mark.parametrize("kind", ["in.jsonl", "in.parquet", "in.tsv.gz", "folder"])
def test_every_kind_of_input_gives_the_same_vectors(model: Path, lines: Path, tmp_path: Path, kind: str) -> None:
    read = {"model": model, "layer": "1"}
    xl_cli.embed(lines, **read, out=tmp_path / "lines")
    path, options = _write(kind, tmp_path)
    xl_cli.embed(path, **read, **options, out=tmp_path / "out")
    table = parquet.read_table(tmp_path / "out")
    assert table["text"].to_pylist() == TEXTS
    for name in np.atleast_1d(options.get("keep", [])):
        assert list(map(str, table[str(name)].to_pylist())) == list(map(str, range(len(TEXTS))))
    assert np.abs(vectors(tmp_path / "out") - vectors(tmp_path / "lines")).max() < 1e-6
    if kind == "folder":
        assert table["line"].to_pylist() == [1, 2, 3, 4] * 2
        assert [Path(name).name for name in table["source"].to_pylist()] == ["0.txt"] * 4 + ["1.txt"] * 4


def test_tensors_are_the_columns(model: Path, lines: Path, tmp_path: Path) -> None:
    read = {"model": model, "unit": "word", "layer": [0, 1], "shard_rows": 3}
    xl_cli.embed(lines, **read, out=tmp_path / "one.parquet")
    xl_cli.embed(lines, **read, out=tmp_path / "one.safetensors")
    xl_cli.embed(lines, **read, format="safetensors", out=tmp_path / "shards")
    table = parquet.read_table(tmp_path / "one.parquet")
    one = load_file(tmp_path / "one.safetensors")
    parts = [load_file(path) for path in sorted((tmp_path / "shards").glob("*.safetensors"))]
    assert len(parts) == 3
    for name in ("line", "word", "start", "end", "tokens"):
        assert one[name].tolist() == table[name].to_pylist()
    for name, tensor in one.items():
        assert np.array_equal(tensor, np.concatenate([part[name] for part in parts]))
    for name in ("vector_0", "vector_1"):
        assert np.array_equal(one[name], vectors(tmp_path / "one.parquet", name))


def content(folder: Path, manifest: str = "_manifest.json") -> dict[str, bytes]:
    """Every file's bytes, but for the times that a manifest tells."""
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    about = json.loads(files.pop(manifest))
    return files | {"manifest": json.dumps(about | {"run": None}).encode()}


class KilledError(Exception):
    pass


def _killed_at(monkeypatch: pytest.MonkeyPatch, n_calls: int, name: str) -> list[int]:
    """Let the n-th call of a function of the worker fail; the list counts its calls."""
    real: Callable[..., Any] = getattr(worker, name)
    calls: list[int] = []

    def fails(*given: Any) -> Any:
        calls.append(1)
        if len(calls) == n_calls:
            raise KilledError
        return real(*given)

    monkeypatch.setattr(worker, name, fails)
    return calls


@pytest.mark.parametrize(("name", "n_calls"), [("placing", 1), ("placing", 2), ("hash_file", 2)])
def test_a_killed_call_goes_on_to_the_same_bytes(
    model: Path, lines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, n_calls: int
) -> None:
    read = {"model": model, "layer": "1", "shard_rows": 3}
    xl_cli.embed(lines, **read, out=tmp_path / "whole")
    with monkeypatch.context() as patch:
        _killed_at(patch, n_calls, name)
        with pytest.raises(KilledError):
            xl_cli.embed(lines, **read, out=tmp_path / "out")
    assert not (tmp_path / "out" / "_manifest.json").exists()
    counted = _killed_at(monkeypatch, 0, "placing")
    done = xl_cli.embed(lines, **read, out=tmp_path / "out")
    assert content(tmp_path / "out") == content(tmp_path / "whole")
    assert (done.resumed, len(counted)) == (3 * (n_calls - 1), 4 - n_calls)
    again = xl_cli.embed(lines, **read, out=tmp_path / "out")
    assert (again.texts, again.resumed, len(counted)) == (len(TEXTS), len(TEXTS), 4 - n_calls)


@pytest.mark.slow
def test_a_process_that_is_killed_leaves_what_another_goes_on_with(model: Path, tmp_path: Path) -> None:
    """At any moment, by the signal that cannot be caught; nothing half-written is left at the end."""
    (tmp_path / "in.txt").write_text("".join(f"lu ma ne {n} ko\n" for n in range(600)), encoding="utf-8")
    ask: dict[str, Any] = {"model": model, "layer": "1", "shard_rows": 2}
    call = ("embed", tmp_path / "in.txt", "--model", model, "--layer", 1, "--shard-rows", 2, "--out", tmp_path / "out")
    for n_shards in (2, 20):
        with Warm("-m", "xl_cli", *call) as process:
            while len(list((tmp_path / "out").glob("_shards/*.json"))) < n_shards and process.returncode is None:
                time.sleep(0.001)
            process.kill()
    assert not (tmp_path / "out" / "_manifest.json").exists()
    (tmp_path / "out" / ".00299.parquet.aa.part").write_bytes(b"PAR1")  # as of a kill within a write
    done = xl_cli.embed(tmp_path / "in.txt", **ask, out=tmp_path / "out")
    assert 40 <= done.resumed < done.texts == 600
    xl_cli.embed(tmp_path / "in.txt", **ask, out=tmp_path / "whole")
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_text_of_a_pipe(xl: Run, model: Path, lines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call = ("--model", model, "--layer", 1, "--shard-rows", 3, "--out")
    for _ in range(2):  # made again, it only compares
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines.read_bytes())))
        done = xl("embed", "-", *call, tmp_path / "piped")
        assert done.returncode == 0, done.stderr
    assert f"{len(TEXTS)} of {len(TEXTS)} texts were done by an earlier call" in done.stdout
    xl("embed", lines, *call, tmp_path / "read")
    piped, read = (parquet.read_table(tmp_path / name) for name in ("piped", "read"))
    assert piped.drop_columns("source").equals(read.drop_columns("source"))
    assert set(piped["source"].to_pylist()) == {"<stdin>"}


@pytest.mark.parametrize("out", ["out", "out.parquet", "out.safetensors"])
def test_a_store_is_written_as_a_folder_is(
    model: Path, lines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    """A store of objects that lives in this process, by fsspec; a call that is killed goes on there too."""
    memory = pytest.importorskip("fsspec").filesystem("memory")
    read = {"model": model, "layer": "1", "shard_rows": 3}
    (tmp_path / "here").mkdir()
    xl_cli.embed(lines, **read, out=tmp_path / "here" / out)
    with monkeypatch.context() as patch:
        _killed_at(patch, 2, "placing")
        with pytest.raises(KilledError):
            xl_cli.embed(lines, **read, out=f"memory://{tmp_path.name}/{out}")
    done = xl_cli.embed(lines, **read, out=f"memory://{tmp_path.name}/{out}")
    assert (done.texts, done.resumed) == (len(TEXTS), 3)
    memory.get(f"/{tmp_path.name}", str(tmp_path / "there"), recursive=True)
    about = "out/_manifest.json" if out == "out" else f"{out}.manifest.json"
    assert content(tmp_path / "there", about) == content(tmp_path / "here", about)
    # From a store, too; and what is done is not done again.
    memory.pipe(f"/{tmp_path.name}/texts/in.txt", lines.read_bytes())
    for resumed in (0, len(TEXTS)):
        done = xl_cli.embed(f"memory://{tmp_path.name}/texts", **read, out=tmp_path / out)
        assert (done.texts, done.resumed) == (len(TEXTS), resumed)


def test_other_settings_and_other_texts_are_refused(
    model: Path, lines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = {"model": model, "layer": "1", "shard_rows": 3}
    with monkeypatch.context() as patch:
        _killed_at(patch, 2, "placing")
        with pytest.raises(KilledError):
            xl_cli.embed(lines, **read, out=tmp_path / "out")
    with pytest.raises(xl_cli.CliError, match=r"other settings .pooling: mean-all then, first now"):
        xl_cli.embed(lines, **read, pooling="first", out=tmp_path / "out")
    before = lines.read_text(encoding="utf-8")
    lines.write_text(before.replace("ko", "su"), encoding="utf-8")
    with pytest.raises(xl_cli.CliError, match=r"00000\.parquet was made of other rows"):
        xl_cli.embed(lines, **read, out=tmp_path / "out")
    lines.write_text(before, encoding="utf-8")
    xl_cli.embed(lines, **read, out=tmp_path / "out")
    lines.write_text(f"{before}more\n", encoding="utf-8")
    with pytest.raises(xl_cli.CliError, match="holds the vectors of other texts"):
        xl_cli.embed(lines, **read, out=tmp_path / "out")
    with pytest.raises(xl_cli.CliError, match="is there already, and xl embed did not write it"):
        xl_cli.embed(lines, **read, out=tmp_path)


def test_rows_that_cannot_be_read_stop_or_are_listed(xl: Run, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b'{"t": "ko"}\n{"t": 3}\n\xff\n{"t": "lu"}\n')
    asked = ("embed", path, "--model", model, "--column", "t", "--out")
    said = xl(*asked, tmp_path / "stop")
    assert said.returncode == 1
    assert "in.jsonl:2: 't' is no text but int" in said.stderr
    said = xl(*asked, tmp_path / "skip", "--on-error", "skip", "--json")
    done = json.loads(said.stdout)
    assert (done["texts"], done["rejected"]) == (2, 2)
    assert parquet.read_table(tmp_path / "skip")["line"].to_pylist() == [1, 4]
    listed = json.loads((tmp_path / "skip" / "_manifest.json").read_text())["rejected"]
    assert [(file, line) for file, line, _ in listed] == [(str(path), 2), (str(path), 3)]


def test_what_is_wrong_is_told_in_a_sentence(xl: Run, model: Path, lines: Path, tmp_path: Path) -> None:
    table = tmp_path / "in.tsv"
    table.write_text("1\tko\n", encoding="utf-8")
    for more, said in (
        ([table], "in.tsv has columns; name that of the text"),
        ([tmp_path / "none.txt"], "none.txt: no such file"),
        ([lines, "--unit", "word", "--prompt", "a"], "--prompt: no meaning with --unit word"),
        ([lines, "--lang", "tr"], "--lang: no meaning without --unit word"),
        ([lines, "--jobs", "2"], "--jobs: no meaning without --engine ray"),
        ([lines, "--pooling", "mean"], "--pooling is 'mean', but of a sentence it is one of mean-content"),
        (["-", "--engine", "ray"], "- (stdin) is read by one process"),
    ):
        done = xl("embed", *more, "--model", model, "--out", tmp_path / "out")
        assert done.returncode in (1, 2)
        assert said in done.stderr
        assert not (tmp_path / "out").exists()


def test_memory_holds_a_shard_and_texts_that_are_cut_are_counted(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "in.txt"
    path.write_text("ko\n" * 5 + "lu ma " * 40 + "\n" + "ko\n", encoding="utf-8")
    done = xl_cli.embed(path, model=model, max_len=16, shard_rows=2, out=tmp_path / "out")
    assert (done.cut, done.shards, done.texts) == (1, 4, 7)
    assert not [each for each in (tmp_path / "out").iterdir() if each.name.startswith(("_shards", "_begun"))]
