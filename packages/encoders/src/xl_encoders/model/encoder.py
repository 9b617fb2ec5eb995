"""A Hugging Face encoder with its tokenizer behind one small interface: states by layer, LM scores, text vectors.

Layers are `hidden_states` indices everywhere: 0 is the embedding output, k the output of block k.
"""

import copy
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, overload

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from xl_encoders.errors import EncoderError
from xl_encoders.model.heads import masked_lm_head
from xl_encoders.model.positions import counted_from, position_limit
from xl_encoders.model.trainable import Trainable
from xl_encoders.reading.tokens import TokenBatch, edge_ids, encode_content, pad_rows, special_ids, wrap_rows
from xl_encoders.whole_files import replace_whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from peft import LoraModel
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from xl_encoders.reading.word_vectors import TextWords
    from xl_encoders.sentence_files.vector_tail import VectorTail

# CANINE puts its character-level states around the blocks: two before, two after (the embeddings are one of them).
_EXTRA_STATES = {"canine": 4}

# CANINE's convolutions look across padding, so that results depend on its length unless that is fixed.
_PAD_TO = {"canine": 128}


class Encoder(Trainable):
    """An encoder, its masked-LM head if it has one, and its tokenizer.

    name: how result rows call it.
    model: a `transformers` model; its base model gives the states, its head the LM scores.
    max_len: longest input in tokens, specials included.
    stored_dtype: dtype of the weights in the folder that it was opened from; `load_encoder` opens all in float32.
    prompt: what `embed` puts in front of every text, "query: " for instance.
    pools_prompt: whether its tokens are pooled with those of the text.
    tail: what `embed` does to vectors of one layer and pooling, of a sentence encoder (`apply_form`); None for nothing.
    """

    def __init__(
        self,
        model: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerBase",
        *,
        name: str,
        max_len: int = 128,
        prompt: str = "",
        pools_prompt: bool = True,
        tail: "VectorTail | None" = None,
    ) -> None:
        super().__init__()
        limit = position_limit(model)
        if max_len > limit:
            message = f"model.max_len is {max_len}, but {name} has positions for {limit} tokens; give {limit} or less."
            raise EncoderError(message)
        _check_tokenizer(model, tokenizer, name)
        self.model = model
        self.tokenizer = tokenizer
        self.name = name
        self.max_len = max_len
        self.stored_dtype = model.dtype  # of the folder that it was opened from, whatever it computes in
        self.prompt = prompt
        self.pools_prompt = pools_prompt
        self.tail = tail
        self.cut_before = False  # whether a warning about texts that are too long was given
        self.n_cut = 0  # texts that lost their end so far
        self._low_rank: tuple[LoraModel, ...] = ()  # a tuple, so that its weights count once, as those of the model
        self.projectors = nn.ModuleDict()  # of objectives that contrast projections; no part of what is saved
        self._special_ids = special_ids(tokenizer)
        self.train(model.training)  # a module is born in training mode, whatever its parts are in

    @property
    def n_layers(self) -> int:
        """Number of transformer blocks: layers run from 0 to this number (CANINE: all states but the first)."""
        return self.model.config.num_hidden_layers + _EXTRA_STATES.get(self._family, 0)

    @property
    def _family(self) -> str:
        return getattr(self.model.config, "model_type", "")

    @property
    def pad_multiple(self) -> int:
        """What the length of a batch must be a multiple of, so that a text's states do not depend on its neighbours."""
        return _PAD_TO.get(self._family, 1)

    def resolve_layer(self, layer: int) -> int:
        """The `hidden_states` index that `layer` means; negative counts from the last. EncoderError out of range."""
        index = layer if layer >= 0 else self.n_layers + 1 + layer
        if not 0 <= index <= self.n_layers:
            message = f"layer {layer} is out of range: {self.name} has 0 (embeddings) to {self.n_layers} (last block)."
            raise EncoderError(message)
        return index

    def tail_of(self, layer: int, pooling: str) -> "VectorTail | None":
        """What is done to vectors of `layer` (from 0) under `pooling`; None for nothing."""
        tail = self.tail
        return tail if tail is not None and (tail.layer, tail.pooling) == (layer, pooling) else None

    def vector_width(self, layer: int, pooling: str) -> int:
        """Length of the vectors that `embed` gives of `layer` (from 0) under `pooling`."""
        tail, width = self.tail_of(layer, pooling), self.width * len(pooling.split(","))
        return width if tail is None else tail.width(width)

    def forward(
        self, ids: Int[Tensor, "batch len"], real: Tensor, **inputs: Tensor
    ) -> tuple[Float[Tensor, "batch len width"], ...]:
        """All hidden states, one (batch, len, width) tensor a layer, from the embeddings to the last block.

        ids: (batch, len) int64. real: (batch, len) bool, false for padding.
        inputs: (batch, len) position_ids or token_type_ids where they are not what the model would take by itself.
        """
        # Without padding there is nothing to hide, and attention is faster with no mask at all. XLM would take a
        # padding id for padding, though, wherever masking drew one.
        mask = None if bool(real.all()) and self._family != "xlm" else real.long()
        read = self.model.base_model(input_ids=ids, attention_mask=mask, output_hidden_states=True, **inputs)
        states = read.hidden_states
        if len(states) != self.n_layers + 1:
            message = f"{self.name} gives {len(states)} hidden states where {self.n_layers + 1} were expected."
            raise EncoderError(message)
        return tuple(_at_length(layer, ids.shape[1]) for layer in states)

    @property
    def head(self) -> nn.Module:
        """The masked-LM head: states -> scores over the vocabulary. EncoderError where the model has none."""
        head = masked_lm_head(self.model)
        if head is not None:
            return head
        message = f"{self.name} ({type(self.model).__name__}) has no masked-LM head that is known here."
        raise EncoderError(message)

    def batch(self, texts: Sequence[str]) -> TokenBatch:
        """`texts` as one padded batch on the CPU, cut to `max_len` at the end."""
        rows, _ = encode_content(self.tokenizer, texts, self.max_len)
        return self.pad(wrap_rows(rows, self.tokenizer))

    def pad(self, rows: Sequence[Tensor]) -> TokenBatch:
        """Id rows (specials included) as one padded batch on the CPU."""
        return pad_rows(
            rows,
            pad_id=self.tokenizer.pad_token_id,
            special_ids=self._special_ids,
            multiple=self.pad_multiple,
        )

    @overload
    def embed(
        self,
        texts: Iterable[str],
        *,
        layer: int = -1,
        pooling: str = "mean-content",
        layers: None = None,
        out: "Path | str | None" = None,
        precision: str = "no",
        tokens: int = 0,
    ) -> "NDArray[np.float32]": ...

    @overload
    def embed(
        self,
        texts: Iterable[str],
        *,
        layer: int = -1,
        pooling: str = "mean-content",
        layers: Sequence[int],
        out: "Path | str | None" = None,
        precision: str = "no",
        tokens: int = 0,
    ) -> "list[NDArray[np.float32]]": ...

    def embed(
        self,
        texts: Iterable[str],
        *,
        layer: int = -1,
        pooling: str = "mean-content",
        layers: Sequence[int] | None = None,
        out: "Path | str | None" = None,
        precision: str = "no",
        tokens: int = 0,
    ) -> "NDArray[np.float32] | list[NDArray[np.float32]]":
        """One vector a text: (n_texts, width) float32, row i for text i whatever the batching.

        At the layer and with the pooling of a `tail` vectors pass it, and have the width that it gives.

        layer: `hidden_states` index, negative from the end.
        pooling: one of POOLINGS, or several, joined by commas: their vectors one behind the other; `reading/pooling.py`
            says what each is.
        layers: several layers from the same forward passes; the result is then a list of arrays, one a layer.
        out: file that takes the vectors, a `.npy` that `numpy.load(out, mmap_mode="r")` opens; with `layers` its name
            must hold "{layer}". `texts` may then be an iterable larger than memory, and the result is memory-mapped.
            The file appears when it is whole. A call that was killed goes on where it stopped when it is made again;
            with a finished file it computes nothing. Other texts, another model or other settings are refused.
        precision: "bf16" or "fp16" runs the forward passes under autocast (fp16 on a GPU only); vectors stay float32.
        tokens: most tokens of one forward pass; 0 takes what suits the device.

        Longer texts than `max_len`, prompt included, lose their end, and a warning in the log says how many. Evaluation
        mode and no gradient inside; both are left as they were found.
        """
        # Here, because these modules know the encoder.
        from xl_encoders.reading.embedding import Reading, embed_texts
        from xl_encoders.reading.vector_files import embed_to_files

        wanted = [layer] if layers is None else list(layers)
        reading = Reading.of(self, wanted, pooling, precision, tokens)
        if out is None:
            vectors = embed_texts(self, texts, reading)
        else:
            vectors = embed_to_files(self, texts, reading, Path(out), several=layers is not None)
        return vectors[0] if layers is None else vectors

    @overload
    def word_vectors(
        self,
        texts: Sequence[str],
        *,
        layer: int = -1,
        layers: None = None,
        how: str = "last",
        words: Sequence[Sequence[tuple[int, int]]] | None = None,
        precision: str = "no",
        tokens: int = 0,
    ) -> "list[TextWords]": ...

    @overload
    def word_vectors(
        self,
        texts: Sequence[str],
        *,
        layer: int = -1,
        layers: Sequence[int],
        how: str = "last",
        words: Sequence[Sequence[tuple[int, int]]] | None = None,
        precision: str = "no",
        tokens: int = 0,
    ) -> "list[list[TextWords]]": ...

    def word_vectors(
        self,
        texts: Sequence[str],
        *,
        layer: int = -1,
        layers: Sequence[int] | None = None,
        how: str = "last",
        words: Sequence[Sequence[tuple[int, int]]] | None = None,
        precision: str = "no",
        tokens: int = 0,
    ) -> "list[TextWords] | list[list[TextWords]]":
        """Vectors of the words of each text in context, with the place of each word in the text.

        layer: `hidden_states` index, negative from the end.
        layers: several layers from the same forward passes; the result is then a list a layer.
        how: the state of a word's "last" or "first" token, the "mean" of all of them, or each of them ("all").
        words: (start, end) of the words of each text, in code points; None takes those of `split_words`.
        precision, tokens: as `embed` takes them.

        No word is lost: a text longer than `max_len` is read in several passes, which begin between words.
        """
        from xl_encoders.reading.word_vectors import word_vectors

        wanted = [self.resolve_layer(index) for index in ([layer] if layers is None else layers)]
        found = word_vectors(self, texts, wanted, how, words, precision=precision, tokens=tokens)
        return found[0] if layers is None else found

    def adapt(self, *, rank: int, alpha: float = 16.0, dropout: float = 0.1) -> None:
        """Freeze the weights, the head's too, and train low-rank updates of them from now on; see `add_low_rank`."""
        from xl_encoders.aligning.adapters import add_low_rank

        self._low_rank = (add_low_rank(self.model, rank=rank, alpha=alpha, dropout=dropout),)

    def train_embeddings(self, first: int = 0, *, only: bool = True) -> None:
        """Train the token embeddings from now on, of pieces with ids from `first` on alone.

        only: whether all other weights are frozen; else they are left as they are, frozen or not.
        Raises EncoderError for a model without a table of token embeddings, and where no piece is left.
        """
        table = self.token_embeddings
        if table is None or first >= len(table):
            what = "no table of token embeddings" if table is None else f"no pieces from {first} on"
            message = f"{self.name} has {what}, so nothing of it can be trained."
            raise EncoderError(message)
        if only:
            self.requires_grad_(requires_grad=False)
        table.requires_grad_(True)
        if first:

            def hold(parameter: Tensor) -> None:
                gradient = parameter.grad
                if gradient is not None and gradient.is_sparse:
                    gradient._values()[gradient._indices()[0] < first] = 0
                elif gradient is not None:
                    gradient[:first] = 0

            table.register_post_accumulate_grad_hook(hold)

    def merge(self) -> None:
        """Add the low-rank updates to the weights, which are trained again from then on; nothing without updates."""
        if self._low_rank:
            self._low_rank[0].merge_and_unload()
            self._low_rank = ()
            self.model.requires_grad_(True)

    def save(self, folder: Path, *, dtype: torch.dtype | None = None) -> None:
        """Write a folder that `AutoModel` and `AutoTokenizer` open: config, safetensors, tokenizer; adapters merged.

        dtype: of the weights in the file; None takes what they are in here, float32 after `load_encoder` and `fit`.
        """
        model = copy.deepcopy(self._low_rank[0]).merge_and_unload() if self._low_rank else self.model
        in_dtype(model, dtype).save_pretrained(folder)  # ty: ignore[invalid-argument-type]
        self.tokenizer.save_pretrained(folder)


def in_dtype(model: "PreTrainedModel", dtype: torch.dtype | None) -> "PreTrainedModel":
    """`model` itself where it is in `dtype` (or that is None), else a copy that is."""
    return model if dtype in (None, model.dtype) else copy.deepcopy(model).to(dtype)


def save_model(encoder: Encoder, folder: Path, *, dtype: torch.dtype | None = None) -> None:
    """Write `encoder` as a folder that `AutoModel` opens; `folder` is the old one or the new one, never half of it.

    dtype: of the weights in the file; None takes what they are in here.
    """
    replace_whole(folder, lambda aside: encoder.save(aside, dtype=dtype))


def _n_embeddings(model: "PreTrainedModel") -> int | None:
    """Rows of the table of token embeddings; None for a model that hashes its input and has no such table."""
    try:
        n_rows = getattr(model.get_input_embeddings(), "num_embeddings", None)
    except NotImplementedError:
        return None
    return n_rows if isinstance(n_rows, int) else None


def _check_tokenizer(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", name: str) -> None:
    """Raise EncoderError unless each id that `tokenizer` can give has a row in the model's embedding table."""
    n_rows = _n_embeddings(model)
    if n_rows is not None and len(tokenizer) > n_rows:
        message = (
            f"the tokenizer of {name} has {len(tokenizer)} tokens, its embedding table only {n_rows} rows; "
            f"they do not belong together."
        )
        raise EncoderError(message)
    if tokenizer.pad_token_id is None:
        message = f"the tokenizer of {name} has no pad token, which batches are filled up with; give it a pad_token."
        raise EncoderError(message)
    # Ids may have holes, so that a tokenizer with few tokens can still reach beyond the table.
    for token, number in zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True):
        if n_rows is not None and not 0 <= number < n_rows:
            message = (
                f"the tokenizer of {name} gives {token} the id {number}, its embedding table has {n_rows} rows; "
                f"they do not belong together."
            )
            raise EncoderError(message)
    padding_idx = counted_from(model)
    if padding_idx is not None and padding_idx != tokenizer.pad_token_id:
        message = (
            f"{name} counts positions from its padding id {padding_idx}, but the pad token of its tokenizer has the id "
            f"{tokenizer.pad_token_id}; they do not belong together."
        )
        raise EncoderError(message)
    edge_ids(tokenizer)


def _at_length(states: Tensor, length: int) -> Tensor:
    """States of a shortened layer (CANINE's blocks see one position for four characters) repeated to `length`."""
    if states.shape[1] == length:
        return states
    return states.repeat_interleave(-(-length // states.shape[1]), dim=1)[:, :length]
