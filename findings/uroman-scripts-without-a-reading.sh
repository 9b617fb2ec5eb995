#!/usr/bin/env bash
# Uroman romanises some scripts by the names of their characters, which are no readings.
#
# One would guess: "universal romaniser" means that a letter's sound comes out, roughly, for each script that it takes.
# What happens (uroman 1.3.1.1): where no rule is at hand the Latin letters come from the Unicode name. The six vowels of
# Ol Chiki are named LA, LAA, LI, LU, LE, LO and all become "l"; tone marks of N'Ko (short and long, high
# and low) become the word "tone"; small
# letters of Cherokee lose the vowel that their capitals keep; Javanese vowel signs become their names ("wulu" for i); and
# letters of some scripts (Toto, Vithkuqi, Tangsa) stay as they are.
# Who is hurt: whoever romanises Santali (a language of FLORES-200), N'Ko or Javanese in their own script and measures on it.
# `xl` measures each script's letters against their names and says which are no reading.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/read.py" <<'PY'
import sys
import unicodedata

from uroman import Uroman

romanize = Uroman().romanize_string


def read(chars):
    said = {char: romanize(char) for char in chars}
    for char, text in said.items():
        print(f"U+{ord(char):04X} {unicodedata.name(char, '?')}: {text}")
    return said


vowels = read(map(chr, range(0x1C5A, 0x1C78, 5)))
tones = read("\u07eb\u07ec\u07ef\u07f0")
small = read("\uab76\uab79\uab7a")
capitals = read("\u13a6\u13a9\u13aa")
signs = read("\ua9b6\ua9b8")
kept = read("\U0001e290\U00010570\U00016a70")
as_stated = (
    set(vowels.values()) == {"l"}
    and set(tones.values()) == {"tone"}
    and set(small.values()) == {"g"}
    and [text.lower() for text in capitals.values()] == ["ga", "gi", "go"]
    and list(signs.values()) == ["wulu", "suku"]
    and all(char == text for char, text in kept.items())
)
print("Santali ᱥᱟᱱᱛᱟᱲᱤ (Santali):", romanize("ᱥᱟᱱᱛᱟᱲᱤ"))
sys.exit(not as_stated)
PY
uv venv -q --python 3.11 "$work/env"
uv pip install -q --python "$work/env/bin/python" "uroman==1.3.1.1"
"$work/env/bin/python" "$work/read.py"
