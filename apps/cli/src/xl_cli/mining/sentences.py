"""The distinct sentences of a corpus, read line by line as often as they are needed."""

import hashlib
from array import array
from collections.abc import Collection, Iterator
from pathlib import Path

from xl_cli.errors import CliError
from xl_cli.launch.progress import say
from xl_translit import read_lines


class Sentences:
    """Sentences of a file, one a line, empty lines and repeated sentences left out; texts are never held together.

    ids: whether a line is id TAB sentence. Raises CliError for a file without a sentence, a line without a TAB, and an
    id that comes twice.
    """

    def __init__(self, path: Path, *, ids: bool) -> None:
        self.path = path
        self._ids = ids
        self.lines = array("q")
        """Line number, from 1, of each sentence."""
        self.n_lines = self.n_empty = self.n_repeated = 0
        n_tabs = 0
        seen: set[bytes] = set()
        names: set[bytes] = set()
        for number, key, text in self._read():
            self.n_lines = number
            n_tabs += "\t" in text
            if ids and _digest(key) in names:
                message = f"{path}:{number}: the id {key!r} comes twice."
                raise CliError(message)
            names |= {_digest(key)} if ids else set()
            digest = _digest(text)
            if not text:
                self.n_empty += 1
            elif digest in seen:
                self.n_repeated += 1
            else:
                seen.add(digest)
                self.lines.append(number)
        if not self.lines:
            message = f"{path}: no line has text, so that there is nothing to mine."
            raise CliError(message)
        if not ids and n_tabs == self.n_lines - self.n_empty:
            say(f"note: {path}: every line holds a TAB; if what stands before it is an id, give --ids.")

    def __len__(self) -> int:
        return len(self.lines)

    def __iter__(self) -> Iterator[str]:
        for _, _, text in self._kept():
            yield text

    def named(self, rows: Collection[int]) -> dict[int, tuple[str, str]]:
        """Row -> (line number or id, sentence) of some of them, in one pass."""
        wanted = set(rows)
        return {row: (key, text) for row, (_, key, text) in enumerate(self._kept()) if row in wanted}

    def rows(self, named: Collection[str]) -> dict[str, int]:
        """Row of each line number or id, or else sentence, in `named` that is there.

        The row of a line that repeats a sentence is that of the line where it stood first.
        """
        wanted = set(named)
        by_key = {key: text for _, key, text in self._read() if key in wanted}
        texts = wanted.union(by_key.values())
        rows = {text: row for row, (_, _, text) in enumerate(self._kept()) if text in texts}
        by_text = {text: row for text, row in rows.items() if text in wanted}
        return by_text | {key: rows[text] for key, text in by_key.items() if text in rows}

    def told(self) -> str:
        """What was read, in words."""
        left_out = [
            f"{count:,} {what}" for count, what in ((self.n_repeated, "repeated"), (self.n_empty, "empty")) if count
        ]
        also = f" ({', '.join(left_out)})" if left_out else ""
        return f"{self.path}: {self.n_lines:,} lines, {len(self):,} sentences{also}"

    def _kept(self) -> Iterator[tuple[int, str, str]]:
        lines = iter(self.lines)
        wanted = next(lines, None)
        for number, key, text in self._read():
            if number == wanted:
                yield number, key, text
                wanted = next(lines, None)

    def _read(self) -> Iterator[tuple[int, str, str]]:
        for number, line in enumerate(read_lines(self.path), 1):
            key, text = str(number), line
            if self._ids:
                key, tab, text = line.partition("\t")
                if not tab:
                    message = f"{self.path}:{number}: expected id TAB sentence, found {line[:40]!r}."
                    raise CliError(message)
            yield number, key.strip(), text.strip()


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
