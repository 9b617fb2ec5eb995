#!/usr/bin/env bash
# Glosses in the MISC column of CoNLL-U through the package `conllu`.
#
# One would guess: a value runs from the first "=" to the next "|", so what is read is what was written, and
#   serialize() gives the file back.
# What happens: the value ends at its second "=". Leipzig glosses mark clitics by "=", so `Gloss=go=1SG` becomes
#   `Gloss=go`; web addresses with a query likewise. serialize() writes the shortened value, a reader-writer loop
#   destroys the annotation.
# Hurt: treebanks of field linguists (glossed with clitics) and anything that adds a column by reading and writing.
# xl: its own reader takes form, UPOS and lemma and never rewrites a treebank.
# Seen with: conllu 6.0.0.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
uv venv -q env
uv pip install -q -p env conllu==6.0.0
env/bin/python - <<'PY'
import conllu

row = ("1", "a=ni", "a", "VERB", "_", "Mood=Ind", "0", "root", "_", "Gloss=go=1SG.POSS=PL|Ref=x?a=1|SpaceAfter=No")
text = "# gloss = a=b=c\n" + "\t".join(row) + "\n\n"
(sentence,) = conllu.parse(text)
print(sentence[0]["misc"])
print(sentence.serialize().split("\t")[-1].strip())
assert sentence[0]["misc"] == {"Gloss": "go", "Ref": "x?a", "SpaceAfter": "No"}, "values are whole now"
assert sentence.serialize() != text
assert sentence.metadata == {"gloss": "a=b=c"}  # comment lines keep theirs
PY
