#!/usr/bin/env bash
# Distances of panphon between words that Epitran wrote (two libraries of the same authors, one a requirement of the other).
#
# One would guess: panphon knows the segments that Epitran writes, so two words that Epitran tells apart are not at distance 0.
# What happens: what the inventory lacks is left out without a word. Epitran's tables of 77 of 159 codes write such things: ":"
#   for length (Finnish), "g" U+0067 for IPA ɡ (Norwegian Nynorsk, Estonian's neighbours, Tswana, Odia ...), the mark of Korean tense consonants, breathy
#   voice as ʱ (Kannada, Malayalam, Nepali; as two dots below, Hindi's, it is known), prenasalised ᵐb (Ganda). Minimal pairs
#   of the school book fall together: Finnish "meets" and "kills", Korean "moon" and "daughter".
# Hurt: cognate and loan-word work, phoneme error rates by feature distance, name matching: distances read too small, 0 for
#   different words. `validate_word` tells, but no distance asks it.
# xl: phoneme units keep what panphon does not know, and spell length and ɡ as IPA does (`--spelling keep` does not); `unknown_segments` counts what
#   feature distances leave out.
# Seen with: epitran 1.35.3, panphon 0.22.2.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
uv venv -q env
uv pip install -q -p env epitran==1.35.3 panphon==0.22.2
env/bin/python -W ignore - <<'PY'
import epitran
import panphon
import panphon.distance

table, distance = panphon.FeatureTable(), panphon.distance.Distance()
PAIRS = {
    "fin-Latn": ("tapaa", "tappaa", "meets, kills"),
    "kor-Hang": ("달", "딸", "moon, daughter"),
    "kan-Knda": ("ಬಾರ", "ಭಾರ", "does not come, weight"),
    "npi-Deva": ("बात", "भात", "talk, rice"),
    "mal-Mlym": ("ബാരം", "ഭാരം", "-, weight"),
    "nno-Latn": ("gal", "al", "mad, alder"),
    "ava-Cyrl": ("кӏкӏал", "кӏал", "long and short ejective"),
}
for code, (a, b, gloss) in PAIRS.items():
    said = [epitran.Epitran(code).transliterate(word) for word in (a, b)]
    segments = [table.ipa_segs(word) for word in said]
    found = distance.weighted_feature_edit_distance(*said)
    print(code, a, b, f"({gloss})", said, segments[0], found)
    assert said[0] != said[1], "Epitran writes them alike now"
    assert found == 0.0, "panphon tells them apart now"
assert distance.weighted_feature_edit_distance("baːl", "b̤aːl") > 0  # Hindi's way to write it is known
PY
