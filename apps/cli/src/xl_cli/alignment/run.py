"""What `xl align` does with its data: variants trained from one start, each scored, the last one kept as the model."""

import hashlib
import json
import shutil
import signal
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median

import torch

from xl_cli.alignment.further_tasks import score_tasks
from xl_cli.alignment.head_warmup import warm_head
from xl_cli.alignment.parts import Sources, build_parts
from xl_cli.alignment.reading import check_widths, first_texts, variant_objectives
from xl_cli.alignment.scoring import difference_rows, score_encoder, score_strings, tell_known
from xl_cli.alignment.selection import selection_of
from xl_cli.alignment.teacher import keep_teacher_vectors
from xl_cli.alignment.vocabulary import change_vocabulary
from xl_cli.data.letters import tell_letters
from xl_cli.data.run_data import RunData
from xl_cli.errors import CliError, StoppedEarlyError
from xl_cli.evaluation.opened import prompt_of
from xl_cli.folder.at_hand import check_weights
from xl_cli.folder.model_card import write_model_card
from xl_cli.folder.run_folder import RunFolder, environment
from xl_cli.launch import processes
from xl_cli.launch.memory import PeakMemory
from xl_cli.launch.progress import Progress, say
from xl_cli.launch.stopping import Stopping
from xl_cli.recipe.paths import form_source, makes_head, source_of
from xl_cli.recipe.recipe import Recipe, check_layers
from xl_encoders import (
    Checkpoints,
    Encoder,
    FitEnd,
    SentenceForm,
    StepRecord,
    apply_form,
    copy_form,
    count_steps,
    extend_vocabulary,
    fit,
    load_encoder,
    new_encoder,
    read_sentence_form,
    save_model,
)
from xl_tasks import Row, StringMatch
from xl_translit import Romanizer


def run(recipe: Recipe, data: RunData, folder: RunFolder) -> list[Row]:
    """Carry out `recipe` in `folder`, from wherever an earlier attempt stopped; all result rows.

    Every process of a distributed run calls this; the main one writes and scores. Raises StoppedEarlyError after a
    signal, with the folder in a state that `--resume` continues from.
    """
    processes.wait()  # until the main process has written run.json
    about = folder.about()
    started = time.monotonic() - float(about.get("wall_seconds", 0.0))
    read = data.about()
    if about.get("data", read) != read:
        message = f"the data is not what {folder.path} began with; bring it back, or start a new run with a new --out."
        raise CliError(message)
    folder.describe(status="running", data=read, seed=recipe.train.seed, **environment())
    sources = Sources(recipe=recipe, data=data, folder=folder.checkpoints)
    texts = sources.count()
    n_texts = sum(its["taken"] for counts in texts.values() for its in counts.values())
    folder.describe(n_training_texts=n_texts, texts=texts)
    encoder = start_encoder(recipe, sources, folder)
    keep_teacher_vectors(sources, lambda: pretrained(recipe).to(processes.device()))
    folder.describe(**({"prompt": encoder.prompt} if encoder.prompt else {}))
    if processes.is_main():
        tell_letters(encoder, first_texts(data), "--set data.files=FOLDER")
    check_widths(recipe, data, encoder.width)
    layer = encoder.resolve_layer(recipe.model.layer)
    folder.describe(
        layer=layer, pooling=recipe.model.pooling, n_parameters=sum(p.numel() for p in encoder.parameters())
    )
    saved_dtype = getattr(torch, folder.about().get("dtype", {}).get("saved", "float32"))
    scored = {row.variant for row in folder.rows()}
    _score_starts(recipe, data, encoder, layer, folder, scored)
    tell_known(recipe, data, folder)
    score_tasks(recipe, folder, layer)  # of the start alone, so that faults of their data come before training
    finished = list(folder.about().get("finished_variants", []))
    form = _form(recipe)
    with Stopping() as stopping:
        for variant in recipe.train.variants:
            if variant in finished:
                continue
            encoder = start_encoder(recipe, sources, folder)
            adapt_encoder(recipe, encoder, folder)
            end, n_steps, encoder = _train(recipe, variant, encoder, sources, layer, folder, stopping)
            if end.reason != "stopped":  # what is scored is what is saved
                encoder.merge()
                _round(encoder, saved_dtype)
            if processes.is_main() and (end.reason == "stopped" or variant == recipe.train.variants[-1]):
                folder.describe(weights={})  # a kill before the next line leaves no note of other weights
                save_model(encoder, folder.model, dtype=saved_dtype)
                folder.seal()
                if form is not None:
                    copy_form(form, form_source(recipe.model), folder.model, revision=recipe.model.revision)
            if end.reason == "stopped":
                folder.describe(
                    status="interrupted",
                    model={"variant": variant, "step": end.step},
                    wall_seconds=round(time.monotonic() - started, 1),
                )
                message = (
                    f"stopped after step {end.step} of {n_steps} of {variant}; {folder.model} holds this state. "
                    f"Go on with: xl align --resume --out {folder.path}"
                )
                raise StoppedEarlyError(message, stopping.signal_number or signal.SIGINT)
            if variant not in scored:
                folder.add_rows(score_encoder(recipe, data, encoder, variant, layer, folder))
            finished.append(variant)
            folder.describe(finished_variants=finished, wall_seconds=round(time.monotonic() - started, 1))
            processes.wait()
    if recipe.eval.string_match and data.scored and StringMatch.name not in scored:
        folder.add_rows(score_strings(recipe, data, folder))
    folder.add_rows(difference_rows(recipe, data, folder))
    folder.add_rows(score_tasks(recipe, folder, layer, end=True))
    processes.wait()
    folder.keep_selected(recipe.select.keep if recipe.select.every else 1)
    folder.describe(
        status="finished",
        model={"variant": recipe.train.variants[-1]},
        wall_seconds=round(time.monotonic() - started, 1),
    )
    if processes.is_main():
        write_model_card(folder)
    return folder.rows()


def pretrained(recipe: Recipe) -> Encoder:
    """The encoder that the recipe names by folder or hub id, with its masked-LM head where an objective needs one."""
    source, name = source_of(recipe.model)
    check_weights(Path(form_source(recipe.model)))
    with Progress(f"loading the model {name or source}", quiet=True):
        encoder = load_encoder(
            source,
            revision=recipe.model.revision,
            max_len=recipe.model.max_len,
            name=name,
            with_head=recipe.needs_head,
            new_head=True,
        )
    check_layers(recipe, encoder.n_layers)
    _tell_form(recipe, encoder)
    return as_read(recipe, encoder)


def as_read(recipe: Recipe, encoder: Encoder) -> Encoder:
    """`encoder` itself, with the prompt that the recipe asks for and what its files put behind pooling."""
    model, form = recipe.model, _form(recipe)
    if form is not None:
        apply_form(encoder, form, form_source(model), revision=model.revision)
        if encoder.tail is not None:
            encoder.tail.to(encoder.device)
    encoder.prompt = prompt_of(form, model.prompt)
    return encoder


def _tell_form(recipe: Recipe, encoder: Encoder) -> None:
    """Say so where a sentence encoder's own files name another layer or pooling than the recipe reads."""
    form = _form(recipe)
    if form is None or not form.pooling:
        return
    layer, asked = encoder.resolve_layer(form.layer), encoder.resolve_layer(recipe.model.layer)
    if (layer, form.pooling) != (asked, recipe.model.pooling):
        say(
            f"note: {encoder.name} was trained to be read at layer {layer} with pooling {form.pooling} (modules.json); "
            f"the recipe reads layer {asked} with {recipe.model.pooling}. To read it so: "
            f"--set model.layer={form.layer} --set model.pooling={form.pooling}"
        )


def _form(recipe: Recipe) -> SentenceForm | None:
    """How the encoder that the recipe names is read, by its own files; None for one that is new or plain."""
    if recipe.model.from_ == "new":
        return None
    return read_sentence_form(form_source(recipe.model), revision=recipe.model.revision)


def start_encoder(recipe: Recipe, sources: Sources, folder: RunFolder) -> Encoder:
    """The encoder that every variant starts from. What is not read as it is from elsewhere is made once and kept."""
    settings = recipe.model
    with_new_head = makes_head(settings, needed=recipe.needs_head)
    if settings.from_ != "new" and not recipe.grows_vocabulary and not with_new_head:
        encoder = pretrained(recipe)
        _describe_dtype(recipe, encoder, folder)
        return encoder.to(processes.device())
    kept = folder.checkpoints / "start"
    warms = with_new_head and settings.head_warmup > 0
    made = folder.checkpoints / "start-with-new-head" if warms else kept
    missing = processes.as_on_main(not kept.is_dir())
    if missing and settings.from_ == "new":
        sources.romanise()
    if missing and processes.is_main():
        if settings.from_ == "new":
            encoder = new_encoder(sources.vocabulary_texts(), settings, seed=recipe.train.seed)
        else:
            encoder = pretrained(recipe)
        _describe_dtype(recipe, encoder, folder)
        if settings.extend_vocabulary:
            added = extend_vocabulary(encoder, Romanizer().batch, settings.extend_vocabulary)
            say(f"vocabulary: {added.n_added} romanised pieces added to {added.n_before}")
        if recipe.vocabulary.changes:
            encoder = change_vocabulary(encoder, sources, folder)
        save_model(encoder, made)
    processes.wait()
    name = settings.name or (
        recipe.name if settings.from_ == "new" else source_of(settings)[1] or Path(settings.from_).name
    )

    def kept_in(place: Path) -> Encoder:
        opened = load_encoder(str(place), max_len=settings.max_len, name=name, with_head=recipe.needs_head)
        return as_read(recipe, opened.to(processes.device()))

    if warms and missing:
        encoder = kept_in(made)
        warm_head(sources, encoder, encoder.resolve_layer(settings.layer), folder)
        if processes.is_main():
            save_model(encoder, kept)
            shutil.rmtree(made)
        processes.wait()
    if with_new_head:
        folder.describe(head={"new": True, "warmup": settings.head_warmup})
    return kept_in(kept)


def _describe_dtype(recipe: Recipe, encoder: Encoder, folder: RunFolder) -> None:
    """Say in run.json what the weights were saved in, are trained in and will be saved in."""
    stored = str(encoder.stored_dtype).removeprefix("torch.")
    saved = stored if recipe.train.save_dtype == "folder" else "float32"
    if stored != "float32" and "dtype" not in folder.about():
        say(f"note: {encoder.name} is saved in {stored}; it is trained in float32 and saved in {saved}.")
    folder.describe(dtype={"folder": stored, "trained": "float32", "saved": saved})


def adapt_encoder(recipe: Recipe, encoder: Encoder, folder: RunFolder) -> None:
    """Low-rank updates where the recipe wants them, the same at every start; and all frozen that it does not train."""
    settings = recipe.train
    if settings.lora_rank:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            encoder.adapt(rank=settings.lora_rank, alpha=settings.lora_alpha, dropout=settings.lora_dropout)
        n_trained = sum(weight.numel() for weight in encoder.parameters() if weight.requires_grad)
        say(f"low-rank updates of rank {settings.lora_rank}: {n_trained:,} weights are trained")
    if settings.only != "all":
        grown = folder.about().get("vocabulary", {})
        if settings.only == "new" and not grown.get("n_added"):
            message = f"train.only is new, but {encoder.name} got no new pieces; give train.only = embeddings, or all."
            raise CliError(message)
        first = grown["first_id"] if settings.only == "new" else 0
        encoder.train_embeddings(first, only=not settings.lora_rank)
        table = encoder.token_embeddings
        rows = 0 if table is None else len(table) - first
        say(f"token embeddings: {rows:,} rows are trained, from id {first} on")


def _round(encoder: Encoder, dtype: torch.dtype) -> None:
    """Weights as a file in `dtype` holds them, still in float32."""
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.copy_(parameter.to(dtype))


def _score_starts(
    recipe: Recipe, data: RunData, encoder: Encoder, layer: int, folder: RunFolder, scored: set[str]
) -> None:
    """The lines that the variants are compared with: the encoder before training, and before its vocabulary grew."""
    if recipe.model.from_ == "new":
        lines = {"untrained": lambda: encoder}
    elif recipe.grows_vocabulary:
        lines = {"pretrained": lambda: pretrained(recipe).to(encoder.device), "extended": lambda: encoder}
    else:
        lines = {"pretrained": lambda: encoder}
    for name, opened in lines.items():
        if name not in scored and processes.is_main():
            folder.add_rows(score_encoder(recipe, data, opened(), name, layer, folder))
    processes.wait()


def _train(
    recipe: Recipe,
    variant: str,
    encoder: Encoder,
    sources: Sources,
    layer: int,
    folder: RunFolder,
    stopping: Stopping,
) -> tuple[FitEnd, int, Encoder]:
    """Train one variant: how it ended, the steps there were to make, and the encoder to keep."""
    objectives = {name: recipe.objectives[name] for name in variant_objectives(recipe, variant)}
    parts = build_parts(sources, variant, encoder, layer)
    n_steps = count_steps(parts[0].n_per_epoch, recipe.train)
    # As run.json has it: a key that a later release adds, at its default, is no other recipe.
    resolved = folder.about().get("recipe") or recipe.as_dict()
    settings = {key: value for key, value in resolved.items() if key not in ("description", "note", "eval")}
    identity = json.dumps([settings, variant, sources.data.fingerprint], sort_keys=True)
    state = folder.checkpoints / variant.replace("+", "_")
    checkpoints = Checkpoints(state, hashlib.sha256(identity.encode()).hexdigest())
    done = checkpoints.latest() or 0
    folder.drop_log_after(variant, done)
    if done:
        say(f"{variant}: going on from step {done}")
    scoring = {"task": recipe.select.task, "data": recipe.select.data or "dev slice", "limit": recipe.select.limit}
    if recipe.select.task == "retrieval":
        scoring["metric"] = recipe.select.metric
    with Progress(variant, n_steps, "steps", done) as progress:
        selection = selection_of(
            recipe, sources, folder.selected / variant.replace("+", "_"), layer,
            lambda scored: folder.log({"variant": variant, "step": scored.step, "selection": scored.score, **scoring}),
        )  # fmt: skip
        # The latest value of each loss since the last row: objectives that take part in few steps are seen as well.
        losses: dict[str, float] = {}
        weights: dict[str, float] = {}

        seconds: list[float] = []

        def on_step(record: StepRecord) -> None:
            seconds.append(record.seconds)
            losses.update(record.losses)
            weights.update(record.weights)
            note = "  ".join(f"{name} {value:.3f}" for name, value in record.losses.items())
            progress.advance(record.step, note)
            if record.step % recipe.train.log_every == 0 or record.grad_norms or record.step in (1, n_steps):
                folder.log({"variant": variant, **asdict(record), "losses": dict(losses), "weights": dict(weights)})
                losses.clear()
                weights.clear()

        memory = PeakMemory()
        end = fit(
            encoder,
            parts,
            objectives,
            n_steps=n_steps,
            config=recipe.train,
            checkpoints=checkpoints,
            selection=selection,
            on_step=on_step,
            should_stop=stopping,
            trackers=(folder.path / "trackers", variant) if recipe.train.trackers else None,
        )
    if seconds:
        n_bytes, of = memory.read()
        cost = {"steps": len(seconds), "seconds_a_step": median(seconds), "peak_memory": n_bytes, "memory_of": of}
        folder.describe(cost={**folder.about().get("cost", {}), variant: cost})
    if end.reason != "stopped" and selection:
        best = selection.best()
        if best:
            scored, kept = best
            if selection.is_scored:
                say(f"{variant}: kept step {scored.step}, {recipe.select.task} {scored.score:.4f}")
                folder.describe(selected={**folder.about().get("selected", {}), variant: asdict(scored)})
            best_one = load_encoder(str(kept), max_len=recipe.model.max_len, name=encoder.name)
            encoder = as_read(recipe, best_one.to(encoder.device))
    return end, n_steps, encoder
