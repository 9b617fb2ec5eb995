#!/usr/bin/env bash
# The Moses tokenizer on words that carry combining marks.
#
# One would guess: a word of letters and marks without punctuation stays one token (sacremoses names the Indic viramas
#   in its expressions and keeps Hindi, Malayalam and Kannada whole).
# What happens: marks that Unicode does not call alphabetic still count as punctuation: a Burmese word is cut at its
#   asat, Khmer at the coeng, Thai and Lao at tone marks, Yoruba and Lingala at accents that no letter is composed
#   with, N'Ko at its tones. Adlam, outside the basic plane, is cut letter by letter. The detokenizer does not put any
#   of it together again.
# Hurt: who cuts text for word alignment (fast_align, eflomal), for static vectors, for XLM's vocabularies, or counts
#   words: 8 of 10 words of Burmese in SIB-200 fall apart, the pieces being bare marks.
# xl: uses its own words (a letter with its marks) everywhere; sacremoses only inside transformers' XLM tokenizer,
#   whose models were trained on text cut this way.
# Seen with: sacremoses 0.2.0.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
uv venv -q env
uv pip install -q -p env sacremoses==0.2.0
env/bin/python - <<'PY'
from sacremoses import MosesDetokenizer, MosesTokenizer

CUT = {
    "my": "မြန်မာ", "km": "សួស្តី", "th": "เมื่อ", "lo": "ໜ້ອຍ", "yo": "ọbẹ\u0300", "ln": "ɛ\u0301lɔ\u0301kɔ",
    "nqo": "ߒߞߏ߫", "ff": "𞤆𞤵𞤤𞤢𞤪",
}  # fmt: skip
for lang, word in CUT.items():
    pieces = MosesTokenizer(lang=lang).tokenize(word, escape=False)
    joined = MosesDetokenizer(lang=lang).detokenize(pieces)
    print(lang, word, pieces, "joined again:", joined == word)
    assert len(pieces) > 1, "the word is whole now"
    assert joined != word, "it is joined again now"
for lang, word in {"hi": "क्या", "ml": "ക്ഷ", "ar": "سَلام", "ee": "ɖǎ"}.items():
    assert MosesTokenizer(lang=lang).tokenize(word, escape=False) == [word], lang
PY
