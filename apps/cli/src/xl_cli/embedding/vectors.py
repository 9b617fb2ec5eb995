"""The per-batch function of `xl embed`: rows -> columns with vectors -> a file, the same bytes wherever it runs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xl_cli.embedding.config import EmbedConfig
from xl_encoders import Encoder, WordBreaker, word_breaker
from xl_translit.corpora.formats import text_of
from xl_translit.corpora.rows import Rows

# Texts that are embedded together: enough to find neighbours of like length. Words have vectors many times as large.
_TOGETHER = {"sentence": 4096, "word": 512}
_NUMBERS: dict[str, Any] = {"line": np.int64, "word": np.int32, "start": np.int32, "end": np.int32, "tokens": np.int32}

Columns = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class VectorForm:
    """How rows become vectors: the settings with every default filled in.

    names: of the columns of vectors, by their layer. sources: names of the inputs. breaker: what finds words.
    kept_types: Arrow types of columns that go along and are not written as text.
    """

    config: EmbedConfig
    layers: tuple[int, ...]
    pooling: str
    normalize: bool
    sources: tuple[str, ...]
    breaker: WordBreaker = field(default_factory=word_breaker)
    kept_types: Mapping[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> dict[int, str]:
        """`vector`, or `vector_LAYER` where there are several."""
        several = len(self.layers) > 1
        return {layer: f"vector_{layer}" if several else "vector" for layer in self.layers}

    @property
    def columns(self) -> list[str]:
        """Names of all columns, in order."""
        places = ["text"] if self.config.unit == "sentence" else ["word", "text", "start", "end", "tokens"]
        return ["source", "line", *self.config.keep, *places, *self.names.values()]

    def pieces(self, encoder: Encoder, rows: Rows) -> Iterator[Columns]:
        """Columns of some rows at a time, (n,) each, vectors (n, width)."""
        size = _TOGETHER[self.config.unit]
        read = self._sentences if self.config.unit == "sentence" else self._words
        for start in range(0, len(rows.texts), size):
            part = slice(start, start + size)
            columns, which = read(encoder, rows.texts[part])
            columns["source"] = np.array(rows.sources[part], dtype=np.int64)[which]
            columns["line"] = np.array(rows.numbers[part], dtype=np.int64)[which]
            for name, values in zip(self.config.keep, zip(*rows.kept[part], strict=True), strict=True):
                columns[name] = [values[i] for i in which]
            yield {name: columns[name] for name in self.columns}

    def _sentences(self, encoder: Encoder, texts: list[str]) -> tuple[Columns, NDArray[np.int64]]:
        config = self.config
        vectors = encoder.embed(
            texts, layers=self.layers, pooling=self.pooling, precision=config.precision, tokens=config.tokens
        )
        columns = {self.names[layer]: self._written(part) for layer, part in zip(self.layers, vectors, strict=True)}
        return {"text": texts, **columns}, np.arange(len(texts))

    def _words(self, encoder: Encoder, texts: list[str]) -> tuple[Columns, NDArray[np.int64]]:
        """The words of all texts, and which text each is of."""
        spans = [self.breaker(text) for text in texts]
        config = self.config
        by_layer = encoder.word_vectors(
            texts, layers=self.layers, how=self.pooling, words=spans, precision=config.precision, tokens=config.tokens
        )
        n_words = [len(found) for found in spans]
        columns: Columns = {
            "word": np.concatenate([np.arange(n, dtype=np.int32) for n in n_words]),
            "text": [text[a:b] for text, found in zip(texts, spans, strict=True) for a, b in found],
            "start": np.array([a for found in spans for a, _ in found], dtype=np.int32),
            "end": np.array([b for found in spans for _, b in found], dtype=np.int32),
            "tokens": np.concatenate([words.n_tokens for words in by_layer[0]]).astype(np.int32),
        }
        for layer, words in zip(self.layers, by_layer, strict=True):
            columns[self.names[layer]] = self._written(np.concatenate([text.vectors for text in words]))
        return columns, np.repeat(np.arange(len(texts)), n_words)

    def _written(self, vectors: NDArray[np.float32]) -> NDArray[Any]:
        if self.normalize:
            norms = np.linalg.norm(vectors, axis=1, keepdims=True)
            vectors = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
        return vectors.astype(self.config.dtype, copy=False)


class ShardWriter(Protocol):
    """Takes the pieces of a shard one by one; `close` ends the file."""

    def add(self, columns: Columns) -> None:
        """More rows."""
        ...

    def close(self) -> None:
        """Write what is still to be written."""
        ...


class ParquetShard:
    """Vectors as lists of a fixed size beside source (by name), line, text and the columns that go along."""

    def __init__(self, path: Path, form: VectorForm, widths: Sequence[int], about: Mapping[str, str]) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        kind = pa.from_numpy_dtype(form.config.dtype)
        types: dict[str, Any] = {"source": pa.dictionary(pa.int32(), pa.string()), "text": pa.string()}
        types |= {name: pa.from_numpy_dtype(number) for name, number in _NUMBERS.items()}
        types |= {name: form.kept_types.get(name, pa.string()) for name in form.config.keep}
        types |= {name: pa.list_(kind, width) for name, width in zip(form.names.values(), widths, strict=True)}
        self._form = form
        self._schema = pa.schema([(name, types[name]) for name in form.columns], metadata=dict(about))
        # Compression gains a tenth on vectors, and dictionaries nothing.
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd", use_dictionary=["source", "text"])

    def add(self, columns: Columns) -> None:
        """More rows, as a row group."""
        import pyarrow as pa

        self._writer.write_table(pa.table([self._array(name, columns[name]) for name in columns], schema=self._schema))

    def close(self) -> None:
        """End the file."""
        self._writer.close()

    def _array(self, name: str, values: Any) -> Any:
        import pyarrow as pa

        kind = self._schema.field(name).type
        if name == "source":
            return pa.DictionaryArray.from_arrays(pa.array(values, pa.int32()), list(self._form.sources))
        if pa.types.is_fixed_size_list(kind):
            return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1), kind.value_type), type=kind)
        if name in self._form.config.keep and name not in self._form.kept_types:
            values = list(map(text_of, values))
        return pa.array(values, kind)


class SafetensorsShard:
    """Tensors alone: vectors, source (its number among the manifest's inputs), line, and of words their places."""

    def __init__(self, path: Path, form: VectorForm, widths: Sequence[int], about: Mapping[str, str]) -> None:
        self._path, self._about = path, dict(about)
        empty: Columns = {
            "source": np.zeros(0, np.int64),
            **{name: np.zeros(0, kind) for name, kind in _NUMBERS.items()},
        }
        empty |= {
            name: np.zeros((0, width), form.config.dtype)
            for name, width in zip(form.names.values(), widths, strict=True)
        }
        self._parts = {name: [empty[name]] for name in form.columns if name in empty}

    def add(self, columns: Columns) -> None:
        """More rows, kept in memory."""
        for name, parts in self._parts.items():
            parts.append(columns[name])

    def close(self) -> None:
        """Write the file."""
        from safetensors.numpy import save_file

        from xl_encoders.whole_files import system_errors

        tensors = {name: np.concatenate(parts) for name, parts in self._parts.items()}
        with system_errors(self._path):
            save_file(tensors, self._path, metadata=self._about)


WRITERS: dict[str, type[ParquetShard] | type[SafetensorsShard]] = {
    "parquet": ParquetShard,
    "safetensors": SafetensorsShard,
}
