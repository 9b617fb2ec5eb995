"""`xl export`: a model as a folder that other libraries open, and to a hub if asked."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xl_cli.errors import CliError, UsageError
from xl_cli.folder.at_hand import check_at_hand
from xl_cli.recipe.config import RetrievalConfig
from xl_cli.unread_options import ReadWhere, refuse_unread, revision_row
from xl_encoders.config import SAVED_DTYPES

if TYPE_CHECKING:
    from xl_encoders import Encoder

FORMATS = ("sentence-transformers", "transformers")
_READ_WHERE = (
    ReadWhere(
        ("prompt",), lambda call: call.fmt != "transformers", "for --format transformers, which has no place for one"
    ),
    ReadWhere(("private",), lambda call: call.push, "without --push OWNER/NAME"),
    revision_row("run"),
)


def export(
    run: Annotated[str, typer.Argument(help="Run folder, save_pretrained folder or hub id.", metavar="RUN")],
    invocation: typer.Context,
    out: Annotated[Path, typer.Option(help="Folder to write; must be new.")],
    fmt: Annotated[
        str,
        typer.Option(
            "--format",
            help="sentence-transformers (SentenceTransformer opens it; pooling configured) | "
            "transformers (AutoModel opens it; its last state is the layer)",
        ),
    ] = FORMATS[0],
    layer: Annotated[
        str,
        typer.Option(
            help="hidden_states index, 0 = embeddings, negative from the end, or last; what is above is cut off "
            "[default: the run's own; of a sentence encoder what its modules.json says, else two thirds of the depth "
            "(8 of 12)]"
        ),
    ] = "",
    pooling: Annotated[
        str,
        typer.Option(
            help="mean-content (no specials) | mean-all (specials too) | first [default: the run's own, else "
            "what its modules.json says, else mean-all]"
        ),
    ] = "",
    prompt: Annotated[
        str | None,
        typer.Option(
            help="What the library puts in front of every text, e.g. 'query: ', or the name of one of the model's own "
            "prompts, which are all kept; '' for none [default: the model's default prompt]"
        ),
    ] = None,
    max_len: Annotated[int, typer.Option(help="Longest input in tokens; 0 takes the model's limit, at most 512.")] = 0,
    revision: Annotated[str, typer.Option(help="Commit or tag of a hub model.")] = "",
    dtype: Annotated[
        str,
        typer.Option(
            help="Of the weights: float32 (the vectors stay the same) | folder (as RUN is saved; what opens a bfloat16 "
            "or float16 folder computes in that)"
        ),
    ] = SAVED_DTYPES[0],
    push: Annotated[
        str, typer.Option(help="Also upload the folder to this id (OWNER/NAME) of the Hugging Face hub.")
    ] = "",
    private: Annotated[bool, typer.Option("--private", help="With --push: make a new repository private.")] = False,
) -> None:
    """Write a model, cut at a layer, as a folder for another library; the vectors stay the same.

    Example: xl export runs/names --format sentence-transformers --out names-encoder
    """
    if fmt not in FORMATS:
        message = f"--format is {fmt!r}; choose one of {', '.join(FORMATS)}."
        raise UsageError(message)
    if dtype not in SAVED_DTYPES:
        message = f"--dtype is {dtype!r}; choose one of {', '.join(SAVED_DTYPES)}."
        raise UsageError(message)
    if out.exists():
        message = f"--out {out} exists already; name another folder."
        raise UsageError(message)
    if layer == "all":
        message = "--layer is 'all', but a folder is cut at one layer; give an index, or last."
        raise UsageError(message)
    refuse_unread(invocation, _READ_WHERE)
    if push:
        _check_id(push)
    check_at_hand(models=[run], revision=revision)
    config = RetrievalConfig(
        model=run,
        data="",
        layer=(layer,) if layer else (),
        pooling=pooling,
        prompt=prompt,
        revision=revision,
        max_len=max_len,
    )
    from xl_cli.evaluation.opened import open_model
    from xl_cli.folder.model_card import export_card, read_about
    from xl_cli.folder.run_folder import RunFolder
    from xl_cli.launch.progress import say
    from xl_encoders import export_sentence_transformers, export_transformers

    opened = open_model(run, revision=revision, max_len=max_len, layer=config.layer, pooling=pooling, prompt=prompt)
    if opened.note:
        say(opened.note)
    encoder, index = opened.encoder, opened.layers[0]
    about = read_about(Path(run))
    card = export_card(
        about,
        RunFolder(Path(run)).rows() if about else [],
        name=push.rpartition("/")[2] or encoder.name,
        source=run,
        form=fmt,
        layer=index,
        pooling=opened.pooling,
        prompt=encoder.prompt,
        max_len=encoder.max_len,
        where=push or ".",
    )
    saved = encoder.stored_dtype if dtype == "folder" else None
    if fmt == "transformers":
        export_transformers(encoder, out, layer=index, card=card, dtype=saved)
    else:
        export_sentence_transformers(
            encoder,
            out,
            layer=index,
            pooling=opened.pooling,
            prompts=opened.form.prompts if opened.form else None,
            normalize=opened.form is not None and opened.form.normalizes,
            card=card,
            dtype=saved,
        )
    typer.echo(f"{out}: {_summary(encoder, fmt, index, opened.pooling)}")
    if push:
        typer.echo(f"Pushed: {_upload(out, push, private=private)}")


def _summary(encoder: "Encoder", fmt: str, layer: int, pooling: str) -> str:
    pooled = f", {pooling}" if fmt == "sentence-transformers" else ""
    return f"{encoder.name} at layer {layer} of {encoder.n_layers}{pooled}, up to {encoder.max_len} tokens ({fmt})"


def _check_id(hub_id: str) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(hub_id)
    except HFValidationError as error:
        message = f"--push {hub_id!r} is no hub id ({error}); write it as OWNER/NAME."
        raise UsageError(message) from error


def _upload(folder: Path, hub_id: str, *, private: bool) -> str:
    """Upload `folder` with the login that huggingface_hub keeps; the address. CliError says how to repeat it."""
    from huggingface_hub import HfApi

    api = HfApi()
    try:
        # Without --private, the hub's own default for that owner holds.
        address = api.create_repo(hub_id, exist_ok=True, private=private or None)
        api.upload_folder(repo_id=hub_id, folder_path=folder)
    except Exception as error:  # what the HTTP client below raises differs between its releases
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        message = (
            f"--push {hub_id}: not uploaded ({reason.rstrip('.')}); {folder} is complete: "
            f"log in with `hf auth login`, then `hf upload {hub_id} {folder}`."
        )
        raise CliError(message) from error
    return str(address)
