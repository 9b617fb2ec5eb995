"""A first dictionary from nothing but the vectors: words whose sorted similarities look alike (Artetxe et al. 2018)."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xl_staticemb.mapping.candidate_sweep import torch_device
from xl_staticemb.mapping.config import MappingConfig
from xl_staticemb.mapping.normalization import Normalization
from xl_staticemb.mapping.seed_dictionary import Pairs

_ROWS = 512  # similarities normalised at a time


def unsupervised_pairs(
    source: NDArray[np.float32], target: NDArray[np.float32], config: MappingConfig, device: str = "cpu"
) -> Pairs:
    """Rows (2 k,) int64 of the pairs that start unsupervised self-learning (Artetxe et al. 2018, ACL, section 3.2).

    For the k = min(n_x, n_z, `config.unsupervised_words`) most frequent words M of each side, each row of the
    similarities (M M^T)^(1/2) = U S U^T, M = U S V^T, is sorted, which makes the columns of both languages comparable;
    the rows are normalised as the vectors were. Each row's and each column's best product, less CSLS, is a pair.
    """
    k = min(len(source), len(target), config.unsupervised_words)
    kind = torch.float64 if config.unsupervised_precision == "float64" else torch.float32
    place = torch_device(device)
    left, right = (_profiles(side[:k], config, kind, place) for side in (source, target))
    products = left @ right.T
    if config.csls:
        n_neighbours = min(config.csls, k)
        rows = products.topk(n_neighbours, dim=1).values.mean(1) / 2
        columns = products.topk(n_neighbours, dim=0).values.mean(0) / 2
        products -= rows[:, None]
        products -= columns[None, :]
    forward, backward = products.argmax(1).cpu().numpy(), products.argmax(0).cpu().numpy()
    each = np.arange(k)
    return np.concatenate([each, backward]), np.concatenate([forward, each])


def _profiles(vectors: NDArray[np.float32], config: MappingConfig, kind: torch.dtype, device: torch.device) -> Tensor:
    """Sorted similarities (k, k) of each word with all words of its side, normalised."""
    u, s, _ = np.linalg.svd(vectors.astype(np.float64), full_matrices=False)
    left = torch.from_numpy(u).to(device, kind)
    similarities = (left * torch.from_numpy(s).to(device, kind)) @ left.T
    ordered = similarities.sort(dim=1).values
    del similarities
    normalized = Normalization(config.normalization)
    blocks = ordered.split(_ROWS)  # in place, so that two of these matrices are held and not four
    normalized.fit(lambda: (block.cpu().numpy() for block in blocks))
    for block in blocks:
        rows = block.cpu().numpy()
        block.copy_(torch.from_numpy(normalized.apply(rows, rows.dtype)))
    return ordered
