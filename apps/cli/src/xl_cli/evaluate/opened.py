"""What `xl eval` and `xl analyze` share: the model a user names, its layer and pooling, and the items to embed."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xl_cli.data.run_data import first_by_hash
from xl_cli.errors import CliError
from xl_cli.evaluate.layer_sweep import LayerSweep
from xl_cli.folder.at_hand import run_model
from xl_cli.launch import processes
from xl_cli.launch.progress import say
from xl_cli.recipe.config import CoverageConfig, RetrievalConfig
from xl_encoders import POOLINGS, Encoder, SentenceForm, load_encoder, read_sentence_form
from xl_encoders.model.model_files import names_head
from xl_tasks import ParallelTexts, Row, load_texts

# The papers read sentence vectors of a 12-block model at block 8.
_DEPTH_SHARE = 2 / 3

_COVERAGE_METRICS = ("pieces_per_word", "pieces_per_char", "unknown_pieces", "known_words", "known_chars")

# Verses of the published Bible retrieval (SR-B, Glot500).
_BIBLE_VERSES = 500


@dataclass(frozen=True, kw_only=True)
class Opened:
    """An encoder, with its prompt, and the layers and the pooling to read it at.

    form: what its own files say of that; None where they say nothing.
    note: which layer, pooling and prompt were taken and why, and what else there is to choose; "" for nothing to tell.
    """

    encoder: Encoder
    layers: list[int]
    pooling: str
    variant: str
    seed: int
    form: SentenceForm | None = None
    note: str = ""


def open_model(
    name: str,
    *,
    revision: str = "",
    max_len: int = 0,
    layer: Sequence[str] = (),
    pooling: str = "",
    prompt: str | None = None,
) -> Opened:
    """Open a model: a run folder (its model/, layer and pooling), a `save_pretrained` folder or a hub id.

    layer: `hidden_states` indices as texts, "last" or "all"; without any the run's own, else the one that a sentence
        encoder's files name, else two thirds of the depth.
    pooling: "" takes the run's own, else the one of those files, else mean-all.
    prompt: text in front of every text, or the name of one in those files; None takes their default, if any.
    """
    path = Path(name)
    source, about = run_model(name)
    shown = path.resolve().name if about else ""
    if about and about.get("status") != "finished":
        say(f"note: {path} is not finished; its model is {about.get('model')}.")
    form = read_sentence_form(source, revision=revision)
    if form is not None and not form.pooling and not pooling:
        message = f"{name}: {form.unread}, which is not known here; give --pooling ({', '.join(POOLINGS)}) to choose."
        raise CliError(message)
    if form is not None and form.path and path.is_dir():
        source, shown = str(path / form.path), path.resolve().name
    encoder = load_encoder(source, revision=revision, max_len=max_len or None, name=shown).to(processes.device())
    if form is not None:
        if not max_len:
            encoder.max_len = min(encoder.max_len, form.max_len or encoder.tokenizer.model_max_length)
        encoder.pools_prompt = form.pools_prompt
    prompts = form.prompts if form else {}
    asked = (form.default_prompt if form else "") if prompt is None else prompt
    encoder.prompt = prompts.get(asked, asked)
    if "all" in layer:
        layers = list(range(encoder.n_layers + 1))
    elif layer:
        layers = list(dict.fromkeys(encoder.resolve_layer(-1 if index == "last" else int(index)) for index in layer))
    elif "layer" in about:
        layers = [about["layer"]]
    else:
        layers = [encoder.resolve_layer(form.layer) if form else round(encoder.n_layers * _DEPTH_SHARE)]
    opened = Opened(
        encoder=encoder,
        layers=layers,
        pooling=pooling or about.get("pooling") or (form.pooling if form else "mean-all"),
        variant=about.get("model", {}).get("variant", ""),
        seed=about.get("seed", 0),
        form=form,
    )
    return dataclasses.replace(opened, note=_note(opened, about, bool(layer), prompt))


def _note(opened: Opened, about: Mapping[str, object], layer_given: bool, prompt: str | None) -> str:
    """What `Opened.note` says."""
    encoder, form = opened.encoder, opened.form
    parts = []
    if not layer_given:
        why = ", as its modules.json says" if form else ", as its run.json says" if "layer" in about else ""
        parts.append(f"is read at layer {opened.layers[0]} of {encoder.n_layers} with pooling {opened.pooling}{why}")
        if not why:
            parts[0] += ": two thirds of its depth, as nothing in its folder says how to read it"
            if not names_head(encoder.model.config.architectures):
                parts.append("if it is a sentence encoder, --layer last reads it as it was trained")
    if encoder.prompt and prompt is None:
        parts.append(f"its prompt {encoder.prompt!r} stands in front of every text")
    elif form and form.prompts and prompt is None:
        names = ", ".join(form.prompts)
        parts.append(f"its prompts ({names}) are not used; --prompt NAME puts one in front of every text")
    elif prompt and prompt.isidentifier() and encoder.prompt == prompt:
        known = f"its prompts: {', '.join(form.prompts)}" if form and form.prompts else "its files name none"
        parts.append(f"has no prompt called {prompt!r} ({known}), so this word itself stands in front of every text")
    if form and form.left_out:
        parts.append(f"left out is what else its modules.json names: {', '.join(form.left_out)}")
    return f"note: {encoder.name} {'; '.join(parts)}." if parts else ""


def load_items(config: RetrievalConfig) -> tuple[ParallelTexts, list[str]]:
    """The parallel data that `config` names, restricted to its languages, and the keys to use."""
    data = load_texts(config.data)
    if config.source and config.target:  # a side that is not named means every language
        data = data.restrict([*config.source, *config.target])
    return data, split_keys(data, config.split, config.data)


def split_keys(data: ParallelTexts, split: str, name: str) -> list[str]:
    """The keys of a split; "" is the test split where the data has splits, else everything."""
    split = split or ("test" if data.splits else "all")
    if split != "all" and not data.splits:
        message = f"{name} has no splits of its own; leave --split out, or give all."
        raise CliError(message)
    return [key for key in data.keys if split == "all" or data.splits.get(key) == split]


def language_pairs(data: ParallelTexts, source: Sequence[str], target: Sequence[str]) -> list[tuple[str, str]]:
    """Ordered pairs, both directions; a side that names no language is every language."""
    sources = data.restrict(source).languages if source else data.languages
    targets = data.restrict(target).languages if target else data.languages
    pairs = [(a, b) for a in sources for b in targets if a != b]
    pairs = list(dict.fromkeys([pair for a, b in pairs for pair in ((a, b), (b, a))]))
    if not pairs:
        message = f"no pair of two languages: sources {', '.join(sources)}; targets {', '.join(targets)}."
        raise CliError(message)
    return pairs


def scored_keys(data: ParallelTexts, keys: list[str], languages: Iterable[str], limit: int) -> list[str]:
    """The keys to score: at most `limit` (0 for all, -1 for the published number) of those that all languages have.

    The same items for every pair make pairs comparable. Where the data joins collections that share no items (the
    bitexts of Tatoeba), the limit counts in each of them.
    """
    if limit < 0:
        limit = _BIBLE_VERSES if data.name == "bible" else 0
    if data.pools:
        pools: dict[str, list[str]] = {}
        for key in keys:
            pools.setdefault(data.pools[key], []).append(key)
        return [key for members in pools.values() for key in first_by_hash(members, limit)]
    wanted = set(languages)
    shared = [key for key in keys if all(key in data.texts[language] for language in wanted)]
    if not shared:
        message = f"{data.name}: no item has a text in each of {', '.join(sorted(wanted))}; leave one of them out."
        raise CliError(message)
    return first_by_hash(shared, limit)


def cka_rows(config: RetrievalConfig, *, debiased: bool) -> list[Row]:
    """Linear CKA of each source with each target over the items that all of them have, at each layer; a row a pair.

    A side that names no language is every language; of a pair, which has no direction, there is one row.
    """
    from xl_analysis import cka_matrix

    data, keys = load_items(config)
    if data.pools:
        message = f"{data.name} joins bitexts that share no items; CKA needs the same items in every language."
        raise CliError(message)
    unordered: dict[frozenset[str], tuple[str, str]] = {}
    for pair in language_pairs(data, config.source, config.target):
        unordered.setdefault(frozenset(pair), pair)
    pairs = list(unordered.values())
    languages = [language for language in data.languages if any(language in pair for pair in pairs)]
    shared = scored_keys(data, keys, languages, config.limit)
    opened = _open(config)
    texts = {language: [data.texts[language][key] for key in shared] for language in languages}
    sweep = LayerSweep(opened.encoder, texts, opened.layers, opened.pooling, config.transform)
    opened = dataclasses.replace(opened, pooling=sweep.pooling)
    rows = []
    for layer in opened.layers:
        names, matrix = cka_matrix(sweep.views(layer), debiased=debiased)
        place = {name: number for number, name in enumerate(names)}
        metric = "cka_debiased" if debiased else "cka"
        rows += [
            _row(opened, data, "cka", metric, matrix[place[a], place[b]], len(shared), a, b, layer) for a, b in pairs
        ]
    return rows


def coverage_rows(config: CoverageConfig) -> list[Row]:
    """How well a model's tokenizer covers each language, as written and romanised: six figures a language and form."""
    from xl_analysis import tokenizer_coverage
    from xl_translit import Romanizer, count_unread, script_reading

    data = load_texts(config.data, parallel=False)
    if config.language:
        data = data.restrict(config.language)
    keys = split_keys(data, config.split, config.data)
    wanted = set(first_by_hash(keys, config.limit))
    texts = {
        language: [text for key, text in sorted(by_key.items()) if key in wanted]
        for language, by_key in data.texts.items()
    }
    texts = {language: items for language, items in texts.items() if items}
    opened = open_model(config.model, revision=config.revision)
    tokenizer = opened.encoder.tokenizer
    romanised = {language: Romanizer().batch(items) for language, items in texts.items()}
    for language, items in texts.items():
        for script, n_chars in count_unread(items).items():
            note = script_reading(script).note
            say(f"note: {language} romanised is no full reading: {note}; {n_chars} such characters here")
    rows = []
    for unit, views in (("subword", texts), ("romanised", romanised)):
        found = tokenizer_coverage(views, tokenizer.tokenize, tokenizer.unk_token or "")
        figures = [
            (language, metric, float(value), measured.n_texts)
            for language, measured in found.items()
            for metric, value in (
                ("distinct_pieces", len(measured.pieces)),
                *((name, getattr(measured, name)) for name in _COVERAGE_METRICS),
            )
        ]
        together = frozenset[str]().union(*(measured.pieces for measured in found.values()))
        n_texts = sum(measured.n_texts for measured in found.values())
        figures.append(("all", "distinct_pieces", float(len(together)), n_texts))
        rows += [
            dataclasses.replace(_row(opened, data, "coverage", metric, value, n, name, name, None), unit=unit)
            for name, metric, value, n in figures
        ]
    return rows


def _open(config: RetrievalConfig) -> Opened:
    opened = open_model(
        config.model,
        revision=config.revision,
        max_len=config.max_len,
        layer=config.layer,
        pooling=config.pooling,
        prompt=config.prompt,
    )
    if opened.note:
        say(opened.note)
    return opened


def _row(
    opened: Opened,
    data: ParallelTexts,
    task: str,
    metric: str,
    value: float,
    n: int,
    source: str,
    target: str,
    layer: int | None,
) -> Row:
    return Row(
        task=task,
        metric=metric,
        value=float(value),
        n=n,
        source=source,
        target=target,
        seed=opened.seed,
        model=opened.encoder.name,
        layer=layer,
        pooling=opened.pooling if layer is not None else "",
        prompt=opened.encoder.prompt if layer is not None else "",
        unit="subword",
        variant=opened.variant,
        data=data.name,
    )
