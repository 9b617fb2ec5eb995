"""Settings that remember which of them were looked at."""

import sys
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Settings = TypeVar("Settings")


def recorded(settings: type[Settings], /, **values: object) -> Settings:
    """Settings that remember which of them were looked at since they were made."""
    looked: set[str] = set()

    def look(made: Settings, name: str) -> object:
        if not name.startswith("_") and not being_copied():
            looked.add(name)
        return object.__getattribute__(made, name)

    made: Any = type("Recorded", (settings,), {"__getattribute__": look})(**values)
    looked.clear()
    _LOOKED[id(made)] = looked
    return made


_LOOKED: dict[int, set[str]] = {}


def being_copied() -> bool:
    """Whether `dataclasses.replace` is at work, which looks at every field and checks the copy."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__") != "dataclasses":
        frame = frame.f_back
    return frame is not None


def seen(made: "DataclassInstance") -> set[str]:
    """Fields of `recorded` settings that were looked at."""
    return _LOOKED[id(made)] & {field.name for field in fields(made)}
