#!/usr/bin/env bash
# transformers 5.23.0, tokenizers 0.23.3: a model folder with config.json and tokenizer.json alone
#
# Guess: AutoTokenizer opens tokenizer.json as it stands, which is all that the folder says of its tokenizer.
# What happens: the class comes from config.json's model_type, and that class (RobertaTokenizer) builds byte-level BPE of
# its own out of the file's vocabulary: what tokenizer.json says of its model and of where words are cut is not read. Of
# a vocabulary of whole words, one for each line of a dictionary, only single bytes are found again; all else vanishes,
# or is cut into letters, without an unknown token and without a word. PreTrainedTokenizerFast reads the file as it is.
# Who is hurt: whoever opens a model that was published this way, such as vinai/xphonebert-base (phonemes, each with its
# line in the dictionary: "t͡ʃ" is one of them), and gets states of other text.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
uv venv --quiet --python 3.11 venv
uv pip install --quiet --python venv/bin/python "transformers==5.23.0" "tokenizers==0.23.3"
venv/bin/python - <<'PYTHON'
import json
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

units = ["<s>", "<pad>", "</s>", "<unk>", "▁", "m", "e", "ɾ", "a", "b", "h", "t͡ʃ", "<mask>"]
words = Tokenizer(models.WordLevel({unit: number for number, unit in enumerate(units)}, unk_token="<unk>"))
words.add_special_tokens([AddedToken(unit, special=True) for unit in units if unit.startswith("<")])
words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
folder = Path("model")
folder.mkdir()
words.save(str(folder / "tokenizer.json"))
(folder / "config.json").write_text(json.dumps({"model_type": "roberta", "vocab_size": len(units)}))

text = "m e ɾ h a b a ▁ t͡ʃ a"
by_hand = [units.index(unit) for unit in text.split()]
by_class = AutoTokenizer.from_pretrained(folder)
as_it_is = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
for name, tokenizer in (("AutoTokenizer", by_class), ("PreTrainedTokenizerFast", as_it_is)):
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    print(f"{name} ({type(tokenizer).__name__}): {[units[i] for i in ids]}")
assert as_it_is(text, add_special_tokens=False)["input_ids"] == by_hand
found = by_class(text, add_special_tokens=False)["input_ids"]
assert found != by_hand
assert units.index("t͡ʃ") not in found
assert units.index("<unk>") not in found
PYTHON
