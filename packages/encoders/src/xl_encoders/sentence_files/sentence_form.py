"""How a sentence encoder is read, by the files that `sentence-transformers` keeps with it (Reimers and Gurevych 2019).

`modules.json` names what a text passes, in order: a transformer, then pooling and what follows it, each with a
folder of its own; `config_sentence_transformers.json` holds the prompts. All forms since release 0.3 are read.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from xl_encoders.errors import EncoderError

if TYPE_CHECKING:
    from xl_encoders.model.encoder import Encoder

# What stands before pooling and is read here; Dropout makes no difference when nothing is trained.
_BEFORE = ("WordWeights", "WeightedLayerPooling", "Dropout")
# What may stand behind pooling and be applied; `vector_tail.read_steps` says which of it.
_BEHIND = ("Dense", "LayerNorm", "Normalize", "Dropout")

# Each pooling there: the flag of older releases, in whose order the vectors of several stood; its name since; ours.
POOLING_MODES = (
    ("pooling_mode_cls_token", "cls", "first"),
    ("pooling_mode_max_tokens", "max", "max"),
    ("pooling_mode_mean_tokens", "mean", "mean-all"),
    ("pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens", "mean-sqrt"),
    ("pooling_mode_weightedmean_tokens", "weightedmean", "mean-weighted"),
    ("pooling_mode_lasttoken", "lasttoken", "last"),
)


@dataclass(frozen=True, kw_only=True)
class SentenceForm:
    """What the files say of a sentence encoder."""

    path: str = ""
    """Folder of the transformer below the encoder's own; "" for the encoder's own."""
    layer: int = -1
    """`hidden_states` index that is pooled, negative from the end."""
    pooling: str = ""
    """As `Encoder.embed` takes it; "" where `unread` says what is pooled in a way that is not known here."""
    unread: str = ""
    prompts: Mapping[str, str] = field(default_factory=dict)
    """Texts that may be put in front of every text, by name; only those that are not empty."""
    default_prompt: str = ""
    """The one that is put there without being asked for; "" for none."""
    pools_prompt: bool = True
    """Whether pooling takes in the tokens of a prompt."""
    normalizes: bool = False
    """Whether vectors are scaled to length 1."""
    max_len: int | None = None
    """Longest input in tokens, specials included; None where the files do not tell."""
    behind: tuple[tuple[str, str], ...] = ()
    """Kind and folder of the modules that a pooled vector passes, in order; `apply_form` adds them to an encoder."""
    left_out: tuple[str, ...] = ()
    """What else a text or a vector passes there, and does not here."""


def read_sentence_form(name_or_path: str, *, revision: str = "") -> SentenceForm | None:
    """The form of a folder, or of a hub id at a commit or tag; None for an encoder without a `modules.json`.

    Raises EncoderError for files that cannot be read.
    """
    find = _finder(name_or_path, revision)
    modules = _read(find, "modules.json")
    if modules is None:
        return None
    if not isinstance(modules, list) or not all(
        isinstance(module, dict) and {"type", "path"} <= module.keys() for module in modules
    ):
        message = f"{name_or_path}: modules.json is no list of modules with type and path."
        raise EncoderError(message)
    for _, place in _places(modules):
        # What is trained from this encoder gets the same folders, below its own.
        if PurePosixPath(place).is_absolute() or ".." in PurePosixPath(place).parts or "\\" in place:
            message = f"{name_or_path}: modules.json names the folder {place[:60]!r}; modules lie in the encoder's own."
            raise EncoderError(message)
    try:
        return _form(find, modules)
    except (OSError, TypeError, AttributeError, LookupError) as error:
        message = f"{name_or_path}: its files are not as sentence-transformers writes them ({error}); write them anew."
        raise EncoderError(message) from error


def _form(find: "Callable[[str], Path | None]", modules: list[dict[str, Any]]) -> SentenceForm:
    kinds = _places(modules)
    path = next((place for kind, place in kinds if kind == "Transformer"), "")
    kinds = [entry for entry in kinds if entry[0] != "Transformer"]
    names = [kind for kind, _ in kinds]
    split = names.index("Pooling") if "Pooling" in names else len(names)
    before, behind = dict(kinds[:split]), kinds[split + 1 :]
    lengths = _read(find, f"{path}/sentence_bert_config.json".lstrip("/")) or {}
    about = _read(find, "config_sentence_transformers.json") or {}
    layer, pooling, unread = -1, "", f"modules.json names {', '.join(names) or 'no pooling'}"
    pooled = _config(find, kinds[split][1]) if behind or split < len(kinds) else {}
    if split < len(kinds):
        pooling, unread = _pooling(pooled)
    if "WordWeights" in before and pooling:
        pooling, unread = _without_specials(_config(find, before["WordWeights"]), pooling)
    if "WeightedLayerPooling" in before and pooling:
        place = before["WeightedLayerPooling"]
        layer, unread = _one_layer(find, place, _config(find, place))
        pooling = "" if unread else pooling
    left_out = [kind for kind in before if kind not in _BEFORE]
    left_out += [kind for kind, _ in behind if kind not in _BEHIND]
    if lengths.get("do_lower_case"):
        left_out.append("lower-casing")
    prompts = {str(name): str(text) for name, text in (about.get("prompts") or {}).items() if text}
    default = about.get("default_prompt_name") or ""
    return SentenceForm(
        path=path,
        layer=layer,
        pooling=pooling,
        unread=unread,
        prompts=prompts,
        default_prompt=default if default in prompts else "",
        pools_prompt=bool(pooled.get("include_prompt", True)),
        normalizes=[kind for kind, _ in behind if kind != "Dropout"][-1:] == ["Normalize"],
        max_len=lengths.get("max_seq_length") or None,
        behind=tuple(entry for entry in behind if entry[0] in _BEHIND),
        left_out=tuple(left_out),
    )


def apply_form(encoder: "Encoder", form: SentenceForm, name_or_path: str, *, revision: str = "") -> tuple[str, ...]:
    """Let `encoder` give the vectors that its files mean, where it is read at their layer with their pooling.

    Pooling then leaves a prompt out if they say so, and what stands behind pooling there is applied (`Encoder.tail`).
    name_or_path, revision: what `read_sentence_form` was given.
    Gives a phrase for each module that cannot be applied. Raises EncoderError for weights that do not fit.
    """
    from xl_encoders.sentence_files.vector_tail import VectorTail, read_steps

    encoder.pools_prompt = form.pools_prompt
    if not form.pooling:
        return tuple(kind for kind, _ in form.behind if kind not in ("Dropout", "Normalize"))
    find = _finder(name_or_path, revision)
    steps, unknown = read_steps(form.behind, [_config(find, path) for _, path in form.behind], find)
    if steps:
        tail = VectorTail(steps, layer=encoder.resolve_layer(form.layer), pooling=form.pooling)
        encoder.tail = tail.to(encoder.device)
    return tuple(unknown)


def copy_form(form: SentenceForm, name_or_path: str, folder: Path, *, revision: str = "") -> None:
    """Put the files that say how a sentence encoder is read beside another transformer: one trained from it.

    folder: the other one's own folder. It then opens in sentence-transformers, with the prompts of the first.
    name_or_path, revision: what `read_sentence_form` was given.
    """
    find = _finder(name_or_path, revision)
    modules = _read(find, "modules.json")
    for module in modules:
        if str(module["type"]).endswith("Transformer"):
            module["path"] = ""
    for _, place in _places(modules):
        for name in ("config.json", "model.safetensors"):
            file = find(f"{place}/{name}")
            if place and file is not None:
                (folder / place).mkdir(exist_ok=True)
                shutil.copyfile(file, folder / place / name)
        if place:
            (folder / place).mkdir(exist_ok=True)
    for place, name in ((form.path, "sentence_bert_config.json"), ("", "config_sentence_transformers.json")):
        file = find(f"{place}/{name}".lstrip("/"))
        if file is not None:
            shutil.copyfile(file, folder / name)
    (folder / "modules.json").write_text(json.dumps(modules, indent=2) + "\n", encoding="utf-8")


def _places(modules: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Kind and folder of each module."""
    return [(str(module["type"]).rpartition(".")[2], str(module["path"])) for module in modules]


def _pooling(config: Mapping[str, Any]) -> tuple[str, str]:
    """Pooling as it is called here, "" for an unknown one; and what to say of that."""
    modes = config.get("pooling_mode") or [mode for flag, mode, _ in POOLING_MODES if config.get(flag)] or ["mean"]
    modes = [modes] if isinstance(modes, str) else list(map(str, modes))
    ours = {mode: name for _, mode, name in POOLING_MODES}
    if not ours.keys() >= {*modes}:
        return "", f"it pools by {' and '.join(modes)}"
    return ",".join(ours[mode] for mode in modes), ""


def _without_specials(config: Mapping[str, Any], pooling: str) -> tuple[str, str]:
    """Weights of 0 and 1 alone leave specials out, as `export_sentence_transformers` writes it."""
    weights = {*config.get("word_weights", {}).values(), config.get("unknown_word_weight", 1)}
    if pooling == "mean-all" and weights <= {0, 1}:
        return "mean-content", ""
    return "", "it weights words"


def _one_layer(find: "Callable[[str], Path | None]", path: str, config: Mapping[str, Any]) -> tuple[int, str]:
    """The layer that alone has a weight, and what to say where several have."""
    from safetensors.torch import load_file

    file = find(f"{path}/model.safetensors")
    weights = None if file is None else load_file(file).get("layer_weights")
    if weights is None or int((weights != 0).sum()) != 1:
        return -1, "it mixes layers"
    return int(config.get("layer_start", 4)) + int(weights.argmax()), ""


def _read(find: "Callable[[str], Path | None]", name: str) -> Any:
    """Content of a JSON file, an object or, of modules.json, a list; None where there is none."""
    file = find(name)
    if file is None:
        return None
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        message = f"{file} cannot be read as JSON ({error}); write the folder anew with sentence-transformers."
        raise EncoderError(message) from error
    if name != "modules.json" and not isinstance(value, dict):
        message = f"{file} is not as sentence-transformers writes it; write the folder anew."
        raise EncoderError(message)
    return value


def _config(find: "Callable[[str], Path | None]", path: str) -> dict[str, Any]:
    """A module's own settings."""
    return _read(find, f"{path}/config.json") or {}


def _finder(name_or_path: str, revision: str) -> "Callable[[str], Path | None]":
    """From the name of a file of an encoder to where it lies."""
    folder = Path(name_or_path)
    return _in_folder(folder) if folder.is_dir() else _on_hub(name_or_path, revision)


def _in_folder(folder: Path) -> "Callable[[str], Path | None]":
    return lambda name: folder / name if (folder / name).is_file() else None


def _on_hub(hub_id: str, revision: str) -> "Callable[[str], Path | None]":
    """Files of a repository, out of the hub's own cache where the hub does not answer."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    from xl_encoders.model.hub import unreachable

    offline = bool(unreachable())

    def find(name: str) -> Path | None:
        try:
            return Path(hf_hub_download(hub_id, name, revision=revision or "main", local_files_only=offline))
        # What else is wrong with the repository is said when its weights are opened.
        except (EntryNotFoundError, HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError):
            return None

    return find
