"""Nothing but a package's own error leaves a reader, and it is one line: whole files, edited at random.

`XL_FUZZ=20000 uv run pytest -n 0 tests/workspace/test_readers.py` tries so many files a reader.
"""

import gzip
import io
import json
import logging
import lzma
import os
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import numpy as np
import pyarrow as pa
import pytest
import torch
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from tests.workspace.folder_readers import FOLDER_READERS
from tests.workspace.reader import Reader, made

from xl_cli import UsageError
from xl_cli.claims.claim import read_claim
from xl_cli.recipe.recipe import load_recipe
from xl_encoders import CheckpointError, Checkpoints, EncoderError
from xl_encoders.reading.vector_files import open_vectors
from xl_objectives import ObjectiveError, parse_pharaoh
from xl_staticemb import (
    StaticembError,
    WordVectors,
    read_dictionary,
    read_similarity,
    read_vectors,
    read_word2vec,
    write_vectors,
    write_word2vec,
)
from xl_staticemb.files.stored_rows import StoredRows
from xl_tasks import TaskError, read_rows
from xl_tasks.robustness.neighbour_table import read_neighbours
from xl_translit import Transliterator, TranslitError, read_lines, romanize_corpus

# What was near to a fault once, besides single bytes.
PIECES = [
    b"\t",
    b" ",
    b"\n",
    b"\r\n",
    b"\r",
    b"\x00",
    b"\xff",
    b"\xc3",
    b"\xe2\x80\xa8",
    b"\xef\xbb\xbf",
    b"",
    b"0 ",
    b" 0",
]
PIECES += [b"nan", b"-", b"9" * 12, b"9" * 20, b"9" * 5000, b"1e400", b"0x1", b"1_0", b"[" * 9999, b"null", b"\\ud800"]
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": lambda data: gzip.compress(data, 1),
    ".xz": lambda data: lzma.compress(data, preset=0),
    ".zst": zstandard.compress,
}


def stored(path: Path) -> None:
    with StoredRows(path, limit=None, most_bytes=0, folder=path.parent) as rows:
        assert all(np.isfinite(block).all() for block in rows.blocks())


def with_words(path: Path) -> WordVectors:
    path.with_suffix(".vocab.txt").write_text("su\nev\n", encoding="utf-8")
    return read_vectors(path)


def with_golds(path: Path) -> object:
    path.with_name("k.gold.txt").write_text("1\n2.5\n", encoding="utf-8")
    return read_similarity(path)


class Same:
    """Gives texts back as they are."""

    name, version, column = "same", "1", "romanized"

    def batch(self, texts: Iterable[str]) -> list[str]:
        return list(texts)

    def unmapped(self, texts: Iterable[str], results: Iterable[str] | None = None) -> Counter[str]:
        return Counter()


def corpus(path: Path) -> None:
    """What `xl translit` and `xl embed` read: every row comes out, or is counted as left out."""
    out = io.BytesIO()
    column = None if path.name.startswith("plain") else "text"
    manifest = romanize_corpus(path, out, column=column, on_error="skip", transliterator=cast("Transliterator", Same()))
    assert out.getvalue().count(b"\n") == manifest.counts["rows_in"] - manifest.counts["rejected"]


def restored(path: Path) -> None:
    weights = torch.nn.Linear(2, 1, bias=False)
    optimizer = torch.optim.AdamW(weights.parameters(), lr=0.1)
    assert Checkpoints(path.parent, "one").restore(weights, optimizer) == 3
    assert all(each.isfinite().all() for each in weights.parameters())


def parquet_bytes() -> bytes:
    stream = io.BytesIO()
    parquet.write_table(pa.table({"text": ["su", None, "ev"], "lang": ["a", "b", "c"]}), stream)
    return stream.getvalue()


def checkpoint_bytes() -> bytes:
    with TemporaryDirectory() as folder:
        weights = torch.nn.Linear(2, 1, bias=False)
        optimizer = torch.optim.AdamW(weights.parameters(), lr=0.1)
        weights(torch.ones(1, 2)).sum().backward()
        optimizer.step()
        Checkpoints(Path(folder), "one").save(3, weights, optimizer)
        return next(Path(folder).iterdir()).read_bytes()


RECIPE = b"""\
description = "d"
[model]
from = "new"
size = "pico"
[[data]]
kind = "names"
languages = ["tr", "el"]
[[objective]]
name = "mlm"
[[objective]]
name = "seq"
weight = 1.0
[train]
lr = 1e-3
batch = 8
steps = 5
variants = ["mlm+seq"]
"""
CLAIM = (
    b'title = "t"\n[mini]\ndecides = "d"\n[[mini.step]]\nname = "a"\ncommand = "align names --out {out}"\n'
    b'[[mini.part]]\nsays = "s"\nof = { variant = "b" }\nagainst = { variant = "a" }\nleast = 0.1\n'
)
VECTORS = WordVectors(["su", "ev"], np.array([[0.5, -1.25], [3e-5, 7]]))
TEXT = [b"2 2\nsu 0.5 -1.25\nev 3e-5 7\n", b"su 0.5 -1.25 \r\nNew York 3 7", b"\xef\xbb\xbf2 2\na 0.5 1\nb 0.5 1\n"]
BINARY = made(lambda path: write_word2vec(path, VECTORS, binary=True), "v.bin")
GENSIM = b"2 2\nsu " + VECTORS.matrix[0].tobytes() + b"ev " + VECTORS.matrix[1].tobytes()
SPACED = GENSIM.replace(b"su ", b"new york ")
TENSORS = made(lambda path: write_vectors(path, VECTORS), "v.safetensors")
ROW = json.dumps({"task": "bli", "metric": "p@1", "value": 0.5, "source": "tur_Latn", "target": "eng_Latn", "layer": 1})
WORDS = [b"su\twater\nev\thouse\n", b"su water\r\nev house", b"su\twater\t0.5\n"]
ALIGNED, ALIGNMENT = [b"0-0 1-2\n\n3-1\n"], (ObjectiveError, TranslitError)
NUMPY = io.BytesIO()
np.save(NUMPY, VECTORS.matrix)

STATIC, TASK = (StaticembError,), (TaskError, TranslitError)
READERS = {
    "word2vec text": Reader("v.vec", TEXT, read_vectors, STATIC),
    "word2vec text without a name": Reader("v", TEXT, read_vectors, STATIC),
    "word2vec text, one word": Reader("v.vec", TEXT, lambda path: read_word2vec(path, 1, binary=False), STATIC),
    "word2vec text, several passes": Reader("v.vec", TEXT, stored, STATIC),
    "word2vec binary": Reader("v.bin", [BINARY, GENSIM, SPACED], read_vectors, STATIC),
    "word2vec binary without a name": Reader("v", [BINARY, GENSIM], read_vectors, STATIC),
    "word2vec binary, one word": Reader("v", [BINARY], lambda path: read_word2vec(path, 1, binary=True), STATIC),
    "word2vec binary, several passes": Reader("v.bin", [BINARY, SPACED], stored, STATIC),
    "safetensors": Reader("v.safetensors", [TENSORS], with_words, STATIC, packed=False),
    "dictionary": Reader("d.tsv", WORDS, read_dictionary, STATIC, packed=False),
    "dictionary, all lines": Reader("d", WORDS, lambda path: read_dictionary(path, skip_unclear=True), STATIC, False),
    "similarity": Reader("s.txt", [b"a\tb\t1.5\nc d\te\t2\n", b"word1 word2 gold\na b 3\n"], read_similarity, STATIC),
    "similarity, numbers beside": Reader("k.data.txt", [b"a\tb\nc d\te\n"], with_golds, STATIC),
    "alignments": Reader("a.txt", ALIGNED, lambda path: list(parse_pharaoh(read_lines(path))), ALIGNMENT, named=False),
    "neighbours": Reader("n.tsv", [b"su\tev at\n", b"su\tev\t0.5\nsu\tat\t0.25\n"], read_neighbours, TASK),
    "neighbours in JSON": Reader("n.json", [b'{"su": ["ev", "at"],\n"at": []}'], read_neighbours, TASK),
    "result rows": Reader("r.jsonl", [f"{ROW}\n\n{ROW}\n".encode()], read_rows, TASK),
    "corpus of lines": Reader("plain.txt", [b"su\nev\r\n\nat"], corpus, (TranslitError,)),
    "corpus in columns": Reader("c.tsv", [b"text\tn\nsu\t1\nev\t2\n"], corpus, (TranslitError,)),
    "corpus of JSON lines": Reader("c.jsonl", [b'{"text": "su"}\n{"text": "ev", "n": 1}\n'], corpus, (TranslitError,)),
    "corpus in Parquet": Reader("c.parquet", [parquet_bytes()], corpus, (TranslitError,), packed=False),
    "recipe": Reader("r.toml", [RECIPE], lambda path: load_recipe(str(path)), (UsageError,), False, False),
    "claim": Reader("c.toml", [CLAIM], lambda path: read_claim(str(path)), (UsageError,), False, False),
    "checkpoint": Reader("step-00000003.safetensors", [checkpoint_bytes()], restored, (CheckpointError,), packed=False),
    "vectors of texts": Reader("v.npy", [NUMPY.getvalue()], open_vectors, (EncoderError,), packed=False),
    **FOLDER_READERS,
}  # fmt: skip

edits = st.lists(
    st.tuples(
        st.integers(0, 400), st.integers(0, 12), st.one_of(st.sampled_from(PIECES), st.binary(min_size=1, max_size=3))
    ),
    max_size=4,
)


def edited(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    """`data` with some bytes at each place exchanged for others."""
    for place, n_bytes, new in changes:
        place %= len(data) + 1
        data = data[:place] + new + data[place + n_bytes :]
    return data


@pytest.mark.parametrize("kind", READERS)
def test_a_reader_reads_or_raises_its_own_error(kind: str, tmp_path: Path) -> None:
    reader = READERS[kind]
    for data in reader.whole:
        if data is not SPACED:
            (tmp_path / reader.name).write_bytes(data)
            reader.read(tmp_path / reader.name)
    logging.disable()

    @settings(deadline=None, max_examples=int(os.environ.get("XL_FUZZ", "60")), database=None)
    @given(st.sampled_from(reader.whole), edits, edits, st.sampled_from(list(PACKED) if reader.packed else [""]))
    def check(whole: bytes, inside: list, outside: list, packing: str) -> None:
        data = PACKED[packing](edited(whole, inside))
        path = tmp_path / f"{reader.name}{packing}"
        path.write_bytes(edited(data, outside[:1]) if packing else data)
        try:
            reader.read(path)
        except reader.error as error:
            message = str(error)
            lines = message.split("\n") if message.startswith(("2", "3", "4", "5")) else [message]  # "2 faults:"
            assert all(line.isprintable() for line in lines)
            assert max(map(len, lines)) < 400 + len(str(path)) * 2
            assert not reader.named or path.name in message or str(path.parent) in message

    try:
        check()
    finally:
        logging.disable(logging.NOTSET)
