#!/usr/bin/env bash
# The likely script of a language by `langcodes`.
#
# One would guess: `Language.get(code).maximize()` gives the script that CLDR's likely subtags name, and for a code
#   that they lack no script at all, or at least a macrolanguage's.
# What happens: a code that they lack is Latin in the United States, an answer like any other. Of FLORES-200's and
#   SIB-200's codes these are five, all written in Arabic letters: South Azerbaijani (azb), Southern Pashto (pbt,
#   though ps and pbu are Arab), Mesopotamian, Ta'izzi-Adeni and South Levantine Arabic (acm, acq, ajp, though ar and
#   apc are Arab).
# Hurt: who fills in scripts to name files, to choose a romaniser or a vocabulary, or to tell script distance for
#   transfer.
# xl: looks the code up in the table before it asks, then takes the macrolanguage's, else wants the script written
#   out.
# Seen with: langcodes 3.5.1, language_data 1.4.0.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
uv venv -q env
uv pip install -q -p env langcodes==3.5.1 language_data==1.4.0
env/bin/python - <<'PY'
from langcodes import Language

for code in ("azb", "pbt", "acm", "acq", "ajp"):
    full = Language.get(code).maximize()
    print(code, Language.get(code).display_name(), "->", full)
    assert str(full) == f"{code}-Latn-US", "it is known now"
for code in ("ps", "pbu", "ar", "apc", "ars", "arz", "fa", "ckb"):
    assert Language.get(code).maximize().script == "Arab", code
assert str(Language.get("qqq").maximize()) == "qqq-Latn-US"
print("qqq (nobody's code) ->", Language.get("qqq").maximize())
PY
