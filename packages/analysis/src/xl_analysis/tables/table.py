"""A table of texts and how it is written for a terminal, a web page, a paper or a spreadsheet."""

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from textwrap import fill

from tabulate import SEPARATING_LINE, tabulate

from xl_analysis.errors import AnalysisError
from xl_analysis.pages.template import rendered

FORMATS = ("text", "md", "html", "tex", "csv")


# Columns of a terminal that captions are broken to.
_TERMINAL_WIDTH = 118


@dataclass(frozen=True)
class Table:
    """Cells as they are shown: first what a line is about, then its figures."""

    header: tuple[str, ...]
    body: tuple[tuple[str, ...], ...]
    caption: str = ""
    n_labels: int = 1
    """Number of columns that say what a line is about; they are aligned to the left, figures to the right."""
    best: frozenset[tuple[int, int]] = frozenset()
    """(row, column) of the cells that md, html and tex show in bold."""
    best_source: frozenset[tuple[int, int]] = frozenset()
    """Of those that they underline."""
    text_marks: tuple[str, str] = ("", "")
    """What text has behind the cells in bold, and those that are underlined."""
    blocks: bool = False
    """Whether html, as tex does always, writes what neighbours' heads share ("SR-B % Latn") once over them."""

    def __post_init__(self) -> None:
        for line in self.body:
            if len(line) != len(self.header):
                message = f"a line of {len(line)} cells under a header of {len(self.header)}: {line!r}."
                raise AnalysisError(message)

    def render(self, form: str = "text") -> str:
        """The table in one of FORMATS, with its caption (csv has none); no newline at the end."""
        if form == "text":
            body = self._marked(str, *(f"{{}}{mark}" for mark in self.text_marks))
            bold, underlined = self.text_marks
            told = (
                f" In text {bold} stands for bold, {underlined} for underlined."
                if self.best or self.best_source
                else ""
            )
            caption = fill(self.caption + (told if bold else ""), _TERMINAL_WIDTH)
            return _under(_text(self.header, body, self.n_labels), caption)
        if form == "md":
            header = [_md(cell) for cell in self.header]
            body = self._marked(_md, "**{}**", "<u>{}</u>")
            return _under(_tabulate(header, body, "pipe", self.n_labels), self.caption)
        if form == "html":
            return rendered("table.html", table=self, names={})
        if form == "tex":
            body = self._marked(tex, r"\textbf{{{}}}", r"\underline{{{}}}")
            above, below = _two_lines(self.header)
            # Cells are TeX already; the form that leaves them so has no rules of booktabs.
            table = _tabulate([tex(cell) for cell in below], body, "latex_raw", self.n_labels)
            for rule in (r"\toprule" + _tex_spans(above), r"\midrule", r"\bottomrule"):
                table = table.replace(r"\hline", rule, 1)
            if not self.caption:
                return table
            return f"\\begin{{table}}\n\\centering\n{table}\n\\caption{{{tex(self.caption)}}}\n\\end{{table}}"
        if form == "csv":
            file = io.StringIO()
            csv.writer(file, lineterminator="\n").writerows([self.header, *self.body])
            return file.getvalue().removesuffix("\n")
        message = f"unknown table format {form!r}; known: {', '.join(FORMATS)}."
        raise AnalysisError(message)

    @property
    def heads(self) -> tuple[list[tuple[str, int]], list[str]]:
        """What stands over columns that share it, with their number, empty for none; and the heads below that."""
        above, below = _two_lines(self.header)
        return [(title, len(list(several))) for title, several in groupby(above)] if any(above) else [], below

    def _marked(self, escape: Callable[[str], str], bold: str, underlined: str) -> list[list[str]]:
        """The body, escaped, with the best cells in bold and the best sources underlined."""
        body = [[escape(cell) for cell in line] for line in self.body]
        for places, mark in ((self.best_source, underlined), (self.best, bold)):
            for row, column in places:
                body[row][column] = mark.format(body[row][column])
        return body


def _tabulate(header: Sequence[str], body: Sequence[Sequence[str]], form: str, n_labels: int) -> str:
    n_columns = len(header) or len(body[0])
    # A line break in a name would begin a new line of the table.
    header, *body = [[" ".join(cell.splitlines()) for cell in line] for line in (header, *body)]
    align = ["left"] * n_labels + ["right"] * (n_columns - n_labels)
    # Cells are shown as they are: "1e5" is a name as well as a number.
    table = tabulate(
        body,
        headers=header,
        tablefmt=form,
        disable_numparse=True,
        colalign=align if body else None,
        headersglobalalign=None,
    )
    return "\n".join(line.rstrip() for line in table.split("\n"))


def _text(header: Sequence[str], body: Sequence[Sequence[str]], n_labels: int) -> str:
    # As lines of the body headers also do without the two spaces of padding that tabulate gives them.
    above, below = _two_lines(header)
    return _tabulate((), [*([above] if any(above) else []), below, SEPARATING_LINE, *body], "simple", n_labels)


def _two_lines(header: Sequence[str]) -> tuple[list[str], list[str]]:
    """A long header, "top-10 % cross", on two lines, so that a dozen columns fit a terminal or a page."""
    split = [cell.partition(" % ") for cell in header]
    return [f"{first} %" if rest else "" for first, _, rest in split], [rest or first for first, _, rest in split]


def _tex_spans(above: Sequence[str]) -> str:
    """The upper line of a header, what neighbours share once over them, with a rule under each; empty for none."""
    if not any(above):
        return ""
    cells, rules, first = [], [], 1
    for title, several in groupby(above):
        last = first + len(list(several)) - 1
        cells.append(rf"\multicolumn{{{last - first + 1}}}{{c}}{{{tex(title)}}}")
        rules += [rf"\cmidrule(lr){{{first}-{last}}}"] if title else []
        first = last + 1
    return "\n " + " & ".join(cells) + " \\\\\n" + " ".join(rules)


def _under(table: str, caption: str) -> str:
    return f"{table}\n\n{caption}" if caption else table


def _md(text: str) -> str:
    """A cell in which no bar ends it: a backslash before a bar would be taken for the bar's."""
    return re.sub(r"(\\*)\|", lambda match: match[1] * 2 + r"\|", text)


def tex(text: str) -> str:
    """A text as TeX shows it as it is."""
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    special |= {"<": r"\ensuremath{<}", ">": r"\ensuremath{>}"}
    return "".join(special.get(char, "\\" + char if char in "&%$#_{}" else char) for char in text)
