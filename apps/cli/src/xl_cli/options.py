"""Command options from a config dataclass: name, type, default and help stand in the dataclass alone."""

import contextlib
import dataclasses
import functools
import inspect
import re
import typing
from collections.abc import Callable, Generator

import typer

from xl_cli.errors import UsageError
from xl_objectives import check_fields

if typing.TYPE_CHECKING:
    from _typeshed import DataclassInstance


@contextlib.contextmanager
def naming_the_option() -> Generator[None]:
    """A refusal of xl_staticemb that begins with a field's name becomes one of that option."""
    from xl_staticemb.errors import StaticembError

    try:
        yield
    except StaticembError as error:
        name, _, rest = str(error).partition(" ")
        message = f"--{name.replace('_', '-')} {rest}"
        raise UsageError(message) from None


def with_options(*configs: "type[DataclassInstance]") -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorator: the command gets one option a field of `configs`, and a dict `settings` of those that were given.

    A field `max_len` becomes `--max-len`; a tuple becomes an option that may be repeated; one with "argument" in its
    metadata stands without a name, and is shown so. What is not on the command
    line is not in the dict: the function that the command calls has the defaults and the checks. A library's error that
    names a field in backticks names the option.
    """
    fields = [(config, field) for config in configs for field in _own_first(config)]
    hints = {config: typing.get_type_hints(config) for config in configs}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [each for name, each in inspect.signature(command).parameters.items() if name != "settings"]
        options = [_parameter(field, hints[config][field.name]) for config, field in fields]
        invocation = inspect.Parameter("_invocation", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)

        @functools.wraps(command)
        def run(*, _invocation: typer.Context, **values: object) -> None:
            given = given_options(_invocation)
            settings = {field.name: values.pop(field.name) for _, field in fields}
            settings = {
                name: tuple(value) if isinstance(value, list) else value
                for name, value in settings.items()
                if name in given
            }
            try:
                command(**values, settings=settings)
            except Exception as error:
                if len(error.args) == 1 and isinstance(error.args[0], str):
                    error.args = (_with_option_names(error.args[0], [field.name for _, field in fields]),)
                raise

        # Typer reads the signature, not the function.
        signature = [*own, *options, invocation]
        setattr(run, "__signature__", inspect.Signature(signature))  # noqa: B010
        run.__annotations__ = {each.name: each.annotation for each in signature}
        return run

    return decorate


def _own_first(config: "type[DataclassInstance]") -> "list[dataclasses.Field[typing.Any]]":
    """What the class itself names comes before what it inherits."""
    depth = {name: n for n, each in reversed([*enumerate(config.__mro__)]) for name in inspect.get_annotations(each)}
    return sorted(dataclasses.fields(config), key=lambda field: depth[field.name])


def check_options(config: object) -> None:
    """UsageError for the first setting, by its option, whose value its metadata rule out: see `check_fields`."""
    check_fields(config, lambda name: option_names(name)[0], UsageError)


def given_options(invocation: typer.Context) -> frozenset[str]:
    """Names of the parameters that stand on the command line, with whatever value."""
    sources = {name: invocation.get_parameter_source(name) for name in invocation.params}
    return frozenset(name for name, source in sources.items() if source and source.name == "COMMANDLINE")


def _parameter(field: "dataclasses.Field[typing.Any]", kind: typing.Any) -> inspect.Parameter:
    default: typing.Any = ... if field.default is dataclasses.MISSING else field.default
    if typing.get_origin(kind) is tuple:
        kind = list.__class_getitem__(typing.get_args(kind)[0])
        default = list(default) if isinstance(default, tuple) else default
    text = field.metadata["help"]
    if shown := field.metadata.get("argument"):
        argument = typer.Argument(default, help=text, metavar=shown)
        return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=argument, annotation=kind)
    names = option_names(field.name)
    if field.metadata.get("by_preset"):  # what a preset may switch on can be switched off
        names = tuple(f"{name}/--no-{name.removeprefix('--')}" for name in names)
    option = typer.Option(
        default,
        *names,
        help=text,
        show_default="[default:" not in text and default != "",
        min=field.metadata.get("min"),
        max=field.metadata.get("max"),
        metavar=field.metadata.get("metavar"),
    )
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=kind)


def _with_option_names(message: str, fields: typing.Container[str]) -> str:
    """A library's sentence, whose settings stand in backticks, for who knows them as options: `lr` becomes --lr."""
    return re.sub(r"`(\w+)`", lambda match: option_names(match[1])[0] if match[1] in fields else match[0], message)


def option_names(name: str) -> tuple[str, ...]:
    """The option of a field; one that names a language is spelled --lang everywhere, and longer by who likes to."""
    head, _, last = name.rpartition("_")
    forms = ("lang", "language", "languages") if last in ("lang", "language", "languages") else (last,)
    return tuple("--" + "-".join(filter(None, [head.replace("_", "-"), form])) for form in forms)
