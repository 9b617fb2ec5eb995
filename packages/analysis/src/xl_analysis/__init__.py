"""Measures of representations and of results: CKA between views, coverage of a tokenizer, tables of result rows.

>>> import numpy as np
>>> from xl_analysis import linear_cka
>>> english = np.random.default_rng(0).normal(size=(100, 16))
>>> round(float(linear_cka(english, 2 * english[:, ::-1])), 6)  # the same but for rotation and scale
1.0
"""

from importlib import import_module
from importlib.metadata import version as _version
from typing import TYPE_CHECKING

from xl_analysis.errors import AnalysisError

if TYPE_CHECKING:
    from xl_analysis.cka import cka_matrix, linear_cka
    from xl_analysis.coverage import Coverage, tokenizer_coverage
    from xl_analysis.gain_tables import gain_table
    from xl_analysis.lexical_tables import lexical_table
    from xl_analysis.matrices import matrix_table, matrix_tables
    from xl_analysis.page import html_page
    from xl_analysis.pairs import coverage_table, pair_table
    from xl_analysis.report import result_tables, rows_by_kind
    from xl_analysis.runs import rows_csv, tell_runs_apart
    from xl_analysis.significance import Difference, Interval, bootstrap_interval, paired_bootstrap
    from xl_analysis.table import Table
    from xl_analysis.tables import metric_table, retrieval_table
    from xl_analysis.task_tables import task_table

__all__ = [
    "AnalysisError",
    "Coverage",
    "Difference",
    "Interval",
    "Table",
    "__version__",
    "bootstrap_interval",
    "cka_matrix",
    "coverage_table",
    "gain_table",
    "html_page",
    "lexical_table",
    "linear_cka",
    "matrix_table",
    "matrix_tables",
    "metric_table",
    "pair_table",
    "paired_bootstrap",
    "result_tables",
    "retrieval_table",
    "rows_by_kind",
    "rows_csv",
    "task_table",
    "tell_runs_apart",
    "tokenizer_coverage",
]
__version__ = _version("xl-analysis")

_MODULES = {
    "Coverage": "xl_analysis.coverage",
    "Difference": "xl_analysis.significance",
    "Interval": "xl_analysis.significance",
    "Table": "xl_analysis.table",
    "bootstrap_interval": "xl_analysis.significance",
    "cka_matrix": "xl_analysis.cka",
    "coverage_table": "xl_analysis.pairs",
    "gain_table": "xl_analysis.gain_tables",
    "html_page": "xl_analysis.page",
    "lexical_table": "xl_analysis.lexical_tables",
    "linear_cka": "xl_analysis.cka",
    "pair_table": "xl_analysis.pairs",
    "paired_bootstrap": "xl_analysis.significance",
    "matrix_table": "xl_analysis.matrices",
    "matrix_tables": "xl_analysis.matrices",
    "metric_table": "xl_analysis.tables",
    "result_tables": "xl_analysis.report",
    "retrieval_table": "xl_analysis.tables",
    "rows_by_kind": "xl_analysis.report",
    "rows_csv": "xl_analysis.runs",
    "tell_runs_apart": "xl_analysis.runs",
    "task_table": "xl_analysis.task_tables",
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
