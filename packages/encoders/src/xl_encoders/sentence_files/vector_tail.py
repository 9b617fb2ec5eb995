"""What a sentence encoder does to a pooled vector: the modules behind pooling in a folder of `sentence-transformers`.

Dense is y = a(W x + b), with x or R x added where it has a residual; LayerNorm and Normalize are torch's own. A
Normalize at the very end is no part of this: it changes no cosine, and `SentenceForm.normalizes` tells of it.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from xl_encoders.errors import EncoderError

# Where configurations name an activation; anything else could be anybody's code.
_TORCH = "torch.nn.modules."


class VectorTail(nn.Module):
    """Modules that change vectors of one layer under one pooling, in the order in which they are applied.

    layer: `hidden_states` index, from 0. pooling: one of POOLINGS.
    """

    def __init__(self, steps: Sequence[nn.Module], *, layer: int, pooling: str) -> None:
        super().__init__()
        self.steps = nn.Sequential(*steps)
        self.layer, self.pooling = layer, pooling
        self.eval().requires_grad_(requires_grad=False)

    def forward(self, vectors: Float[Tensor, "texts width"]) -> Float[Tensor, "texts out"]:
        """(texts, width) float32 pooled vectors -> what the encoder was trained to give for them."""
        return self.steps(vectors)

    def width(self, width: int) -> int:
        """Length of the vectors that come out, of `width` numbers that go in."""
        return next((step.linear.out_features for step in reversed(self.steps) if isinstance(step, _Dense)), width)

    def digest(self) -> str:
        """A digest of what it does: equal where weights, activations, layer and pooling are the same."""
        digest = hashlib.blake2b(f"{self.steps} {self.layer} {self.pooling}".encode(), digest_size=16)
        for tensor in self.state_dict().values():
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()


def read_steps(
    modules: Sequence[tuple[str, str]], configs: Sequence[Mapping[str, Any]], find: "Callable[[str], Path | None]"
) -> tuple[list[nn.Module], list[str]]:
    """The modules that are known here, and a phrase for each that is not.

    modules: (kind, folder) of what stands behind pooling, in order. configs: their config.json.
    find: a file of the encoder by its name there; None for one that it does not have.
    Raises EncoderError for weights that do not fit their configuration.
    """
    steps: list[nn.Module] = []
    unknown: list[str] = []
    for (kind, path), config in zip(modules, configs, strict=True):
        if kind == "Dropout":
            continue
        if kind == "Normalize":
            steps.append(_Normalize())
            continue
        file = find(f"{path}/model.safetensors")
        try:
            with torch.device("meta"):  # sizes that the weights do not bear out take no memory
                made = _dense(config) if kind == "Dense" else _norm(config)
        except (LookupError, TypeError, ValueError, RuntimeError) as error:
            message = (
                f"{path}/config.json does not say what this {kind} is ({str(error).split(chr(10))[0]}); write it anew."
            )
            raise EncoderError(message) from error
        if isinstance(made, str):
            unknown.append(made)
        elif file is None:
            unknown.append(f"{kind} (its weights are not in a model.safetensors)")
        else:
            _load(made, file)
            steps.append(made)
    if steps and isinstance(steps[-1], _Normalize):
        steps.pop()
    return steps, unknown


def write_step(step: nn.Module, folder: Path) -> None:
    """Write a step of a tail as the library reads it: config.json and weights, in a folder that is there."""
    from safetensors.torch import save_file

    config: dict[str, object] = {}
    if isinstance(step, _Dense):
        config = {
            "in_features": step.linear.in_features,
            "out_features": step.linear.out_features,
            "bias": step.linear.bias is not None,
            "activation_function": f"{type(step.activation).__module__}.{type(step.activation).__name__}",
            # Releases before 5.7 know no residual, and a folder without one opens there too.
            **({"use_residual": True} if step.has_residual else {}),
        }
    elif isinstance(step, _LayerNorm):
        config = {"dimension": step.norm.normalized_shape[0]}
    if config:
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        weights = {name: tensor.detach().cpu().contiguous() for name, tensor in step.state_dict().items()}
        save_file(weights, folder / "model.safetensors")


def kind_of(step: nn.Module) -> str:
    """What the library calls a step."""
    return type(step).__name__.removeprefix("_")  # the classes here have the library's names


class _Normalize(nn.Module):
    def forward(self, vectors: Tensor) -> Tensor:
        return functional.normalize(vectors, dim=-1)


class _Dense(nn.Module):
    """Names of the weights are those of the library's files."""

    def __init__(self, width_in: int, width_out: int, *, bias: bool, activation: nn.Module, residual: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(width_in, width_out, bias=bias)
        self.activation = activation
        self.has_residual = residual
        self.residual = nn.Linear(width_in, width_out, bias=False) if residual and width_in != width_out else None

    def forward(self, vectors: Tensor) -> Tensor:
        changed = self.activation(self.linear(vectors))
        if self.has_residual:
            changed = changed + (vectors if self.residual is None else self.residual(vectors))
        return changed


class _LayerNorm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)

    def forward(self, vectors: Tensor) -> Tensor:
        return self.norm(vectors)


def _dense(config: Mapping[str, Any]) -> nn.Module | str:
    """The layer that a configuration names, or a phrase for one that is not known here."""
    name = str(config.get("activation_function", f"{_TORCH}activation.Tanh"))
    kind = getattr(nn, name.rpartition(".")[2], None) if name.startswith(_TORCH) else None
    if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
        return f"Dense (with {name})"
    places = [config.get(key) for key in ("module_input_name", "module_output_name")]
    if any(place not in (None, "sentence_embedding") for place in places):
        return f"Dense (of {places[0]})"
    return _Dense(
        int(config["in_features"]),
        int(config["out_features"]),
        bias=bool(config.get("bias", True)),
        activation=kind(),
        residual=bool(config.get("use_residual", False)),
    )


def _norm(config: Mapping[str, Any]) -> nn.Module:
    return _LayerNorm(int(config["dimension"]))


def _load(module: nn.Module, file: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        module.load_state_dict({key: tensor.to(torch.float32) for key, tensor in load_file(file).items()}, assign=True)
    except (RuntimeError, SafetensorError, OSError) as error:
        reason = str(error).strip().splitlines()[-1].strip()
        message = f"{file} does not hold the weights that the config.json beside it names ({reason})."
        raise EncoderError(message) from error
