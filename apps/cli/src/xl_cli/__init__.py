"""The command `xl`: options, recipes, runs and printing on top of the libraries; no mathematics of its own."""

from importlib.metadata import version as _version

__all__ = ["__version__"]
__version__ = _version("xl-cli")
