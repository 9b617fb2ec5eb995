"""Joins the parts of this folder to Sphinx."""

from html import escape
from typing import Any

from docs.building.docstrings import as_rst, settings_list
from docs.building.pages import filled
from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging

_log = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, bool]:
    """Fills in what pages ask for, has docstrings read as they are written, and formulas drawn by the browser."""
    app.connect("source-read", _fill)
    app.connect("autodoc-process-docstring", _read)
    app.add_html_math_renderer("mathml", inline_renderers=(_formula, None), block_renderers=(_formula, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _fill(app: Sphinx, name: str, source: list[str]) -> None:
    source[0] = filled(source[0], name)


def _read(app: Sphinx, kind: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    lines[:] = [*as_rst(lines), *(settings_list(value) if kind == "class" else ())]


def _formula(translator: Any, node: nodes.Element) -> None:
    """MathML in the place of LaTeX; a warning for what docutils does not know."""
    is_block = isinstance(node, nodes.math_block)
    try:
        drawn = tex2mathml(node.astext(), as_block=is_block)
    except MathError as error:
        _log.warning("%s: %s", error, node.astext(), location=node)
        drawn = escape(node.astext())
    translator.body.append(f'<div class="formula">{drawn}</div>' if is_block else drawn)
    raise nodes.SkipNode
