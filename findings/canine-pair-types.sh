#!/usr/bin/env bash
# CANINE's second text has token type 0 in transformers 5.
#
# One would guess: CanineTokenizer marks the two texts of a pair as BERT's tokenizers do, and as CANINE was pretrained and
# as version 4 of transformers wrote them: zeros for [CLS], first text and first [SEP], ones for second text and last [SEP].
# What happens: transformers 5 gives zeros throughout, without a word; version 4 gives the ones.
# Who is hurt: every classifier or reader of pairs (XNLI, PAWS-X, question answering) on a CANINE checkpoint: fine-tuned or
# used under version 5 it never sees which text is which, and a model fine-tuned under version 4 is fed other inputs.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/pairs.py" <<'PY'
import transformers

pair = transformers.CanineTokenizer()("ab", "c")
print(transformers.__version__, len(pair["input_ids"]), pair["token_type_ids"])
PY
seen=0
for pinned in "4.57.1 [0,0,0,0,1,1]" "5.23.0 [0,0,0,0,0,0]"; do
    read -r version expected <<<"$pinned"
    uv venv -q --python 3.11 "$work/$version"
    uv pip install -q --python "$work/$version/bin/python" "transformers==$version"
    said=$("$work/$version/bin/python" "$work/pairs.py" 2>/dev/null)
    echo "transformers $said"
    [ "$(cut -d' ' -f3- <<<"$said" | tr -d ' ')" = "$expected" ] || seen=1
done
exit $seen
