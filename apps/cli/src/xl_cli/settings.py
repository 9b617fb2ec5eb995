"""Functions of Python that take the options of a command: keyword arguments that are the fields of settings classes."""

import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable, Mapping
from pathlib import Path

from xl_cli.errors import UsageError
from xl_encoders.registry import unknown_name

T = typing.TypeVar("T")
R = typing.TypeVar("R")

_TEXTS = tuple[str, ...]
_KINDS: dict[typing.Any, str] = {
    int: "a whole number",
    float: "a number",
    str: "a text",
    bool: "True or False",
    _TEXTS: "a list of texts",
}


def takes(**configs: typing.Any) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Decorator: keyword arguments that are fields of a settings class reach the function as a checked instance of it.

    configs: the parameter of the function that an instance goes to -> its class. A function with a parameter `given`
    receives the names of the settings that the caller named, which a value alone does not tell: a default may be named.
    """
    of_field = {field.name: name for name, config in configs.items() for field in dataclasses.fields(config)}

    def decorate(function: Callable[..., R]) -> Callable[..., R]:
        parameters = inspect.signature(function).parameters
        own = [each for name, each in parameters.items() if name not in (*configs, "given")]
        names = [*(each.name for each in own), *of_field]

        @functools.wraps(function)
        def call(*arguments: object, **keywords: object) -> R:
            for name in keywords.keys() - set(names):
                raise UsageError(unknown_name("setting", name, names))
            given = {name: keywords.pop(name) for name in keywords.keys() & of_field.keys()}
            for parameter, config in configs.items():
                keywords[parameter] = checked_settings(
                    config, {name: value for name, value in given.items() if of_field[name] == parameter}
                )
            if "given" in parameters:
                keywords["given"] = frozenset(given)
            return function(*arguments, **keywords)

        fields = [_parameter(field) for config in configs.values() for field in dataclasses.fields(config)]
        setattr(call, "__signature__", inspect.Signature([*own, *fields]))  # noqa: B010 - what help() shows
        return call

    return decorate


def checked_settings(config: type[T], given: Mapping[str, object]) -> T:
    """`config(**given)`. One text may stand for a list of one, a path or a whole number for a text.

    Raises UsageError for a value of another type, a setting that is missing, and whatever the class refuses.
    """
    hints = typing.get_type_hints(config)
    fields = dataclasses.fields(typing.cast("typing.Any", config))
    for field in fields:
        if field.default is dataclasses.MISSING and field.name not in given:
            message = f"{_written(field.name)} is missing: {field.metadata['help']}."
            raise UsageError(message)
    settings = {name: _fitting(name, value, hints[name]) for name, value in given.items()}
    for field in fields:
        value = settings.get(field.name)
        least, most = (field.metadata.get(end) for end in ("min", "max"))
        if value is not None and not (least is None or value >= least) & (most is None or value <= most):
            message = f"{_written(field.name)} is {value}; give {least} {'or more' if most is None else f'to {most}'}."
            raise UsageError(message)
    return config(**settings)


def _fitting(name: str, value: object, hint: typing.Any) -> object:
    if value is None and type(None) in typing.get_args(hint):
        return None
    kind_wanted = next((kind for kind in typing.get_args(hint) if hint != _TEXTS and kind is not type(None)), hint)
    if kind_wanted is Path and isinstance(value, (str, Path)):
        return Path(value)
    if kind_wanted == _TEXTS:
        several = value if isinstance(value, (list, tuple)) else [value]
        if all(_is_text(each) for each in several):
            return tuple(map(str, several))
    elif kind_wanted is str and _is_text(value):
        return str(value)
    elif kind_wanted is float and type(value) is int:
        return float(value)
    elif kind_wanted not in _KINDS or type(value) is kind_wanted:
        return value
    message = f"{_written(name)} is {value!r}; give {_KINDS[kind_wanted]}."
    raise UsageError(message)


def _is_text(value: object) -> bool:
    return isinstance(value, (str, Path)) or type(value) is int


def _written(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _parameter(field: "dataclasses.Field[typing.Any]") -> inspect.Parameter:
    default = inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=field.type)
