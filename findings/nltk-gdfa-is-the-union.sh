#!/usr/bin/env bash
# nltk's grow_diag_final_and takes every link of both directions.
#
# One would guess: nltk.translate.gdfa is the heuristic of Koehn et al. 2005 that its text describes: the intersection, links
# beside it of which a word is still alone, then those of which both words are.
# What happens: it asks whether a position is a key of a dictionary whose only keys are "e" and "f", which none ever is, so
# that every word counts as alone and the result is the union of both directions, with whatever else they say wrongly.
# Who is hurt: whoever aligns words with it (precision falls to that of the union), or checks an implementation against it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
uv venv -q --python 3.11 "$work/env"
uv pip install -q --python "$work/env/bin/python" "nltk==3.10.4"
cat >"$work/seen.py" <<'PY'
import random

from nltk.translate.gdfa import grow_diag_final_and

# both directions say 0-0 and 1-1; one alone says 0-1, whose two words have partners
print("both 0-0 1-1, one alone 0-1:", grow_diag_final_and(2, 2, "0-0 1-1 0-1", "0-0 1-1"))
rng, unions = random.Random(1), 0
for _ in range(1000):
    sides = [{(rng.randrange(8), rng.randrange(8)) for _ in range(10)} for _ in range(2)]
    written = [" ".join(f"{i}-{j}" for i, j in sorted(side)) for side in sides]
    unions += set(grow_diag_final_and(8, 8, *written)) == sides[0] | sides[1]
print("of 1000 random pairs the union of both directions:", unions)
assert unions == 1000
PY
"$work/env/bin/python" "$work/seen.py"
