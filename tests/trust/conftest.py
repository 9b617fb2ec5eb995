"""Small inputs of every command, made once, and the ways to call `xl` that the command's own tests have."""

from pathlib import Path

import pytest
from tests.cli.conftest import xl, xl_forked
from tests.trust.commands import make_inputs

__all__ = ["inputs", "xl", "xl_forked"]


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_inputs(tmp_path_factory.mktemp("inputs"))
