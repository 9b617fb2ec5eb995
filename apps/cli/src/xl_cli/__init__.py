"""The command `xl`: options, recipes, runs and printing on top of the libraries; no mathematics of its own.

What a command does, a function here does: `align`, `evaluate`, `analyze`, `bli` ... take its options as keyword
arguments and hand back result rows.

>>> from xl_cli.recipe.recipe import load_recipe  # what `xl align RECIPE --set key=value` reads
>>> recipe = load_recipe("names", ["train.steps=100"])
>>> recipe.train.steps, recipe.train.variants
(100, ('mlm', 'mlm+seq+tlm'))
"""

from importlib.metadata import version as _version

from lazy_loader import attach_stub

# The public names stand in __init__.pyi alone; each is loaded by its first use.
__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
__version__ = _version("xl-cli")
