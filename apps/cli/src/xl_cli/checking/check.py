"""`xl check`: whether a model gives one vector for one text, whichever way it is read, on the user's own sentences."""

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xl_cli.errors import CliError
from xl_cli.folder.at_hand import check_at_hand, run_model
from xl_cli.launch.progress import Progress, say
from xl_cli.listing import listing
from xl_cli.recipe.config import OneLayerConfig
from xl_cli.results import Rows, UnfinishedError
from xl_cli.settings import takes
from xl_cli.unread_options import ReadWhere, refuse_unread, revision_row
from xl_objectives import setting

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xl_cli.evaluation.opened import Opened

# Largest distance of a text's two unit vectors that rounding explains: in float32, and in bfloat16, whose numbers have
# eight bits; and of two gradients, as a share of their length.
_EXACT, _HALF, _GRADIENT = 1e-3, 0.1, 1e-3
_MADE_UP = 60  # texts that a gradient is taken of at most: it is computed twice

READ_WHERE = (
    ReadWhere(("lang",), lambda call: call.texts, "without TEXT, whose language it tells"),
    revision_row("model"),
)


@dataclass(frozen=True, kw_only=True)
class CheckConfig(OneLayerConfig):
    """How the model is read, and of how many texts."""

    limit: int = setting(200, "Most texts, drawn by their hash.", low=1)
    lang: str = setting("", "Language to read of a folder that is a data set.")


@dataclass(frozen=True, kw_only=True)
class _Way:
    """A way of reading, and how far it may be from the plainest one. reason: why it could not be gone; "" if it was."""

    name: str
    limit: float = _EXACT
    reason: str = ""
    vectors: "NDArray[Any] | None" = None


@takes(config=CheckConfig)
def check(model: str | Path, *texts: str | Path, config: CheckConfig, given: frozenset[str]) -> Rows:
    """Read texts one by one, and in every other way that xl has; rows of how far the vectors agree.

    model: run folder, save_pretrained folder or hub id. texts: files, a text a line, or folders with data sets; without
    any, names of the babel library in many scripts. Raises UsageError for wrong settings, CliError for what is missing,
    UnfinishedError, with the rows, where a way does not agree.
    """
    model = str(model)
    refuse_unread(READ_WHERE, given, config, texts=texts, model=model)
    check_at_hand(models=[model], revision=config.revision)
    lines, shown = _texts([str(text) for text in texts], config)
    from xl_cli.evaluation.opened import open_model
    from xl_encoders.agreement.measures import agreement, cache_difference
    from xl_encoders.agreement.ways import alone

    opened = open_model(model, **config.read)
    if opened.note:
        say(opened.note)
    layer, encoder = opened.layers[0], opened.encoder
    with Progress("one text a pass", quiet=True):
        reference = alone(encoder, lines, layer=layer, pooling=opened.pooling)
    table: list[dict[str, str]] = []
    figures: list[tuple[str, str, float, int]] = []
    faults: list[str] = []
    for way in _ways(opened, run_model(model)[0], lines):
        if way.vectors is None:
            table.append(_line(way.name, note=f"not read: {way.reason}"))
            continue
        found = agreement(reference, way.vectors)
        agrees = found.difference <= way.limit
        if not agrees:
            faults.append(f"{way.name} (farthest: {lines[found.worst][:60]!r})")
        table.append(
            _line(
                way.name, cosine=f"{found.least_cosine:.7f}", difference=f"{found.difference:.1e}",
                nearest=f"{found.same_nearest:.1%}", note="agrees" if agrees else f"differs by more than {way.limit:g}",
            )
        )  # fmt: skip
        figures += [
            (way.name, metric, getattr(found, metric), found.n)
            for metric in ("least_cosine", "difference", "same_nearest")
        ]
    with Progress("gradients", quiet=True):
        from xl_cli.data.run_data import Transliteration

        some = lines[:_MADE_UP]
        apart, n_passes = cache_difference(encoder, some, Transliteration()(some))
    agrees = apart <= _GRADIENT
    faults += [] if agrees else ["cached gradients"]
    note = "agrees" if agrees else f"differs by more than {_GRADIENT:g}"
    table.append(_line("cached gradients", difference=f"{apart:.1e}", note=f"{note}; of SEQ, {n_passes} passes"))
    figures.append(("cached gradients", "difference", apart, len(some)))
    rows = _rows(figures, opened, shown)
    prompt = f", prompt {encoder.prompt!r}" if encoder.prompt else ""
    head = (
        f"{encoder.name}, layer {layer} of {encoder.n_layers}, {opened.pooling}{prompt}: {len(lines)} texts ({shown}), "
        "each way beside one text a pass in float32"
    )
    done = Rows(rows, lambda: f"{head}\n\n{listing(table, header=True)}")
    if faults:
        message = f"{encoder.name} does not give one vector for one text: {'; '.join(faults)}."
        raise UnfinishedError(message, done)
    return done


def _line(way: str, *, cosine: str = "", difference: str = "", nearest: str = "", note: str = "") -> dict[str, str]:
    return {
        "way": way, "least cosine": cosine, "largest difference": difference, "same nearest": nearest, "": note,
    }  # fmt: skip


def _texts(names: Sequence[str], config: CheckConfig) -> tuple[list[str], str]:
    """Texts to read, drawn by their hash, and where they are from."""
    from xl_cli.data.running_text import RunningText

    if names:
        found = {text.strip() for text in RunningText(names, config.lang)} - {""}
        shown = " ".join(names)
    else:
        from xl_tasks import load_names

        names_of = load_names()
        found = {text for code in names_of.languages for text in names_of.texts[code].values()}
        shown = "names in the babel library"
    if not found:
        message = f"{shown}: no line has text."
        raise CliError(message)
    drawn = sorted(found, key=lambda text: hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
    return drawn[: config.limit], shown


def _ways(opened: "Opened", source: str, texts: Sequence[str]) -> list[_Way]:
    """Every way but the plainest. source: the model's folder or hub id."""
    from xl_encoders import EncoderError
    from xl_encoders.agreement.ways import by_sentence_transformers, exported, packed

    encoder, form = opened.encoder, opened.form
    layer, pooling, device = opened.layers[0], opened.pooling, str(encoder.device)
    no_library = "the library is not installed (pip install 'xl-encoders[sentence-transformers]')"
    ways: list[_Way] = []

    def go(name: str, read: Callable[[], "NDArray[Any] | None"], reason: str = "", limit: float = _EXACT) -> None:
        with Progress(name, quiet=True):
            try:
                vectors = read()
            except EncoderError as error:
                vectors, reason = None, str(error)
        ways.append(_Way(name=name, limit=limit, vectors=vectors, reason=reason))

    go("padded batches", lambda: encoder.embed(texts, layer=layer, pooling=pooling))
    go(
        "packed, as in training",
        lambda: packed(encoder, texts, layer=layer, pooling=pooling),
        "no packed form of this family or prompt",
    )
    go("bfloat16", lambda: encoder.embed(texts, layer=layer, pooling=pooling, precision="bf16"), limit=_HALF)
    if form is not None and (encoder.resolve_layer(form.layer), form.pooling) == (layer, pooling):
        go(
            "sentence-transformers",
            lambda: by_sentence_transformers(source, texts, prompt=encoder.prompt, device=device),
            no_library,
        )
    with tempfile.TemporaryDirectory(prefix="xl-check-") as aside:
        folder = Path(aside) / "exported"
        prompts = form.prompts if form else {}
        go(
            "exported, opened again",
            lambda: exported(encoder, texts, folder, layer=layer, pooling=pooling, prompts=prompts),
        )
        if folder.is_dir():
            go(
                "exported, by sentence-transformers",
                lambda: by_sentence_transformers(folder, texts, prompt=encoder.prompt, device=device),
                no_library,
            )
    return ways


def _rows(figures: Sequence[tuple[str, str, float, int]], opened: "Opened", shown: str) -> list[Any]:
    from xl_tasks import Row

    return [
        Row(
            task="check",
            metric=metric,
            value=value,
            n=n,
            source="",
            target="",
            seed=opened.seed,
            model=opened.encoder.name,
            layer=opened.layers[0],
            pooling=opened.pooling,
            variant=way,
            data=shown,
        )
        for way, metric, value, n in figures
    ]
