"""Paired bootstrap of a table of mixed-language cells against scipy's: `python -m tests.bench.bench_significance`.

1,000 resamples of 15 cells of 5,010 items (the size of XNLI's test set), accuracy and macro-F1 of three classes.
"""

import argparse
import time

import numpy as np
from scipy import stats as scipy_stats

from tests.bench.rows import note
from xl_analysis import paired_bootstrap
from xl_tasks.scoring.classification import classification_measures
from xl_tasks.scoring.measures import FORMS

_N_ITEMS, _N_RESAMPLES = 5010, 1000
_LABELS = ("entailment", "neutral", "contradiction")


def main() -> None:
    """Print the seconds of both, and their ratio for the mean, the only form that scipy is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=15)
    n_cells = parser.parse_args().cells
    rng = np.random.default_rng(0)
    gold = rng.choice(_LABELS, _N_ITEMS)
    cells = [[np.where(rng.random(_N_ITEMS) < 0.7, gold, rng.choice(_LABELS, _N_ITEMS)) for _ in range(2)]
             for _ in range(n_cells)]  # fmt: skip
    measured = [[classification_measures(gold.tolist(), side.tolist(), _LABELS) for side in pair] for pair in cells]
    taken = {}
    for place, name in enumerate(("accuracy", "macro_f1")):
        started = time.perf_counter()
        for ours, theirs in measured:
            form = FORMS[ours[place].form]
            paired_bootstrap(form, ours[place].stats[None], theirs[place].stats[None], n_resamples=_N_RESAMPLES)
        taken[name] = time.perf_counter() - started
    started = time.perf_counter()
    for ours, theirs in measured:
        scipy_stats.bootstrap(
            (ours[0].stats[:, 0], theirs[0].stats[:, 0]),
            lambda x, y, axis: x.mean(axis) - y.mean(axis),
            paired=True,
            vectorized=True,
            n_resamples=_N_RESAMPLES,
            method="percentile",
            rng=np.random.default_rng(0),
        )
    peer = time.perf_counter() - started
    size = f"{_N_RESAMPLES} resamples of {n_cells} cells of {_N_ITEMS} items"
    note("paired bootstrap, accuracy", size, ours=taken["accuracy"], peer=peer, package="scipy", unit="s")
    print(f"{size}: accuracy {taken['accuracy']:.2f} s, scipy {peer:.2f} s, ratio {peer / taken['accuracy']:.2f}")
    print(f"{size}: macro_f1 {taken['macro_f1']:.2f} s")


if __name__ == "__main__":
    main()
