"""What a model's config.json may say: no code of others, and no number that its weights do not bear out.

Whoever opens a model believes its config.json: it is asked for memory and time before a weight is read.
"""

import math
from collections.abc import Collection, Mapping
from math import prod

from xl_encoders.errors import EncoderError

# Sizes, as the families call them.
_SIZES = (
    *("hidden_size", "dim", "emb_dim", "d_model", "embedding_size", "intermediate_size", "hidden_dim", "vocab_size"),
    *("max_position_embeddings", "type_vocab_size", "num_attention_heads", "n_heads"),
)
# Families without some of these say 0, or -1, there.
_MAY_BE_NONE = ("max_position_embeddings", "type_vocab_size")
_LAYERS = ("num_hidden_layers", "n_layers", "num_layers")
_MOST_LAYERS = 1000
# Ids, labels and whatever else is counted; CANINE's ids are those of all of Unicode.
_MOST_OTHERS = 0x110000


def check_config(where: str, config: Mapping[str, object], shapes: Collection[tuple[int, ...]] = ()) -> None:
    """EncoderError, which says `where`, for a config.json that names code of its own or an absurd number.

    shapes: of the weights; none where they are not known, so that only what is absurd for any model is refused.
    """
    if config.get("auto_map"):
        message = (
            f"{where} asks for code of its own (auto_map), which is never run here; if transformers has this "
            "architecture itself, take auto_map out of the file."
        )
        raise EncoderError(message)
    # Each size is the length of some weight, at most.
    most = sum(map(prod, shapes)) if shapes else 1 << 31
    for name, value in config.items():
        if reason := _fault(name, value, most):
            shown = ascii(value)[:40]
            message = f"{where}: {ascii(name)[1:-1][:60]} is {shown}; {reason}."
            raise EncoderError(message)


def _fault(name: str, value: object, most: int) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "a finite number is needed"
    if ("dropout" in name or name.endswith("_prob")) and isinstance(value, int | float) and not 0 <= value <= 1:
        return "a share of 0 to 1 is needed"
    count = value if isinstance(value, int) and not isinstance(value, bool) else None
    if name in _LAYERS and (count is None or not 1 <= count <= _MOST_LAYERS):
        return f"a whole number of 1 to {_MOST_LAYERS} is needed"
    if name in _SIZES and (count is None or (count < 1 and name not in _MAY_BE_NONE)):
        return "a whole number above 0 is needed"
    if isinstance(value, int) and abs(value) > (most if name in _SIZES else max(most, _MOST_OTHERS)):
        return f"its weights are {most:,} numbers in all, which that does not fit"
    return ""
