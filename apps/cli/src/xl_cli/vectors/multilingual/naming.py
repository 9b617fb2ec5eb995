"""Which text, word vectors and dictionary belong to which language, from LANG=PATH, names of files, and folders."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from xl_cli.data.fingerprints import fingerprint_file
from xl_cli.errors import UsageError
from xl_cli.vectors.extract_config import is_hub_text
from xl_cli.vectors.word_files import bare_name

_PATTERN = frozenset("*?[")


def by_language(what: str, entries: Sequence[str], languages: Sequence[str] = ()) -> dict[str, list[str]]:
    """Language code -> the paths named for it, in the order given.

    what: how refusals call an entry. languages: codes that are taken of folders; all by default. A folder stands for
    every language that a file or folder in it names. UsageError for a path that states no language.
    """
    from xl_translit import language

    found: dict[str, list[str]] = {}
    for entry in entries:
        name, equals, path = entry.partition("=")
        if equals and name and path and "/" not in name:
            codes = [language(name)]
        elif is_hub_text(entry):
            path, codes = entry, list(languages)
            if not codes:
                message = f"{what} {entry} is a data set of the hub; say which languages to read: --languages tr."
                raise UsageError(message)
        elif Path(entry).is_dir():
            path = entry
            codes = list(dict.fromkeys(code for each in sorted(Path(entry).iterdir()) if (code := _stated(each.name))))
            codes = [code for code in codes if not languages or code in languages]
            if not codes:
                message = f"{what} {entry}: no file there states {'such a' if languages else 'a'} language in its name."
                raise UsageError(message)
        else:
            path = entry
            codes = [code for code in [_stated(Path(entry).name)] if code]
            if not codes and not Path(entry).exists():
                message = f"{what} {entry}: no such file or folder."
                raise UsageError(message)
            if not codes:
                message = f"{what} {entry}: its name states no language; write LANG={entry}, such as tur_Latn={entry}."
                raise UsageError(message)
        for code in codes:
            found.setdefault(code, []).append(path)
    return found


def one_file(what: str, entries: Sequence[str], languages: Sequence[str]) -> dict[str, str]:
    """Language code -> its one file; those of a folder are found by their names. UsageError for two."""
    found: dict[str, str] = {}
    for code, paths in by_language(what, entries, languages).items():
        files = [file for path in paths for file in _files(path, code)]
        if len(files) != 1:
            message = f"{what}: {len(files)} files for {code} ({', '.join(files)}); name one."
            raise UsageError(message)
        found[code] = files[0]
    return found


def fingerprints(paths: Iterable[str], code: str = "") -> dict[str, str]:
    """File -> fingerprint, of files, patterns, and what states the language `code` in folders; absent ones are ""."""
    found: dict[str, str] = {}
    for path in paths:
        given = Path(path)
        if is_hub_text(path):
            files = [given]  # what is asked of it stands in the settings
        elif given.is_dir():
            files = [file for file in sorted(given.rglob("*")) if file.is_file() and _in_folder(file, given, code)]
        elif _PATTERN & set(given.name):
            files = sorted(given.parent.glob(given.name))
        else:
            files = [given]
        found |= {str(file): fingerprint_file(file) if file.is_file() else "" for file in files}
    return found


def absent(by: Mapping[str, Sequence[str]]) -> list[str]:
    """Paths that are not there."""
    from xl_cli.folder.at_hand import is_there

    return [path for paths in by.values() for path in paths if not is_there(path)]


def _files(path: str, code: str) -> list[str]:
    if not Path(path).is_dir():
        return [path]
    # the words of a safetensors file lie beside it
    named = [file for file in sorted(Path(path).iterdir()) if not file.name.endswith(".vocab.txt")]
    return [str(file) for file in named if file.is_file() and _stated(file.name) == code]


def _in_folder(file: Path, folder: Path, code: str) -> bool:
    parts = file.relative_to(folder).parts
    return not code or any(_stated(part) == code for part in parts)


def _stated(name: str) -> str | None:
    """The language that a file's or folder's name states."""
    from xl_translit.wikipedia import vectors_language

    found = vectors_language(bare_name(name))
    return found[0] if found else None
