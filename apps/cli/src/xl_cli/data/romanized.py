"""Transliterations that `xl translit --pairs --out` made before a run, in the place of making them in it."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from xl_cli.errors import CliError
from xl_cli.recipe.config import DataConfig
from xl_translit import WrittenPairs, hash_file, language, written_pairs


class Romanized:
    """What `data.romanized` names, once it is known to be of the files in `data.files`.

    Raises CliError where it is of other texts, or of these before they were changed: by the SHA-256 of the inputs.
    """

    def __init__(self, entry: DataConfig) -> None:
        self._entry = entry
        self.files = written_pairs(entry.romanized)
        present = _by_name(entry.files)
        for file in self.files:
            self._check(file, present)

    def __call__(self, texts: Sequence[str], languages: Sequence[str] | None = None) -> list[str]:
        """One transliteration for each text; a text that gave nothing stands for itself, so that no pair is empty.

        CliError for a text that no file has.
        """
        of_text: dict[tuple[str, str], str] = {}
        keys = [_key(text) for text in texts]
        wanted = set(keys)
        for file in self.files:
            code = language(file.lang) if file.lang and file.to != "latn" else ""
            for text, result in file:
                if (key := _key(text)) in wanted:
                    of_text.setdefault((code, key), result)
        results = []
        for text, key, code in zip(texts, keys, languages or [""] * len(texts), strict=True):
            result = of_text.get((code, key), of_text.get(("", key)))
            if result is None:
                message = (
                    f"{', '.join(self._entry.romanized)}: nothing there is of the text {text[:40]!r} ({code}) of "
                    f"{', '.join(self._entry.files)}; give data.romanized the pairs of all these files."
                )
                raise CliError(message)
            results.append(result or text)
        return results

    def _check(self, file: WrittenPairs, present: dict[str, list[Path]]) -> None:
        if file.to != self._entry.to:
            message = f"{file.path}: made with --to {file.to}, but data.to is {self._entry.to}; give both the same."
            raise CliError(message)
        known = False
        for digest, name in file.inputs.items():
            same_name = present.get(Path(name).name, [])
            known = known or bool(same_name)
            if same_name and all(hash_file(path) != digest for path in same_name):
                message = (
                    f"{file.path}: made of another {name} than {same_name[0]} is now (another SHA-256); "
                    f"make it again: xl translit {same_name[0]} --pairs --out FILE."
                )
                raise CliError(message)
        if not known:
            message = (
                f"{file.path}: made of {', '.join(file.inputs.values()) or 'a pipe'}, which is not in "
                f"{', '.join(self._entry.files)}; give data.romanized the pairs of these files."
            )
            raise CliError(message)


def _key(text: str) -> str:
    """A text as every format holds it."""
    return text.replace("\t", " ").replace("\n", " ").strip()


def _by_name(names: Iterable[str]) -> dict[str, list[Path]]:
    """The files that `data.files` means, by their names without folder."""
    found: dict[str, list[Path]] = {}
    for name in map(Path, names):
        files = [name] if name.is_file() else name.rglob("*") if name.is_dir() else name.parent.glob(name.name)
        for file in files:
            if file.is_file():
                found.setdefault(file.name, []).append(file)
    return found
