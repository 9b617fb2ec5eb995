"""Epitran itself, as the tests ask it: one feature table for all languages, or loading 159 of them takes minutes."""

import logging
import warnings
from functools import cache
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from epitran.simple import SimpleEpitran
    from panphon import FeatureTable


@cache
def feature_table() -> "FeatureTable":
    with warnings.catch_warnings(action="ignore"):  # both libraries warn while they are compiled
        import panphon
    return panphon.FeatureTable()


@cache
def epitran(code: str) -> "SimpleEpitran":
    """`SimpleEpitran(code)`: what `Epitran(code).transliterate` calls for every language with a map."""
    table = feature_table()
    with warnings.catch_warnings(action="ignore"):
        import panphon
        from epitran.simple import SimpleEpitran
    logging.getLogger("epitran").setLevel(logging.CRITICAL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(panphon, "FeatureTable", lambda: table)
        return SimpleEpitran(code)
