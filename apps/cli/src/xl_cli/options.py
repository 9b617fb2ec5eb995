"""Command options from a config dataclass: name, type, default and help stand in the dataclass alone."""

import dataclasses
import functools
import inspect
import re
import typing
from collections.abc import Callable

import typer

if typing.TYPE_CHECKING:
    from _typeshed import DataclassInstance


def with_options(
    config: "type[DataclassInstance]", parameter: str = "config"
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorator: the command gets one option a field of `config`, and receives the built instance as `parameter`.

    A field `max_len` becomes `--max-len`; a tuple becomes an option that may be repeated. The dataclass's own checks
    run before the command's body. A command that has a parameter `given` receives the names of the fields that stand on
    the command line, which a value alone does not tell: a default may be written out. A library's error that names a
    field in backticks names the option.
    """
    # What the class itself names comes before what it inherits.
    fields = sorted(dataclasses.fields(config), key=lambda field: field.name not in config.__annotations__)
    hints = typing.get_type_hints(config)

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        parameters = inspect.signature(command).parameters
        own = [p for name, p in parameters.items() if name not in (parameter, "given")]
        signature = [*own, *(_parameter(field, hints[field.name]) for field in fields)]
        if "given" in parameters:
            signature.append(inspect.Parameter("_invocation", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context))

        @functools.wraps(command)
        def run(*, _invocation: typing.Any = None, **values: object) -> None:
            settings = {field.name: values.pop(field.name) for field in fields}
            settings = {name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}
            if _invocation is not None:
                values["given"] = given_options(_invocation) & settings.keys()
            try:
                command(**values, **{parameter: config(**settings)})
            except Exception as error:
                if len(error.args) == 1 and isinstance(error.args[0], str):
                    error.args = (_with_option_names(error.args[0], settings),)
                raise

        # Typer reads the signature, not the function.
        setattr(run, "__signature__", inspect.Signature(signature))  # noqa: B010
        run.__annotations__ = {p.name: p.annotation for p in signature}
        return run

    return decorate


def given_options(invocation: typer.Context) -> frozenset[str]:
    """Names of the parameters that stand on the command line, with whatever value."""
    sources = {name: invocation.get_parameter_source(name) for name in invocation.params}
    return frozenset(name for name, source in sources.items() if source and source.name == "COMMANDLINE")


def _parameter(field: "dataclasses.Field[typing.Any]", kind: typing.Any) -> inspect.Parameter:
    default: typing.Any = ... if field.default is dataclasses.MISSING else field.default
    if isinstance(default, tuple):
        kind, default = list.__class_getitem__(typing.get_args(kind)[0]), list(default)
    text = field.metadata["help"]
    names = option_names(field.name)
    option = typer.Option(default, *names, help=text, show_default="[default:" not in text and default != "")
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=kind)


def _with_option_names(message: str, fields: typing.Container[str]) -> str:
    """A library's sentence, whose settings stand in backticks, for who knows them as options: `lr` becomes --lr."""
    return re.sub(r"`(\w+)`", lambda found: option_names(found[1])[0] if found[1] in fields else found[0], message)


def option_names(name: str) -> tuple[str, ...]:
    """The option of a field; one that names a language is spelled --lang everywhere, and longer by who likes to."""
    head, _, last = name.rpartition("_")
    forms = ("lang", "language", "languages") if last in ("lang", "language", "languages") else (last,)
    return tuple("--" + "-".join(filter(None, [head.replace("_", "-"), form])) for form in forms)
