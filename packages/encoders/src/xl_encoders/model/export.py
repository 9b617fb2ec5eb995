"""An encoder as a folder that other libraries open: its blocks above a layer cut off, its pooling written beside it.

`sentence-transformers` (Reimers and Gurevych 2019) reads a few small JSON files next to an ordinary model folder. They
are written here directly, in the form that all its releases since 3.0 read, so that exporting does not need it.
Nothing is written before the shortened model has given the encoder's own vectors on a few texts.
"""

import copy
import inspect
import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from jaxtyping import Float
from safetensors.torch import save_file
from tokenizers import processors
from torch import Tensor

from xl_encoders.config import check_pooling
from xl_encoders.errors import EncoderError
from xl_encoders.model.encoder import Encoder, in_dtype
from xl_encoders.model.evaluation_mode import evaluation_mode
from xl_encoders.reading.pooling import RowPooling
from xl_encoders.reading.tokens import edge_ids, encode_content, special_ids, wrap_rows
from xl_encoders.sentence_files.sentence_form import POOLING_MODES
from xl_encoders.sentence_files.vector_tail import kind_of, write_step
from xl_encoders.whole_files import replace_whole

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# Texts on which the result is compared with the encoder; of different length, so that most rows are padded.
_PROBES = ("The house by the river is white, and so is the boat.", "", "a", "Το σπίτι είναι άσπρο.", "白い家", "a b  c")

# What a tokenizer has to cut as the encoder does.
_LONG_PROBE = "river " * 9000

# Largest difference from the encoder's own numbers, as a share of the largest of them. Rounding in float32 stays below
# a tenth of it, and what cannot be cut exactly is off by far more.
_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-4}
_HALF_TOLERANCE = 5e-2

# Names of classes that every release of the library knows; newer ones map them to where the classes moved.
_MODULES = "sentence_transformers.models."


def cut_model(encoder: Encoder, layer: int) -> "PreTrainedModel":
    """The base model of `encoder` with the blocks above `layer` and the masked-LM head left out.

    Its `last_hidden_state` is hidden state `layer` of the encoder (0: embeddings; negative from the end). It shares its
    weights with the encoder. A trained pooler stays only where no block is cut: it was made for the last one.

    Raises EncoderError for a layer out of range, and for a family whose output after its last block is not that
    block's hidden state (a final norm, as in ModernBERT) or whose states are not one a block (CANINE).
    """
    index = encoder.resolve_layer(layer)
    model = _cut(encoder, index)
    if model is None:
        message = (
            f"{_describe(encoder)} cut at layer {index} would not give that layer's states: more follows its last "
            f"block, whichever that is; take layer {encoder.n_layers} (the last)."
        )
        raise EncoderError(message)
    return model


def export_transformers(
    encoder: Encoder, folder: Path, *, layer: int = -1, card: str = "", dtype: torch.dtype | None = None
) -> None:
    """Write `encoder` cut at `layer` as a folder that `AutoModel` and `AutoTokenizer` open.

    folder: must not exist; it appears whole or not at all. card: content of its README.md; empty writes none.
    dtype: of the weights in the file; None takes what they are in here, which keeps the states to rounding.
    `last_hidden_state` of the opened model is hidden state `layer` of the encoder. Raises as `cut_model` does.
    """
    _refuse_existing(folder)
    model = cut_model(encoder, layer)

    def write(aside: Path) -> None:
        in_dtype(model, dtype).save_pretrained(aside)
        encoder.tokenizer.save_pretrained(aside)
        _write_card(aside, card)

    replace_whole(folder, write)


def export_sentence_transformers(
    encoder: Encoder,
    folder: Path,
    *,
    layer: int = -1,
    pooling: str = "mean-content",
    prompts: Mapping[str, str] | None = None,
    normalize: bool = False,
    card: str = "",
    dtype: torch.dtype | None = None,
) -> None:
    """Write a folder that `SentenceTransformer(folder)` opens and that gives the vectors of `Encoder.embed`.

    layer, pooling: as `Encoder.embed` takes them. Texts are cut at `encoder.max_len` tokens. A `tail` of the encoder at
        that layer with that pooling is written too.
    prompts: what `encode(texts, prompt_name=...)` may put in front, by name. The encoder's own prompt is the default
        one, under its name among these, else as "default".
    normalize: whether vectors are scaled to length 1 there.
    folder: must not exist; it appears whole or not at all. card: content of its README.md; empty writes none.
    dtype: of the weights in the file, in which the library then computes; None takes what they are in here.

    Where a family cannot be cut at `layer` exactly (ModernBERT below its last layer), one block more stays and the
    folder says which hidden state to read.

    Raises EncoderError for a layer out of range, an unknown pooling, and an encoder whose vectors the library could not
    give: its states depend on padding (CANINE), its tokenizer puts other specials around a text and cannot be told, or
    it leaves both specials and its prompt out of the mean.
    """
    _refuse_existing(folder)
    index = encoder.resolve_layer(layer)
    check_pooling(pooling)
    if "mean-content" in pooling.split(",")[:-1] or pooling.endswith(",mean-content"):
        reason = "the library cannot leave specials out of one pooling of several; take mean-all"
        raise EncoderError(_cannot(encoder, reason))
    if pooling == "mean-content" and not encoder.pools_prompt:
        reason = "the library cannot leave out both specials and a prompt; take the pooling mean-all"
        raise EncoderError(_cannot(encoder, reason))
    tokenizer = _tokenizer(encoder)
    reads_last = True
    model = _cut(encoder, index)
    if model is None:
        reads_last = False
        model = _cut(encoder, index, n_spare=1)
    if model is None:
        raise EncoderError(_cannot(encoder, f"it cannot be shortened to layer {index}"))
    _check_vectors(encoder, model, tokenizer, index, pooling, reads_last=reads_last)

    modules: list[tuple[str, Callable[[Path], None]]] = []
    if not reads_last:
        model.config.output_hidden_states = True
        n_states = model.config.num_hidden_layers + 1
        modules.append(("WeightedLayerPooling", lambda path: _write_layer_choice(path, index, n_states, encoder.width)))
    if pooling == "mean-content":
        modules.append(("WordWeights", lambda path: _write_json(path / "config.json", _content_weights(tokenizer))))
    modules.append(("Pooling", lambda path: _write_json(path / "config.json", _pooling_config(encoder, pooling))))
    tail = encoder.tail_of(index, pooling)
    for step in () if tail is None else tail.steps:
        modules.append((kind_of(step), partial(write_step, step)))
    if normalize:
        modules.append(("Normalize", lambda path: None))

    def write(aside: Path) -> None:
        in_dtype(model, dtype).save_pretrained(aside)
        tokenizer.save_pretrained(aside)
        _write_json(aside / "sentence_bert_config.json", {"max_seq_length": encoder.max_len, "do_lower_case": False})
        settings = {"__version__": {}, **_prompts(encoder, prompts or {}), "similarity_fn_name": "cosine"}
        _write_json(aside / "config_sentence_transformers.json", settings)
        entries = [{"idx": 0, "name": "0", "path": "", "type": f"{_MODULES}Transformer"}]
        for number, (name, write_module) in enumerate(modules, start=1):
            path = f"{number}_{name}"
            entries.append({"idx": number, "name": str(number), "path": path, "type": f"{_MODULES}{name}"})
            (aside / path).mkdir()
            write_module(aside / path)
        _write_json(aside / "modules.json", entries)
        _write_card(aside, card)

    replace_whole(folder, write)


def _cut(encoder: Encoder, index: int, *, n_spare: int = 0) -> "PreTrainedModel | None":
    """The base model with `index + n_spare` blocks; None where it does not give hidden state `index` exactly.

    n_spare: blocks kept above; with any, the state is looked for in `hidden_states`, else in `last_hidden_state`.
    """
    base = cast("PreTrainedModel", encoder.model.base_model)
    n_blocks = encoder.model.config.num_hidden_layers
    if index == encoder.n_layers:
        return base
    n_kept = index + n_spare
    if encoder.n_layers != n_blocks or n_kept > n_blocks:
        return None  # its states are not one a block, or there is no block to spare
    try:
        model = _with_blocks(base, n_kept)
        exact = _same_states(encoder, model, index, last=n_spare == 0)
    except (ArithmeticError, AttributeError, LookupError, NameError, RuntimeError, TypeError, ValueError):
        return None  # a family that cannot be built or run with so few blocks
    return model if exact else None


def _with_blocks(base: "PreTrainedModel", n_blocks: int) -> "PreTrainedModel":
    """A model like `base` with its first `n_blocks` blocks, no pooler, and the same weight tensors."""
    config = copy.deepcopy(base.config)
    config.num_hidden_layers = n_blocks
    if getattr(config, "layer_types", None):
        config.layer_types = list(config.layer_types[:n_blocks])
    kind = type(base)
    options = {"add_pooling_layer": False} if "add_pooling_layer" in inspect.signature(kind).parameters else {}
    with torch.random.fork_rng(devices=[]):
        model = kind(config, **options)
    weights = base.state_dict()
    # A name that the long model lacks is an error here: it would stay at its random start.
    model.load_state_dict({name: weights[name] for name in model.state_dict()}, assign=True)
    return model.to(base.device).eval()


@torch.inference_mode()
def _same_states(encoder: Encoder, model: "PreTrainedModel", index: int, *, last: bool) -> bool:
    """Whether `model` gives hidden state `index` of `encoder` at every real position of a padded batch."""
    batch = encoder.batch(_PROBES).to(encoder.device)
    with evaluation_mode(encoder):
        ours = encoder(batch.ids, batch.real)[index][batch.real]
    out = model(input_ids=batch.ids, attention_mask=batch.real.long(), output_hidden_states=not last)
    theirs = (out.last_hidden_state if last else out.hidden_states[index])[batch.real]
    return _close(theirs, ours)


def _tokenizer(encoder: Encoder) -> "PreTrainedTokenizerBase":
    """A copy of the tokenizer that puts the encoder's own specials around a text, and pads and cuts on the right.

    Raises EncoderError for a tokenizer that puts others there and is written in Python, so that it cannot be told.
    """
    tokenizer = copy.deepcopy(encoder.tokenizer)
    tokenizer.padding_side = tokenizer.truncation_side = "right"
    tokenizer.model_max_length = encoder.max_len
    probes = [*_PROBES, _LONG_PROBE]
    rows, _ = encode_content(encoder.tokenizer, probes, encoder.max_len)
    wanted = [row.tolist() for row in wrap_rows(rows, encoder.tokenizer)]

    def found() -> list[list[int]]:
        options = {"truncation": True, "max_length": encoder.max_len, "return_attention_mask": False}
        return tokenizer(probes, **options)["input_ids"]

    if found() == wanted:
        return tokenizer
    if tokenizer.is_fast:
        first, last = edge_ids(encoder.tokenizer)
        names = tokenizer.convert_ids_to_tokens([first, last])
        tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
            single=[names[0], "$A", names[1]], special_tokens=list(zip(names, (first, last), strict=True))
        )
        if found() == wanted:
            return tokenizer
    reason = f"its tokenizer ({type(tokenizer).__name__}) puts other special tokens around a text than were read here"
    raise EncoderError(_cannot(encoder, reason))


@torch.inference_mode()
def _check_vectors(
    encoder: Encoder,
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    index: int,
    pooling: str,
    *,
    reads_last: bool,
) -> None:
    """Raise EncoderError unless one padded batch through `model` gives what `Encoder.embed` does."""
    options = {"padding": True, "truncation": True, "max_length": encoder.max_len, "return_tensors": "pt"}
    bare = Encoder(encoder.model, encoder.tokenizer, name=encoder.name, max_len=encoder.max_len)  # without its prompt
    batch = tokenizer(list(_PROBES), **options).to(encoder.device)
    with evaluation_mode(encoder):  # a model that is not shortened is the encoder's own
        out = model(**batch, output_hidden_states=not reads_last)
    states = (out.last_hidden_state if reads_last else out.hidden_states[index]).float()
    real = batch["attention_mask"].bool()
    content = ~torch.isin(batch["input_ids"], special_ids(tokenizer).to(encoder.device))
    pool = RowPooling(real.sum(1).cpu(), content[real].cpu(), pooling, device=encoder.device)
    pooled = pool(states[real])
    ours = torch.from_numpy(bare.embed(_PROBES, layer=index, pooling=pooling)).to(encoder.device)
    if not _close(pooled, ours, encoder.model.dtype):
        raise EncoderError(_cannot(encoder, "its vectors depend on what else is in a batch (padding)"))


def _close(theirs: Float[Tensor, "*shape"], ours: Float[Tensor, "*shape"], dtype: torch.dtype | None = None) -> bool:
    """Whether two tensors of one shape are the same numbers but for rounding in `dtype` (by default their own)."""
    if theirs.shape != ours.shape:
        return False
    share = _TOLERANCE.get(dtype or ours.dtype, _HALF_TOLERANCE)
    return bool((theirs - ours).abs().max() <= share * ours.abs().max())


def _content_weights(tokenizer: "PreTrainedTokenizerBase") -> dict[str, object]:
    """WordWeights: 0 for what opens, closes, separates and pads, 1 for all else, so that a mean leaves specials out."""
    vocabulary = tokenizer.get_vocab()
    tokens = [""] * (max(vocabulary.values()) + 1)
    for token, number in vocabulary.items():
        tokens[number] = token
    weights = {tokens[number]: 0.0 for number in special_ids(tokenizer).tolist()}
    # The library also looks a token up in lower case: "</S>" must not count as "</s>".
    weights |= {token: 1.0 for token in tokens if token not in weights and token.lower() in weights}
    return {"vocab": tokens, "word_weights": weights, "unknown_word_weight": 1.0}


def _prompts(encoder: Encoder, prompts: Mapping[str, str]) -> dict[str, object]:
    """The prompts, and the name of the one that stands in front of every text."""
    texts = dict(prompts)
    default = next((name for name, text in texts.items() if text == encoder.prompt), "default")
    if encoder.prompt:
        texts[default] = encoder.prompt
    return {"prompts": texts, "default_prompt_name": default if encoder.prompt else None}


def _pooling_config(encoder: Encoder, pooling: str) -> dict[str, object]:
    """Pooling over the attention mask (times the weights of a module before it), in flags that all releases read.

    Older ones know no other order of several poolings than that of the flags.
    """
    names = pooling.replace("mean-content", "mean-all").split(",")
    config: dict[str, object] = {"word_embedding_dimension": encoder.width, "include_prompt": encoder.pools_prompt}
    if names == [name for _, _, name in POOLING_MODES if name in names]:
        return config | {flag: name in names for flag, _, name in POOLING_MODES}
    modes = {name: mode for _, mode, name in POOLING_MODES}
    return config | {"pooling_mode": [modes[name] for name in names]}


def _write_layer_choice(path: Path, index: int, n_states: int, width: int) -> None:
    """WeightedLayerPooling: weight 1 for hidden state `index`, 0 for those above."""
    _write_json(
        path / "config.json",
        {"word_embedding_dimension": width, "layer_start": index, "num_hidden_layers": n_states - 1},
    )
    save_file(
        {"layer_weights": torch.from_numpy(np.eye(1, n_states - index, dtype=np.float32)[0])},
        path / "model.safetensors",
    )


def _refuse_existing(folder: Path) -> None:
    if folder.exists():
        message = f"{folder} exists already; name another folder."
        raise EncoderError(message)


def _cannot(encoder: Encoder, reason: str) -> str:
    return (
        f"{_describe(encoder)} cannot be exported to sentence-transformers with the same vectors: {reason}; "
        f"embed with xl_encoders instead."
    )


def _describe(encoder: Encoder) -> str:
    return f"{encoder.name} ({type(encoder.model.base_model).__name__})"


def _write_card(folder: Path, card: str) -> None:
    if card:
        (folder / "README.md").write_text(card, encoding="utf-8", newline="\n")


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
