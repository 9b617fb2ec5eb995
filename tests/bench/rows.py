"""A row of the table that `xl-bench` prints; a benchmark that is run by itself keeps none."""

import json
import os
from importlib.metadata import PackageNotFoundError, version

ROWS = "XL_BENCH_ROWS"
"""Environment variable with the file that rows are added to."""


def note(
    what: str, size: object, *, ours: float, peer: float, package: str, unit: str, error: str = "", more: bool = False
) -> None:
    """Add a row. package: the peer's, whose version is told, or a name in words for a formula written out here.

    more: whether a higher figure is the better one. error: how far results differ, or "the same".
    """
    if not (path := os.environ.get(ROWS)):
        return
    try:
        told = f"{package} {version(package)}"
    except PackageNotFoundError:
        told = package
    ratio = ours / peer if more else peer / ours
    row = {"what": what, "size": str(size), "ours": ours, "peer": peer, "unit": unit, "by": told, "ratio": ratio}
    with open(path, "a", encoding="utf-8") as file:  # noqa: PTH123 - one write, added to
        file.write(json.dumps(row | {"error": error}) + "\n")
