"""Lines of running text from what a user names: files of any size, which are opened anew for each pass."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from xl_cli.data.fingerprints import fingerprint_file
from xl_cli.errors import CliError
from xl_tasks import load_texts
from xl_translit import read_lines

_TABLES = (".tsv", ".tsv.gz", ".tsv.zst", ".tsv.xz")
_COLUMNS = (".parquet", ".arrow")


class RunningText:
    """Lines of files, one file after the other; folders of data sets are read whole, for one language.

    prepare: makes other lines of the lines of all files, such as the sentences of paragraphs.

    Raises CliError for a name that nothing has, a kind of file that is not text, and a folder without a language;
    `file:line` for a line of a table without a TAB.
    """

    def __init__(
        self,
        names: Iterable[str],
        language: str = "",
        prepare: Callable[[Iterator[str]], Iterator[str]] = iter,
    ) -> None:
        self._prepare = prepare
        self._sources: list[Path | list[str]] = []
        fingerprints = []
        for name in names:
            for path in _expand(name):
                if path.is_dir():
                    texts, fingerprint = _of_folder(path, language)
                    self._sources.append(texts)
                    fingerprints.append(fingerprint)
                else:
                    self._sources.append(path)
                    fingerprints.append(fingerprint_file(path))
        self.fingerprint = " ".join(fingerprints)

    def __iter__(self) -> Iterator[str]:
        return self._prepare(self._lines())

    def _lines(self) -> Iterator[str]:
        for source in self._sources:
            if isinstance(source, list):
                yield from source
            elif source.name.endswith(_TABLES):
                yield from _after_tab(source)
            else:
                yield from read_lines(source)


def all_lines(names: Iterable[str]) -> Iterator[str]:
    """Lines of files and, of folders with data sets, the texts of every language and split."""
    for name in names:
        if Path(name).is_dir():
            for by_key in load_texts(name, parallel=False).texts.values():
                yield from by_key.values()
        else:
            yield from RunningText([name])


def _expand(name: str) -> list[Path]:
    path = Path(name)
    files = [path] if path.exists() else sorted(path.parent.glob(path.name))
    if not files:
        message = f"{name}: no such file or folder, and nothing matches it as a pattern."
        raise CliError(message)
    for file in files:
        if file.name.endswith(_COLUMNS):
            message = f"{file}: tables of columns are not read here; write their text to a file, one a line."
            raise CliError(message)
    return files


def _of_folder(path: Path, language: str) -> tuple[list[str], str]:
    if not language:
        message = f"{path} is a folder; say which language's text to read: --lang kor_Hang."
        raise CliError(message)
    try:
        data = load_texts(path, languages=[language], parallel=False)
    except ValueError as error:
        message = f"{path}: no text of {language} there ({error})"
        raise CliError(message) from error
    texts = [text for code in data.languages for text in data.texts[code].values()]
    return texts, data.fingerprint


def _after_tab(path: Path) -> Iterator[str]:
    for number, line in enumerate(read_lines(path), 1):
        _, tab, text = line.partition("\t")
        if not tab:
            message = f"{path}:{number}: expected id TAB text, found {line[:40]!r}."
            raise CliError(message)
        yield text
