"""Whether what a command line names is there: asked of the disk alone, before anything heavy is loaded."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from xl_cli.errors import CliError, UsageError
from xl_cli.folder.json_files import read_object
from xl_cli.recipe.faults import SettingFaults
from xl_encoders.errors import EncoderError
from xl_encoders.model.model_files import check_named, read_model_files

# What lies beside a model that `xl eval --save-models` kept, and says what it was made of.
FINE_TUNED = "fine_tuned.json"
# What a probe that it kept is made of.
PROBE = "probe.json"


def check_at_hand(
    *,
    files: Iterable[str | Path] = (),
    data: str = "",
    models: Iterable[str] = (),
    revision: str = "",
    layers: Sequence[str] = (),
    max_len: int = 0,
) -> None:
    """CliError that names everything that is missing.

    files: files to read; "-" is standard input.
    data: folder, file or pattern of texts; "" is none.
    models: run folders, `save_pretrained` folders or hub ids (of `revision`).
    layers, max_len: what models are read with, as --layer and --max-len have it; folders of models say how far they go.
    """
    faults = SettingFaults()
    for file in files:
        if str(file) != "-" and not Path(file).exists():
            faults.add(CliError(f"{file}: no such file; check the spelling and the folder."))
    if data and not is_there(data):
        faults.add(CliError(f"--data {data}: no such file or folder; check the spelling and the folder."))
    for name in models:
        with faults.caught(CliError, EncoderError):
            check_named(str(run_model(name)[0]), revision)
            _check_extent(name, layers, max_len)
    faults.tell()


def _check_extent(name: str, layers: Sequence[str], max_len: int) -> None:
    """UsageError for a layer that a model in a folder lacks, and for texts that are longer than its positions."""
    folder = Path(run_model(name)[0])
    if not (layers or max_len) or not (folder / "config.json").is_file():
        return
    files = read_model_files(str(folder))
    deepest, longest = files.n_layers, files.n_positions
    for layer in layers:
        if deepest is not None and layer not in ("last", "all") and not -deepest - 1 <= int(layer) <= deepest:
            message = f"--layer {layer}: {name} has 0 (embeddings) to {deepest} (last block)."
            raise UsageError(message)
    if longest is not None and max_len > longest:
        message = f"--max-len {max_len}: {name} has positions for {longest} tokens; give {longest} or less."
        raise UsageError(message)


def is_there(given: str) -> bool:
    """Whether a path, or anything that matches it as a pattern, exists."""
    path = Path(given)
    return path.exists() or any(path.parent.glob(path.name))


def run_model(name: str) -> tuple[str, dict]:
    """Where the model that a user names lies, of a run its model/, and what its run.json says ({} for no run).

    Of a run of `xl eval --save-models` it is the only model that it kept; of one of these, what was written beside it:
    the encoder that was fine-tuned, its variant, the seed and the tuning as result rows have them.
    CliError for a run that has no model yet, or several, and for a probe, which is none.
    """
    folder = Path(name)
    if (folder / PROBE).is_file():
        encoder = read_object(folder / PROBE).get("encoder")
        message = f"{folder} is a linear probe on {encoder} and holds no encoder; name the model that it was fitted to."
        raise CliError(message)
    if (folder / FINE_TUNED).is_file():
        return name, read_object(folder / FINE_TUNED)
    if not (folder / "run.json").is_file():
        return name, {}
    about = read_object(folder / "run.json")
    if "tasks" in about:
        kept = sorted(path for path in (folder / "models").glob("*") if path.is_dir())
        if len(kept) == 1:
            return run_model(str(kept[0]))
        which = f"kept several models, name one of them: {', '.join(map(str, kept))}" if kept else "kept no model"
        advice = "" if kept else "; run it with --save-models, or name the model that it scored"
        message = f"{folder} is a run of xl eval that {which}{advice}."
        raise CliError(message)
    if not (folder / "model").is_dir():
        message = (
            f"{folder} is a run without a model yet (status: {str(about.get('status'))[:60]!r}); "
            f"finish it: xl align --resume --out {folder}"
        )
        raise CliError(message)
    return str(folder / "model"), about


def weights_of(folder: Path) -> dict[str, str]:
    """SHA-256 of each file of weights in a folder of a model, by name; reads them once."""
    from xl_translit import hash_file

    return {path.name: hash_file(path) for path in sorted(folder.glob("*.safetensors"))}


def check_weights(folder: Path) -> None:
    """CliError where the weights of a model are not those that were noted when they were written.

    folder: a run's model/, of which the run.json beside it tells, or a model that `xl eval --save-models` kept.
    Of any other, and where nothing was noted, no weights are read.
    """
    about, place = folder / FINE_TUNED, folder.resolve()
    if not about.is_file():
        about = place.parent / "run.json"
        if place.name != "model" or not about.is_file():
            return
    noted = read_object(about).get("weights")
    if not isinstance(noted, dict) or not noted:
        return
    found = weights_of(folder)
    changed = next((name for name in sorted({*noted, *found}) if noted.get(name) != found.get(name)), "")
    if changed:
        message = (
            f"{folder / changed} is not what the run wrote (another SHA-256 than in {about.name}): restore it or "
            f"train again; if you changed it yourself, copy {folder} elsewhere and name the copy."
        )
        raise CliError(message)


def run_variant(about: Mapping[str, Any]) -> str:
    """The variant in rows of a model that `run_model` found: of one that was fine-tuned also on what."""
    variant = about.get("variant") or about.get("model", {}).get("variant", "")
    return " ".join(filter(None, [variant, f"fine-tuned on {about['task']}" if about.get("task") else ""]))
