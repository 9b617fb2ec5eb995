"""What settings classes refuse alike: another choice, a number below the least one."""

from collections.abc import Mapping, Sequence

from xl_staticemb.errors import StaticembError


def check_choices(settings: object, choices: Mapping[str, Sequence[str]]) -> None:
    """StaticembError for a field that has none of its choices."""
    for name, known in choices.items():
        if getattr(settings, name) not in known:
            message = f"{name} is {getattr(settings, name)!r}; choose one of {', '.join(known)}."
            raise StaticembError(message)


def check_lowest(settings: object, lowest: Mapping[str, float]) -> None:
    """StaticembError for a field below its least value, and for NaN."""
    for name, low in lowest.items():
        if not getattr(settings, name) >= low:
            message = f"{name} is {getattr(settings, name)}; give {low} or more."
            raise StaticembError(message)


def check_positive(settings: object, name: str) -> None:
    """StaticembError for a field that is not above 0, or not finite."""
    if not 0 < getattr(settings, name) < float("inf"):
        message = f"{name} is {getattr(settings, name)}; give a number above 0."
        raise StaticembError(message)
