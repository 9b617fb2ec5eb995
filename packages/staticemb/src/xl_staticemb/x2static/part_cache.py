"""A folder of parts: what an encoder gave for a text, kept on the disk so that it is never asked twice.

`cache.json` says what the parts belong to: teacher, text and settings. A part is one safetensors file with a digest of
its lines; it appears whole or not at all.
"""

import hashlib
import json
import struct
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from xl_staticemb.errors import StaticembError
from xl_staticemb.files.whole_files import write_whole
from xl_staticemb.x2static.contexts import ContextPart
from xl_staticemb.x2static.word_counts import Vocabulary, read_vocabulary, vocabulary_text

_ABOUT = "cache.json"
_WORDS = "words.tsv"
_ARRAYS = tuple(field.name for field in fields(ContextPart) if field.name != "about")


class PartCache:
    """Parts of one text in `folder`, which need not exist.

    settings: what the parts depend on, JSON values by name. Raises StaticembError for a folder that holds parts of
    other settings, naming those that differ, and for one that holds something else.
    """

    def __init__(self, folder: Path, settings: dict[str, object]) -> None:
        self.folder = folder
        self._settings = json.loads(json.dumps(settings))
        about = self._about()
        if about:
            kept = about["settings"]
            other = sorted(
                key for key in {*kept, *self._settings} if kept.get(key, about) != self._settings.get(key, about)
            )
            if other:
                message = (
                    f"{folder} holds contexts of another {', '.join(other)}; delete it to begin anew, or name another "
                    f"folder."
                )
                raise StaticembError(message)
        # Words alone are what a call left that was killed between the two files of `begin`.
        elif folder.is_dir() and any(path.name != _WORDS for path in folder.iterdir()):
            message = f"{folder} is not empty and holds no contexts; name a new folder for them."
            raise StaticembError(message)

    def _about(self) -> dict:
        try:
            about = json.loads((self.folder / _ABOUT).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (ValueError, RecursionError):
            about = None
        if not isinstance(about, dict) or "settings" not in about or "n_lines" not in about:
            message = f"{self.folder / _ABOUT} does not say what the folder holds; delete the folder to begin anew."
            raise StaticembError(message)
        return about

    @property
    def begun(self) -> bool:
        """Whether the vocabulary is there: the text was read once."""
        return bool(self._about())

    @property
    def n_lines(self) -> int:
        """Lines of the text."""
        return self._about()["n_lines"]

    @property
    def totals(self) -> dict[str, int]:
        """What else was counted with the vocabulary."""
        return self._about()["totals"]

    def begin(self, vocabulary: Vocabulary, n_lines: int, totals: dict[str, int]) -> None:
        """Write the vocabulary, then the record that says that it is there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        text = vocabulary_text(vocabulary).encode("utf-8")
        write_whole(self.folder / _WORDS, lambda path: path.write_bytes(text))
        about = {"settings": self._settings, "n_lines": n_lines, "totals": totals}
        record = json.dumps(about, indent=1, ensure_ascii=False) + "\n"
        write_whole(self.folder / _ABOUT, lambda path: path.write_text(record, encoding="utf-8"))

    def vocabulary(self) -> Vocabulary:
        """The vocabulary that `begin` wrote."""
        return read_vocabulary(self.folder / _WORDS)

    def has(self, number: int, lines: Sequence[str]) -> bool:
        """Whether part `number` is there; StaticembError where it was made from other lines."""
        path = self._path(number)
        if not path.is_file():
            return False
        kept = _opened(path).metadata()["lines"]
        if kept != digest(lines):
            message = (
                f"{path} was made from other lines: the text has changed since; delete {self.folder} to begin anew."
            )
            raise StaticembError(message)
        return True

    def save(self, number: int, part: ContextPart, lines: Sequence[str]) -> None:
        """Write part `number`, made from `lines`."""
        arrays = {name: np.ascontiguousarray(getattr(part, name)) for name in _ARRAYS}
        metadata = {"lines": digest(lines), "about": json.dumps(part.about)}
        write_whole(self._path(number), lambda path: save_file(arrays, path, metadata))

    def load(self, number: int) -> ContextPart:
        """Part `number`."""
        file = _opened(self._path(number))
        return ContextPart(*(file.get_tensor(name) for name in _ARRAYS), about=self.about(number))

    def about(self, number: int) -> dict[str, int]:
        """The counts of part `number`, without its vectors."""
        path = self._path(number)
        try:
            return json.loads(_opened(path).metadata()["about"])
        except (ValueError, TypeError, LookupError, RecursionError) as error:
            message = f"{path} cannot be read ({error}); delete it, and it is made again."
            raise StaticembError(message) from error

    def _path(self, number: int) -> Path:
        return self.folder / f"part-{number:06d}.safetensors"


def _opened(path: Path) -> "safe_open":
    try:
        return safe_open(path, framework="np")
    except SafetensorError as error:
        message = f"{path} cannot be read ({error}); delete it, and it is made again."
        raise StaticembError(message) from error


def digest(lines: Sequence[str]) -> str:
    """A digest of lines, each with its length, so that no two lists of lines run together."""
    state = hashlib.blake2b(digest_size=16)
    for line in lines:
        data = line.encode("utf-8", "surrogatepass")
        state.update(struct.pack("<Q", len(data)))
        state.update(data)
    return state.hexdigest()
