"""Low-rank updates in the place of all weights (Hu et al. 2022), by the peft library.

The `adapters` library, which has the bottleneck adapters of MAD-X (Pfeiffer et al. 2020), needs transformers 4.
"""

import inspect
from typing import TYPE_CHECKING, Any

from torch import nn

from xl_encoders.errors import EncoderError

if TYPE_CHECKING:
    from peft import LoraModel
    from transformers import PreTrainedModel

# The attention's queries and values, as the families name them: what the paper adapts.
_ADAPTED = ("query", "value", "q_lin", "v_lin", "Wqkv", "query_proj", "value_proj")


def add_low_rank(model: "PreTrainedModel", *, rank: int, alpha: float, dropout: float) -> "LoraModel":
    """Freeze `model` and put low-rank updates, the only weights that are trained then, into its attention.

    rank: of the updates. alpha: their scale is alpha / rank. dropout: in front of them. They begin at 0, so that the
    model gives what it gave; their first values come from torch's global generator. `merge_and_unload` of the result
    gives the plain model back, updates added to the weights.

    Raises EncoderError where peft is not installed.
    """
    try:
        import peft
    except ImportError as error:
        message = 'low-rank updates need the peft library; install it with: pip install "xl-encoders[lora]"'
        raise EncoderError(message) from error
    base = model.base_model
    prefix = next(f"{name}." if name else "" for name, module in model.named_modules() if module is base)
    linear = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and name.startswith(prefix) and ".pooler." not in name
    ]
    options: dict[str, Any] = {}
    if "ensure_weight_tying" in inspect.signature(peft.LoraConfig).parameters:
        options["ensure_weight_tying"] = False
    settings = peft.LoraConfig(
        r=rank,
        lora_alpha=alpha,  # ty: ignore[invalid-argument-type]
        lora_dropout=dropout,
        target_modules=[name for name in linear if name.rpartition(".")[2] in _ADAPTED] or linear,
        bias="none",
        **options,
    )
    return peft.LoraModel(model, settings, "default")
