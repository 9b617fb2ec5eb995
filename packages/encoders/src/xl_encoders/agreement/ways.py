"""The ways in which a text becomes a vector, each on its own, to be held against the plainest: one text a pass."""

import contextlib
import importlib.util
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xl_encoders.model.encoder import Encoder
from xl_encoders.model.evaluation_mode import evaluation_mode
from xl_encoders.model.export import export_sentence_transformers
from xl_encoders.model.load import load_encoder
from xl_encoders.model.packing import encode_rows, supports_packing
from xl_encoders.reading.tokens import encode_content, special_ids, wrap_rows
from xl_encoders.sentence_files.sentence_form import apply_form, read_sentence_form
from xl_encoders.training.part import pool_rows

# Texts that are packed into one sequence.
_PACKED_AT_ONCE = 32

Vectors = NDArray[np.float32]


def alone(encoder: Encoder, texts: Sequence[str], *, layer: int, pooling: str) -> Vectors:
    """(n_texts, width): each text tokenised by the library's own call and passed by itself in float32, without padding.

    Pooled in double precision. What the others are compared with; nothing of `Encoder.embed` is used but its tail.
    """
    index, vectors = encoder.resolve_layer(layer), []
    specials = special_ids(encoder.tokenizer)
    first = _n_unpooled(encoder)
    tail = encoder.tail_of(index, pooling)
    with torch.inference_mode(), evaluation_mode(encoder):
        for text in texts:
            multiple = encoder.pad_multiple
            tokens = encoder.tokenizer(
                encoder.prompt + text, truncation=True, max_length=encoder.max_len, return_tensors="pt",
                padding="longest" if multiple > 1 else False, pad_to_multiple_of=multiple if multiple > 1 else None,
            ).to(encoder.device)  # fmt: skip
            ids, real = tokens["input_ids"], tokens["attention_mask"].bool()
            states = encoder(ids, real)[index][0].double().cpu()
            places = real[0].nonzero()[:, 0].cpu()
            content = ~torch.isin(ids[0].cpu()[places], specials)
            pooled = _plainly(states[places], content, pooling, first).float().to(encoder.device)
            vectors.append((pooled if tail is None else tail(pooled[None])[0]).cpu().numpy())
    return np.stack(vectors)


def _plainly(states: Tensor, content: Tensor, pooling: str, first: int) -> Tensor:
    """Pooling of one text by its definition. states: (len, width), content: (len,) bool, both without padding."""
    places = torch.arange(len(states))[first:]
    parts = []
    for name in pooling.split(","):
        if name in ("first", "last", "max"):
            parts.append({"first": states[first], "last": states[-1], "max": states[first:].amax(0)}[name])
            continue
        kept = places[content[first:]] if name == "mean-content" else places
        weights = kept + 1 if name == "mean-weighted" else torch.ones_like(kept)
        total = weights.sum().double().clamp(min=1)
        parts.append(weights.double() @ states[kept] / (total.sqrt() if name == "mean-sqrt" else total))
    return torch.cat(parts)


def packed(encoder: Encoder, texts: Sequence[str], *, layer: int, pooling: str) -> Vectors | None:
    """(n_texts, width) as training reads: many texts in one sequence; None where family or prompt rule it out."""
    if not supports_packing(encoder) or not encoder.pools_prompt:
        return None
    index, parts = encoder.resolve_layer(layer), []
    rows = wrap_rows(
        encode_content(encoder.tokenizer, [encoder.prompt + text for text in texts], encoder.max_len)[0],
        encoder.tokenizer,
    )
    specials = special_ids(encoder.tokenizer)
    tail = encoder.tail_of(index, pooling)
    with torch.inference_mode(), evaluation_mode(encoder):
        for start in range(0, len(rows), _PACKED_AT_ONCE):
            some = rows[start : start + _PACKED_AT_ONCE]
            states = encode_rows(encoder, some, [index], packed=True)
            pooled = pool_rows(
                states.layers[index], states.row_lens, ~torch.isin(torch.cat(list(some)), specials), pooling
            ).float()
            parts.append((pooled if tail is None else tail(pooled)).cpu().numpy())
    return np.concatenate(parts)


def exported(
    encoder: Encoder, texts: Sequence[str], folder: Path, *, layer: int, pooling: str, prompts: Mapping[str, str]
) -> Vectors:
    """(n_texts, width): the encoder written as a sentence encoder to `folder`, which must be new, and opened again."""
    export_sentence_transformers(encoder, folder, layer=layer, pooling=pooling, prompts=prompts)
    form = read_sentence_form(str(folder))
    assert form is not None  # noqa: S101 - it was just written
    again = load_encoder(str(folder / form.path), max_len=encoder.max_len).to(encoder.device)
    apply_form(again, form, str(folder))
    again.prompt = encoder.prompt
    return again.embed(texts, layer=form.layer, pooling=form.pooling)


def by_sentence_transformers(folder: Path | str, texts: Sequence[str], *, prompt: str, device: str) -> Vectors | None:
    """(n_texts, width) by `SentenceTransformer(folder).encode`; None where the library is not installed."""
    if importlib.util.find_spec("sentence_transformers") is None:
        return None
    from sentence_transformers import SentenceTransformer

    with contextlib.redirect_stderr(io.StringIO()):  # its bars
        library = SentenceTransformer(str(folder), device=device)
    return library.encode(list(texts), prompt=prompt, show_progress_bar=False).astype(np.float32)


def _n_unpooled(encoder: Encoder) -> int:
    """Positions of the first special and of a prompt that is not pooled."""
    if not encoder.prompt or encoder.pools_prompt:
        return 0
    return 1 + len(encoder.tokenizer(encoder.prompt, add_special_tokens=False)["input_ids"])
