"""`xl export`: a model as a folder that other libraries open, and to a hub if asked."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from xl_cli.errors import CliError, UsageError
from xl_cli.folder.at_hand import check_at_hand
from xl_cli.recipe.config import ReadingConfig
from xl_cli.results import UnfinishedError
from xl_cli.settings import takes
from xl_cli.unread_options import ReadWhere, refuse_unread, revision_row
from xl_encoders.config import POOLING_HELP, SAVED_DTYPES

if TYPE_CHECKING:
    from xl_cli.evaluation.opened import Opened
    from xl_encoders import Encoder

FORMATS = ("sentence-transformers", "transformers")
READ_WHERE = (
    ReadWhere(
        ("prompt",), lambda call: call.format != "transformers", "for --format transformers, which has no place for one"
    ),
    ReadWhere(("private",), lambda call: call.push, "without --push OWNER/NAME"),
    revision_row("run"),
)


@dataclass(frozen=True, kw_only=True)
class ExportConfig:
    """Which form, at which layer, read how."""

    format: str = field(
        default=FORMATS[0],
        metadata={
            "help": "sentence-transformers (SentenceTransformer opens it; pooling configured) | "
            "transformers (AutoModel opens it; its last state is the layer)"
        },
    )
    layer: str = field(
        default="",
        metadata={
            "help": "hidden_states index, 0 = embeddings, negative from the end, or last; what is above is cut off "
            "[default: the run's own; of a sentence encoder what its modules.json says, else two thirds of the depth "
            "(8 of 12)]"
        },
    )
    pooling: str = field(
        default="",
        metadata={"help": f"{POOLING_HELP} [default: the run's own, else what its modules.json says, else mean-all]"},
    )
    prompt: str | None = field(
        default=None,
        metadata={
            "help": "What the library puts in front of every text, e.g. 'query: ', or the name of one of the model's "
            "own prompts, which are all kept; '' for none [default: the model's default prompt]"
        },
    )
    prune: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "File or folder of text; pieces of the vocabulary that none of it needs are left out, and its "
            "texts keep their vectors: a model of a few languages in a part of the size; repeat for more"
        },
    )
    max_len: int = field(
        default=0, metadata={"help": "Longest input in tokens; 0 takes the model's limit, at most 512."}
    )
    revision: str = field(default="", metadata={"help": "Commit or tag of a hub model."})
    dtype: str = field(
        default=SAVED_DTYPES[0],
        metadata={
            "help": "Of the weights: float32 (the vectors stay the same) | folder (as RUN is saved; what opens a "
            "bfloat16 or float16 folder computes in that)"
        },
    )
    push: str = field(
        default="", metadata={"help": "Also upload the folder to this id (OWNER/NAME) of the Hugging Face hub."}
    )
    private: bool = field(default=False, metadata={"help": "With --push: make a new repository private."})

    def __post_init__(self) -> None:
        for name, choices in (("format", FORMATS), ("dtype", SAVED_DTYPES)):
            if getattr(self, name) not in choices:
                message = f"--{name} is {getattr(self, name)!r}; choose one of {', '.join(choices)}."
                raise UsageError(message)
        if self.layer == "all":
            message = "--layer is 'all', but a folder is cut at one layer; give an index, or last."
            raise UsageError(message)


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A folder that was written. address: where it was uploaded to; "" for nowhere.

    pieces, weights: of the vocabulary, and bytes of the model; before and after pieces were taken out, where they were.
    """

    out: Path
    model: str
    format: str
    layer: int
    n_layers: int
    pooling: str
    max_len: int
    address: str = ""
    pieces: tuple[int, ...] = ()
    weights: tuple[int, ...] = ()

    def __str__(self) -> str:
        pooled = f", {self.pooling}" if self.format == "sentence-transformers" else ""
        line = (
            f"{self.out}: {self.model} at layer {self.layer} of {self.n_layers}{pooled}, up to {self.max_len} tokens "
            f"({self.format})"
        )
        if self.pieces:
            sizes = " of ".join(f"{size / 2**20:,.0f}" for size in self.weights[::-1])
            line += f"\nVocabulary: {self.pieces[1]:,} of {self.pieces[0]:,} pieces; weights: {sizes} MiB"
        return f"{line}\nPushed: {self.address}" if self.address else line


@takes(config=ExportConfig)
def export(run: str | Path, *, config: ExportConfig, given: frozenset[str], out: str | Path) -> Exported:
    """Write a model, cut at a layer, as a folder for another library; the vectors stay the same.

    run: run folder, save_pretrained folder or hub id. out: folder to write; must be new.
    Raises UsageError for wrong settings and those that this call would not read, CliError for what is missing,
    UnfinishedError where the folder is written but could not be uploaded.

    >>> export("runs/names", out="names-encoder", format="sentence-transformers")  # doctest: +SKIP
    """
    run, out = str(run), Path(out)
    if out.exists():
        message = f"--out {out} exists already; name another folder."
        raise UsageError(message)
    refuse_unread(READ_WHERE, given, config, run=run)
    if config.push:
        _check_id(config.push)
    check_at_hand(files=[Path(name) for name in config.prune], models=[run], revision=config.revision)
    read = {name: getattr(config, name) for name in ("pooling", "prompt", "revision", "max_len")}
    layers = ReadingConfig(layer=(config.layer,) if config.layer else (), **read).layer
    from xl_cli.evaluation.opened import open_model
    from xl_cli.folder.model_card import export_card, read_about
    from xl_cli.folder.run_folder import RunFolder
    from xl_cli.launch.progress import say
    from xl_encoders import export_sentence_transformers, export_transformers

    opened = open_model(run, layer=layers, **read)
    if opened.note:
        say(opened.note)
    encoder, index = opened.encoder, opened.layers[0]
    pieces, weights = [len(encoder.tokenizer)], [_weights(encoder, index)]
    if config.prune:
        encoder = _pruned(opened, config.prune)
        pieces.append(len(encoder.tokenizer))
        weights.append(_weights(encoder, index))
    about = read_about(Path(run))
    card = export_card(
        about,
        RunFolder(Path(run)).rows() if about else [],
        name=config.push.rpartition("/")[2] or encoder.name,
        source=run,
        form=config.format,
        layer=index,
        pooling=opened.pooling,
        prompt=encoder.prompt,
        max_len=encoder.max_len,
        where=config.push or ".",
    )
    saved = encoder.stored_dtype if config.dtype == "folder" else None
    if config.format == "transformers":
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
    written = Exported(
        out=out,
        model=encoder.name,
        format=config.format,
        layer=index,
        n_layers=encoder.n_layers,
        pooling=opened.pooling,
        max_len=encoder.max_len,
        pieces=tuple(pieces) if config.prune else (),
        weights=tuple(weights) if config.prune else (),
    )
    return replace(written, address=_upload(written, config)) if config.push else written


def _pruned(opened: "Opened", names: Sequence[str]) -> "Encoder":
    """The encoder with the pieces that these texts and its prompts need."""
    from xl_cli.data.running_text import all_lines
    from xl_cli.launch.progress import Progress
    from xl_encoders import prune_pieces

    with Progress("reading texts", quiet=True):
        texts = {text.strip() for text in all_lines(names)} - {""}
        if not texts:
            message = f"--prune {' '.join(names)}: no line has text."
            raise CliError(message)
        prompts = {opened.encoder.prompt, *(opened.form.prompts.values() if opened.form else ())}
        return prune_pieces(opened.encoder, sorted(texts | prompts))


def _weights(encoder: "Encoder", layer: int) -> int:
    """Bytes of the weights that `xl export` writes: of the blocks up to a layer, without a head."""
    from xl_encoders import cut_model

    return sum(weight.numel() * weight.element_size() for weight in cut_model(encoder, layer).parameters())


def _check_id(hub_id: str) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(hub_id)
    except HFValidationError as error:
        message = f"--push {hub_id!r} is no hub id ({error}); write it as OWNER/NAME."
        raise UsageError(message) from error


def _upload(written: Exported, config: ExportConfig) -> str:
    """Upload a folder with the login that huggingface_hub keeps; the address. UnfinishedError says how to repeat it."""
    from huggingface_hub import HfApi

    api = HfApi()
    try:
        # Without --private, the hub's own default for that owner holds.
        address = api.create_repo(config.push, exist_ok=True, private=config.private or None)
        api.upload_folder(repo_id=config.push, folder_path=written.out)
    except Exception as error:  # what the HTTP client below raises differs between its releases
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        message = (
            f"--push {config.push}: not uploaded ({reason.rstrip('.')}); {written.out} is complete: "
            f"log in with `hf auth login`, then `hf upload {config.push} {written.out}`."
        )
        raise UnfinishedError(message, written) from error
    return str(address)
