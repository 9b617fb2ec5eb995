"""A vocabulary that changes before training, and what that did to each language: `<unk>`, tokens a text, its ids."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from xl_analysis import vocabulary_table
from xl_cli.alignment.parts import Sources
from xl_cli.errors import CliError
from xl_cli.folder.run_folder import RunFolder
from xl_cli.launch.progress import Progress, say
from xl_cli.recipe.paths import form_source
from xl_cli.recipe.vocabulary_config import VocabularyConfig
from xl_encoders import (
    Encoder,
    add_pieces,
    learn_pieces,
    piece_sources,
    prune_pieces,
    read_sentence_form,
    unwritable,
)
from xl_staticemb import read_word2vec
from xl_tasks import Row, load_texts
from xl_translit import Romanizer, read_lines

# Share of a language's characters, by count, from which on its script counts as new.
_NEW_SHARE = 0.01
# Texts of a language that are counted before and after.
_MOST = 1000


def change_vocabulary(encoder: Encoder, sources: Sources, folder: RunFolder) -> Encoder:
    """Add pieces to `encoder` and take others out, as `[vocabulary]` says; say, and keep in `folder`, what it did."""
    settings = sources.recipe.vocabulary
    own = sources.by_language()
    texts = {**_known(settings), **own}
    read = {**_scored(sources), **texts}
    counted = {language: lines[:: max(1, len(lines) // _MOST)][:_MOST] for language, lines in read.items()}
    before = _Reading(encoder, counted)
    about: dict[str, Any] = {"n_before": len(encoder.tokenizer)}
    if settings.prune:
        model = sources.recipe.model
        form = read_sentence_form(form_source(model), revision=model.revision)
        prompts = [encoder.prompt, *(form.prompts.values() if form else ())]
        encoder = prune_pieces(encoder, [*prompts, *(line for lines in texts.values() for line in lines)])
        about["n_pruned"] = about["n_before"] - len(encoder.tokenizer)
        say(f"vocabulary: {about['n_pruned']:,} of {about['n_before']:,} pieces are in none of the texts and go")
    if settings.budget:
        about |= _extend(encoder, own, settings)
    about["n_after"] = len(encoder.tokenizer)
    after = _Reading(encoder, counted)
    rows = [row for language in counted for row in _rows(language, before, after, sources, renumbered=settings.prune)]
    say(vocabulary_table([asdict(row) for row in rows]).render("text"))
    folder.describe(vocabulary=about)
    if not any(row.task == "vocabulary" for row in folder.rows()):
        folder.add_rows(rows)
    return encoder


class _Reading:
    """How a tokenizer cuts texts: token ids and, as these may be renumbered, the tokens."""

    def __init__(self, encoder: Encoder, texts: Mapping[str, Sequence[str]]) -> None:
        tokenizer = encoder.tokenizer
        self.unknown = tokenizer.unk_token_id
        self.ids: dict[str, list[list[int]]] = {
            language: tokenizer(list(lines), add_special_tokens=False, verbose=False)["input_ids"]
            for language, lines in texts.items()
        }
        self.tokens = {
            language: [tokenizer.convert_ids_to_tokens(row) for row in its] for language, its in self.ids.items()
        }

    def figures(self, language: str) -> dict[str, float]:
        """The share of `<unk>` among the tokens, and tokens a text."""
        ids = [index for row in self.ids[language] for index in row]
        return {
            "unknown_pieces": sum(index == self.unknown for index in ids) / max(1, len(ids)),
            "tokens_per_text": len(ids) / max(1, len(self.ids[language])),
        }


def _rows(language: str, before: _Reading, after: _Reading, sources: Sources, *, renumbered: bool) -> list[Row]:
    """Figures before and after, and the share of texts that are cut as before.

    renumbered: whether ids are new ones, so that the same pieces count, else the same ids.
    """
    one, two = ((reading.tokens if renumbered else reading.ids)[language] for reading in (before, after))
    same = sum(a == b for a, b in zip(one, two, strict=True)) / max(1, len(one))
    recipe = sources.recipe
    name = recipe.model.name or recipe.model.from_
    figures = [("before", before.figures(language)), ("after", {**after.figures(language), "cut_as_before": same})]
    return [
        Row(
            task="vocabulary", metric=metric, value=value, n=len(one), source=language, target=language,
            seed=recipe.train.seed, model=name, unit="subword", variant=variant,
        )
        for variant, its in figures
        for metric, value in its.items()
    ]  # fmt: skip


def _known(settings: VocabularyConfig) -> dict[str, list[str]]:
    """Texts of known languages."""
    texts: dict[str, list[str]] = {}
    for given in settings.known:
        corpus = load_texts(given, parallel=False)
        for language, by_key in corpus.texts.items():
            texts.setdefault(language, []).extend(by_key.values())
    return texts


def _scored(sources: Sources) -> dict[str, list[str]]:
    """Texts of every language that the run scores, which a changed vocabulary may cut otherwise."""
    texts: dict[str, list[str]] = {}
    for corpus, keys in sources.data.scored:
        for language, by_key in corpus.texts.items():
            texts.setdefault(language, []).extend(by_key[key] for key in keys if key in by_key)
    return {language: lines for language, lines in texts.items() if lines}


def _extend(encoder: Encoder, own: Mapping[str, Sequence[str]], settings: VocabularyConfig) -> dict[str, Any]:
    """Learn and add pieces for the languages that cannot be written; what run.json says of that."""
    shares = {}
    for language, lines in own.items():
        missing = unwritable(encoder, lines)
        shares[language] = sum(missing.values()) / max(1, sum(map(len, lines)))
    new = [language for language, share in shares.items() if share >= _NEW_SHARE]
    known = [language for language in own if language not in new]
    if known:
        say(f"note: {encoder.name} writes {', '.join(known)} already; no pieces are learnt for that.")
    if not new:
        return {"learnt_from": [], "n_added": 0}
    with Progress(f"learning pieces for {', '.join(new)}", quiet=True):
        learnt = learn_pieces(encoder, [line for language in new for line in own[language]], budget=settings.budget)
    starts = piece_sources(
        encoder,
        learnt.pieces,
        settings.start,
        romanise=Romanizer().batch,
        entries=read_entries(settings.dictionary) if settings.dictionary else (),
        vectors=_vectors(settings.vectors) if settings.vectors else None,
    )
    first_id = max(encoder.tokenizer.get_vocab().values()) + 1
    add_pieces(encoder, learnt.pieces, starts)
    n_found = sum(start is not None for start in starts)
    tried = ", ".join(f"{number} {loss:.3f}" for number, loss in learnt.losses.items())
    by_mean = f" of {n_found} pieces, the mean of all old ones of {len(starts) - n_found}"
    say(
        f"vocabulary: {len(learnt.pieces)} pieces added for {', '.join(new)}, {learnt.n_characters} of them "
        f"characters; start: {settings.start}{'' if settings.start == 'mean' else by_mean}. "
        f"Pieces tried, and nats a character on text kept back: {tried}"
    )
    return {
        "learnt_from": new,
        "n_added": len(learnt.pieces),
        "first_id": first_id,
        "n_characters": learnt.n_characters,
        "start": settings.start,
        "n_started": n_found,
        "losses": {str(number): loss for number, loss in learnt.losses.items()},
        "unknown": {str(number): share for number, share in learnt.unknown.items()},
    }


def read_entries(path: str) -> list[tuple[str, str]]:
    """Words and their translations, one pair a line; CliError with `file:line` for a line that is none."""
    entries = []
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        word, tab, translation = line.partition("\t")
        if not tab or not word.strip() or not translation.strip():
            message = f"{path}:{number}: no word, tab and translation; write one pair a line."
            raise CliError(message)
        entries.append((word.strip(), translation.strip()))
    return entries


def _vectors(files: Sequence[str]) -> dict[str, np.ndarray]:
    """Words of all files; of two files that have a word the first one's."""
    vectors: dict[str, np.ndarray] = {}
    widths = set()
    for file in files:
        read = read_word2vec(file)
        widths.add(read.matrix.shape[1])
        for word, vector in zip(read.words, read.matrix, strict=True):
            vectors.setdefault(word, vector)
    if len(widths) > 1:
        shown = " and ".join(map(str, sorted(widths)))
        message = f"vocabulary.vectors have {shown} dimensions, which is not one space; map them (xl static map)."
        raise CliError(message)
    return vectors
