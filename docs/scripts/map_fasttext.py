"""Two fastText files into one space: python map_fasttext.py SOURCE.vec TARGET.vec PAIRS OUT1 OUT2 (needs xl-staticemb).

PAIRS: a word and its translation a line. Prints what the mapped vectors translate of the pairs held back.
"""

import sys

import numpy as np

from xl_staticemb import MappingConfig, map_files, read_dictionary, read_vectors

source, target, pairs, *out = sys.argv[1:]
known = read_dictionary(pairs)
held_back = known[::5]
learnt = [pair for pair in known if pair not in held_back]
map_files(source, target, *out, MappingConfig.preset("orthogonal"), dictionary=learnt)
ours, theirs = map(read_vectors, out)
place = {word: row for row, word in enumerate(theirs.words)}
unit = theirs.matrix / np.linalg.norm(theirs.matrix, axis=1, keepdims=True)
right = [
    place[word] == int(np.argmax(unit @ ours.matrix[ours.words.index(asked)]))
    for asked, word in held_back
    if asked in ours.words and word in place
]
print(f"{sum(right)} of {len(right)} held-back words find their translation first")
