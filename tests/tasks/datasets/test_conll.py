"""Two-column files: every word with its tag, whatever separates them, and broken lines by file and line."""

import gzip
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from xl_tasks import TaskError
from xl_tasks.datasets.tagging.conll import load_conll
from xl_tasks.datasets.tagging.masakhaner import load_masakhaner
from xl_tasks.datasets.tagging.panx import PANX_LABELS, load_panx
from xl_tasks.datasets.tagging.tagged import TaggedSentences

# No separator, no line end, no comment sign of the format: anything else is a word, U+2028 and CR inside too.
_WORDS = st.text(st.characters(codec="utf-8", exclude_characters=" \t\n\r\ufeff"), min_size=1, max_size=6).filter(
    lambda word: word != "-DOCSTART-"
)
_TAGS = st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"])
_SENTENCES = st.lists(st.lists(st.tuples(_WORDS, _TAGS), min_size=1, max_size=5), min_size=1, max_size=5)


def _write(folder: Path, name: str, text: str, *, newline: str = "\n", mark: str = "") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes((mark + text.replace("\n", newline)).encode("utf-8"))
    return file


@settings(max_examples=60)
@given(sentences=_SENTENCES, tab=st.booleans(), crlf=st.booleans(), mark=st.booleans(), open_end=st.booleans())
def test_what_is_written_is_read(tmp_path_factory, sentences, tab, crlf, mark, open_end):
    folder = tmp_path_factory.mktemp("conll")
    separator = "\t" if tab else " "
    text = "\n\n".join("\n".join(f"{word}{separator}{tag}" for word, tag in sentence) for sentence in sentences)
    _write(
        folder, "tur_Latn/test.txt", text + ("" if open_end else "\n\n"),
        newline="\r\n" if crlf else "\n", mark="\ufeff" if mark else "",
    )  # fmt: skip
    read = load_conll(folder, repair=True).split("tr", "test")
    assert [sentence.words for sentence in read] == [tuple(word for word, _ in sentence) for sentence in sentences]
    assert [sentence.key for sentence in read] == [str(i) for i in range(1, len(sentences) + 1)]
    for sentence, written in zip(read, sentences, strict=True):
        tags = [tag for _, tag in written]
        # The rule of repair: seqeval sees the same entities before and after, and no tag starts inside any more.
        assert get_entities(list(sentence.tags)) == get_entities(tags)
        before = "O"
        for tag in sentence.tags:
            assert not tag.startswith("I-") or before[1:] == tag[1:]
            before = tag


def test_layouts_and_splits(tmp_path):
    for name in (
        "train-tr.tsv", "dev-tr.tsv", "swa/valid.txt", "swa/test.txt", "fi/train", "de-test", "test-zh-yue.conll",
    ):  # fmt: skip
        _write(tmp_path, name, "a\tO\n")
    (tmp_path / "test-el.tsv.gz").write_bytes(gzip.compress("α\tB-PER\n".encode()))
    _write(tmp_path, "README.md", "no data")
    _write(tmp_path, "test-foo123.tsv", "a\tO\n")  # states no language: passed over
    data = load_panx(tmp_path)
    assert {code: sorted(splits) for code, splits in data.by_language.items()} == {
        "tur_Latn": ["dev", "train"], "swh_Latn": ["dev", "test"], "fin_Latn": ["train"], "deu_Latn": ["test"],
        "yue_Hant": ["test"], "ell_Grek": ["test"],
    }  # fmt: skip
    assert data.labels == PANX_LABELS
    assert data.kind == "tagging"
    assert load_panx(tmp_path, ["Greek"]).languages == ("ell_Grek",)
    assert load_panx(tmp_path / "swa").languages == ("swh_Latn",)


def test_prefix_of_wikiann(tmp_path):
    _write(tmp_path, "tr/train", "tr:Ali\tB-PER\ntr:tr:\tO\n\ntr::\tO\n")
    _write(tmp_path, "tr/test", "tr:Ali\tB-PER\nen:x\tO\n")
    data = load_panx(tmp_path)
    assert [sentence.words for sentence in data.split("tr", "train")] == [("Ali", "tr:"), (":",)]
    # Not all words have it, so it is text.
    assert data.split("tr", "test")[0].words == ("tr:Ali", "en:x")


def test_documents_are_left_out(tmp_path):
    _write(tmp_path, "train-en.txt", "-DOCSTART- -X- O O\n\na O\nb B-X\n\n-DOCSTART- O\nc O\n\n\n \nd O\n")
    data = load_conll(tmp_path)
    assert [sentence.words for sentence in data.split("en", "train")] == [("a", "b"), ("c",), ("d",)]
    assert data.labels == ("O", "B-X", "I-X")


def test_labels_are_those_of_the_files(tmp_path):
    _write(tmp_path, "train-en.txt", "a NOUN\nb ADJ\n")
    assert load_conll(tmp_path).labels == ("ADJ", "NOUN")
    _write(tmp_path, "train-tr.txt", "a O\nb B-B\nc I-A\n")
    assert load_conll(tmp_path, ["tr"], repair=True).labels == ("O", "B-A", "I-A", "B-B", "I-B")
    _write(tmp_path, "train-tr.txt", "a O\nb B-B\nc S-A\n")
    with pytest.raises(TaskError, match="'S-A' stands beside B- and I-, but is none of IOB2"):
        load_conll(tmp_path, ["tr"])


@pytest.mark.parametrize(
    ("broken", "line", "reason"),
    [
        ("x\tO\nword\n", 4, r"1 column \(some test files come without tags\)"),
        ("x\tO\ty\n", 3, "3 columns"),
        ("\tO\n", 3, "the word is empty"),
        ("x\tB-GPE\n", 3, "tag 'B-GPE' of 'x' is unknown; known: O, B-PER"),
        ("x\t\n", 3, "tag '' of 'x' is unknown"),
        ("x\tI-PER\n", 3, "starts inside, after 'O'; write 'B-PER'"),
        ("x\tB-PER\ny\tI-LOC\n", 4, "starts inside, after 'B-PER'; write 'B-LOC'"),
    ],
    ids=["one column", "three columns", "empty word", "unknown tag", "no tag", "starts inside", "other type"],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_broken_lines(tmp_path, broken, line, reason, ending):
    file = _write(tmp_path, "test-tr.tsv", f"a\tO\n\n{broken}\nb\tB-PER\nc\tI-PER\n", newline=ending, mark="\ufeff")
    with pytest.raises(TaskError, match=reason) as caught:
        load_panx(tmp_path, repair=False)
    assert str(caught.value).startswith(f"{file}:{line}: ")
    data = load_panx(tmp_path, repair=False, on_error="skip")
    assert [sentence.words for sentence in data.split("tr", "test")] == [("a",), ("b", "c")]
    # The number of a sentence is its place in the file, whatever was left out before it.
    assert [sentence.key for sentence in data.split("tr", "test")] == ["1", "3"]
    assert data.skipped == {("tur_Latn", "test"): (str(caught.value),)}
    assert data.coverage("tr", "test") == pytest.approx(2 / 3)


def test_repair_is_said_once_a_split(tmp_path, caplog):
    file = _write(tmp_path, "test-tr.tsv", "a\tI-PER\nb\tI-PER\nc\tI-LOC\n\nd\tO\n")
    tags = load_panx(tmp_path).split("tr", "test")[0].tags
    assert tags == ("B-PER", "I-PER", "B-LOC")
    assert caplog.messages == [
        f"panx: 2 tag(s) of tur_Latn, test start inside an entity and are read as its beginning, the first at {file}:1"
    ]
    with pytest.raises(TaskError, match="starts inside"):
        load_conll(tmp_path)


def test_words_of_marks_alone_are_words(tmp_path):
    _write(tmp_path, "test-he.tsv", "\u200b\tO\n\u200f\u200f\tO\n\u00a0\tO\n\u3000\tO\na\u2028b\tO\n")
    assert load_panx(tmp_path).split("he", "test")[0].words == (
        "\u200b",
        "\u200f\u200f",
        "\u00a0",
        "\u3000",
        "a\u2028b",
    )


def test_dates_are_known_to_masakhaner_alone(tmp_path):
    _write(tmp_path, "swa/test.txt", "leo B-DATE\n")
    assert load_masakhaner(tmp_path).labels[-2:] == ("B-DATE", "I-DATE")
    with pytest.raises(TaskError, match=r"swa/test\.txt:1: tag 'B-DATE' of 'leo' is unknown"):
        load_panx(tmp_path)


def test_what_is_not_there(tmp_path):
    with pytest.raises(TaskError, match="no such folder"):
        load_panx(tmp_path / "nowhere")
    with pytest.raises(TaskError, match=r"no file such as train-tr\.tsv"):
        load_panx(tmp_path)
    _write(tmp_path, "test-tr.tsv", "a\tO\n")
    with pytest.raises(TaskError, match=r"unknown language 'fin_Latn'.* known: tur_Latn"):
        load_panx(tmp_path, ["fi"])
    with pytest.raises(TaskError, match="no language asked for"):
        load_panx(tmp_path, [])
    with pytest.raises(TaskError, match=r"on_error is 'ignore'"):
        load_panx(tmp_path, on_error="ignore")
    _write(tmp_path, "valid-fi.tsv", "a\tO\n")
    _write(tmp_path, "dev-fi.txt", "a\tO\n")
    with pytest.raises(TaskError, match=r"valid-fi\.tsv: dev of fin_Latn is there already as .*dev-fi\.txt"):
        load_panx(tmp_path)
    _write(tmp_path, "test-el.tsv", "\n \n")
    with pytest.raises(TaskError, match=r"test-el\.tsv: no sentence in it"):
        load_panx(tmp_path, ["el"])


def test_only_the_files_asked_for_are_read(tmp_path):
    _write(tmp_path, "test-tr.tsv", "a\tO\n")
    _write(tmp_path, "test-fi.tsv", "broken\n")
    assert load_panx(tmp_path, ["tr"]).languages == ("tur_Latn",)


def test_a_split_without_a_readable_sentence_is_still_counted(tmp_path):
    _write(tmp_path, "test-tr.tsv", "broken\n")
    data = load_panx(tmp_path, on_error="skip")
    assert data.by_language == {"tur_Latn": {"test": ()}}
    assert len(data.skipped["tur_Latn", "test"]) == 1


def test_repeated_key():
    found = TaggedSentences("x", on_error="skip")
    for place in ("f:1", "f:3"):
        found.add("tur_Latn", "test", "s1", ["a"], ["O"], [place])
    data = found.examples()
    assert len(data.split("tr", "test")) == 1
    assert data.skipped["tur_Latn", "test"][0].startswith("f:3: id 's1' appears a second time in test of tur_Latn")


def conll(folder, *sentences):
    blocks = ["\n".join(" ".join(pair) for pair in sentence) for sentence in sentences]
    (folder / "test-tr.tsv").write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


GOOD = [("Ali", "B-PER"), ("geldi", "O")]


def test_a_sentence_of_another_scheme_is_left_out(tmp_path):
    conll(tmp_path, GOOD, [("1487", "Doctors'I-ORG"), ("de", "O")], GOOD)
    with pytest.raises(TaskError, match=r"test-tr.tsv:4: tag \"Doctors'I-ORG\" stands beside B- and I-"):
        load_conll(tmp_path)
    data = load_conll(tmp_path, on_error="skip")
    assert [sentence.key for sentence in data.split("tr", "test")] == ["1", "3"]
    assert data.labels == ("O", "B-PER", "I-PER")
    assert [reason.partition(": ")[0] for reason in data.skipped["tur_Latn", "test"]] == [f"{tmp_path}/test-tr.tsv:4"]
    # A file of another scheme is none with faults.
    conll(tmp_path, GOOD, *[[("Ali", "S-PER"), ("geldi", "O")]] * 3)
    with pytest.raises(TaskError, match="tag 'S-PER' stands beside B- and I-"):
        load_conll(tmp_path, on_error="skip")
    conll(tmp_path, [("Ali", "PROPN"), ("geldi", "VERB")])
    assert load_conll(tmp_path).labels == ("PROPN", "VERB")


@pytest.mark.parametrize("tag", ["I-O", "B-O", "I-"])
def test_no_type_is_named(tmp_path, tag):
    conll(tmp_path, GOOD, [("x", tag)])
    with pytest.raises(TaskError, match=rf"test-tr.tsv:4: tag '{tag}' of 'x' names no type of entity; write 'O'"):
        load_conll(tmp_path)
    assert len(load_conll(tmp_path, on_error="skip").split("tr", "test")) == 1


def test_iob1_is_read_as_iob2(tmp_path, caplog):
    """CoNLL-2003's own: B- stands only between two entities of a type; seqeval's IOB1 finds the same entities."""
    rng = random.Random(0)
    tags = [["O", "I-A", "I-A", "B-A", "I-B", "O", "I-B"]]
    tags += [[rng.choice(["O", "I-A", "I-B"]) for _ in range(8)] for _ in range(20)]
    conll(tmp_path, *[[("x", tag) for tag in line] for line in tags])
    with pytest.raises(TaskError, match=r"or say that the data is IOB1.* \(--tag-scheme iob1\)"):
        load_conll(tmp_path)
    read = [list(sentence.tags) for sentence in load_conll(tmp_path, tag_scheme="iob1").split("tr", "test")]
    assert read[0] == ["O", "B-A", "I-A", "B-A", "B-B", "O", "B-B"]
    assert not caplog.text

    def entities(line):
        found, start = [], None
        for i, (before, tag) in enumerate(zip(["O", *line], [*line, "O"], strict=True)):
            ends = tag == "O" or tag[0] == "B" or before[2:] != tag[2:]
            if start is not None and ends:
                found.append((before[2:], start, i))
                start = None
            if tag != "O" and (ends or before == "O"):
                start = i
        return found

    assert [entities(line) for line in read] == [entities(line) for line in tags]
    with pytest.raises(TaskError, match="tag_scheme is 'iob3'; give one of iob1, iob2"):
        load_conll(tmp_path, tag_scheme="iob3")


def test_files_are_named_by_wikipedias_codes(tmp_path, caplog):
    for name in ("als", "sq", "en", "simple", "zh-classical"):
        (tmp_path / f"test-{name}.tsv").write_text(f"{name}\tO\n", encoding="utf-8")
    data = load_panx(tmp_path)
    words = {code: data.split(code, "test")[0].words for code in data.languages}
    assert words == {"als_Latn": ("sq",), "gsw_Latn": ("als",), "eng_Latn": ("en",), "lzh_Hant": ("zh-classical",)}
    assert "test-simple.tsv: passed over, test of eng_Latn is there already" in caplog.text
