"""Drives `xl embed`: shards of the corpus one after another, or on a cluster, and the manifest of all of them."""

import dataclasses
import json
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from xl_cli.embedding.config import SUFFIXES, EmbedConfig
from xl_cli.embedding.manifest import Target, versions
from xl_cli.embedding.opening import open_for, vector_form
from xl_cli.embedding.shards import ShardRecord
from xl_cli.embedding.worker import Job, ShardResult, ShardWorker, vector_width
from xl_cli.launch.durations import words as in_words
from xl_cli.launch.progress import Progress, say
from xl_encoders import Encoder
from xl_encoders.reading.vector_files import fingerprint
from xl_translit.corpora.inputs import Corpus


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """What was done; `str` of it is what the command prints.

    texts: rows that have vectors. vectors: how many there are. cut: texts that lost their end. rejected: rows that
    could not be read. resumed: texts that an earlier call had done.
    """

    out: str
    model: str
    unit: str
    layers: list[int]
    pooling: str
    width: int
    texts: int
    vectors: int
    cut: int
    rejected: int
    shards: int
    resumed: int
    seconds: float

    def to_json(self) -> str:
        """One JSON object."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)

    def __str__(self) -> str:
        layers = ", ".join(map(str, self.layers))
        of = "" if self.unit == "sentence" else f" of the words of {self.texts} texts"
        shards = f"{self.shards} shard{'s' if self.shards != 1 else ''}"
        lines = [
            f"{self.out}: {self.vectors} vectors x {self.width}{of} from {self.model}, layer {layers}, pooling "
            f"{self.pooling}, {shards}, {in_words(self.seconds)}"
        ]
        if self.resumed:
            lines.append(f"{self.resumed} of {self.texts} texts were done by an earlier call")
        if self.cut:
            lines.append(f"{self.cut} texts lost their end: they are longer than the model reads")
        if self.rejected:
            lines.append(f"left out: {self.rejected} rows that could not be read; the manifest lists them")
        return "\n".join(lines)


def embed_corpus(names: list[str], corpus: Corpus, config: EmbedConfig, out: str) -> Embedded:
    """Write the vectors of a corpus to `out`, a folder of shards or one file."""
    began = time.monotonic()
    target = Target(out, config.format or SUFFIXES[0])
    opened = open_for(config)
    encoder = opened.encoder
    if opened.note and config.unit == "sentence":
        say(opened.note)
    form = vector_form(config, opened, corpus)
    job = Job(
        names=names, config=config, folder=target.folder, suffix=target.suffix, form=form, model=fingerprint(encoder)
    )
    settings = _settings(job, encoder)
    manifest = target.begin(settings)
    if manifest is not None:
        target.check_inputs(manifest, corpus)
        target.clear()
        counts = manifest["counts"] | {"resumed": manifest["counts"]["texts"]}
    else:
        records, inputs, n_resumed = _all_shards(job, encoder, sized=corpus.progress()[1] is not None)
        counts = {
            "texts": sum(record.rows for record in records),
            "vectors": sum(record.vectors for record in records),
            "cut": sum(record.cut for record in records),
            "rejected": sum(len(record.rejected) for record in records),
            "shards": len(records),
        }
        manifest = {
            "settings": settings,
            "inputs": inputs,
            "counts": counts,
            "columns": {name: layer for layer, name in form.names.items()},
            "rejected": [row for record in records for row in record.rejected],
            "shards": [
                {"file": each.file, "texts": each.rows, "vectors": each.vectors, "sha256": each.sha256}
                for each in records
            ],
            "versions": versions(),
            "run": {"engine": config.engine, "seconds": round(time.monotonic() - began, 1), "resumed": n_resumed},
        }
        target.end(manifest, records)
        counts = counts | {"resumed": n_resumed}
    return Embedded(
        out=out,
        model=encoder.name,
        unit=config.unit,
        layers=list(form.layers),
        pooling=form.pooling,
        width=vector_width(encoder, form, form.layers[-1]),
        seconds=round(time.monotonic() - began, 1),
        **counts,
    )


def _all_shards(job: Job, encoder: Encoder, *, sized: bool) -> tuple[list[ShardRecord], list[dict[str, Any]], int]:
    """Every shard's record in order, what there is to say of the inputs, and texts that were done before."""
    records: dict[int, ShardRecord] = {}
    n_texts = n_resumed = 0
    inputs: list[dict[str, Any]] = []
    total, unit = (100, "%") if sized else (0, "texts")
    with Progress("embedding", total, unit, quiet=True) as progress, closing(_engine(job, encoder)) as results:
        for result in results:
            if isinstance(result, list):
                inputs = result
                continue
            number, (record, was_there, share) = result
            records[number] = record
            n_texts += record.rows
            n_resumed += record.rows if was_there else 0
            progress.advance(round(100 * share) if sized else n_texts, f"{n_texts} texts in {len(records)} shards")
    return [records[number] for number in sorted(records)], inputs, n_resumed


def _engine(job: Job, encoder: Encoder) -> Generator[tuple[int, ShardResult] | list[dict[str, Any]]]:
    """The number of each shard, in any order, and what became of it; at the end a list of what the inputs are."""
    if job.config.engine == "ray":
        from xl_cli.embedding.ray_engine import ray_shards

        yield from ray_shards(job)
        return
    worker = ShardWorker(job, encoder)
    number = 0
    while (result := worker(number)) is not None:
        yield number, result
        number += 1
    yield worker.inputs()


def _settings(job: Job, encoder: Encoder) -> dict[str, Any]:
    """What decides the bytes of the vectors, and so must be the same when a call goes on."""
    config, form = job.config, job.form
    own = ("unit", "precision", "tokens", "dtype", "shard_rows", "column", "keep", "input_format", "on_error")
    settings = {
        "model": job.model,
        "layers": form.layers,
        "pooling": form.pooling,
        "normalize": form.normalize,
        "max_len": encoder.max_len,
        "prompt": encoder.prompt,
        "pools_prompt": encoder.pools_prompt,
        "tail": encoder.tail.digest() if encoder.tail is not None else None,
        "words": form.breaker.identity if config.unit == "word" else None,
        "format": job.suffix,
        "inputs": form.sources,
        **{name: getattr(config, name) for name in own},
    }
    return json.loads(json.dumps(settings))
