"""`xl analyze space` against the forward passes alone: `bench_space MODEL SIB200 [LIMIT [MEASURE...]]`.

All languages of a folder of SIB-200 at nine layers (4 to 12 of 12). First the forward passes of all texts that the
measures read, in batches as the encoder makes them and pooled; then all measures, from the same texts. Processor time.
LIMIT sentences a language (0: the 204 of the test split); without a MEASURE all of them.
"""

import sys
import time

import numpy as np

import xl_cli
from xl_cli.data.items import load_items, scored_keys
from xl_cli.measure.space import _OF_VECTORS
from xl_cli.measure.views import SpaceConfig
from xl_encoders import load_encoder
from xl_translit import Romanizer

_LAYERS = range(4, 13)


def main() -> None:
    """Print the seconds of both and their ratios."""
    model, folder, *rest = sys.argv[1:]
    limit, measures = int(rest[0]) if rest else 0, rest[1:] or list(_OF_VECTORS)
    data, keys = load_items(SpaceConfig(model=(model,), data=folder))
    kept = scored_keys(data, keys, data.languages, limit)
    texts = [[data.texts[language][key] for key in kept] for language in data.languages]
    encoder = load_encoder(model)
    encoder.embed(texts[0][:8], layers=list(_LAYERS))  # what is loaded and made once
    started = time.process_time()
    for items in texts:
        encoder.embed(items, layers=list(_LAYERS), pooling="mean-all")
    written = time.process_time() - started
    romanised = 0.0
    if "similarity" in measures:
        latin = [Romanizer().batch(items) for items in texts]
        started = time.process_time()
        for items in latin:
            encoder.embed(items, layers=list(_LAYERS), pooling="mean-all")
        romanised = time.process_time() - started
    started = time.process_time()
    rows = xl_cli.analyze(
        "space", measures=measures, model=model, data=folder, limit=limit, layer=[str(layer) for layer in _LAYERS]
    )
    ours = time.process_time() - started
    assert all(np.isfinite(row.value) for row in rows)
    print(
        f"{', '.join(measures)}: {len(texts)} languages, {len(kept)} sentences, {len(_LAYERS)} layers, "
        f"{len(rows)} rows: {ours:.1f} s; forward passes {written:.1f} s as written, {romanised:.1f} s romanised; "
        f"ratio to all of them {ours / (written + romanised):.2f}"
    )


if __name__ == "__main__":
    main()
