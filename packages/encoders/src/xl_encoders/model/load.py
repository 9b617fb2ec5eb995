"""Opening pretrained encoders: a hub id or a folder, weights from safetensors only, no remote code."""

import json
import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from accelerate.utils import patch_environment
from safetensors import safe_open
from tokenizers import Tokenizer, normalizers
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedTokenizerFast,
)
from transformers.utils import cached_file

from xl_encoders.config_checks import check_config
from xl_encoders.errors import EncoderError
from xl_encoders.model.encoder import Encoder
from xl_encoders.model.hub import unreachable
from xl_encoders.model.model_files import (
    HEAD_WEIGHTS,
    check_tokenizer,
    is_folder,
    names_head,
    not_fetched,
    read_model_files,
)
from xl_encoders.model.positions import position_limit

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_LONGEST_DEFAULT = 512

# What special tokens are for, by their names in the vocabularies of RoBERTa and BERT.
_ROLES = (
    {
        "bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "pad_token": "<pad>",
        "unk_token": "<unk>", "mask_token": "<mask>",
    },
    {
        "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]",
    },
)  # fmt: skip

# Weights that may be missing, because nothing here reads them: what sums a text up for a classifier.
_UNREAD = ("pooler.",)
_OF_LAYER = re.compile(r"\blayers?\.\d+\.")


def load_encoder(
    name_or_path: str | Path,
    *,
    revision: str = "",
    max_len: int | None = None,
    name: str = "",
    with_head: bool = False,
    new_head: bool = False,
) -> Encoder:
    """The encoder in a `save_pretrained` folder or of a hub id, on the CPU, in evaluation mode, in float32.

    Weights that were saved in bfloat16 or float16 are exactly the same numbers in float32, and training is to move
    them by less than those dtypes can hold; `stored_dtype` of the result says what they were saved in. Speed and memory
    of half precision come from autocast (`FitConfig.precision`, `Encoder.embed(precision=...)`).

    revision: commit or tag of a hub id; empty takes the newest.
    max_len: longest input in tokens, specials included; None takes the model's own limit, at most 512.
    name: what result rows call it; empty takes the folder's name or the hub id.
    with_head: whether a masked-LM head is needed; a model without a trained one is then refused, or
    new_head: gets one with random weights, the same at each opening, its scores tied to the token embeddings.

    A hub id is taken from the hub's own cache where the hub does not answer.
    Raises EncoderError for a folder that is missing, holds no config or no safetensors, for a hub id that cannot be
    reached, for weights that are missing, and for a tokenizer that does not fit the model.
    """
    with _opening(str(name_or_path), revision, "an encoder") as (source, options):
        model, stored_dtype = _open_model(source, with_head, new_head, options)
        tokenizer = _open_tokenizer(source, options)
    model.eval()
    limit = min(position_limit(model), _LONGEST_DEFAULT)
    folder = Path(name_or_path)
    shown = name or (folder.resolve().name if folder.is_dir() else str(name_or_path))
    encoder = Encoder(model, tokenizer, name=shown, max_len=max_len or limit)
    encoder.stored_dtype = stored_dtype
    if with_head:
        _check_mask(encoder)
    return encoder


def load_tokenizer(name_or_path: str | Path, *, revision: str = "") -> "PreTrainedTokenizerBase":
    """The tokenizer that `load_encoder` gives an encoder; its weights are neither read nor fetched.

    revision: commit or tag of a hub id; empty takes the newest.

    Raises EncoderError for a folder that is missing or holds no whole model, and for a hub id that cannot be reached.
    """
    with _opening(str(name_or_path), revision, "a tokenizer") as (source, options):
        return _open_tokenizer(source, options)


@contextmanager
def _opening(name_or_path: str, revision: str, kind: str) -> "Generator[tuple[str, dict[str, Any]]]":
    """Where to open a model, and the options of `from_pretrained`; whatever fails meanwhile is an EncoderError.

    kind: what is opened, for the sentence.
    """
    folder = Path(name_or_path)
    local = is_folder(name_or_path)
    if local:
        read_model_files(name_or_path)
        check_tokenizer(folder)
    offline = "" if local else unreachable()
    options = {} if local else {"revision": revision or "main", "local_files_only": bool(offline)}
    try:
        yield str(folder) if local else name_or_path, options
    except EncoderError:
        raise
    except (
        Exception
    ) as error:  # of a file that is not as its library wrote it, transformers raises whatever comes first
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = lines[0] if lines else type(error).__name__
        if local or isinstance(error, ImportError):
            message = f"{name_or_path} cannot be opened as {kind}: {reason}"
        elif offline:
            message = not_fetched(name_or_path, offline)
        else:
            message = (
                f"{name_or_path} is neither a folder here nor a model that could be fetched from the hub; "
                f"check the name{' and the revision' if revision else ''}. ({reason})"
            )
        raise EncoderError(message) from error


def _open_model(source: str, with_head: bool, new_head: bool, options: dict) -> "tuple[PreTrainedModel, torch.dtype]":
    """The model in float32, with its head where it was saved with one, and the dtype that it was saved in.

    EncoderError for weights that are not in its file.
    """
    about, _ = PretrainedConfig.get_config_dict(source, **options)
    check_config(f"config.json of {source}", about)
    config = AutoConfig.from_pretrained(source, trust_remote_code=False, **options)
    has_head = names_head(config.architectures)
    made = with_head and new_head and not has_head and type(config) in AutoModelForMaskedLM._model_mapping
    if made:
        config.tie_word_embeddings = True
    if with_head and not has_head and not made:
        message = f"{source} has no trained masked-LM head (architectures: {config.architectures})."
        raise EncoderError(message)
    model_class = AutoModelForMaskedLM if has_head or made else AutoModel
    said = config.dtype
    # Launched with FSDP, transformers leaves what the file lacks without values on all processes but the first.
    # What the file lacks is drawn, alike at each opening, as results are found again by a digest of all weights.
    with patch_environment(FSDP_CPU_RAM_EFFICIENT_LOADING="false"), torch.random.fork_rng(devices=()):
        torch.default_generator.manual_seed(0)
        model, found = model_class.from_pretrained(
            source,
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            # With PEFT installed an adapter is looked for too, on the hub even where the cache alone is to be read.
            adapter_kwargs={"local_files_only": options.get("local_files_only", False)},
            **options,
        )
    absent = [key for key in found["missing_keys"] if not (made and key.startswith(HEAD_WEIGHTS))]
    missing = sorted(key for key in absent if not any(part in key for part in _UNREAD))
    unasked = sorted(key for key in found["unexpected_keys"] if _OF_LAYER.search(key))
    if unasked:
        message = (
            f"{source} has weights of layers that its config.json does not ask for ({unasked[0]}"
            f"{', ...' if len(unasked) > 1 else ''}); correct num_hidden_layers there."
        )
        raise EncoderError(message)
    if missing:
        message = (
            f"{source} lacks {len(missing)} of the weights that its config.json asks for ({missing[0]}"
            f"{', ...' if len(missing) > 1 else ''}); they would be random."
        )
        raise EncoderError(message)
    return model, said if isinstance(said, torch.dtype) else _dtype_in_files(source, options)


def _dtype_in_files(source: str, options: dict) -> torch.dtype:
    """The dtype of the first weights in the files of a model whose config.json names none, as transformers takes it."""
    for name in ("model.safetensors.index.json", "model.safetensors"):
        path = cached_file(source, name, _raise_exceptions_for_missing_entries=False, **options)
        if path and name.endswith(".json"):
            shards = json.loads(Path(path).read_text(encoding="utf-8"))["weight_map"]
            path = cached_file(source, next(iter(shards.values())), **options)
        if path:
            with safe_open(path, "pt") as file:
                dtypes = (file.get_tensor(key).dtype for key in file.keys())  # noqa: SIM118  (no mapping)
                return next((dtype for dtype in dtypes if dtype.is_floating_point), torch.float32)
    return torch.float32


def _open_tokenizer(source: str, options: dict) -> "PreTrainedTokenizerBase":
    """The tokenizer of a folder or hub id that `_opening` gave; EncoderError where there is none."""
    tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False, **options)
    if tokenizer is None:
        message = f"{source} has no tokenizer; save one into the same folder."
        raise EncoderError(message)
    tokenizer = _as_in_its_file(tokenizer, source, options)
    _compose_first(tokenizer)
    return tokenizer


def _as_in_its_file(tokenizer: "PreTrainedTokenizerBase", source: str, options: dict) -> "PreTrainedTokenizerBase":
    """The tokenizer of tokenizer.json, and its special tokens, where no other file says what it is.

    Without tokenizer_config.json transformers takes the class that belongs to the model's type: of RoBERTa's it makes
    byte-level BPE out of any vocabulary, so that of XPhoneBERT's segments most vanish without a word (findings/). The
    general class leaves the tokenizer as it is, but then nothing names a pad token.
    """
    path = cached_file(source, "tokenizer.json", _raise_exceptions_for_missing_entries=False, **options)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if path is None or backend is None:
        return tokenizer
    kept = Tokenizer.from_file(path)
    if type(kept.model) is not type(backend.model):
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=kept, model_max_length=tokenizer.model_max_length)
    said = cached_file(source, "tokenizer_config.json", _raise_exceptions_for_missing_entries=False, **options)
    if said is None and tokenizer.pad_token is None:
        special = {token.content for token in kept.get_added_tokens_decoder().values() if token.special}
        for roles in _ROLES:
            named = {role: token for role, token in roles.items() if token in special}
            if "pad_token" in named:
                tokenizer.add_special_tokens(named)  # ty: ignore[invalid-argument-type]
                break
    return tokenizer


def _compose_first(tokenizer: "PreTrainedTokenizerBase") -> None:
    """Let a tokenizer with SentencePiece's table of characters read decomposed letters as SentencePiece does.

    `tokenizers` looks that table up by grapheme and takes the shortest entry that one begins with, so that of e,
    circumflex and acute the acute is lost, and leaves what has six bytes, as a Hangul syllable, in pieces (findings/).
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None or backend.normalizer is None:
        return
    steps = backend.normalizer
    kinds = [type(step) for step in steps] if isinstance(steps, normalizers.Sequence) else [type(steps)]
    if normalizers.Precompiled in kinds and normalizers.NFC not in kinds:
        backend.normalizer = normalizers.Sequence([normalizers.NFC(), steps])


def _check_mask(encoder: Encoder) -> None:
    """What masked-LM training needs of the tokenizer and the head, beyond what reading states needs."""
    if encoder.tokenizer.mask_token_id is None:
        message = f"the tokenizer of {encoder.name} has no mask token, which masked-LM training needs."
        raise EncoderError(message)
    _ = encoder.head
