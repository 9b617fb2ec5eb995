#!/usr/bin/env bash
# transformers 5 opens a folder in the dtype that it was saved in.
#
# One would guess: AutoModel.from_pretrained(folder) gives float32 weights, as version 4 does, unless a dtype is asked
#   for.
# What happens: version 5 takes the dtype of config.json (or of the file), so a bfloat16 folder gives bfloat16
#   weights.
# Who is hurt: whoever fine-tunes what from_pretrained gives. At a learning rate of 2e-5 AdamW's steps are below what
#   bfloat16 can hold, so that most weights stay where they are, without a warning. Give dtype=torch.float32 and
#   autocast.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/moved.py" <<'PY'
import sys

import torch
import transformers
from transformers import BertConfig, BertModel

folder = sys.argv[1]
torch.manual_seed(0)
shape = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128}
BertModel(BertConfig(**shape, vocab_size=50)).to(torch.bfloat16).save_pretrained(folder)
model = BertModel.from_pretrained(folder).eval()
weight = model.encoder.layer[0].attention.self.query.weight
before = weight.detach().clone()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5)
for _ in range(6):
    model(torch.arange(20)[None]).last_hidden_state.float().pow(4).mean().backward()
    optimizer.step()
    optimizer.zero_grad()
moved = (weight != before).float().mean().item()
dtype = str(weight.dtype).removeprefix("torch.")
print(transformers.__version__, dtype, "all" if moved > 0.99 else "some", f"{moved:.2f}")
PY
seen=0
for pinned in "4.57.1 float32 all" "5.23.0 bfloat16 some"; do
    read -r version dtype moved <<<"$pinned"
    uv venv -q --python 3.11 "$work/$version"
    uv pip install -q --python "$work/$version/bin/python" "torch==2.15.0" "numpy<3" "transformers==$version"
    said=$("$work/$version/bin/python" "$work/moved.py" "$work/folder-$version" 2>/dev/null)
    echo "transformers, dtype, weights moved, their share: $said"
    [ "$(cut -d' ' -f2,3 <<<"$said")" = "$dtype $moved" ] || seen=1
done
exit $seen
