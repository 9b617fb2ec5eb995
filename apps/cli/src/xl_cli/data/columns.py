"""Files of rows with named columns: Parquet, Arrow, and JSON Lines, whose fields are the columns."""

from collections.abc import Sequence
from pathlib import Path

from xl_cli.errors import CliError
from xl_encoders import EncoderError
from xl_tasks import ParallelTexts
from xl_translit import language

COLUMN_FILES = (".parquet", ".arrow", ".jsonl")


def read_columns(path: Path, names: Sequence[str]) -> list[tuple[str, ...]]:
    """The text of the columns `names` in each row, empty where there is none.

    CliError for a column that is not there or holds no text.
    """
    from xl_encoders.streams.columnar_files import file_errors, open_text_file
    from xl_encoders.streams.text_index import as_text, check_columns

    try:
        file = open_text_file(path)
        check_columns(path, file, names)
        rows: list[tuple[str, ...]] = []
        with file_errors(path):
            lens = file.chunk_lens()
            for chunk in range(len(lens)):
                for batch in file.read(chunk, names):
                    columns = [as_text(batch.column(name)).to_pylist() for name in names]
                    rows += [tuple(text or "" for text in row) for row in zip(*columns, strict=True)]
        if len(rows) != sum(lens):
            message = f"{path} holds {len(rows)} rows, not the {sum(lens)} of its own description; write it again."
            raise CliError(message)
    except EncoderError as error:
        raise CliError(str(error)) from error
    return rows


def parallel_columns(paths: Sequence[Path], names: Sequence[str]) -> ParallelTexts:
    """Rows whose columns say the same in several languages, called after them in any spelling; key = row number.

    names: the columns, or none for all that are called after a language.
    """
    from xl_encoders.streams.columnar_files import open_text_file

    texts: dict[str, dict[str, str]] = {}
    start = 1
    for path in paths:
        try:
            there = list(open_text_file(path).columns)
        except EncoderError as error:
            raise CliError(str(error)) from error
        codes = {name: _code(name) for name in names or there}
        codes = {name: code for name, code in codes.items() if code or names}
        unknown = [name for name, code in codes.items() if not code]
        if unknown or len(codes) < 2:
            message = f"{path}: parallel text needs a column for each of two languages or more, called after them; " + (
                f"{unknown[0]!r} is no language." if unknown else f"its columns are: {', '.join(there) or 'none'}."
            )
            raise CliError(message)
        rows = read_columns(path, list(codes))
        for place, code in enumerate(codes.values()):
            its = texts.setdefault(code, {})
            its |= {str(start + number): row[place] for number, row in enumerate(rows) if row[place].strip()}
        start += len(rows)
    return ParallelTexts(name="columns", texts={code: its for code, its in texts.items() if its})


def _code(name: str) -> str:
    """The language that a column is called after; "" for a name that is none."""
    try:
        return language(name)
    except ValueError:
        return ""
