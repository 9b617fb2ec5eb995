"""How long a text a model has positions for."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def position_limit(model: "PreTrainedModel") -> int:
    """Longest input in tokens that the model has position embeddings for."""
    limit = getattr(model.config, "max_position_embeddings", None)
    if not limit or limit <= 0:
        return 10**9
    padding_idx = counted_from(model)
    return limit - (0 if padding_idx is None else padding_idx + 1)


def counted_from(model: "PreTrainedModel") -> int | None:
    """The padding id behind which a model of the RoBERTa family counts positions; None for other families."""
    positions = getattr(getattr(model.base_model, "embeddings", None), "position_embeddings", None)
    return getattr(positions, "padding_idx", None)
