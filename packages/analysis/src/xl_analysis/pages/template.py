"""Pages from templates: every text is escaped, nothing is fetched, and no script runs but the page's own."""

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


def rendered(template: str, /, **values: object) -> str:
    """A template of the folder `pages`, filled; what is not marked as safe there (SVG, style, script) is escaped."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("xl_analysis", "pages"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    script = _read("sort.js")
    page = {"script": script, "script_hash": _hash(script), "style": _read("page.css")}
    environment.globals.update(page)  # ty: ignore[no-matching-overload]
    environment.filters["slug"] = _slug
    return environment


def _read(name: str) -> str:
    return (files("xl_analysis.pages") / name).read_text(encoding="utf-8")


def script_hash(name: str) -> tuple[str, str]:
    """A script of the folder `pages`, and how a content security policy names it."""
    script = _read(name)
    return script, _hash(script)


def _hash(script: str) -> str:
    """How a content security policy names the one script that may run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


def _slug(title: str) -> str:
    """A title as an address within the page."""
    return "-".join("".join(letter if letter.isalnum() else " " for letter in title.lower()).split())
