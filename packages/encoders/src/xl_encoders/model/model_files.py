"""What the files of a model say of it before its library is loaded: shape, weights, head, tokenizer.

config.json, the header of the safetensors files and tokenizer.json are read, so that what training would refuse is said
in a moment. Which configurations name what: transformers' own, by family.
"""

import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

from xl_encoders.config_checks import check_config
from xl_encoders.errors import EncoderError
from xl_encoders.model.hub import unreachable
from xl_encoders.reading.token_counts import TokenCounter, counter_of

# Model classes whose weights hold a trained head, beside those whose name ends in ForMaskedLM.
_WITH_HEAD = ("XLMWithLMHeadModel", "BertForPreTraining")
# Begin the names of a masked-LM head's weights, by family; their last parts are those of heads.py.
HEAD_WEIGHTS = (
    "lm_head.",
    "cls.",
    "lm_predictions.",
    "predictions.",
    "generator_",
    "vocab_",
    "pred_layer.",
    "head.",
    "decoder.",
)
# Families for which transformers has no masked-LM head; one is made for all others that lack theirs.
_HEADLESS = ("canine",)
# CANINE puts its character-level states around the blocks.
_EXTRA_STATES = {"canine": 4}
# Families that count positions from behind the padding id.
_FROM_PADDING = ("roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "xmod", "mpnet")
# Files that tokenizers are saved in, of which there is one at least; fetched of a model on the hub.
_TOKENIZERS = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "sentencepiece.bpe.model")


@dataclass(frozen=True, kw_only=True)
class ModelFiles:
    """The files of a model.

    name: as the user wrote it. config: config.json. tensors: name -> shape of the weights; empty where the files are
    not on this machine. folder: where they lie.
    """

    name: str
    config: Mapping[str, object]
    tensors: Mapping[str, tuple[int, ...]]
    folder: Path

    @property
    def n_layers(self) -> int | None:
        """Number of blocks as `Encoder.n_layers` counts them; None where the configuration has no word for it."""
        n_blocks = self._number("num_hidden_layers", "n_layers")
        return None if n_blocks is None else n_blocks + _EXTRA_STATES.get(str(self.config.get("model_type")), 0)

    @property
    def width(self) -> int | None:
        """Length of a state vector."""
        return self._number("hidden_size", "dim", "emb_dim")

    @property
    def n_positions(self) -> int | None:
        """Longest input in tokens; None where positions have no end, or the configuration no word for them."""
        n_rows = self._number("max_position_embeddings")
        if not n_rows or n_rows < 0:
            return None
        padding = self.config.get("pad_token_id", 1) if self.config.get("model_type") in _FROM_PADDING else -1
        return n_rows - (padding if isinstance(padding, int) else 1) - 1

    @property
    def n_parameters(self) -> int | None:
        """Number of weights; None where they are not on this machine."""
        unread = ("pooler.", "position_ids") if names_head(self.config.get("architectures")) else ("position_ids",)
        kept = [shape for name, shape in self.tensors.items() if not any(part in name for part in unread)]
        return sum(map(prod, kept)) if kept else None

    @property
    def lacks_head(self) -> bool:
        """Whether it was saved without a masked-LM head."""
        return not names_head(self.config.get("architectures"))

    @property
    def n_embedded(self) -> int:
        """How many of the weights are rows of tables, which a text does not run through."""
        return sum(prod(shape) for name, shape in self.tensors.items() if "embeddings." in name and len(shape) == 2)

    def token_counter(self) -> TokenCounter | None:
        """Counts the tokens of texts; None where the tokenizer cannot be opened."""
        return counter_of(self.folder, str(self.config.get("model_type")))

    def faults(self, *, with_head: bool, max_len: int) -> list[str]:
        """A sentence for each reason why training could not use the model; in the words of `load_encoder`."""
        sentences = []
        architectures = self.config.get("architectures")
        if with_head and self.lacks_head and self.config.get("model_type") in _HEADLESS:
            sentences.append(f"{self.name} has no trained masked-LM head (architectures: {architectures}).")
        elif (
            with_head
            and not self.lacks_head
            and self.tensors
            and not any(name.startswith(HEAD_WEIGHTS) for name in self.tensors)
        ):
            sentences.append(f"{self.name} lacks the weights of the masked-LM head that its config.json names.")
        if self.n_positions and max_len > self.n_positions:
            sentences.append(
                f"model.max_len is {max_len}, but {self.name} has positions for {self.n_positions} tokens; "
                f"give {self.n_positions} or less."
            )
        return [*sentences, *self._tokenizer_faults(with_head)]

    def _tokenizer_faults(self, with_head: bool) -> list[str]:
        """The same for the tokenizer."""
        if not has_tokenizer(self.folder):
            return [f"{self.name} has no tokenizer; save one into the same folder."]
        about, whole = (_json(self.folder / file) for file in ("tokenizer_config.json", "tokenizer.json"))
        sentences = []
        # Classes of their own know their mask without being told.
        general = about.get("tokenizer_class") in ("PreTrainedTokenizerFast", "TokenizersBackend")
        if with_head and general and not about.get("mask_token"):
            sentences.append(f"the tokenizer of {self.name} has no mask token, which masked-LM training needs.")
        rows = self.config.get("vocab_size")
        model, added = whole.get("model"), whole.get("added_tokens")
        if isinstance(model, dict) and isinstance(added, list) and isinstance(rows, int):
            vocabulary = model.get("vocab", ())
            try:
                pieces = {piece[0] if isinstance(piece, list) else piece for piece in vocabulary}
                n_tokens = len(pieces | {token["content"] for token in added})
            except (TypeError, LookupError):
                return [f"{self.folder / 'tokenizer.json'} is no tokenizer; write it with save_pretrained."]
            if n_tokens > rows:
                sentences.append(
                    f"the tokenizer of {self.name} has {n_tokens} tokens, its embedding table only {rows} rows; "
                    f"they do not belong together."
                )
        return sentences

    def _number(self, *keys: str) -> int | None:
        return next((value for key in keys if isinstance(value := self.config.get(key), int)), None)


def read_model_files(name_or_path: str, *, revision: str = "") -> ModelFiles:
    """The files of a `save_pretrained` folder or of a hub id; of the latter no weights are fetched.

    Raises EncoderError for a folder that is missing or holds no config or no safetensors, and for a hub id that is
    neither in the cache nor reached.
    """
    folder = Path(name_or_path)
    if is_folder(name_or_path):
        check_folder(folder)
    else:
        folder = _from_hub(name_or_path, revision)
    config, tensors = _json(folder / "config.json"), _tensors(folder)
    check_config(str(folder / "config.json"), config, tensors.values())
    return ModelFiles(name=name_or_path, config=config, tensors=tensors, folder=folder)


def is_folder(name_or_path: str) -> bool:
    """Whether a model's name is a folder rather than a hub id; EncoderError for a path that is no folder."""
    folder = Path(name_or_path)
    if folder.is_dir():
        return True
    if folder.is_absolute() or name_or_path.startswith(".") or name_or_path.count("/") > 1 or folder.exists():
        message = f"{name_or_path}: no such model folder."
        raise EncoderError(message)
    if not is_hub_id(name_or_path):
        message = f"{name_or_path}: no such model folder, and no hub id: OWNER/NAME of letters, digits, -, _ and dots."
        raise EncoderError(message)
    return False


def is_hub_id(name: str) -> bool:
    """Whether the hub takes a name for that of a repository: `NAME` or `OWNER/NAME`.

    ASCII letters, digits, `_`, and inside also `-` and `.`, neither twice; at most 96 characters a name.
    """
    parts = name.split("/")
    return (
        len(parts) <= 2
        and all(re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?", part) for part in parts)
        and len(parts[-1]) <= 96
        and "--" not in name
        and ".." not in name
        and not name.endswith(".git")
    )


def check_named(name_or_path: str, revision: str = "") -> None:
    """EncoderError where a folder holds no model with a tokenizer, or a hub id is neither in the cache nor reached."""
    folder = Path(name_or_path)
    if is_folder(name_or_path):
        # The files of a sentence encoder may lie in a folder of their own, which its modules.json names.
        if not (folder / "modules.json").is_file():
            check_folder(folder)
            check_tokenizer(folder)
        return
    from huggingface_hub import try_to_load_from_cache

    cached = (
        try_to_load_from_cache(name_or_path, file, revision=revision or "main")
        for file in ("config.json", "modules.json")
    )
    if not any(isinstance(path, str) for path in cached) and (offline := unreachable()):
        raise EncoderError(not_fetched(name_or_path, offline))


def check_tokenizer(folder: Path) -> None:
    """EncoderError for a folder without any file of a tokenizer, and for a tokenizer that asks for code of its own."""
    if not has_tokenizer(folder):
        message = f"{folder} has no tokenizer; save one into the same folder."
        raise EncoderError(message)
    about = folder / "tokenizer_config.json"
    if _json(about).get("auto_map"):
        message = (
            f"{about} asks for code of its own (auto_map), which is never run here; save a tokenizer of transformers."
        )
        raise EncoderError(message)


def names_head(architectures: object) -> bool:
    """Whether a config's `architectures` name a model that was saved with its masked-LM head."""
    named = architectures if isinstance(architectures, list) else []
    return any(str(name).endswith("ForMaskedLM") or name in _WITH_HEAD for name in named)


def has_tokenizer(folder: Path) -> bool:
    """Whether a folder holds any file of a tokenizer; transformers makes up an empty one where there is none."""
    return any(path.suffix == ".model" or path.name.startswith(("tokenizer", "vocab")) for path in folder.iterdir())


def check_folder(folder: Path) -> None:
    """Say what is missing or may not be opened before `transformers` says it at length."""
    if not (folder / "config.json").is_file():
        message = f"{folder} holds no config.json; give a folder that save_pretrained wrote, or a run of xl align."
        raise EncoderError(message)
    if not any((folder / file).is_file() for file in ("model.safetensors", "model.safetensors.index.json")):
        others = [path.name for path in sorted(folder.glob("*.bin"))]
        pickled = f" (only {', '.join(others)}, which is pickled)" if others else ""
        message = (
            f"{folder} holds no model.safetensors{pickled}; weights are read from safetensors only: "
            f"load it once with transformers and write it with save_pretrained."
        )
        raise EncoderError(message)
    if (folder / "adapter_config.json").is_file():
        message = (
            f"{folder} holds an adapter of another model (adapter_config.json); merge it and save the whole model."
        )
        raise EncoderError(message)


def not_fetched(name: str, offline: str) -> str:
    """Sentence for a hub id that is not here; offline: why the hub gives no answer."""
    from huggingface_hub import constants

    return (
        f"{name} is neither a folder here nor whole in the cache {constants.HF_HUB_CACHE}, and {offline}; "
        f"give a folder that save_pretrained wrote, or go online."
    )


def _from_hub(name: str, revision: str) -> Path:
    """The cache's folder of a hub id, with its configuration and tokenizer."""
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError

    cached = try_to_load_from_cache(name, "config.json", revision=revision or "main")
    if isinstance(cached, str):
        return Path(cached).parent
    offline = unreachable()
    if offline:
        raise EncoderError(not_fetched(name, offline))
    try:
        config = hf_hub_download(name, "config.json", revision=revision or None)
    except (OSError, ValueError, HfHubHTTPError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        message = f"{name} is neither a folder here nor a model that could be fetched from the hub. ({lines[0]})"
        raise EncoderError(message) from error
    for file in _TOKENIZERS:
        try:
            hf_hub_download(name, file, revision=revision or None)
        except (OSError, ValueError, HfHubHTTPError):
            continue
    return Path(config).parent


def _json(path: Path) -> dict[str, object]:
    """Content of a JSON file, empty where there is none; EncoderError where it is not whole."""
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        message = f"{path} cannot be read: {error}."
        raise EncoderError(message) from error
    if not isinstance(value, dict):
        message = f"{path} holds no JSON object; write it with save_pretrained."
        raise EncoderError(message)
    return value


def _tensors(folder: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes out of the headers: 8 bytes with the length of a JSON object, and the object."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name in _weight_files(folder):
        path = folder / name
        if not path.is_file():
            continue
        try:
            with path.open("rb") as file:
                (size,) = struct.unpack("<Q", file.read(8))
                # A header that promises more than the file holds takes no memory.
                header = json.loads(file.read(min(size, path.stat().st_size)))
            shapes |= {key: tuple(map(_length, its["shape"])) for key, its in header.items() if key != "__metadata__"}
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError, struct.error) as error:
            message = f"{path} is no whole safetensors file; copy it again, or write it with save_pretrained."
            raise EncoderError(message) from error
    return shapes


def _weight_files(folder: Path) -> list[str]:
    """Names of the files of weights; EncoderError for one that lies elsewhere."""
    path = folder / "model.safetensors.index.json"
    index = _json(path).get("weight_map")
    if not isinstance(index, dict):
        return ["model.safetensors"]
    names = sorted({str(name) for name in index.values()})
    for name in names:
        if not re.fullmatch(r"[^/\\\0]{1,255}", name) or name in (".", ".."):
            message = f"{path} names the file {name[:60]!r}; the weights of a model lie in its own folder."
            raise EncoderError(message)
    return names


def _length(value: object) -> int:
    if not isinstance(value, int) or value < 0:
        raise TypeError(value)
    return value
