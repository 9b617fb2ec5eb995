#!/usr/bin/env bash
# Text in decomposed letters (Unicode NFD) through `g2p2`.
#
# One would guess: the same sounds as for composed letters, or the base letter's where marks are unknown.
# What happens: the letter goes with its mark, without a word: Finnish "pää" is "p", Polish "ćma" is "ma", Russian
#   "ёлка" loses its first syllable, Korean "안녕" is "na". Turkish capitals: "KIZ" (girl) is read with the vowel of
#   "kiz".
# Hurt: text from macOS file names, PDF and some corpora (SIB-200 and Tatoeba mix both forms in Hindi and Bengali):
#   shorter phone strings that look fine.
# xl: reads both forms alike, and Turkish I as ı (packages/translit).
# Seen with: g2p2 0.2.3 with g2p2-group-other-euro, -slavic, -cjk, -turkic 0.2.3.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
uv venv -q env
uv pip install -q -p env g2p2==0.2.3 g2p2-group-other-euro==0.2.3 g2p2-group-slavic==0.2.3 \
    g2p2-group-cjk==0.2.3 g2p2-group-turkic==0.2.3
env/bin/python - <<'PY'
import unicodedata

import g2p2

for lang, word in (("fi", "pää"), ("pl", "ćma"), ("ru", "ёлка"), ("ko", "안녕"), ("tr", "güzel")):
    whole, split = (g2p2.phonemize(unicodedata.normalize(form, word), lang) for form in ("NFC", "NFD"))
    print(lang, word, whole, "decomposed:", split)
    assert len(split) < len(whole), "nothing is lost now"
print("tr KIZ", g2p2.phonemize("KIZ", "tr"), "kız", g2p2.phonemize("kız", "tr"))
assert g2p2.phonemize("KIZ", "tr") != g2p2.phonemize("kız", "tr")
PY
