"""Docstrings as they are written here (text, `code`, `name: what it is`, indented formulas) as reStructuredText."""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping

_FIELD = re.compile(r"([a-z_]\w*(?:, \w+)*|[A-Za-z_]\w*): (?=\S)")
_SHOWN = 40  # names of a constant
_SPECIAL = re.compile(r"([\\*|_])")


def as_rst(lines: list[str]) -> Iterator[str]:
    """The lines of a docstring: what is indented behind an empty line stands as it is, all else is running text."""
    text: list[str] = []  # of the paragraph, or of the field, that is open
    is_literal = was_empty = False
    for line in [*lines, "", "end"]:
        is_indented = line.startswith(" ")
        if line.startswith(">>>") or (is_literal and line and (is_indented or not was_empty)):
            if not is_literal:
                yield from _paragraph(text)
                yield from (".. code-block:: pycon" if line.startswith(">>>") else "::", "")
            is_literal = True
            yield f"   {line}"
        elif line and is_indented and was_empty:
            yield from _paragraph(text)
            yield from ("::", "", f"   {line}")
            is_literal = True
        elif line:
            if is_literal:
                yield ""
            is_literal = False
            if _FIELD.match(line) or (was_empty and text) or (text and _FIELD.match(text[0]) and not is_indented):
                yield from _paragraph(text)
            text.append(line.strip())
        elif is_literal:
            yield ""
        was_empty = not line


def _paragraph(text: list[str]) -> Iterator[str]:
    if text:
        whole = " ".join(text)
        found = _FIELD.match(whole)
        if found:
            names = ", ".join(f"``{name}``" for name in found[1].split(", "))
            yield from (f"- {names}: {inline(whole[found.end() :])}", "")
        else:
            yield from (inline(whole), "")
    text.clear()


def settings_list(value: object) -> Iterator[str]:
    """The settings of a dataclass whose fields have help texts: name, default, what it is."""
    if not dataclasses.is_dataclass(value):
        return
    for field in dataclasses.fields(value):
        if "help" in field.metadata:
            default = "" if field.default is dataclasses.MISSING else f" (``{field.default!r}``)"
            yield from (f"- ``{field.name}``{default}: {inline(str(field.metadata['help']))}", "")


def names_in(value: Iterable[str]) -> str:
    """What a public constant holds: names, or a mapping from names."""
    names = list(value)
    more = f" ... ({len(names)} of them)" if len(names) > _SHOWN else ""
    mapping = "A mapping from " if isinstance(value, Mapping) else ""
    return mapping + ", ".join(f"``{name}``" for name in names[:_SHOWN]) + more


def inline(text: str) -> str:
    """Running text with `code` in it: the signs of reStructuredText count for themselves."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # a backtick without a partner
        return _escaped(text.replace("`", "'"))
    told = ""
    for place, part in enumerate(parts):
        if place % 2 == 0:
            told += ("\\ " if place and part[:1].isalnum() else "") + _escaped(part)
        elif part.strip():
            told += ("\\ " if told[-1:].isalnum() else "") + f"``{part.strip()}``"
    return told


def _escaped(text: str) -> str:
    return re.sub(r"^([-+#:.=~]|\d+\.|\()", r"\\\1", _SPECIAL.sub(r"\\\1", text))
