"""The model that a user names, opened: how it is read, and why so."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xl_cli.errors import CliError
from xl_cli.folder.at_hand import check_weights, run_model, run_variant
from xl_cli.launch import processes
from xl_cli.launch.progress import Progress, say
from xl_cli.recipe.paths import DEPTH_SHARE
from xl_encoders import POOLINGS, Encoder, SentenceForm, apply_form, load_encoder, load_tokenizer, read_sentence_form
from xl_encoders.model.model_files import names_head


@dataclass(frozen=True, kw_only=True)
class Opened:
    """An encoder, with its prompt, and the layers and the pooling to read it at.

    tuning: how it was fine-tuned on a task, as rows of `xl eval` say; "" for an encoder that was not.
    form: what its own files say of that; None where they say nothing.
    note: which layer, pooling and prompt were taken and why, and what else there is to choose; "" for nothing to tell.
    """

    encoder: Encoder
    layers: list[int]
    pooling: str
    variant: str
    seed: int
    tuning: str = ""
    form: SentenceForm | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class OpenedTokenizer:
    """The tokenizer of a model, one of transformers, and what rows say of that: its name, a run's variant and seed."""

    tokenizer: Any
    name: str
    variant: str
    seed: int


def open_tokenizer(name: str, *, revision: str = "") -> OpenedTokenizer:
    """Open the tokenizer of a model that `open_model` opens, named as it is there; its weights are not read."""
    source, about, shown = _found(name)
    source = _transformer(source, read_sentence_form(source, revision=revision))
    with Progress(f"loading the tokenizer of {name}", quiet=True):
        tokenizer = load_tokenizer(source, revision=revision)
    return OpenedTokenizer(tokenizer=tokenizer, name=shown, **_of_run(about))


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
    source, about, shown = _found(name)
    check_weights(Path(source))
    form = read_sentence_form(source, revision=revision)
    if form is not None and not form.pooling and not pooling:
        message = f"{name}: {form.unread}, which is not known here; give --pooling ({', '.join(POOLINGS)}) to choose."
        raise CliError(message)
    transformer = _transformer(source, form)
    with Progress(f"loading the model {name}", quiet=True):
        encoder = load_encoder(transformer, revision=revision, max_len=max_len or None, name=shown)
    encoder = encoder.to(processes.device())
    if form is not None:
        if not max_len:
            encoder.max_len = min(encoder.max_len, form.max_len or encoder.tokenizer.model_max_length)
        unread = apply_form(encoder, form, source, revision=revision)
        form = dataclasses.replace(form, left_out=(*form.left_out, *unread))
    encoder.prompt = prompt_of(form, about.get("prompt") if prompt is None else prompt)
    if "all" in layer:
        layers = list(range(encoder.n_layers + 1))
    elif layer:
        layers = list(dict.fromkeys(encoder.resolve_layer(-1 if index == "last" else int(index)) for index in layer))
    elif "layer" in about:
        layers = [about["layer"]]
    else:
        layers = [encoder.resolve_layer(form.layer) if form else round(encoder.n_layers * DEPTH_SHARE)]
    opened = Opened(
        encoder=encoder,
        layers=layers,
        pooling=pooling or about.get("pooling") or (form.pooling if form else "mean-all"),
        form=form,
        tuning=str(about.get("tuning", "")),
        **_of_run(about),
    )
    return dataclasses.replace(opened, note=_note(opened, about, bool(layer), prompt))


def prompt_of(form: SentenceForm | None, asked: str | None) -> str:
    """What stands in front of every text. asked: that itself, or its name in the form; None for the default there."""
    prompts = form.prompts if form else {}
    asked = (form.default_prompt if form else "") if asked is None else asked
    return prompts.get(asked, asked)


def _found(name: str) -> tuple[str, dict, str]:
    """Where a model lies, what its run.json says, and how rows call it; a note tells of a run that is not finished."""
    source, about = run_model(name)
    path = Path(name)
    if about.get("encoder"):
        return source, about, about["encoder"]
    if about and about.get("status") != "finished":
        say(f"note: {path} is not finished; its model is {about.get('model')}.")
    return source, about, path.resolve().name if path.is_dir() else name


def _transformer(source: str, form: SentenceForm | None) -> str:
    """Where the transformer of a model lies, which a sentence encoder may have in a folder of its own."""
    return str(Path(source) / form.path) if form is not None and Path(source).is_dir() else source


def _of_run(about: Mapping[str, Any]) -> dict[str, Any]:
    """What rows say of the run that a model is of."""
    return {"variant": run_variant(about), "seed": about.get("seed", 0)}


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
        prompts = f"its prompts: {', '.join(form.prompts)}" if form and form.prompts else "its files name none"
        parts.append(f"has no prompt called {prompt!r} ({prompts}), so this word itself stands in front of every text")
    applied = next((encoder.tail_of(layer, opened.pooling) for layer in opened.layers if encoder.tail), None)
    if encoder.tail is not None and applied is None:
        parts.append(
            f"what stands behind pooling there ({_kinds(form)}) is applied at layer {encoder.tail.layer} with pooling "
            f"{encoder.tail.pooling} alone, and not here"
        )
    if form and form.left_out:
        parts.append(f"left out is what else its modules.json names: {', '.join(form.left_out)}")
    return f"note: {encoder.name} {'; '.join(parts)}." if parts else ""


def _kinds(form: SentenceForm | None) -> str:
    """The modules behind pooling that change more than the length of a vector."""
    return ", ".join(kind for kind, _ in form.behind if kind not in ("Dropout", "Normalize")) if form else ""
