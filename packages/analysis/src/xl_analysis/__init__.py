"""Measures of representations and of results: CKA between views, coverage of a tokenizer, tables of result rows."""

from importlib import import_module
from importlib.metadata import version as _version
from typing import TYPE_CHECKING

from xl_analysis.errors import AnalysisError

if TYPE_CHECKING:
    from xl_analysis.cka import cka_matrix, linear_cka
    from xl_analysis.coverage import Coverage, tokenizer_coverage
    from xl_analysis.pairs import coverage_table, pair_table
    from xl_analysis.table import Table
    from xl_analysis.tables import metric_table, result_tables, retrieval_table

__all__ = [
    "AnalysisError",
    "Coverage",
    "Table",
    "__version__",
    "cka_matrix",
    "coverage_table",
    "linear_cka",
    "metric_table",
    "pair_table",
    "result_tables",
    "retrieval_table",
    "tokenizer_coverage",
]
__version__ = _version("xl-analysis")

_MODULES = {
    "Coverage": "xl_analysis.coverage",
    "Table": "xl_analysis.table",
    "cka_matrix": "xl_analysis.cka",
    "coverage_table": "xl_analysis.pairs",
    "linear_cka": "xl_analysis.cka",
    "pair_table": "xl_analysis.pairs",
    "metric_table": "xl_analysis.tables",
    "result_tables": "xl_analysis.tables",
    "retrieval_table": "xl_analysis.tables",
    "tokenizer_coverage": "xl_analysis.coverage",
}


def __getattr__(name: str) -> object:
    """Load numpy or tabulate only when a name that needs it is asked for."""
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    """The public names, so that an editor can complete them."""
    return sorted(__all__)
