#!/usr/bin/env bash
# The same vocabulary trained twice from the same text with `tokenizers`.
#
# One would guess: training has no randomness, so one text and one set of options give one vocabulary.
# What happens: BpeTrainer repeats itself; UnigramTrainer gives equal pieces other ids, WordPieceTrainer (and BPE with
#   a prefix for word-internal pieces) keeps other pieces, from run to run in one process: equal counts are put in the
#   order of a hash map. There is no seed to set.
# Hurt: who trains a tokenizer again instead of keeping its file: ids no longer fit a checkpoint, and nothing says so;
#   who compares two vocabularies, or caches by a hash of tokenizer.json.
# xl: trains plain BPE only (`xl align scratch`), tests that it repeats itself, and keeps the tokenizer in the run; new
#   pieces of a Unigram vocabulary are merges scored by whole counts, without its trainer.
# Seen with: tokenizers 0.23.3.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
uv venv -q env
uv pip install -q -p env tokenizers==0.23.3 babel==2.18.0
env/bin/python - <<'PY'
from babel import Locale
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

texts = []  # names of languages and territories in six languages, from CLDR
for code in ("en", "tr", "ru", "el", "ka", "fi"):
    locale = Locale.parse(code)
    texts += [*locale.languages.values(), *locale.territories.values()]


def train(model, trainer):
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer.get_vocab()


def several(make, times=12):
    found = [make() for _ in range(times)]
    return len({tuple(sorted(v.items())) for v in found}), len({tuple(sorted(v)) for v in found})


common = {"vocab_size": 800, "special_tokens": ["<unk>"], "show_progress": False}
kinds = {
    "BPE": lambda: train(models.BPE(), trainers.BpeTrainer(**common)),
    "Unigram": lambda: train(models.Unigram(), trainers.UnigramTrainer(unk_token="<unk>", **common)),
    "WordPiece": lambda: train(models.WordPiece(unk_token="<unk>"), trainers.WordPieceTrainer(**common)),
}
seen = {name: several(make) for name, make in kinds.items()}
for name, (tables, sets) in seen.items():
    print(f"{name}: 12 trainings, {tables} different tables of ids, {sets} different sets of pieces")
assert seen["BPE"] == (1, 1), "BPE differs now too"
assert seen["Unigram"][0] > 1, "Unigram repeats itself now"
assert seen["WordPiece"][1] > 1, "WordPiece repeats itself now"
PY
