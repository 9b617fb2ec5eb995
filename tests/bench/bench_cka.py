"""CKA of all pairs of languages against the usual ways, pair by pair: `python -m tests.bench.bench_cka`.

1,012 items (FLORES's devtest), width 768, ten languages: 45 pairs. The least processor time of a pair, times the
pairs, beside the least of a call of ours; one thread. Other work on the machine only ever adds to either.

The textbook form is the formula as it stands, CKA(X, Y) = HSIC(XX', YY') / sqrt(HSIC(XX', XX') HSIC(YY', YY')), each
HSIC being a function of two views: 28 billion multiplications and additions a pair. Whoever keeps a pair's two Gram
matrices in variables of their own does with 22 billion. Ours takes 8 billion for all 45 pairs.
"""

import argparse
import itertools
import time

import numpy as np

from tests.bench.rows import note
from xl_analysis import cka_matrix

_WIDTH, _N_VIEWS, _ROUNDS = 768, 10, 15


def hsic(k: np.ndarray, m: np.ndarray) -> float:
    """tr(K H L H) with the centring matrix H written out."""
    n = len(k)
    centring = np.eye(n) - np.ones((n, n)) / n
    return float(np.trace(k @ centring @ m @ centring))


def textbook(x: np.ndarray, y: np.ndarray) -> float:
    """Kornblith et al. 2019, equations 3 and 4, each HSIC of two views from their vectors."""
    own = hsic(x @ x.T, x @ x.T) * hsic(y @ y.T, y @ y.T)
    return hsic(x @ x.T, y @ y.T) / np.sqrt(own)


def textbook_kept(x: np.ndarray, y: np.ndarray) -> float:
    """The same with the two Gram matrices of a pair kept for its three HSICs."""
    k, m = x @ x.T, y @ y.T
    return hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m))


def of_grams(x: np.ndarray, y: np.ndarray) -> float:
    """Gram matrices centred by their means."""

    def gram(x: np.ndarray) -> np.ndarray:
        k = x @ x.T
        return k - k.mean(axis=0) - k.mean(axis=1)[:, None] + k.mean()

    k, m = gram(x), gram(y)
    return float((k * m).sum() / np.sqrt((k * k).sum() * (m * m).sum()))


def of_features(x: np.ndarray, y: np.ndarray) -> float:
    """||Y'X||^2 / (||X'X|| ||Y'Y||)."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    return float(np.square(y.T @ x).sum() / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)))


_WAYS = {
    "textbook": textbook,
    "textbook, Gram matrices kept for a pair": textbook_kept,
    "vectorised loop, Gram matrices": of_grams,
    "vectorised loop, features": of_features,
}


def main() -> None:
    """Print the seconds of each way, its ratio to ours, and the largest difference of a value."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=1012)
    n_items = parser.parse_args().items
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(n_items, _WIDTH))
    views = {f"language {i}": shared + rng.normal(size=(n_items, _WIDTH)) + 1 for i in range(_N_VIEWS)}
    pairs = list(itertools.combinations(views.values(), 2))
    least = dict.fromkeys(["ours", *_WAYS], np.inf)
    differs = dict.fromkeys(_WAYS, 0.0)
    # Turn by turn, so that all of them see the same machine.
    for first in range(_ROUNDS):
        started = time.process_time()
        values = cka_matrix(views)[1][np.triu_indices(len(views), 1)]
        least["ours"] = min(least["ours"], time.process_time() - started)
        for number in range(first, len(pairs), _ROUNDS):
            for name, way in _WAYS.items():
                started = time.process_time()
                found = way(*pairs[number])
                least[name] = min(least[name], time.process_time() - started)
                differs[name] = max(differs[name], abs(found - values[number]))
    print(f"{n_items} x {_WIDTH}, {len(pairs)} pairs: ours {least['ours']:.3f} s")
    for name in _WAYS:
        taken = least[name] * len(pairs)
        print(f"{name}: {taken:.2f} s, ratio {taken / least['ours']:.1f}, differs by {differs[name]:.0e}")
        size, error = f"{n_items} x {_WIDTH}, {len(pairs)} pairs", f"{differs[name]:.0e}"
        note("CKA of all pairs", size, ours=least["ours"], peer=taken, package=f"numpy, {name}", unit="s", error=error)


if __name__ == "__main__":
    main()
