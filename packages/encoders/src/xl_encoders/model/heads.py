"""The masked-LM head of each model family as one module: states (..., width) -> scores (..., vocabulary)."""

from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# What follows the last block, in the order of application, as the families name it; the first that fits is taken.
_CHAINS = (
    ("vocab_transform", "activation", "vocab_layer_norm", "vocab_projector"),  # DistilBERT
    ("generator_predictions", "generator_lm_head"),  # ELECTRA's generator
    ("head", "decoder"),  # ModernBERT
    ("pred_layer.proj",),  # XLM; pred_layer itself gives a tuple
    ("predictions",),  # ALBERT
    ("lm_head",),  # XLM-R, RoBERTa, MPNet
    ("cls",),  # BERT, DeBERTa
)


def masked_lm_head(model: "PreTrainedModel") -> nn.Module | None:
    """The head of `model`, made of its own modules (nothing is copied); None where there is none known here."""
    for chain in _CHAINS:
        modules = [_submodule(model, name) for name in chain]
        layers = [module for module in modules if module is not None]
        if len(layers) == len(chain):
            return layers[0] if len(layers) == 1 else nn.Sequential(*layers)
    return None


def _submodule(model: nn.Module, name: str) -> nn.Module | None:
    for part in name.split("."):
        model = getattr(model, part, None)  # ty: ignore[invalid-assignment]
        if not isinstance(model, nn.Module):
            return None
    return model
