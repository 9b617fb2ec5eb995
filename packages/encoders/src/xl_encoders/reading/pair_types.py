"""Token types of two texts in one input, as the model was pretrained with them."""

from collections.abc import Sequence

from transformers import CanineTokenizer, PreTrainedTokenizerBase


def pair_types(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int], types: Sequence[int]) -> list[int]:
    """The type of each token of a pair: those that `tokenizer` gave, but for CANINE.

    ids, types: (len,) of one pair, specials included. Version 5 of transformers writes zeros for both texts of CANINE,
    which was pretrained as BERT was (Clark et al. 2022): 1 for all that follows the separator of the first text.
    """
    if not isinstance(tokenizer, CanineTokenizer):
        return list(types)
    n_first = list(ids).index(tokenizer.sep_token_id) + 1
    return [0] * n_first + [1] * (len(ids) - n_first)
