"""One way to look things up by name: a table from name to "module:attribute", loaded on first use.

The tables themselves are plain data in the package whose things they name; listing them loads nothing.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module


class RegistryError(LookupError):
    """A name that the table does not hold; the message suggests the nearest one and lists all."""


class Registry:
    """Names of one kind of thing ("task", "objective", "recipe") and where each is defined.

    What is added to `entries` later on is known as well.
    """

    def __init__(self, kind: str, entries: Mapping[str, str]) -> None:
        self.kind = kind
        self._entries = entries

    def names(self) -> list[str]:
        """All names, in the order of the table."""
        return list(self._entries)

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def check(self, name: str) -> None:
        """Raise RegistryError with the nearest known name unless `name` is in the table."""
        if name not in self._entries:
            raise RegistryError(unknown_name(self.kind, name, self._entries))

    def load(self, name: str) -> object:
        """The object that `name` stands for; its module is imported now if it was not before."""
        self.check(name)
        module, attribute = self._entries[name].split(":")
        return getattr(import_module(module), attribute)


def unknown_name(kind: str, name: str, known: Mapping[str, object] | list[str]) -> str:
    """Sentence for an unknown `name`: the nearest known one first, then all of them."""
    names = list(known)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"unknown {kind} {name[:60]!r}; {hint}known: {', '.join(names)}."
