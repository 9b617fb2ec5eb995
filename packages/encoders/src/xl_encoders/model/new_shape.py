"""How large a new model is, from its settings alone. Imports nothing heavy."""

from xl_encoders.config import SIZES, ModelConfig

# XLM-R counts positions from behind its padding id.
POSITION_OFFSET = 2


def count_parameters(config: ModelConfig, vocabulary_size: int) -> int:
    """Number of weights of a new model with its masked-LM head, whose decoder is the table of embeddings."""
    n_layers, width, _, inner = SIZES[config.size]
    norm = 2 * width

    def linear(n_in: int, n_out: int) -> int:
        return n_in * n_out + n_out

    # Pieces, positions and the one token type, with their norm.
    embeddings = (vocabulary_size + config.max_len + POSITION_OFFSET + 1) * width + norm
    # Query, key, value and output; the two layers of the feed-forward part; a norm behind each.
    block = 4 * linear(width, width) + linear(width, inner) + linear(inner, width) + 2 * norm
    head = linear(width, width) + norm + vocabulary_size
    return embeddings + n_layers * block + head
