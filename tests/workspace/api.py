"""The public names of every package as of its last release, a list that is kept beside this file.

`python -m tests.workspace.api` writes it anew, which is for releases alone: names and parameters that are gone since
then need a version and a line in CHANGELOG.md.
"""

import inspect
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from itertools import takewhile
from pathlib import Path
from typing import Any

NAMES = ("xl_translit", "xl_staticemb", "xl_objectives", "xl_encoders", "xl_tasks", "xl_analysis", "xl_cli")

KEPT = Path(__file__).with_name("public_names.txt")
_ROOT = Path(__file__).parents[2]


def public_names() -> list[str]:
    """A line a function, class or constant: its parameters by name, `=` behind those that may be left out."""
    return [line for package in NAMES for line in _of_package(package)]


def version(package: str) -> str:
    """As its pyproject.toml has it."""
    about = tomllib.loads((place(package) / "pyproject.toml").read_text(encoding="utf-8"))
    return about["project"]["version"]


def place(package: str) -> Path:
    """Its folder in the workspace."""
    places = (*_ROOT.glob("packages/*"), *_ROOT.glob("apps/*"))
    return next(path for path in places if (path / "src" / package).is_dir())


def _of_package(package: str) -> Iterator[str]:
    module = import_module(package)
    yield f"# {package} {version(package)}"
    for name in sorted(module.__all__):
        value = getattr(module, name)
        if inspect.isclass(value):
            yield f"{package}.{name}{_parameters(value)}"
            for own, of in sorted(vars(value).items()):
                if not own.startswith("_") and (callable(of) or isinstance(of, (property, classmethod, staticmethod))):
                    function = getattr(of, "__func__", of)
                    yield f"{package}.{name}.{own}{'' if isinstance(of, property) else _parameters(function)}"
        else:
            yield f"{package}.{name}{_parameters(value) if callable(value) else ''}"


def _parameters(value: Any) -> str:
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):  # of a built-in type, or of an exception that takes anything
        return ""
    words, named = [], False
    for each in parameters:
        if each.kind is each.KEYWORD_ONLY and not named:
            words.append("*")
        named = named or each.kind in (each.KEYWORD_ONLY, each.VAR_POSITIONAL)
        sign = {each.VAR_POSITIONAL: "*", each.VAR_KEYWORD: "**"}.get(each.kind, "")
        words.append(f"{sign}{each.name}{'' if each.default is each.empty else '='}")
    return f"({', '.join(words)})"


def breaks(kept: list[str], now: list[str]) -> dict[str, list[str]]:
    """Package -> names that were there and are not, or that a call of before would not suit any more."""
    there = dict(_split(line) for line in now if not line.startswith("# "))
    found: dict[str, list[str]] = {}
    for name, parameters in (_split(line) for line in kept if not line.startswith("# ")):
        if name not in there or not _suits(parameters, there[name]):
            found.setdefault(name.partition(".")[0], []).append(name)
    return found


def released(kept: list[str]) -> dict[str, str]:
    """Package -> the version that the list is of."""
    return {line.split()[1]: line.split()[2] for line in kept if line.startswith("# ")}


def _split(line: str) -> tuple[str, list[str]]:
    name, _, parameters = line.rstrip(")").partition("(")
    return name, [each for each in parameters.split(", ") if each]


def _suits(before: list[str], now: list[str]) -> bool:
    """Whether every call that suited the parameters of before suits those of now."""
    named = {each.rstrip("=") for each in now}
    if any(each != "*" and each.rstrip("=") not in named for each in before):
        return False
    positional, positional_now = (list(takewhile(lambda each: each != "*", side)) for side in (before, now))
    in_order = [each.rstrip("=") for each in positional] == [
        each.rstrip("=") for each in positional_now[: len(positional)]
    ]
    needed = {each for each in now if not each.endswith("=") and not each.startswith("*")}
    return in_order and needed <= set(before)


if __name__ == "__main__":
    KEPT.write_text("\n".join(public_names()) + "\n", encoding="utf-8")
    sys.stdout.write(f"{KEPT}\n")
