"""Sentence vectors of some layers as a table: python layers_as_table.py MODEL TEXT OUT.parquet (needs xl-encoders).

MODEL: any encoder, as a folder or hub id. TEXT: a sentence a line. A row a sentence, a column a layer.
"""

import sys
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from xl_encoders import load_encoder

name, file, out = sys.argv[1:]
texts = Path(file).read_text(encoding="utf-8").splitlines()
encoder = load_encoder(name)
layers = sorted({0, encoder.n_layers // 2, encoder.n_layers})
columns = {f"layer_{layer}": pa.array([*encoder.embed(texts, layer=layer, pooling="mean-content")]) for layer in layers}
parquet.write_table(pa.table({"text": texts, **columns}), out)
print(f"{len(texts)} sentences, layers {layers}, width {encoder.width}")
