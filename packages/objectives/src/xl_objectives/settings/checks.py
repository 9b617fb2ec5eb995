"""A field of settings with its help text and what may stand in it, and the one checker that reads that off again."""

from collections.abc import Callable, Mapping
from dataclasses import field, fields
from operator import ge, gt, lt
from typing import Any

_RULES = {"low": ge, "above": gt, "below": lt}


def setting(default: Any, text: str, **rules: Any) -> Any:
    """A dataclass field: its default, its help text, and rules as `check_fields` reads them.

    >>> setting(0.1, "the similarities are divided by it, > 0", above=0).metadata["above"]
    0
    """
    return field(default=default, metadata={"help": text, **rules})


def check_fields(config: Any, key: Callable[[str], str], error: type[ValueError]) -> None:
    """Raise `error` for the first field of a dataclass whose value its metadata rule out; a value of None passes.

    metadata: `choices`, all values there are of a field, or of each item of a tuple (an empty one is not named in the
        message), and `joined`, where given, what may stand between several of them; `low`, the least number; `above`,
        what a number has to exceed; `below`, what it may not reach; `wanted`, how the message calls such a number. NaN
        is neither at least `low` nor above or below anything.
    key: what messages call a field, say "objective.seq.temperature".
    """
    for item in fields(config):
        said = getattr(config, item.name)
        for value in said if isinstance(said, tuple) else (said,):
            asked = "" if value is None else _wanted(value, item.metadata)
            if asked:
                shown = repr(value) if isinstance(value, str) else value
                message = f"{key(item.name)} is {shown}; {asked}."
                raise error(message)


def _wanted(value: Any, rules: Mapping[str, Any]) -> str:
    """What the message asks for in the place of a value; nothing for one that may stand."""
    if "choices" in rules:
        named, between = [str(choice) for choice in rules["choices"] if choice], rules.get("joined")
        if value in rules["choices"] or (between and {*value.split(between)} <= {*named}):
            return ""
        return f"choose one of {', '.join(named)}" + (f", or several, joined by {between!r}" if between else "")
    if all(holds(value, rules[rule]) for rule, holds in _RULES.items() if rule in rules):
        return ""
    number = f"{rules['low']} or more" if "low" in rules else f"a number above {rules['above']}"
    return f"give {rules.get('wanted', number)}"
