"""What `xl align` does: data in, variants trained from one start, each scored, the last one kept as the model."""

import hashlib
import json
import signal
import time
from dataclasses import asdict, dataclass

from xl_cli.config import DataConfig
from xl_cli.errors import CliError
from xl_cli.progress import Progress, say
from xl_cli.recipe import Recipe
from xl_cli.run_folder import RunFolder, environment
from xl_cli.stopping import Stopping
from xl_encoders import (
    Checkpoints,
    Encoder,
    EncoderError,
    LengthBatches,
    PairCorpus,
    StepRecord,
    count_parameters,
    count_steps,
    encode_pairs,
    fit,
    load_encoder,
    new_encoder,
    save_model,
    train_tokenizer,
    translit_losses,
)
from xl_tasks import ParallelTexts, Row, StringMatch, hold_out, load_names, load_texts, retrieval_rows, training_texts
from xl_translit import Romaniser

# Texts that a dry run looks at to say how long the whole corpus will be in tokens.
_SAMPLE = 2000


class StoppedEarlyError(CliError):
    """The run was told to stop; its folder is in order. `signal_number` says by whom."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.signal_number = signal_number


@dataclass(frozen=True, kw_only=True)
class RunData:
    """Everything a run reads.

    corpora: as loaded. training: distinct training texts. scored: parallel data to score on, with its keys.
    """

    corpora: tuple[ParallelTexts, ...]
    training: list[str]
    scored: tuple[tuple[ParallelTexts, list[str]], ...]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the training texts, in order."""
        return hashlib.sha256(json.dumps(self.training).encode()).hexdigest()


def load_data(recipe: Recipe) -> RunData:
    """Read the recipe's corpora, hold items out, and choose what is scored.

    Raises CliError where nothing is left to train on.
    """
    corpora = tuple(_load(entry) for entry in recipe.data)
    training: dict[str, None] = {}
    scored = []
    for entry, corpus in zip(recipe.data, corpora, strict=True):
        splits = hold_out(corpus, test=entry.held_out, dev=entry.dev)
        for texts in training_texts(corpus, splits).values():
            training.update(dict.fromkeys(texts))
        keys = [key for key, split in splits.items() if split == recipe.eval.split]
        if corpus.parallel and len(corpus.languages) > 1 and keys and not recipe.eval.data:
            scored.append((corpus, first_by_hash(keys, recipe.eval.limit)))
    if recipe.eval.data:
        corpus = load_texts(recipe.eval.data)
        keys = [key for key in corpus.keys if corpus.splits.get(key, "test") == "test"]
        scored.append((corpus, first_by_hash(keys, recipe.eval.limit)))
    if not training:
        message = "nothing to train on is left after holding items out; lower data.held_out and data.dev, or add text."
        raise CliError(message)
    return RunData(corpora=corpora, training=list(training), scored=tuple(scored))


def first_by_hash(keys: list[str], limit: int) -> list[str]:
    """At most `limit` keys (all for 0), those with the smallest SHA-256: the same choice on every machine."""
    ranked = sorted(keys, key=lambda key: hashlib.sha256(key.encode()).digest())
    return sorted(ranked[:limit] if limit else ranked)


def plan(recipe: Recipe, data: RunData) -> dict[str, object]:
    """What a run would do, without doing it: parameters, steps, tokens, disk. Figures named `about` are estimates."""
    sample = data.training[:: max(1, len(data.training) // _SAMPLE)]
    romanised = romanise(sample, Romaniser())
    n_parameters: int | str
    try:
        if recipe.model.from_ == "new":
            tokenizer = train_tokenizer(
                [*sample, *romanised], n_pieces=recipe.model.pieces, lower_case=recipe.model.lower_case
            )
            n_parameters = count_parameters(recipe.model, len(tokenizer))
        else:
            encoder = _pretrained(recipe)
            tokenizer = encoder.tokenizer
            n_parameters = sum(parameter.numel() for parameter in encoder.parameters())
    except EncoderError as error:
        if recipe.model.from_ == "new":
            raise
        return {"model": f"not at hand: {error}", "training texts": len(data.training)}
    corpus = encode_pairs(sample, romanised, tokenizer, recipe.model.max_len)
    n_per_epoch = -(-len(data.training) // recipe.train.batch)
    n_steps = count_steps(n_per_epoch, recipe.train)
    n_texts_read = n_steps * recipe.train.accumulate * recipe.train.batch
    # Original and romanised pass carry two specials each, the joined one three.
    per_text = float(corpus.lengths.mean())
    tokens = {
        variant: round(
            n_texts_read * ((per_text + 4) * _has(variant, "mlm", "seq") + (per_text + 3) * _has(variant, "tlm"))
        )
        for variant in recipe.train.variants
    }
    # float32 weights; a checkpoint adds AdamW's two moments; a new model's start is kept as well.
    weights = 4 * n_parameters
    return {
        "training texts": len(data.training),
        "scored items": {corpus.name: len(keys) for corpus, keys in data.scored} or "none; give eval.data",
        "parameters": n_parameters,
        "steps for each variant": n_steps,
        "batches for each epoch": n_per_epoch,
        "about tokens read": tokens,
        "about disk in bytes": weights * (1 + 3 + (recipe.model.from_ == "new")),
    }


def run(recipe: Recipe, data: RunData, folder: RunFolder) -> list[Row]:
    """Carry out `recipe` in `folder`, from wherever an earlier attempt stopped; all result rows.

    Raises StoppedEarlyError after a signal, with the folder in a state that `--resume` continues from.
    """
    about = folder.about()
    started = time.monotonic() - float(about.get("wall_seconds", 0.0))
    read = [
        {"name": corpus.name, "languages": list(corpus.languages), "fingerprint": corpus.fingerprint}
        for corpus in data.corpora
    ]
    if about.get("data", read) != read:
        message = f"the data is not what {folder.path} began with; bring it back, or start a new run with a new --out."
        raise CliError(message)
    folder.describe(
        status="running",
        data=read,
        n_training_texts=len(data.training),
        seed=recipe.train.seed,
        **environment(),
    )
    romaniser = Romaniser()
    romanised = romanise(data.training, romaniser)
    encoder = _start(recipe, data, romanised, folder)
    layer = encoder.resolve_layer(recipe.model.layer)
    corpus = encode_pairs(data.training, romanised, encoder.tokenizer, recipe.model.max_len)
    if corpus.n_cut:
        say(
            f"{corpus.n_cut} of {2 * len(corpus)} texts are longer than model.max_len {recipe.model.max_len}; "
            f"their end is cut."
        )
    folder.describe(
        layer=layer, pooling=recipe.model.pooling, n_parameters=sum(p.numel() for p in encoder.parameters())
    )

    scored = {row.variant for row in folder.rows()}
    start_name = "untrained" if recipe.model.from_ == "new" else "pretrained"
    if start_name not in scored:
        folder.add_rows(_score(recipe, data, encoder, start_name, layer, folder))
    finished = list(folder.about().get("finished_variants", []))
    with Stopping() as stopping:
        for variant in recipe.train.variants:
            if variant in finished:
                continue
            encoder = _start(recipe, data, romanised, folder)
            done, n_steps = _train(recipe, variant, encoder, corpus, layer, folder, data.fingerprint, stopping)
            if done < n_steps or variant == recipe.train.variants[-1]:
                save_model(encoder, folder.model)
            if done < n_steps:
                folder.describe(
                    status="interrupted",
                    model={"variant": variant, "step": done},
                    wall_seconds=round(time.monotonic() - started, 1),
                )
                message = (
                    f"stopped after step {done} of {n_steps} of {variant}; {folder.model} holds this state. "
                    f"Go on with: xl align --resume --out {folder.path}"
                )
                raise StoppedEarlyError(message, stopping.signal_number or signal.SIGINT)
            if variant not in scored:
                folder.add_rows(_score(recipe, data, encoder, variant, layer, folder))
            finished.append(variant)
            folder.describe(finished_variants=finished)
    if recipe.eval.string_match and data.scored and StringMatch.name not in scored:
        folder.add_rows(_score_strings(recipe, data, romaniser, folder))
    folder.clear_checkpoints()
    folder.describe(
        status="finished",
        model={"variant": recipe.train.variants[-1]},
        wall_seconds=round(time.monotonic() - started, 1),
    )
    return folder.rows()


def romanise(texts: list[str], romaniser: Romaniser) -> list[str]:
    """Each text in Latin letters; a text that romanises to nothing stands for itself, so that no pair is empty."""
    romanised = []
    with Progress("romanising", len(texts), "texts") as progress:
        for number, text in enumerate(texts, 1):
            romanised.append(romaniser(text) or text)
            progress.advance(number)
    return romanised


def _load(entry: DataConfig) -> ParallelTexts:
    if entry.kind == "names":
        return load_names(entry.languages) if entry.languages else load_names()
    return load_texts(entry.files, languages=entry.languages or None, parallel=entry.kind == "parallel")


def _start(recipe: Recipe, data: RunData, romanised: list[str], folder: RunFolder) -> Encoder:
    """The encoder that every variant starts from. A new one is made once and read back, so that all are the same."""
    if recipe.model.from_ != "new":
        return _pretrained(recipe)
    kept = folder.checkpoints / "start"
    if not kept.is_dir():
        save_model(new_encoder([*data.training, *romanised], recipe.model, seed=recipe.train.seed), kept)
    return load_encoder(str(kept), max_len=recipe.model.max_len, name=recipe.model.name or recipe.name, with_head=True)


def _pretrained(recipe: Recipe) -> Encoder:
    return load_encoder(
        recipe.model.from_,
        revision=recipe.model.revision,
        max_len=recipe.model.max_len,
        name=recipe.model.name,
        with_head=True,
    )


def _train(
    recipe: Recipe,
    variant: str,
    encoder: Encoder,
    corpus: PairCorpus,
    layer: int,
    folder: RunFolder,
    fingerprint: str,
    stopping: Stopping,
) -> tuple[int, int]:
    """Train one variant; (finished steps, all steps)."""
    objectives = {name: recipe.objectives[name] for name in variant.split("+")}
    batches = LengthBatches(corpus.lengths, batch=recipe.train.batch, seed=recipe.train.seed)
    n_steps = count_steps(batches.n_per_epoch, recipe.train)
    settings = {key: value for key, value in recipe.as_dict().items() if key not in ("description", "note", "eval")}
    identity = json.dumps([settings, variant, fingerprint], sort_keys=True)
    checkpoints = Checkpoints(
        folder.checkpoints / variant.replace("+", "_"), hashlib.sha256(identity.encode()).hexdigest()
    )
    done = checkpoints.latest() or 0
    folder.drop_log_after(variant, done)
    if done:
        say(f"{variant}: going on from step {done}")
    with Progress(variant, n_steps, "steps", done) as progress:

        def on_step(record: StepRecord) -> None:
            note = "  ".join(f"{name} {value:.3f}" for name, value in record.losses.items())
            progress.advance(record.step, note)
            if record.step % recipe.train.log_every == 0 or record.step in (1, n_steps):
                folder.log({"variant": variant, **asdict(record)})

        done = fit(
            encoder,
            lambda number: corpus.batch(batches[number]),
            lambda batch, generator: translit_losses(encoder, batch, objectives, layer=layer, generator=generator),
            weights={name: settings.weight for name, settings in objectives.items()},
            n_steps=n_steps,
            config=recipe.train,
            checkpoints=checkpoints,
            on_step=on_step,
            should_stop=stopping,
        )
    return done, n_steps


def _score(recipe: Recipe, data: RunData, encoder: Encoder, variant: str, layer: int, folder: RunFolder) -> list[Row]:
    rows = []
    for corpus, keys in data.scored:
        rows += retrieval_rows(
            encoder,
            corpus,
            keys,
            pairs=_pairs(recipe, corpus),
            layer=layer,
            pooling=recipe.model.pooling,
            variant=variant,
            seed=recipe.train.seed,
            model=recipe.model.name or folder.path.name,
        )
    return rows


def _score_strings(recipe: Recipe, data: RunData, romaniser: Romaniser, folder: RunFolder) -> list[Row]:
    rows = []
    for corpus, keys in data.scored:
        wanted = set(keys)
        texts = [text for by_key in corpus.texts.values() for key, text in sorted(by_key.items()) if key in wanted]
        matcher = StringMatch(texts, romaniser)
        rows += retrieval_rows(
            matcher,
            corpus,
            keys,
            pairs=_pairs(recipe, corpus),
            layer=0,
            pooling="none",
            variant=StringMatch.name,
            seed=recipe.train.seed,
            model=recipe.model.name or folder.path.name,
            unit="character",
        )
    return rows


def _pairs(recipe: Recipe, corpus: ParallelTexts) -> list[tuple[str, str]]:
    sources = corpus.restrict(recipe.eval.sources).languages if recipe.eval.sources else corpus.languages
    targets = corpus.restrict(recipe.eval.targets).languages if recipe.eval.targets else corpus.languages
    return [(source, target) for source in sources for target in targets if source != target]


def _has(variant: str, *names: str) -> bool:
    return any(name in variant.split("+") for name in names)
