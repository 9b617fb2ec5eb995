"""Joins the parts of this folder to Sphinx."""

import re
from html import escape
from typing import Any

from docs.building.docstrings import as_rst, names_in, settings_list
from docs.building.pages import filled
from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging

# what repr() gives of functions and factories
_UNREADABLE = re.compile(r"(?<== )<[a-z][^<>]*(?:<\w+>[^<>]*)?>|(?<==)<[a-z][^<>]*(?:<\w+>[^<>]*)?>")
_log = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, bool]:
    """Fills in what pages ask for, has docstrings read as they are written, and formulas drawn by the browser."""
    app.connect("source-read", _fill)
    app.connect("autodoc-process-signature", _shorten)
    app.connect("autodoc-process-docstring", _read)
    app.add_html_math_renderer("mathml", inline_renderers=(_formula, None), block_renderers=(_formula, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _fill(app: Sphinx, name: str, source: list[str]) -> None:
    source[0] = filled(source[0], name)


def _read(app: Sphinx, kind: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    lines[:] = as_rst(lines)
    if kind == "class":
        lines += settings_list(value)
    if kind == "module":  # constants have no docstrings, so that autodoc passes over them
        for constant in filter(str.isupper, value.__all__):
            lines += [f".. py:data:: {constant}", "", f"   {names_in(getattr(value, constant))}", ""]


def _shorten(
    app: Sphinx, kind: str, name: str, value: Any, options: Any, arguments: str | None, result: str | None
) -> tuple[str, str | None] | None:
    """Defaults that are no Python when printed, `<function <lambda> at 0x...>`, as dots."""
    return (_UNREADABLE.sub("...", arguments), result) if arguments else None


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
