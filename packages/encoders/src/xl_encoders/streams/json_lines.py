"""JSON Lines as numbered chunks of rows: an object a line, of which the fields that are asked for hold text."""

import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from xl_encoders.errors import EncoderError

# Lines of a chunk.
_CHUNK = 2048
# Bytes of a line at most: a line is whole in memory.
_LONGEST_LINE = 1 << 27


class JsonLines:
    """One file, not packed, so that a chunk is read from where it begins. Where chunks begin is found once.

    columns: the fields of the first chunk's objects, all taken as text. A field that a line lacks is null there, and so
    is every field of an empty line.

    EncoderError with `file:line` for a line that is no JSON object, and for a field that holds no text.
    """

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        self._path = path
        self._starts: list[int] = []
        self._lens: list[int] = []
        with path.open("rb") as file:
            place = 0
            for number, line in enumerate(iter(partial(file.readline, _LONGEST_LINE + 1), b"")):
                if len(line) > _LONGEST_LINE:
                    message = f"{path}:{number + 1}: the line is longer than {_LONGEST_LINE >> 20} MiB; check the file."
                    raise EncoderError(message)
                if number % _CHUNK == 0:
                    self._starts.append(place)
                    self._lens.append(0)
                self._lens[-1] += 1
                place += len(line)
        names = dict.fromkeys(name for row in self._rows(0) for name in row) if self._lens else {}
        self.columns: dict[str, Any] = dict.fromkeys(names, pa.string())

    def chunk_lens(self) -> list[int]:
        """Lines of each chunk."""
        return self._lens

    def read(self, chunk: int, columns: Sequence[str]) -> Iterator[Any]:
        """The lines of a chunk as one record batch."""
        import pyarrow as pa

        rows = list(self._rows(chunk))
        arrays = []
        for name in columns:
            values = [row.get(name) for row in rows]
            for place, value in enumerate(values):
                if not _is_text(value):
                    message = f"{self._where(chunk, place)}: {name} is {json.dumps(value)[:40]}, not text."
                    raise EncoderError(message)
            builder = pa.lib.StringBuilder()  # `pa.array` would load pandas to see whether a list is one of its series
            builder.append_values(values)
            arrays.append(builder.finish())
        yield pa.record_batch(arrays, names=list(columns))

    def _rows(self, chunk: int) -> Iterator[dict[str, Any]]:
        with self._path.open("rb") as file:
            file.seek(self._starts[chunk])
            for place in range(self._lens[chunk]):
                line = file.readline()
                try:
                    row = json.loads(line) if line.strip() else {}
                except (ValueError, RecursionError) as error:
                    message = f"{self._where(chunk, place)}: no JSON ({error}); a line needs an object."
                    raise EncoderError(message) from error
                if not isinstance(row, dict):
                    shown = ascii(line.decode(errors="replace").strip()[:40])[1:-1]  # a terminal may show it
                    message = f"{self._where(chunk, place)}: {shown} is no JSON object."
                    raise EncoderError(message)
                yield row

    def _where(self, chunk: int, place: int) -> str:
        return f"{self._path}:{chunk * _CHUNK + place + 1}"


def _is_text(value: object) -> bool:
    """Whether a value is null, or text without halves of surrogate pairs, which no column holds."""
    try:
        return value is None or (isinstance(value, str) and len(value.encode()) >= 0)
    except UnicodeEncodeError:
        return False
