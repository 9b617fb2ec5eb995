"""`help(PACKAGE)` shows an example, and it runs."""

import doctest
from importlib import import_module

import pytest
from tests.workspace.test_layers import LAYERS

PACKAGES = sorted(name for layer in LAYERS for name in layer)


@pytest.mark.parametrize("name", PACKAGES)
def test_the_example_of_a_package_runs(name: str) -> None:
    package = import_module(name)
    assert ">>> " in (package.__doc__ or "")
    examples = doctest.DocTestFinder(recurse=False).find(package, name)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    assert [runner.run(example).failed for example in examples] == [0]
