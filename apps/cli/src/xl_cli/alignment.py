"""What `xl align` does with its data: variants trained from one start, each scored, the last one kept as the model."""

import hashlib
import json
import signal
import time
from dataclasses import asdict

from xl_cli.errors import CliError
from xl_cli.progress import Progress, say
from xl_cli.recipe import Recipe
from xl_cli.run_data import RunData, romanise
from xl_cli.run_folder import RunFolder, environment
from xl_cli.stopping import Stopping
from xl_encoders import (
    Checkpoints,
    Encoder,
    LengthBatches,
    PairCorpus,
    StepRecord,
    count_steps,
    encode_pairs,
    fit,
    load_encoder,
    new_encoder,
    save_model,
    translit_losses,
)
from xl_tasks import ParallelTexts, Row, StringMatch, retrieval_rows
from xl_translit import Romanizer


class StoppedEarlyError(CliError):
    """The run was told to stop; its folder is in order. `signal_number` says by whom."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.signal_number = signal_number


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
    romaniser = Romanizer()
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


def _start(recipe: Recipe, data: RunData, romanised: list[str], folder: RunFolder) -> Encoder:
    """The encoder that every variant starts from. A new one is made once and read back, so that all are the same."""
    if recipe.model.from_ != "new":
        return pretrained(recipe)
    kept = folder.checkpoints / "start"
    if not kept.is_dir():
        save_model(new_encoder([*data.training, *romanised], recipe.model, seed=recipe.train.seed), kept)
    return load_encoder(str(kept), max_len=recipe.model.max_len, name=recipe.model.name or recipe.name, with_head=True)


def pretrained(recipe: Recipe) -> Encoder:
    """The encoder that the recipe names by folder or hub id, with its masked-LM head."""
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


def _score_strings(recipe: Recipe, data: RunData, romaniser: Romanizer, folder: RunFolder) -> list[Row]:
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
