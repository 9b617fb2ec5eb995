"""What an install of each package brings, read off what is installed; `packages_alone` installs them for good."""

import re
from importlib.metadata import distribution, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from tests.trust.packages_alone import needed
from tests.workspace.api import place
from tests.workspace.test_layers import NAMES

LARGEST = 400 << 20  # bytes


def closure(*names: str) -> set[str]:
    """The distributions that come along, of this Python and system, no extra asked for but by one of them."""
    found, left = set[tuple[str, str]](), [(name, "") for name in names]
    while left:
        name, extra = item = left.pop()
        if item in found:
            continue
        found.add(item)
        for line in requires(name) or []:
            wanted = Requirement(line)
            if wanted.marker is None or wanted.marker.evaluate({"extra": extra}):
                left += [(canonicalize_name(wanted.name), each) for each in ("", *wanted.extras)]
    return {name for name, _ in found}


def n_bytes(name: str) -> int:
    """Of its files, without what Python compiles of them."""
    paths = (Path(str(file.locate())) for file in distribution(name).files or [] if file.suffix != ".pyc")
    return sum(path.stat().st_size for path in paths if path.is_file())


@pytest.mark.parametrize("names", [["xl-translit"], ["xl-analysis"], ["xl-translit", "xl-analysis"]], ids=" ".join)
def test_what_needs_no_torch_brings_none_and_stays_small(names: list[str]) -> None:
    brought = closure(*names)
    assert {"numpy", *names} < brought
    assert not {name for name in brought if re.match("torch|nvidia|triton|transformers|accelerate", name)}
    assert sum(map(n_bytes, brought)) < LARGEST
    assert "torch" in closure("xl-objectives")


@pytest.mark.parametrize("package", NAMES)
def test_a_name_that_a_module_has_too_is_never_the_module(package: str) -> None:
    """Before 0.6, lazy-loader gave the module where another module had imported it first."""
    lines = (place(package) / "src" / package / "__init__.pyi").read_text(encoding="utf-8").splitlines()
    modules = {path.stem for path in (place(package) / "src" / package).iterdir()}
    if {line.rsplit(" ", 1)[-1] for line in lines if " as " in line} & modules:
        bound = next(Requirement(line) for line in requires(package) or [] if line.startswith("lazy-loader"))
        assert not bound.specifier.contains(Version("0.5"))


def test_what_a_test_needs_is_found_through_the_modules_of_the_tests() -> None:
    tests = Path(__file__).parents[1]
    assert {"xl_cli", "torch"} <= needed(tests / "cli" / "alignment" / "test_objectives.py")
    assert {"xl_translit", "epitran"} <= needed(tests / "translit" / "phonemes" / "test_epitran_maps.py")
    assert not {"xl_cli", "torch"} & needed(tests / "translit" / "test_alone.py")
