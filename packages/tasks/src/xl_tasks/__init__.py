"""Data sets, scorers and result rows that say how well an encoder carries over from one language to another.

`TASKS` and `DATASETS` name what there is; they are plain data, so that reading them loads nothing.

>>> from xl_tasks import StringMatch, load_names, retrieval_rows
>>> names = load_names(["en", "tr"])  # places, languages, currencies, from the locale data of babel
>>> keys = names.keys[:50]
>>> plain = StringMatch([text for side in names.texts.values() for text in side.values()], str.lower)
>>> [row] = [row for row in retrieval_rows(plain, names, keys, pairs=[("en", "tr")], layer=0, pooling="none")
...          if row.metric == "top1"]
>>> row.value > 0.2  # of chance 0.02
True
"""

from importlib.metadata import version as _version

from lazy_loader import attach_stub

# The public names stand in __init__.pyi alone; each is loaded by its first use.
__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
__version__ = _version("xl-tasks")
