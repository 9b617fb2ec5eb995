"""CoNLL-U files of any version and formats made after it: words, tags and keys, and broken lines by file and line."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_tasks import TaskError
from xl_tasks.datasets.tagging.conllu import UPOS_LABELS, load_udpos
from xl_tasks.datasets.tagging.uner import load_uner

SECOND = """\
# newdoc id = d1
# sent_id = s1
# text = vámonos al mar
1-2\tvámonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tvamos\tir\tVERB\t_\t_\t0\troot\t_\t_
2\tnos\tnosotros\tPRON\t_\t_\t1\tobj\t_\t_
3-4\tal\t_\t_\t_\t_\t_\t_\t_\t_
3\ta\ta\tADP\t_\t_\t5\tcase\t_\t_
4\tel\tel\tDET\t_\t_\t5\tdet\t_\t_
5\tmar\tmar\tNOUN\t_\t_\t1\tobl\t_\t_
5.1\tfue\tir\tVERB\t_\t_\t_\t_\t_\t_

# sent_id = s2
0.1\t_\t_\tNOUN\t_\t_\t_\t_\t_\t_
1\t_\t_\tSYM\t_\t_\t0\troot\t_\t_
2\t10 000\t_\tNUM\t_\t_\t1\tdep\t_\t_
"""
FIRST = (
    "1\t看\t_\tVERB\tVV\t_\t0\troot\t_\t_\n2\t和\t_\tCONJ\tCC\t_\t1\tcc\t_\t_\n\n1\t。\t_\tPUNCT\t.\t_\t0\troot\t_\t_\n"
)


def _write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode("utf-8"))
    return file


def _row(number: object, form: str = "a", upos: str = "NOUN") -> str:
    return f"{number}\t{form}\t_\t{upos}\t_\t_\t0\troot\t_\t_\n"


def test_words_of_both_versions(tmp_path):
    _write(tmp_path / "UD_Spanish-X/es_x-ud-test.conllu", "\ufeff" + SECOND.replace("\n", "\r\n"))
    _write(tmp_path / "UD_Chinese-GSD/zh_gsd-ud-train.conllu", FIRST)
    data = load_udpos(tmp_path)
    one, two = data.split("es", "test")
    assert (one.key, one.words, one.tags) == (
        "s1", ("vamos", "nos", "a", "el", "mar"), ("VERB", "PRON", "ADP", "DET", "NOUN"),
    )  # fmt: skip
    assert (two.key, two.words, two.tags) == ("s2", ("_", "10 000"), ("SYM", "NUM"))
    # UD 1 has neither comments nor CCONJ.
    assert [(s.key, s.tags) for s in data.split("zh", "train")] == [("1", ("VERB", "CCONJ")), ("2", ("PUNCT",))]
    assert data.labels == UPOS_LABELS
    assert len(UPOS_LABELS) == 17


def test_surface_tokens_as_xtreme_has_them(tmp_path):
    _write(tmp_path / "es_x-ud-test.conllu", SECOND)
    one, two = load_udpos(tmp_path, words="surface").split("es", "test")
    # VERB is nearest to the root; ADP and DET are equally far, and ADP comes first.
    assert (one.words, one.tags) == (("vámonos", "al", "mar"), ("VERB", "ADP", "NOUN"))
    assert two.words == ("_", "10 000")
    # ADP is the root, and the VERB below it comes first only where both are equally far; a circle has no root.
    below = SECOND.replace("\t0\troot", "\t2\tx")
    below = below.replace("PRON\t_\t_\t1\tobj", "ADP\t_\t_\t0\troot")
    _write(tmp_path / "es_x-ud-test.conllu", below)
    assert load_udpos(tmp_path, words="surface").split("es", "test")[0].tags == ("ADP", "ADP", "NOUN")
    with pytest.raises(TaskError, match="words is 'tokens'; give one of syntactic, surface"):
        load_udpos(tmp_path, words="tokens")


@settings(max_examples=50)
@given(
    sentences=st.lists(
        st.lists(st.tuples(st.sampled_from(UPOS_LABELS), st.booleans(), st.booleans()), min_size=1, max_size=6),
        min_size=1,
        max_size=4,
    )
)
def test_ranges_and_empty_nodes_change_no_word(tmp_path_factory, sentences):
    folder = tmp_path_factory.mktemp("ud")
    text = ""
    for words in sentences:
        for i, (tag, token, node) in enumerate(words, start=1):
            if token and i < len(words) and not (i > 1 and words[i - 2][1]):
                text += f"{i}-{i + 1}\tx\t_\t_\t_\t_\t_\t_\t_\t_\n"
            text += _row(i, f"w{i}", tag) + (_row(f"{i}.1", "node", "X") if node else "")
        text += "\n"
    _write(folder / "tr_x-ud-dev.conllu", text)
    read = load_udpos(folder).split("tr", "dev")
    assert [s.tags for s in read] == [tuple(tag for tag, _, _ in words) for words in sentences]
    assert all(s.words == tuple(f"w{i}" for i in range(1, len(s.tags) + 1)) for s in read)


@pytest.mark.parametrize(
    ("broken", "line", "reason"),
    [
        ("1\ta\tNOUN\n", 6, r"3 column\(s\), but the format has 10"),
        (_row(1).replace("\t", " "), 6, r"1 column\(s\)"),
        (_row(1) + _row(3), 7, "number '3' is out of order behind word 1"),
        (_row(1) + _row(1), 7, "number '1' is out of order"),
        (_row("x"), 6, "number 'x' is out of order behind word 0"),
        (_row("2-3") + _row(1), 6, "number '2-3' is out of order"),
        (_row("1-3") + _row(1) + _row(2), 6, "token 1-3 goes on behind the last word, 2"),
        (_row("1-2") + _row(1) + _row("2-3") + _row(2), 8, "number '2-3' is out of order"),
        (_row(1) + _row("2.1"), 7, r"number '2\.1' is out of order"),
        (_row(1) + "# sent_id = z\n" + _row(2), 7, "a comment inside a sentence"),
        ("# sent_id = z\n", 6, "a sentence without a word"),
        (_row(1, form=""), 6, "the word is empty"),
        (_row(1, upos="_"), 6, "'a' has no part of speech, '_'"),
        (_row(1, upos="NOUNS"), 6, "tag 'NOUNS' of 'a' is unknown; known: ADJ"),
        (_row(1, form="_") + _row(2, form="_"), 6, "the words are withheld"),
        ("# sent_id = s1\n" + _row(1), 7, "id 's1' appears a second time in test of tur_Latn"),
    ],
    ids=[
        "columns", "spaces", "gap", "twice", "letter", "range ahead", "range behind", "ranges overlap", "node",
        "comment", "no word", "no form", "no tag", "unknown tag", "withheld", "same id",
    ],
)  # fmt: skip
def test_broken_lines(tmp_path, broken, line, reason):
    good = "# sent_id = s{}\n# x\n" + _row(1) + _row(2) + "\n"
    file = _write(tmp_path / "tr_x-ud-test.conllu", good.format(1) + broken + "\n" + good.format(2))
    with pytest.raises(TaskError, match=reason) as caught:
        load_udpos(tmp_path)
    assert str(caught.value).startswith(f"{file}:{line}: ")
    data = load_udpos(tmp_path, on_error="skip")
    assert [s.key for s in data.split("tr", "test")] == ["s1", "s2"]
    assert data.skipped == {("tur_Latn", "test"): (str(caught.value),)}


def test_treebanks_of_a_language(tmp_path):
    for treebank, code in (
        ("English-EWT", "en_ewt"),
        ("English-PUD", "en_pud"),
        ("Classical_Chinese-Kyoto", "lzh_kyoto"),
    ):
        for split in ("train", "test") if treebank != "English-PUD" else ("test",):
            _write(tmp_path / f"UD_{treebank}/{code}-ud-{split}.conllu", f"# sent_id = {split}\n" + _row(1, code))
    _write(tmp_path / "UD_English-EWT/en_ewt-ud-train.txt", "text")
    _write(tmp_path / "UD_Hindi_English-HIENCS/qhe_hiencs-ud-test.conllu", "no language of one's own")
    data = load_udpos(tmp_path)
    assert data.languages == ("eng_Latn", "lzh_Hant")
    assert [s.key for s in data.split("en", "test")] == ["en_ewt:test", "en_pud:test"]
    assert [s.key for s in data.split("en", "train")] == ["en_ewt:train"]
    assert [s.key for s in data.split("lzh", "test")] == ["test"]
    for name in ("English-PUD", "UD_English-PUD", "en_pud"):
        assert load_udpos(tmp_path, treebanks=(name,)).by_language.keys() == {"eng_Latn"}
    assert load_udpos(tmp_path / "UD_English-PUD").split("en", "test")[0].key == "test"
    with pytest.raises(TaskError, match=r"unknown treebank 'english-ewtt'; .*en_ewt, en_pud"):
        load_udpos(tmp_path, treebanks=("English-EWTT",))
    with pytest.raises(TaskError, match="unknown language 'fin_Latn'"):
        load_udpos(tmp_path, ["fi"])


def test_parts_of_a_large_treebank(tmp_path):
    for part in "cm":
        _write(tmp_path / f"cs_pdt-ud-train-{part}.conllu", _row(1, part) + "\n" + _row(1, part * 2))
    read = load_udpos(tmp_path).split("cs", "train")
    assert [(s.key, s.words[0]) for s in read] == [("1", "c"), ("2", "cc"), ("3", "m"), ("4", "mm")]


def test_download_of_xtreme(tmp_path):
    _write(tmp_path / "train-tr.tsv", "Ev\tNOUN\n.\tPUNCT\n")
    data = load_udpos(tmp_path)
    assert data.split("tr", "train")[0].tags == ("NOUN", "PUNCT")
    assert data.labels == UPOS_LABELS
    _write(tmp_path / "train-tr.tsv", "Ev\n")
    with pytest.raises(TaskError, match=r"train-tr\.tsv:1: 1 column \(some test files come without tags\)"):
        load_udpos(tmp_path)


def test_empty_file(tmp_path):
    _write(tmp_path / "tr_x-ud-test.conllu", "\n")
    with pytest.raises(TaskError, match=r"tr_x-ud-test\.conllu: no sentence in it"):
        load_udpos(tmp_path)


def test_universal_ner(tmp_path):
    rows = "# sent_id = s1\n1\tAna\tB-PER\t-\tx\n2\tAnić\tI-PER\t-\tx\n3\tIlijada\tB-OTH\t-\tx\n4\tu\tI-OTH\t-\tx\n"
    file = _write(tmp_path / "UNER_Serbian-SET/sr_set-ud-test.iob2", rows + "5\tRim\tI-LOC\t-\t-\n")
    for path in (tmp_path, file.parent):
        data = load_uner(path, treebanks=("Serbian-SET",))
        assert data.split("sr", "test")[0].tags == ("B-PER", "I-PER", "O", "O", "B-LOC")
    assert data.labels == ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
    with pytest.raises(TaskError, match=r"sr_set-ud-test\.iob2:6: tag 'I-LOC' of 'Rim' starts inside, after 'O'"):
        load_uner(tmp_path, repair=False)
    _write(file, "1\tAna\tB-PER\n")
    with pytest.raises(TaskError, match=r"sr_set-ud-test\.iob2:1: 3 column\(s\), but the format has 5"):
        load_uner(tmp_path)
    with pytest.raises(TaskError, match=r"no file such as UNER_English-EWT"):
        load_uner(_write(tmp_path / "other/x.txt", "").parent)
