"""Recipe files: the shipped ones by name, and `extends`, by which a recipe says only what differs from another one."""

import tomllib
from collections.abc import Iterator
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

from xl_cli.errors import UsageError
from xl_cli.recipe.overrides import Content, Place, drop_stale
from xl_encoders.registry import unknown_name

_FOLDER = Path(__file__).with_name("shipped")


def shipped_recipes() -> dict[str, Path]:
    """Name -> file of the recipes that come with `xl`."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.toml"))}


def recipe_file(name_or_path: str, folder: Path = Path()) -> Path:
    """The file of a shipped recipe, or one's own, seen from `folder`. Raises UsageError where there is none."""
    shipped = shipped_recipes()
    if name_or_path in shipped:
        return shipped[name_or_path]
    if (path := folder / name_or_path).is_file():
        return path
    if name_or_path.endswith(".toml") or "/" in name_or_path:
        message = f"{path if folder.parts else name_or_path}: no such recipe file."
    else:
        message = unknown_name("recipe", name_or_path, shipped) + " A file of your own ends in .toml."
    raise UsageError(message)


def read_content(path: Path, extending: tuple[Path, ...] = ()) -> Content:
    """The tables of a recipe file, over those of the recipe that it `extends`.

    A table is merged key by key, [[data]] and [[objective]] by their names; the keys of the file at hand win.
    extending: the files that led to this one, which a message names.

    Raises UsageError for what is no TOML, for an unknown recipe, for a circle, and for a [[data]] that fits several.
    """
    chain = " -> ".join(one.stem if one.parent == _FOLDER else str(one) for one in (*extending, path))
    if path.resolve() in {one.resolve() for one in extending}:
        message = f"{chain}: these recipes extend one another in a circle; take one `extends` away."
        raise UsageError(message)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # also of a number of too many digits
        message = f"{chain}: not valid TOML: {error}."
        raise UsageError(message) from error
    if "extends" not in content:
        return content
    base = content.pop("extends")
    if not isinstance(base, str):
        message = f"{chain}: extends is {base!r}; it takes a shipped recipe's name or a .toml file, in quotes."
        raise UsageError(message)
    try:
        parent = recipe_file(base, path.parent)
    except UsageError as error:
        message = f"{chain} extends {base!r}: {error}"
        raise UsageError(message) from None
    return _merge(read_content(parent, (*extending, path)), content, chain)


def _merge(content: Content, over: Content, chain: str) -> Content:
    """`content` with the keys of `over`; what these make meaningless of it goes, as with `--set`."""
    placed: dict[Place, object] = {}
    for section, said in over.items():
        if isinstance(said, dict) and isinstance(content.setdefault(section, {}), dict):
            placed |= {(section, key): value for key, value in said.items()}
        elif _are_tables(said) and _are_tables(content.setdefault(section, [])):
            for number, entry in _places(section, content[section], said, chain):
                placed |= {(section, number, key): value for key, value in entry.items()}
        else:
            placed[(section,)] = said
    drop_stale(content, {place: its for place, its in placed.items() if len(place) > 1 and place[0] != "objective"})
    for (*steps, key), value in placed.items():
        table: Any = reduce(getitem, steps, content)
        table[key] = value
    return content


def _places(section: str, tables: list[Content], over: list[Content], chain: str) -> Iterator[tuple[int, Content]]:
    """Each entry of `over` with the number of the table that it changes; where there is none, one is added."""
    names = [_name(table) for table in tables]
    left = set(range(len(tables)))
    for entry in over:
        # Data that names nothing means the only one there is, as `--set data.files=...` does.
        whichever = section == "data" and not {"name", "kind"} & entry.keys()
        fits = [number for number in sorted(left) if whichever or names[number] == _name(entry)]
        if len(fits) > 1:
            several = " or ".join(names[number] for number in fits)
            message = f"{chain}: a [[{section}]] that changes {several} of the recipe it extends has to name it."
            raise UsageError(message)
        if fits:
            left.remove(fits[0])
        else:
            tables.append({})
        yield fits[0] if fits else len(tables) - 1, entry


def _name(table: Content) -> str:
    """What an objective or data is called by; data without a name, by its kind."""
    return str(table.get("name") or table.get("kind", "parallel"))


def _are_tables(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in value)
