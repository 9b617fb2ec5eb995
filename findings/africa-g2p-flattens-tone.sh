#!/usr/bin/env bash
# Tone in the IPA of `africa-g2p`.
#
# One would guess: tone that the spelling marks is in the IPA ("tone -> IPA marks", as its README says of this mode):
#   Yoruba has it.
# What happens: for most languages the marks are taken off and nothing stands for them. Igbo's textbook set, akwá
#   "egg", àkwà "bed", ákwá "cry", ákwà "cloth", is one string of phones; Ewe, Fon, Lingala and Hausa likewise. The
#   default mode (letters) keeps them, so the two modes differ in what they tell apart.
# Hurt: speech models and phoneme inputs for tone languages; the loss is silent and differs by language.
# xl: does not use it; its own tables are Epitran's, where `xl ls languages` says what the spelling leaves open.
# Seen with: africa-g2p 0.3.2.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
uv venv -q env
uv pip install -q -p env africa-g2p==0.3.2
env/bin/python - <<'PY'
from africa_g2p import AfricaPipeline, available_languages

words = ["akwá", "àkwà", "ákwá", "ákwà"]
said = {mode: [AfricaPipeline(lang="ibo", output=mode).run(word) for word in words] for mode in ("ipa", "grapheme")}
print("ibo", words, said)
assert len(set(said["ipa"])) == 1, "tone is kept now"
assert len(set(said["grapheme"])) == 4
yoruba = [AfricaPipeline(lang="yor", output="ipa").run(word) for word in ("ma", "má", "mà")]
print("yor", yoruba)
assert len(set(yoruba)) == 3
flat = [code for code in ("ibo", "ewe", "fon", "lin", "hau", "bam")
        if len({AfricaPipeline(lang=code, output="ipa").run(word) for word in ("ma", "má", "mà")}) == 1]
print("one form for ma, má, mà:", flat, "of", len(available_languages()), "languages")
assert flat == ["ibo", "ewe", "fon", "lin", "hau", "bam"]
PY
