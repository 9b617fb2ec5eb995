#!/usr/bin/env bash
# The nearest neighbour by FAISS where several vectors are the same.
#
# One would guess: of equal scores the lowest number comes first, as in numpy and torch on a CPU, in both exact
#   indexes and for every k: search(x, 1) is the first column of search(x, 10).
# What happens: IndexFlatL2 does so. IndexFlatIP does for k = 1; for k = 3 the highest number comes first: [100, 50,
#   0]. So its nearest neighbour depends on how many were asked for, and on unit vectors, where both indexes order
#   alike, they disagree.
# Hurt: top-1 figures on data with repeated sentences (Tatoeba has them; a Bible has 190 to 540 repeated verses):
#   taken from a search of the ten nearest, the last copy is "the answer", taken from a search of one the first; one
#   of the two counts as wrong.
# xl: counts what ties with the answer as half before and half behind it, whatever the order.
# Seen with: faiss-cpu 1.15.1, numpy 2.4.6.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
uv venv -q env
uv pip install -q -p env faiss-cpu==1.15.1 numpy==2.4.6
env/bin/python - <<'PY'
import faiss
import numpy as np

once = np.random.default_rng(0).standard_normal((50, 16)).astype(np.float32)
once /= np.linalg.norm(once, axis=1, keepdims=True)
stored = np.concatenate([once, once, once])  # each vector three times: k, k + 50, k + 100
first = {}
for name, index in (("IndexFlatIP", faiss.IndexFlatIP(16)), ("IndexFlatL2", faiss.IndexFlatL2(16))):
    index.add(stored)
    found = index.search(once, 3)[1]
    first[name] = index.search(once, 1)[1][:, 0]
    print(name, "three nearest of vector 0:", found[0].tolist(), "nearest alone:", int(first[name][0]))
    assert sorted(found[0].tolist()) == [0, 50, 100]
    order = [100, 50, 0] if name == "IndexFlatIP" else [0, 50, 100]
    assert found[0].tolist() == order, "the order is another now"
assert first["IndexFlatIP"].tolist() == first["IndexFlatL2"].tolist() == list(range(50))
PY
