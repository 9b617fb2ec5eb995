"""One process that computes shards and writes them by itself: that of the command, or an actor of a cluster."""

import json
import sys
from dataclasses import dataclass
from typing import Any, NamedTuple

from xl_cli.embedding.config import EmbedConfig
from xl_cli.embedding.shards import ShardFolder, ShardReader, ShardRecord, check_unchanged
from xl_cli.embedding.vectors import WRITERS, VectorForm
from xl_cli.errors import CliError
from xl_encoders import Encoder
from xl_translit.corpora.parts import hash_file
from xl_translit.corpora.rows import read_rows
from xl_translit.corpora.storage import placing


class ShardResult(NamedTuple):
    """What became of a shard, whether it was there already, and the share of the input that was read by then."""

    record: ShardRecord
    was_there: bool
    share: float


@dataclass(frozen=True, kw_only=True)
class Job:
    """All that a process needs to do any shard; it can be pickled.

    model: digest of the weights and tokenizer that every process must find under the name of the model.
    """

    names: list[str]
    config: EmbedConfig
    folder: str
    suffix: str
    form: VectorForm
    model: str

    def reader(self) -> ShardReader:
        """The rows of this job's shards."""
        return ShardReader(self.names, self.config.reader, self.config.shard_rows)


class ShardWorker:
    """Computes shards and writes them: in the process of the command, or an actor of a cluster."""

    def __init__(self, job: Job, encoder: Encoder) -> None:
        self._job, self._encoder = job, encoder
        self._reader = job.reader()
        self._folder = ShardFolder(job.folder, job.suffix)

    def __call__(self, number: int) -> ShardResult | None:
        """Shard `number` is whole on the disk afterwards; None behind the last one."""
        chunk = self._reader.take(number)
        if chunk is None:
            return None
        record = self._folder.record(number)
        if record is not None:
            check_unchanged(record, chunk, self._job.folder)
            return ShardResult(record, was_there=True, share=self._share())
        corpus, config, form = self._reader.corpus, self._job.config, self._job.form
        rows, refusals = read_rows(chunk, [source.layout for source in corpus.sources])
        rejected = [[corpus.sources[source].layout.name, line, reason] for source, line, reason in sorted(refusals)]
        if rejected and config.on_error == "stop":
            file, line, reason = rejected[0]
            message = f"{file}:{line}: {reason}; mend the row, or leave such rows out (--on-error skip)."
            raise CliError(message)
        n_cut, n_vectors = self._encoder.n_cut, 0
        with placing(self._folder.file(number)) as aside:
            widths = [vector_width(self._encoder, form, layer) for layer in form.layers]
            writer = WRITERS[self._job.suffix](aside, form, widths, {"xl": described(self._job)})
            for columns in form.pieces(self._encoder, rows):
                writer.add(columns)
                n_vectors += len(columns["line"])
            writer.close()
            sha256, n_bytes = hash_file(aside), aside.stat().st_size
        record = ShardRecord(
            file=self._folder.name(number),
            rows=len(rows.texts),
            vectors=n_vectors,
            cut=self._encoder.n_cut - n_cut,
            digest=chunk.digest().hex(),
            sha256=sha256,
            bytes=n_bytes,
            rejected=rejected,
        )
        self._folder.keep(number, record)
        return ShardResult(record, was_there=False, share=self._share())

    def inputs(self) -> list[dict[str, Any]]:
        """What there is to say of each input, which is read to its end for it."""
        self._reader.take(sys.maxsize)
        return self._reader.corpus.described()

    def _share(self) -> float:
        n_bytes, total = self._reader.corpus.progress()
        return n_bytes / total if total else 1.0


def vector_width(encoder: Encoder, form: VectorForm, layer: int) -> int:
    """Length of the vectors of `layer`."""
    return encoder.vector_width(layer, form.pooling) if form.config.unit == "sentence" else encoder.width


def described(job: Job) -> str:
    """What every shard says of itself."""
    form = job.form
    about = {"model": job.model, "unit": form.config.unit, "layers": form.layers, "pooling": form.pooling}
    return json.dumps(about)
