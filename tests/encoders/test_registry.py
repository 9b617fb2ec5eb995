"""Looking things up by name."""

import pytest

from xl_encoders import Registry, RegistryError


def test_loads_on_first_use_and_suggests() -> None:
    registry = Registry("thing", {"loads": "json:loads", "path": "pathlib:Path"})
    import json

    assert registry.load("loads") is json.loads
    assert registry.names() == ["loads", "path"]
    assert "path" in registry
    with pytest.raises(RegistryError, match=r"unknown thing 'laods'; did you mean 'loads'\? known: loads, path"):
        registry.load("laods")
    with pytest.raises(RegistryError, match=r"unknown thing 'xyzzy'; known: loads, path\."):
        registry.check("xyzzy")
