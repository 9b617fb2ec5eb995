"""Options that a call would take and not read are refused: each command says in a table where its options are read."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from xl_cli.errors import UsageError
from xl_cli.options import option_names


@dataclass(frozen=True)
class ReadWhere:
    """Options, by the names of their parameters, that are read only where `holds` is true of all options of a call.

    reason: where they are not read, as it stands behind "no meaning"; it tells where they are.
    """

    names: tuple[str, ...]
    holds: Callable[[Any], object]
    reason: str


def refuse_unread(
    table: Sequence[ReadWhere], given: Collection[str], *settings: object, needed: Collection[str] = (), **more: object
) -> None:
    """UsageError that names the given options that this call would not read.

    A value does not tell whether an option was given: a default may be written out. Of several rows with an option
    the first whose condition fails gives the reason.

    settings: instances of the classes whose fields the options are. needed: options that have a meaning whatever the
    table says. more: what conditions look at beside the settings.
    """
    call = SimpleNamespace(**{name: value for each in settings for name, value in vars(each).items()}, **more)
    reasons: dict[str, str] = {}
    for row in table:
        for name in row.names:
            if name in given and name not in needed and name not in reasons and not row.holds(call):
                reasons[name] = row.reason
    by_reason: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        by_reason.setdefault(reason, []).append(option_names(name)[0])
    refuse(without_meaning(by_reason))


def without_meaning(by_reason: Mapping[str, Sequence[str]]) -> list[str]:
    """A fault for each reason: the options without a meaning, and why."""
    return [f"{listed(options)}: no meaning {reason}" for reason, options in by_reason.items()]


def refuse(faults: Sequence[str]) -> None:
    """UsageError with all faults, if there are any."""
    if faults:
        message = f"{'; '.join(faults)}; leave that out."
        raise UsageError(message)


def listed(words: Iterable[str]) -> str:
    """One, two and three."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def revision_row(model: str) -> ReadWhere:
    """The row of --revision in a command whose parameter `model` is a folder or a hub id."""
    return ReadWhere(
        ("revision",),
        lambda call: not Path(getattr(call, model)).is_dir(),
        "for a model in a folder, only for one of the hub",
    )
