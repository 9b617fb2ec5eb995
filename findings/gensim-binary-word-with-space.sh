#!/usr/bin/env bash
# gensim 4.4.0: vectors of a word with a space, saved in word2vec's binary format, come back as other vectors.
#
# One would guess: `save_word2vec_format` refuses the key "new york", or `load_word2vec_format` reads it back.
# What happens: it is written without a warning, in either format. The text reader stops: "could not convert string to
# float: 'york'". The binary reader ends the word at its first space, takes "york" for the first number, and the last
# bytes of the numbers for the beginning of the next word. Number of words, width and size of the file stay right, so
# nothing is noticed: two of three keys are other ones, and one vector holds 2.9e+26. Only where the numbers happen to be
# no UTF-8 does loading stop, with a UnicodeDecodeError that names no word.
# Who is hurt: whoever joins phrases with a space (a key is any string in gensim) and hands the .bin file on.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
uv venv -q --python 3.11 env
uv pip install -q --python env/bin/python gensim==4.4.0
env/bin/python -W error - <<'PYTHON'
import numpy as np
from gensim.models import KeyedVectors

vectors = KeyedVectors(3)
vectors.add_vectors(["tea", "new york", "cat"], np.array([[0.5, 2, 4], [8, 0.25, 2], [1, 2, 3]], dtype=np.float32))
vectors.save_word2vec_format("v.bin", binary=True)
binary = KeyedVectors.load_word2vec_format("v.bin", binary=True)
print("written:    ", vectors.index_to_key, vectors.vectors.tolist())
print("binary gives", binary.index_to_key, binary.vectors.tolist())
assert binary.index_to_key[:2] == ["tea", "new"] and binary.index_to_key[2] != "cat"
assert binary.vectors[1, 0] > 1e26 and np.array_equal(binary.vectors[2], vectors.vectors[2])
vectors.save_word2vec_format("v.vec")
try:
    KeyedVectors.load_word2vec_format("v.vec")
except ValueError as error:
    print("text gives  ", error)
else:
    raise SystemExit("the text reader reads it")
PYTHON
echo "as stated"
