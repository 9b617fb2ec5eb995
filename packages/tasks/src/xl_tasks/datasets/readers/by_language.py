"""Files and folders under the language that their name states."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from xl_tasks.errors import TaskError
from xl_tasks.texts import resolve_language
from xl_translit import TranslitError, language

_T = TypeVar("_T")


def by_language(named: Iterable[tuple[str, Path]]) -> dict[str, Path]:
    """Language code -> path, from (name that states a language, path).

    TaskError for a name that states none and for two of one language.
    """
    paths: dict[str, Path] = {}
    for name, path in named:
        try:
            code = language(name)
        except TranslitError as error:
            message = f"{path}: its name states no language ({error})."
            raise TaskError(message) from None
        if code in paths:
            message = f"{path}: {code} is there already as {paths[code]}; keep one of the two."
            raise TaskError(message)
        paths[code] = path
    return paths


def choose(
    paths: Mapping[str, _T], languages: Iterable[str] | None, *, where: str, optional: Iterable[str] = ()
) -> dict[str, _T]:
    """The entries of `paths` for `languages` in any spelling, by code; all of them for None.

    optional: codes of further languages, for those that are there.

    TaskError naming `where` for a language that is not there and for an empty choice.
    """
    if languages is None:
        return dict(sorted(paths.items()))
    wanted = list(dict.fromkeys(optional))
    codes = {resolve_language(spelling, paths, where=where) for spelling in languages} | (set(wanted) & set(paths))
    if not codes:
        asked = f"none of {', '.join(wanted)}" if wanted else "no language asked for"
        message = f"{where}: {asked}; it has {', '.join(sorted(paths))}."
        raise TaskError(message)
    return {code: paths[code] for code in sorted(codes)}
