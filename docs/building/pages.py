"""What a page asks for by `<!-- WHAT: NAME -->`: parts of the READMEs, tables of what the program itself knows.

`readme`: a whole README. `section`: what stands below a heading, with it; `part`: without it. `claims`: lines of the
README's table. `generated`: one of `tables.TABLES`. Nothing here needs Sphinx, so that tests read pages as they are
shown.
"""

import posixpath
import re
from pathlib import Path

from docs.building import tables

ROOT = Path(__file__).parents[2]
_ASKED = re.compile(r"^<!-- (\w+): (.+?) -->$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]\n]+)\]\(([^)\s#:]+)(#[^)\s]*)?\)")


def pages() -> dict[str, str]:
    """Every page but the notebooks, by its name, as it is shown."""
    found = (path for path in (ROOT / "docs").rglob("*.md"))
    names = {path.relative_to(ROOT / "docs").with_suffix("").as_posix(): path for path in sorted(found)}
    return {name: filled(path.read_text(encoding="utf-8"), name) for name, path in names.items()}


def filled(text: str, page: str) -> str:
    """A page with what it asks for. ValueError for what there is not, so that nothing is left out in silence."""

    def part(found: re.Match[str]) -> str:
        what, name = found.groups()
        if what == "readme":
            return _linked(f"{name}/README.md", _read(f"{name}/README.md"), page)
        if what in ("section", "part"):
            file, _, heading = name.partition(", ")
            text = section(_read(file), heading)
            return _linked(file, text if what == "section" else text.partition("\n")[2].strip(), page)
        if what == "claims":
            return claims(name.split())
        if what == "generated" and name in tables.TABLES:
            return tables.TABLES[name]()
        message = f"{page}: nothing is known of {found[0]}"
        raise ValueError(message)

    return _ASKED.sub(part, text)


def _read(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """What stands below a heading of the second order, that heading included."""
    found = re.search(rf"^## {re.escape(heading)}\n.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if found is None:
        message = f"there is no heading {heading!r}"
        raise ValueError(message)
    return found[0]


def claims(names: list[str]) -> str:
    """Lines of README's table of claims, with those below that go on with the same claim."""
    lines = [line for line in section(_read("README.md"), "The papers' claims, tested").split("\n") if line[:1] == "|"]
    kept, claim = lines[:2], ""
    for line in lines[2:]:
        claim = line.split("|")[1].strip() or claim
        if claim in names:
            kept.append(line)
    return "\n".join(kept)


def _linked(file: str, text: str, page: str) -> str:
    """Links between files as links between pages; a link to what is no page is its text alone."""

    def link(found: re.Match[str]) -> str:
        label, path, anchor = found.groups()
        target = posixpath.normpath(posixpath.join(posixpath.dirname(file), path)).removesuffix("/README.md")
        if target.startswith("docs/"):
            shown = target.removeprefix("docs/")
        elif re.fullmatch(r"(packages|apps)/\w+", target):
            shown = f"packages/{target.partition('/')[2]}.md"
        else:
            return label
        return f"[{label}]({posixpath.relpath(shown, posixpath.dirname(page) or '.')}{anchor or ''})"

    return _LINK.sub(link, text)
