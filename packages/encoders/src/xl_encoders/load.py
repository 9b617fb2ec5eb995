"""Opening pretrained encoders: a hub id or a folder, weights from safetensors only, no remote code."""

from pathlib import Path

from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM, AutoTokenizer

from xl_encoders.encoder import Encoder, position_limit
from xl_encoders.errors import EncoderError

_LONGEST_DEFAULT = 512


def load_encoder(
    name_or_path: str, *, revision: str = "", max_len: int | None = None, name: str = "", with_head: bool = False
) -> Encoder:
    """The encoder in a `save_pretrained` folder or of a hub id, on the CPU, in evaluation mode.

    revision: commit or tag of a hub id; empty takes the newest.
    max_len: longest input in tokens, specials included; None takes the model's own limit, at most 512.
    name: what result rows call it; empty takes the folder's name or the hub id.
    with_head: whether a masked-LM head is needed; a model without a trained one is then refused.

    Raises EncoderError for a folder that is missing, holds no config or no safetensors, for a hub id that cannot be
    reached, and for a tokenizer that does not fit the model.
    """
    folder = Path(name_or_path)
    local = folder.is_dir()
    if local:
        _check_folder(folder)
    elif folder.is_absolute() or name_or_path.startswith(".") or name_or_path.count("/") > 1 or folder.exists():
        message = f"{name_or_path}: no such model folder."
        raise EncoderError(message)
    source = str(folder) if local else name_or_path
    options = {} if local else {"revision": revision or "main"}
    try:
        config = AutoConfig.from_pretrained(source, trust_remote_code=False, **options)
        has_head = any("ForMaskedLM" in kind for kind in config.architectures or [])
        if with_head and not has_head:
            message = f"{name_or_path} has no trained masked-LM head (architectures: {config.architectures})."
            raise EncoderError(message)
        model_class = AutoModelForMaskedLM if has_head else AutoModel
        model = model_class.from_pretrained(
            source, config=config, use_safetensors=True, trust_remote_code=False, **options
        )
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False, **options)
        if tokenizer is None:
            message = f"{name_or_path} has no tokenizer; save one into the same folder."
            raise EncoderError(message)
    except EncoderError:
        raise
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        if local:
            message = f"{name_or_path} cannot be opened as an encoder: {reason}"
        else:
            message = (
                f"{name_or_path} is neither a folder here nor a model that could be fetched from the hub; "
                f"offline, give a folder that save_pretrained wrote. ({reason})"
            )
        raise EncoderError(message) from error
    model.eval()
    limit = min(position_limit(model), _LONGEST_DEFAULT)
    shown = name or (folder.resolve().name if local else name_or_path)
    return Encoder(model, tokenizer, name=shown, max_len=max_len or limit)


def _check_folder(folder: Path) -> None:
    """Say what is missing before `transformers` says it at length."""
    if not (folder / "config.json").is_file():
        message = f"{folder} holds no config.json; give a folder that save_pretrained wrote, or a run of xl align."
        raise EncoderError(message)
    if not any((folder / file).is_file() for file in ("model.safetensors", "model.safetensors.index.json")):
        others = [path.name for path in sorted(folder.glob("*.bin"))]
        found = f" (only {', '.join(others)}, which is pickled)" if others else ""
        message = (
            f"{folder} holds no model.safetensors{found}; weights are read from safetensors only: "
            f"load it once with transformers and write it with save_pretrained."
        )
        raise EncoderError(message)
