"""Retrieval turned round, against hubs: what a key says about the sources decides, not what a query says about keys.

Inverted softmax (Smith et al. 2017, equation 9) and inverted neighbours (Dinu et al. 2015, "globally corrected").
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from xl_staticemb.search._unit_rows import UnitRows, blocks

_TILE = 2048  # keys and sources whose cosines are held together
_SCORES_AT_ONCE = 1 << 23  # cosines of one batch of keys with all sources: 32 MiB
_SAME = np.float32(1e-6)  # cosines closer than this are one: the query may be among the sources


def log_normalisers(
    keys: UnitRows, sources: UnitRows, temperature: float, device: str = "cpu", tile: int = _TILE
) -> NDArray[np.float64]:
    """Log of the sum over sources s of exp(b cos(s, z)), b = `temperature`, for each key z: (n_keys,) float64.

    The largest term of each sum is taken out before `exp`, so no temperature overflows. A key that is not finite has
    NaN; sources that are not finite are left out.
    """
    totals = torch.full((len(keys),), -torch.inf, dtype=torch.float64)
    usable = np.flatnonzero(sources.valid)
    for start, stop in blocks(usable.size, tile):
        some = torch.from_numpy(sources.part(usable[start:stop])).to(device)
        for first, last in blocks(len(keys), tile):
            logits = torch.from_numpy(keys.part(slice(first, last))).to(device) @ some.T
            part = torch.logsumexp(logits.mul_(temperature), dim=1).double().cpu()
            totals[first:last] = torch.logaddexp(totals[first:last], part)
    normalisers = totals.numpy()
    normalisers[~keys.valid] = np.nan
    return normalisers


def rank_scores(queries: UnitRows, keys: UnitRows, sources: UnitRows) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
    """Scores -rank + cos / 2 of all queries with some keys at a time: (first key, last key + 1, (n_queries, keys)).

    The rank of query x for key z is 1 + number of sources with a larger cosine with z. The cosine decides between
    equal ranks alone: it changes a score by less than one rank. NaN where query or key is not finite.
    """
    usable = np.flatnonzero(sources.valid)
    step = max(1, _SCORES_AT_ONCE // max(usable.size, len(queries), 1))
    asked = queries.part(slice(None))
    for first, last in blocks(len(keys), step):
        part = keys.part(slice(first, last))
        cosines = np.empty((last - first, usable.size), dtype=np.float32)
        for start, stop in blocks(usable.size, _TILE):
            cosines[:, start:stop] = part @ sources.part(usable[start:stop]).T
        cosines.sort(axis=1)
        own = part @ asked.T
        scores = np.empty((last - first, len(queries)))
        for row, (line, values) in enumerate(zip(cosines, own, strict=True)):
            scores[row] = np.searchsorted(line, values + _SAME, side="right") - usable.size - 1
        scores += 0.5 * own
        scores[~keys.valid[first:last]] = np.nan
        scores[:, ~queries.valid] = np.nan
        yield first, last, scores.T
