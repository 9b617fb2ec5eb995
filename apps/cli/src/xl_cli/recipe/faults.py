"""Faults of settings, collected so that all are told at once, one line each."""

import re
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import Any

from xl_cli.errors import CliError, UsageError, is_misuse


class SettingFaults:
    """Faults found so far; `tell` raises them together."""

    def __init__(self) -> None:
        self._found: list[Exception] = []

    def add(self, fault: Exception) -> None:
        """Keep a fault to be told later."""
        self._found.append(fault)

    def extend(self, faults: Iterable[Exception]) -> None:
        """Keep several."""
        self._found.extend(faults)

    @contextmanager
    def caught(self, *kinds: type[Exception]) -> Generator[None]:
        """Keep what is raised inside, of these kinds, and go on behind the block."""
        try:
            yield
        except kinds as fault:
            self.add(fault)

    def tell(self) -> None:
        """Raise what was found: UsageError where the command line or the recipe is at fault, else CliError."""
        lines = list(dict.fromkeys(map(str, self._found)))
        if not lines:
            return
        message = lines[0] if len(lines) == 1 else f"{len(lines)} faults:" + "".join(f"\n  {line}" for line in lines)
        if any(map(is_misuse, self._found)):
            raise UsageError(message)
        raise CliError(message)


def build(
    config: Callable[..., Any], values: Mapping[str, object], patterns: Mapping[str, str], faults: SettingFaults
) -> Any:
    """`config(**values)`, or None where it refuses them, with every fault that its checks find in `faults`.

    A dataclass's checks stop at the first fault, whose message names its fields. These fall back to their defaults and
    the checks run again; a message about a field that was told already is the same fault seen again.

    patterns: what a message calls each field, as a regular expression.
    """
    values, told = dict(values), set[str]()
    while True:
        try:
            made = config(**values)
        except ValueError as error:
            named = {name for name, pattern in patterns.items() if re.search(pattern, str(error))}
            if named & told:
                return None
            faults.add(UsageError(str(error)))
            told |= named
            if not named & set(values):
                return None
            values = {name: value for name, value in values.items() if name not in named}
        else:
            return None if told else made
