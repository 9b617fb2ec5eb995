#!/usr/bin/env bash
# A compressed file that was cut off on its way, read through `fsspec`.
#
# One would guess: EOFError, as for .gz, .xz and .bz2, whichever library unpacks.
# What happens: with `zstandard` a .zst file cut at half its length gives its first third and then ends as a whole file
#   does: no error, no warning, the last line cut inside. `pandas.read_csv` does the same, and takes the cut number as it
#   stands. With `backports.zstd` in its place (or Python 3.14) the same call on the same file raises EOFError.
# Hurt: corpora come as .jsonl.zst and .txt.zst. After a download that broke off, a run counts or trains on a part of
#   them; on another machine, where the other library is installed, it fails.
# xl: unpacks .zst itself, and says that the data ended inside a frame.
# Seen with: fsspec 2026.9.0, zstandard 0.25.0, backports.zstd 1.8.0, pandas 3.1.1, Python 3.11.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
cat > write.py <<'PY'
import bz2
import gzip
import lzma
from pathlib import Path

import zstandard

text = b"".join(b"%d\n" % number for number in range(200_000))
for suffix, packed in {"gz": gzip, "xz": lzma, "bz2": bz2, "zst": zstandard}.items():
    whole = packed.compress(text)
    Path(f"cut.csv.{suffix}").write_bytes(whole[: len(whole) // 2])
PY
cat > read.py <<'PY'
import sys

import fsspec


def seen(suffix):
    try:
        with fsspec.open(f"cut.csv.{suffix}", "rt", compression="infer") as lines:
            return lines.readlines()
    except EOFError as error:
        return f"EOFError: {error}"


unpacker, *suffixes = sys.argv[1:]
for suffix in suffixes:
    lines = seen(suffix)
    if isinstance(lines, list):
        print(f"{unpacker}: .{suffix}: {len(lines):,} of 200,000 lines and no error; the last one is {lines[-1]!r}")
    else:
        print(f"{unpacker}: .{suffix}: {lines}")
    assert isinstance(lines, list) == ((unpacker, suffix) == ("zstandard", "zst")), "it does otherwise now"
if unpacker == "zstandard":
    import pandas

    n_rows = len(pandas.read_csv("cut.csv.zst", header=None))
    print(f"pandas: {n_rows:,} of 200,000 rows and no error")
    assert 0 < n_rows < 200_000, "it does otherwise now"
PY
for folder in with without; do uv venv -q --python 3.11 $folder; done
uv pip install -q -p with fsspec==2026.9.0 zstandard==0.25.0 pandas==3.1.1
uv pip install -q -p without fsspec==2026.9.0 backports.zstd==1.8.0
with/bin/python write.py
with/bin/python read.py zstandard gz xz bz2 zst
without/bin/python read.py backports.zstd zst
