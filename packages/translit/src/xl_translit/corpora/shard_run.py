"""A run whose output is a folder of shards: which are missing is found out, they are made, and all are accounted for.

This process holds counts, at most MAX_WORDS words, and a few numbers a shard; rows it never sees.
"""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import PurePosixPath
from tempfile import TemporaryFile
from typing import Any

from xl_translit.corpora.batch import Rejection
from xl_translit.corpora.inputs import RECORDS
from xl_translit.corpora.manifest import Manifest
from xl_translit.corpora.parts import check_same_run, read_state
from xl_translit.corpora.shards import Outcome, Portion, ShardRecord, ShardWriter, portions
from xl_translit.corpora.statistics import Account, Statistics
from xl_translit.corpora.storage import files_below, place_text, placing, read_text, remove, stamp
from xl_translit.errors import CorpusError, CorpusOptionError

Map = Callable[[ShardWriter, Sequence[Portion]], Iterable[Outcome]]
"""An engine: what became of each portion, in any order."""


@dataclass
class ShardRun:
    """Shards, one after another in the order of the input.

    refuse: raises for a row that stops the run, or tells of one that is left out. report: rows, bytes, bytes in all.
    """

    writer: ShardWriter
    refuse: Callable[[Rejection], None]
    report: Callable[[int, int, int], None]
    account: Account = field(default_factory=Account)
    rows_resumed: int = 0

    def make(self, engine: Map, identity: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Make what is missing; gives what the manifest says of the inputs and of the output.

        identity: what decides the output's bytes, plain JSON values.
        """
        folder = self.writer.folder
        state = self._take_up(identity)
        try:
            return self._make(engine)
        except BaseException:
            if files_below(f"{folder.out}/{RECORDS}") == [PurePosixPath(state).name]:  # nothing to go on with
                remove(state)
            raise

    def _make(self, engine: Map) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        folder, sources = self.writer.folder, self.writer.sources
        plan = portions(sources)
        found = set(files_below(f"{folder.out}/{RECORDS}"))
        there = [portion.index for portion in plan if f"{portion.index:06}.json" in found and self._is_current(portion)]
        missing = [portion for portion in plan if portion.index not in set(there)]
        waiting: dict[int, Outcome] = {}
        digests = [hashlib.sha256() for _ in sources]
        digest = hashlib.sha256()
        rows: Counter[int] = Counter()
        n_bytes = n_read = position = 0
        total = sum(portion.n_bytes for portion in plan)
        with TemporaryFile() as listed:
            for outcome in chain(map(Outcome, there), engine(self.writer, missing)):
                waiting[outcome.index] = outcome
                while position in waiting:
                    portion = plan[position]
                    record = self._judged(waiting.pop(position), rows)
                    for refusal in record.rejections:
                        rejection = self._placed(refusal, rows)
                        self.refuse(rejection)
                        listed.write(json.dumps(rejection._asdict(), ensure_ascii=False).encode() + b"\n")
                    self._count(position, record)
                    self.rows_resumed += record.rows_in * (position in there)
                    for span, (_, _, _, n_rows) in zip(portion.spans, record.spans, strict=True):
                        rows[span.source] += n_rows
                        digests[span.source].update(record.input_sha256.encode())
                    digest.update(f"{record.sha256}  {record.shard}\n".encode())
                    n_bytes += record.bytes
                    n_read += portion.n_bytes
                    position += 1
                    self.report(self.account.rows_in, n_read, total)
            if self.account.statistics.rejected:
                listed.seek(0)
                with placing(f"{folder.out}.rejected.jsonl") as path, path.open("wb") as file:
                    shutil.copyfileobj(listed, file)
        inputs = [
            {"name": source.layout.name, "bytes": source.size, "rows": rows[number], "shards_sha256": state.hexdigest()}
            for number, (source, state) in enumerate(zip(sources, digests, strict=True))
        ]
        output = {"format": folder.form.name, "columns": folder.form.columns, "shards": len(plan), "bytes": n_bytes}
        return inputs, output | {"shards_sha256": digest.hexdigest()}

    def publish(self, manifest: Manifest) -> None:
        """Write the manifest, which says that the output is complete, and remove what only an unfinished run needs."""
        folder = self.writer.folder
        with placing(f"{folder.out}.manifest.json") as path:
            manifest.write(path)
        for name in files_below(folder.out):
            left = PurePosixPath(name)  # words, and what a lost worker did not finish
            if left.suffix == ".part" or (left.parent.name == RECORDS and left.suffix != ".json"):
                remove(f"{folder.out}/{name}")

    def _take_up(self, identity: dict[str, Any]) -> str:
        """Begin, or go on with the same run, which a file names; refuse what is there otherwise."""
        out = self.writer.folder.out
        state = f"{out}/{RECORDS}/run.json"
        identity = json.loads(json.dumps(identity))
        if stamp(state):
            check_same_run(out, out, read_state(state, read_text(state)), identity)
        elif files_below(out):
            message = f"{out} exists already; remove it or choose another name"
            raise CorpusOptionError(message)
        else:
            place_text(state, json.dumps(identity, indent=2) + "\n")
        return state

    def _is_current(self, portion: Portion) -> bool:
        stamps = [self.writer.sources[span.source].stamp for span in portion.spans]
        return self.writer.folder.record(portion.index).stamps == stamps

    def _judged(self, outcome: Outcome, rows: Counter[int]) -> ShardRecord:
        """The record of a shard that was made; raises for one that was not, saying why."""
        if outcome.error:
            raise CorpusError(outcome.error)
        if outcome.refusal:
            self.refuse(self._placed(outcome.refusal, rows))
        return self.writer.folder.record(outcome.index)

    def _placed(self, refusal: Any, rows: Counter[int]) -> Rejection:
        """A refused row by the number it has in its source, of which `rows` came before its shard."""
        source = self.writer.sources[refusal.source]
        line = source.first_line - 1 + rows[refusal.source] + refusal.row
        return Rejection(source.layout.name, line, refusal.reason)

    def _count(self, index: int, record: ShardRecord) -> None:
        folder, words = self.writer.folder, self.account.words
        was_full = words.is_full
        pairs = [] if was_full else folder.words(index)
        self.account.add(record.rows_in, Statistics.from_json(record.statistics), pairs)
        if words.is_full and not was_full:
            place_text(folder.enough_path, "")
