"""One checker for the settings of a dataclass, which reads what may stand in a field off the field's metadata."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any


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
