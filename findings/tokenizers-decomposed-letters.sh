#!/usr/bin/env bash
# Decomposed letters (Unicode NFD: file names of macOS, some PDF and corpora) through XLM-R's kind of tokenizer.
#
# One would guess: the normaliser stored in a SentencePiece model (nmt_nfkc: XLM-R, E5, BGE-M3) composes them, in
#   SentencePiece and in `tokenizers`, which carries the same table: NFD and NFC give the same pieces.
# What happens: SentencePiece composes. `tokenizers` looks the table up by grapheme, and of what is shorter than six
#   bytes it puts the *shortest* entry that the grapheme begins with and throws the rest of it away: a Vietnamese "ế"
#   becomes "ê", "ệ" becomes "ẹ", a Yoruba "ọ́" becomes "ọ": tone is lost. From six bytes on it looks up single
#   characters only: Hangul falls into its letters, kana lose their voicing marks, polytonic Greek and two-part Tamil
#   vowels are not composed.
# Hurt: everybody who embeds such text with a "fast" tokenizer, nearly the only kind in transformers 5: other words in
#   Vietnamese, and 3.5 times the tokens in Korean (SIB-200, XLM-R's vocabulary), none of them a word that the model
#   knows. Nothing warns.
# xl: puts NFC before such a normaliser when it opens a tokenizer (packages/encoders, load.py).
# Seen with: sentencepiece 0.2.3, tokenizers 0.23.3, protobuf 7.36.2.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
uv venv -q env
uv pip install -q -p env sentencepiece==0.2.3 tokenizers==0.23.3 protobuf==7.36.2
env/bin/python - <<'PY'
import unicodedata

import sentencepiece as spm
from sentencepiece import sentencepiece_model_pb2 as model_pb2
from tokenizers import normalizers

SENTENCES = ["tiếng Việt", "ọ̀rẹ́", "안녕하세요 세계", "ガンバレ がんばれ", "ἀνήρ ᾠδή", "போது", "où çay Müller"]
with open("text.txt", "w", encoding="utf-8") as file:
    file.write("\n".join(SENTENCES * 20))
spm.SentencePieceTrainer.train(
    input="text.txt", model_prefix="m", vocab_size=80, hard_vocab_limit=False, character_coverage=1.0,
    normalization_rule_name="nmt_nfkc", minloglevel=2,
)
reference = spm.SentencePieceProcessor(model_file="m.model")
proto = model_pb2.ModelProto()
with open("m.model", "rb") as file:
    proto.ParseFromString(file.read())
fast = normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap)
composing = normalizers.Sequence([normalizers.NFC(), fast])

read = {}
for sentence in SENTENCES:
    composed, split = (unicodedata.normalize(form, sentence) for form in ("NFC", "NFD"))
    slow = reference.normalize(split).replace("▁", " ").strip()
    read[sentence] = fast.normalize_str(split)
    print(f"{composed}: {len(split)} characters; SentencePiece {slow} {len(slow)}, "
          f"tokenizers {read[sentence]} {len(read[sentence])}")
    assert slow == composed, "SentencePiece no longer composes"
    assert composing.normalize_str(split) == composed
    assert (read[sentence] == composed) == (sentence == "où çay Müller"), "tokenizers does otherwise now"
assert unicodedata.normalize("NFC", read["tiếng Việt"]) == "tiêng Viẹt", "the marks are kept now"
assert len(read["안녕하세요 세계"]) == 17
PY
