"""A field of settings with its help text and what may stand in it, and the one checker that reads that off again."""

from collections.abc import Callable
from dataclasses import field, fields
from typing import Any


def setting(default: Any, text: str, **rules: Any) -> Any:
    """A dataclass field: its default, its help text, and rules as `check_fields` reads them.

    >>> setting(0.1, "the similarities are divided by it, > 0", above=0).metadata["above"]
    0
    """
    return field(default=default, metadata={"help": text, **rules})


def check_fields(config: Any, key: Callable[[str], str], error: type[ValueError]) -> None:
    """Raise `error` for the first field of a dataclass whose value its metadata rule out; a value of None passes.

    metadata: `choices`, all values there are (an empty one is not named in the message); `low`, the least number;
        `above`, what a number has to exceed. NaN is neither at least `low` nor above anything.
    key: what messages call a field, say "objective.seq.temperature".
    """
    for item in fields(config):
        value, rules = getattr(config, item.name), item.metadata
        if value is None:
            continue
        wanted = ""
        if "choices" in rules and value not in rules["choices"]:
            wanted = f"choose one of {', '.join(filter(None, rules['choices']))}"
        elif "low" in rules and not value >= rules["low"]:
            wanted = f"give {rules['low']} or more"
        elif "above" in rules and not value > rules["above"]:
            wanted = f"give a number above {rules['above']}"
        if wanted:
            shown = repr(value) if isinstance(value, str) else value
            message = f"{key(item.name)} is {shown}; {wanted}."
            raise error(message)
