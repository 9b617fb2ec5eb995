"""Tables as one HTML page that stands alone: for a browser, a phone and a printer."""

import html
from collections.abc import Iterable

from xl_analysis.tables.table import Table

_STYLE = """
body { margin: 0 auto; padding: 1rem; max-width: 75rem; font: 1rem/1.4 system-ui, sans-serif; color: #1a1a1a; background: #fff; }
h1 { font-size: 1.3rem; overflow-wrap: anywhere; }
section { margin: 2rem 0; overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { caption-side: bottom; position: sticky; left: 0; max-width: min(45rem, 90vw); padding-top: .5rem; text-align: left; color: #555; }
th, td { padding: .25rem .6rem; text-align: left; white-space: nowrap; }
thead th { min-width: 2.5rem; border-bottom: 2px solid #1a1a1a; vertical-align: bottom; white-space: normal; }
tbody tr:nth-child(even) { background: #f4f4f4; }
tbody tr:last-child td { border-bottom: 1px solid #1a1a1a; }
@media print { body { max-width: none; padding: 0; font-size: 8pt; } section { overflow: visible; break-inside: avoid; }
  th, td { padding: .1rem .3rem; } }
"""  # noqa: E501  a rule a line


def html_page(tables: Iterable[Table], title: str) -> str:
    """A whole HTML document with `title` and the tables under it, their captions below them; all text is escaped."""
    name = html.escape(title)
    sections = "\n".join(f"<section>\n{table.render('html')}\n</section>" for table in tables)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{name}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{name}</h1>\n{sections}\n</body>\n</html>"
    )
