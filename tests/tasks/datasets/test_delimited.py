"""TAB-separated files come back field by field, whatever characters are inside; broken lines are named."""

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_tasks import TaskError
from xl_tasks.datasets.readers.delimited import data_lines, header, read_table
from xl_tasks.datasets.readers.faults import Faults

# Everything that other readers take for a line end or a quote, and a mark that is upstream noise.
_ODD = ["\r", "\u2028", "\u0085", "\x0c", '"', "'", "\ufeff", " "]
_field = st.text(
    st.one_of(st.sampled_from(_ODD), st.characters(blacklist_characters="\t\n", codec="utf-8")), min_size=1
)
_solid = _field.filter(lambda text: text.strip() and not text.endswith("\r") and not text.startswith("\ufeff"))
_names = st.lists(_solid, min_size=1, max_size=4, unique=True)


@settings(max_examples=60, deadline=None)
@given(
    st.data(), st.booleans(), st.sampled_from(["\n", "\r\n"]), st.sampled_from([b"", b"\xef\xbb\xbf"]), st.booleans()
)
def test_round_trip(tmp_path_factory, data, named, end, mark, last_end):
    names = data.draw(_names)
    rows = data.draw(st.lists(st.tuples(*[_solid] * len(names)), min_size=1, max_size=5))
    lines = ["\t".join(row) for row in ([tuple(names)] if named else []) + rows]
    file = tmp_path_factory.mktemp("t") / "t.tsv.gz"
    file.write_bytes(gzip.compress(mark + (end.join(lines) + (end if last_end else "")).encode()))
    records = list(read_table(file, needed=names) if named else read_table(file, names))
    assert [tuple(record.fields.values()) for record in records] == rows
    assert [record.where for record in records] == [f"{file}:{i}" for i in range(1 + named, len(rows) + 1 + named)]
    assert not any(record.fault for record in records)


def test_broken_lines_are_named_and_the_rest_is_read(tmp_path):
    file = tmp_path / "a.tsv"
    file.write_text("id\ttext\tmore\n1\tx\t\n2\n\n3\t \tz\n4\ta\tb\tc\n5\ty\tz\n\n\n", "utf-8")
    records = list(read_table(file, needed=["id", "text"]))
    assert [record.fields["id"] for record in records if not record.fault] == ["1", "5"]
    assert [record.fault for record in records if record.fault] == [
        f"{file}:3: 1 field, but the header names 3; separate by TAB.",
        f"{file}:4: 1 field, but the header names 3; separate by TAB.",
        f"{file}:5: text is empty; give it or remove the line.",
        f"{file}:6: 4 fields, but the header names 3; separate by TAB.",
    ]
    (fault,) = [r.fault for r in read_table(file, ["a", "b", "c"], filled=[]) if r.where.endswith(":6")]
    assert fault == f"{file}:6: 4 fields, but the layout (a, b, c) has 3; separate by TAB."
    # Empty lines at the end are no lines; one inside is.
    assert [number for number, _ in data_lines(file)] == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "a.tsv: the file is empty"),
        ("\n\n", "a.tsv: the file is empty"),
        ("id\tlabel\n1\tx\n", r"a.tsv:1: no column 'text' in the header; it has id, label"),
        ("id\ttext\tid\n1\tx\t2\n", "a.tsv:1: the header names column 'id' twice"),
        ("id\ttext\n\n", "a.tsv: no item in it; at least one line of id, text is needed"),
    ],
    ids=["empty", "blank", "column", "twice", "none"],
)
def test_unusable_files(tmp_path, content, message):
    file = tmp_path / "a.tsv"
    file.write_text(content, "utf-8")
    with pytest.raises(TaskError, match=message):
        list(read_table(file, needed=["id", "text"]))


def test_header_of_nothing(tmp_path):
    (tmp_path / "a.tsv").write_bytes(b"")
    assert header(tmp_path / "a.tsv") == ()
    (tmp_path / "a.tsv").write_bytes(b"\xef\xbb\xbfid\ttext\r\n")
    assert header(tmp_path / "a.tsv") == ("id", "text")


def test_faults():
    stopping, skipping = Faults(), Faults("skip")
    with pytest.raises(TaskError, match="a:1: bad"):
        stopping.add("tur_Latn", "dev", "a:1: bad")
    for line in (1, 2):
        skipping.add("tur_Latn", "dev", f"a:{line}: bad")
    assert skipping.skipped == {("tur_Latn", "dev"): ("a:1: bad", "a:2: bad")}
    with pytest.raises(TaskError, match="on_error is 'ignore'; give one of stop, skip"):
        Faults("ignore")
