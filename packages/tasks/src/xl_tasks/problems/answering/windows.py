"""Windows over a context that is too long for one input (Devlin et al., 2019, as for SQuAD)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def windows(n_tokens: int, room: int, step: int) -> list[tuple[int, int]]:
    """(first, end) of the windows over `n_tokens` tokens; the last one ends where the context does.

    room: tokens in a window, 1 or more.
    step: tokens from the start of a window to that of the next, 1 or more; at most a window, so that none is passed
        over. It is `doc_stride` of BERT's and XTREME's scripts; `stride` of a Hugging Face tokenizer is the other
        quantity, the room - step tokens that two neighbours share.

    A context without tokens has one empty window.
    """
    step = min(step, room)
    n_windows = 1 + max(0, -(-(n_tokens - room) // step))
    return [(k * step, min(k * step + room, n_tokens)) for k in range(n_windows)]


def fullest_window(
    cuts: Sequence[tuple[int, int]], first: NDArray[np.int64], last: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The window in which each span of tokens has the fullest context: (n,) int64 numbers of `cuts`.

    cuts: (first, end) of all windows of a context.
    first, last: (n,) tokens of spans, counted in the context, that lie in one window at least.

    The context of a span is the smaller number of tokens beside it in the window; a wider window breaks ties, then the
    earlier one. BERT's script asks this of the first token alone and adds a hundredth of the window's width, so that an
    answer at the end of a context may count in no window; here each span counts in one.
    """
    starts, ends = (np.array(side, dtype=np.int64)[:, None] for side in zip(*cuts, strict=True))
    contexts = np.minimum(first[None] - starts, ends - 1 - last[None])  # negative outside
    widths = ends - starts
    return (contexts * (widths.max() + 1) + widths).argmax(axis=0)
