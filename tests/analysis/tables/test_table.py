"""One table in each of its formats, read back with a parser where there is one."""

import csv
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from xl_analysis import AnalysisError, Table

TABLE = Table(
    ("variant", "top-10 % all", "eng"),
    (("mlm", "9.5", "10.0"), ("a|b & <c>_1", "1e5", "007")),
    "Mean over 12 pairs, 100 % & more.",
)


class Cells(HTMLParser):
    """Texts of th, td and caption."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_data(self, data):
        if data.strip():
            self.found.append(data.strip())


def test_csv_reads_back():
    assert list(csv.reader(TABLE.render("csv").splitlines())) == [list(TABLE.header), *map(list, TABLE.body)]


def test_html_reads_back():
    parser = Cells()
    parser.feed(TABLE.render("html"))
    assert parser.found == [TABLE.caption, *TABLE.header, *TABLE.body[0], *TABLE.body[1]]


def test_markdown_reads_back():
    lines = TABLE.render("md").split("\n")
    assert lines[-1] == TABLE.caption
    cells = [[cell.strip() for cell in line.replace(r"\|", "\0").strip("|").split("|")] for line in lines[:4]]
    assert cells[0] == list(TABLE.header)
    assert [cell.replace("\0", "|") for cell in cells[3]] == list(TABLE.body[1])


def test_text_is_aligned():
    lines = TABLE.render("text").split("\n")
    header = next(i for i, line in enumerate(lines) if line.startswith("variant"))
    assert lines[header - 1].split() == ["top-10", "%"]
    first, second = lines[header + 2], lines[header + 3]
    assert first.index("9.5") + 3 == second.index("1e5") + 3
    assert first.startswith("mlm ")
    assert all(line == line.rstrip() for line in lines)


def test_text_of_nine_languages_fits_a_terminal():
    header = ("variant", "top-10 % all", "top-10 % cross", *["amh"] * 9, "top-1 % all", "top-1 % cross")
    line = ("string-match", *["75.5 ±0.9"] * 2, *["77.7"] * 9, *["75.5 ±0.9"] * 2)
    text = Table(header, (line,), "word " * 60).render()
    assert max(map(len, text.split("\n"))) <= 120


def test_tex_escapes():
    tex = TABLE.render("tex")
    assert r"a|b \& " in tex
    assert r"100 \% \& more." in tex
    assert tex.count("\\\\") == 4  # two of them of the header


def test_tex_says_once_what_neighbours_in_the_header_share() -> None:
    header = ("system", "target", "sib200 % eng", "sib200 % ell", "n", "sib200 % tur", "panx % eng")
    lines = Table(header, (("a", *"bcdefg"),)).render("tex").splitlines()
    assert [cell.strip() for cell in lines[2].removesuffix(r"\\").split("&")] == [
        r"\multicolumn{2}{c}{}", r"\multicolumn{2}{c}{sib200 \%}", r"\multicolumn{1}{c}{}",
        r"\multicolumn{1}{c}{sib200 \%}", r"\multicolumn{1}{c}{panx \%}",
    ]  # fmt: skip
    assert lines[3] == r"\cmidrule(lr){3-4} \cmidrule(lr){6-6} \cmidrule(lr){7-7}"
    assert lines[4].replace(r"\\", "").replace(" ", "").split("&") == [
        "system",
        "target",
        "eng",
        "ell",
        "n",
        "tur",
        "eng",
    ]
    assert r"\multicolumn" not in Table(("a", "b"), (("c", "d"),)).render("tex")


def test_a_table_without_lines():
    for form in ("text", "md", "html", "tex", "csv"):
        assert "variant" in Table(("variant", "all"), ()).render(form)


def test_bad_tables():
    with pytest.raises(AnalysisError, match="1 cells under a header of 2"):
        Table(("a", "b"), (("c",),))
    with pytest.raises(AnalysisError, match="unknown table format 'pdf'; known: text, md"):
        TABLE.render("pdf")


def test_a_name_with_line_breaks_bars_and_brackets_stays_one_cell():
    table = Table(("variant", "all"), (("a\nb\\|c", "1"),), "x < y")
    line = table.render("md").split("\n")[2]
    # a doubled backslash is one, and a bar behind one is text
    assert line.replace(r"\\", "").replace(r"\|", "").count("|") == 3
    assert line.startswith(r"| a b\\\|c")
    assert len(table.render("text").split("\n")) == len(
        Table(("variant", "all"), (("a", "1"),), "x").render().split("\n")
    )
    assert r"\caption{x \ensuremath{<} y}" in table.render("tex")


def test_blocks_of_heads_stand_once_over_their_columns_in_html() -> None:
    """Heads "SR-B % Latn" on two lines, as in tex; marks by signs in text, which has no others."""
    header = ("system", "SR-B % Latn", "SR-B % Arab", "POS % Latn")
    table = Table(
        header, (("a", "1.0", "2.0", "3.0"),), "About.", best=frozenset({(0, 2)}), text_marks=("*", "_"), blocks=True
    )
    html = table.render("html")
    head = html.partition("<thead>")[2].partition("</thead>")[0]
    above, below = head.split("</tr>")[:2]
    spans = re.findall(r'colspan="(\d+)"><bdi>(.*?)</bdi>', above)
    assert spans == [("1", ""), ("2", "SR-B %"), ("1", "POS %")]
    assert re.findall(r"<bdi>(.*?)</bdi>", below) == ["system", "Latn", "Arab", "Latn"]
    plain = replace(table, blocks=False).render("html")
    assert "colspan" not in plain
    assert "SR-B % Latn" in plain
    assert "2.0*" in table.render("text")
    assert table.render("text").endswith("About. In text * stands for bold, _ for underlined.")
    assert "stands for" not in table.render("md")
    assert "stands for" not in replace(table, best=frozenset()).render("text")
