"""Each known layout is read from small files made here; broken ones are named by file and line."""

import gzip
from pathlib import Path

import pytest

from xl_tasks import TaskError, hold_out, load_bible, load_lines, load_sib200, load_tatoeba, load_texts


def write(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = "".join(line + "\n" for line in lines).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.fixture
def sib(tmp_path):
    for code, word in (("tur_Latn", "bir"), ("eng_Latn", "one")):
        for split, key in (("train", "7"), ("dev", "8"), ("test", "9")):
            write(tmp_path / "sib" / code / f"{split}.tsv", "index_id\tcategory\ttext", f'{key}\tgeo\t"{word} {key}')
    return tmp_path / "sib"


@pytest.fixture
def tatoeba(tmp_path):
    write(tmp_path / "tat/tatoeba.tur-eng.tur", "bir", "", "üç")
    write(tmp_path / "tat/tatoeba.tur-eng.eng", "one", "two", "three")
    write(tmp_path / "tat/tatoeba.ara-eng.ara", "wahid")
    write(tmp_path / "tat/tatoeba.ara-eng.eng", "one")
    return tmp_path / "tat"


@pytest.fixture
def bible(tmp_path):
    write(tmp_path / "bib/eng_Latn.tsv.gz", "01001001\tIn the beginning", "01001002\t", "01002001\tThus")
    write(tmp_path / "bib/more/heb_Hebr.tsv.gz", "01001001\tבראשית")
    write(tmp_path / "bib/ids.txt", "01001001")
    return tmp_path / "bib"


def test_sib200(sib):
    data = load_texts(sib)
    assert (data.name, data.languages) == ("sib200", ("eng_Latn", "tur_Latn"))
    assert data.texts["tur_Latn"] == {"7": '"bir 7', "8": '"bir 8', "9": '"bir 9'}
    assert hold_out(data) == {"7": "train", "8": "dev", "9": "test"}
    assert load_texts(sib, languages=["tr"]).languages == ("tur_Latn",)


def test_tatoeba(tatoeba):
    data = load_texts(tatoeba)
    assert data.texts == {
        "tur_Latn": {"tur:1": "bir", "tur:3": "üç"},
        "arb_Arab": {"ara:1": "wahid"},
        "eng_Latn": {"tur:1": "one", "tur:2": "two", "tur:3": "three", "ara:1": "one"},
    }
    # The same English sentence in two bitexts is held out in both or in none.
    assert data.groups["tur:1"] == data.groups["ara:1"]
    assert data.pools == {"tur:1": "tur", "tur:2": "tur", "tur:3": "tur", "ara:1": "ara"}
    assert load_texts(tatoeba, languages=["en", "Turkish"]).keys == ("tur:1", "tur:2", "tur:3")
    assert load_texts(tatoeba, languages=["ara"]).languages == ("arb_Arab",)
    assert len(load_texts(tatoeba, languages=["eng"]).keys) == 4
    assert load_texts(tatoeba / "tatoeba.tur-eng.eng").languages == ("eng_Latn", "tur_Latn")


def test_bible(bible):
    data = load_texts(bible)
    assert data.texts == {
        "eng_Latn": {"01001001": "In the beginning", "01002001": "Thus"},
        "heb_Hebr": {"01001001": "בראשית"},
    }
    assert data.groups == {"01001001": "01001", "01002001": "01002"}
    assert load_texts(str(bible / "*.tsv.gz")).languages == ("eng_Latn",)
    assert load_texts(bible / "more/heb_Hebr.tsv.gz").languages == ("heb_Hebr",)


def test_plain_lines(tmp_path):
    # A carriage return and a line separator inside a line are text.
    turkish = write(tmp_path / "tr.txt", "bir\r", "iki\u2028buçuk", "", "dört")
    write(tmp_path / "Hebrew.txt.gz", "אחד", "שתיים", "שלוש", "ארבע")
    data = load_texts(tmp_path)
    assert data.languages == ("heb_Hebr", "tur_Latn")
    assert data.texts["tur_Latn"] == {"1": "bir", "2": "iki\u2028buçuk", "4": "dört"}
    alone = load_texts(turkish, parallel=False)
    assert (set(alone.texts["tur_Latn"]), alone.parallel) == ({"tur_Latn:1", "tur_Latn:2", "tur_Latn:4"}, False)
    assert load_texts([tmp_path / "tr.txt", tmp_path / "Hebrew.txt.gz"]).fingerprint == data.fingerprint


def test_lines_without_a_partner(tmp_path):
    write(tmp_path / "tr.txt", "bir", "iki")
    write(tmp_path / "en.txt", "one", "two", "three", "four")
    with pytest.raises(TaskError, match=r"tr\.txt has 2 lines, .*en\.txt has 4; .*en\.txt:3 is the first line without"):
        load_lines(tmp_path)
    loose = load_lines(tmp_path, parallel=False)
    assert {language: len(texts) for language, texts in loose.texts.items()} == {"eng_Latn": 4, "tur_Latn": 2}
    write(tmp_path / "tat/tatoeba.tur-eng.tur", "bir")
    write(tmp_path / "tat/tatoeba.tur-eng.eng", "one", "two")
    with pytest.raises(TaskError, match=r"tatoeba.tur-eng.eng:2 is the first line without a partner"):
        load_tatoeba(tmp_path / "tat")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["index_id\tlabel", "1\tx"], r"dev.tsv:1: no column 'text' in the header; it has index_id, label"),
        (["index_id\ttext", "1\tx\ty"], r"dev.tsv:2: 3 fields, but the header names 2"),
        (["index_id\ttext", "1\tx", "1\ty"], r"dev.tsv:3: index_id '1' appears a second time in tur_Latn"),
        (["index_id\ttext", "1\t "], r"dev.tsv:2: text is empty"),
        (["index_id\ttext", "7\tx"], r"dev.tsv:2: index_id '7' is in dev here, but in train for another language"),
        (["index_id\ttext"], r"dev.tsv: no sentence in it"),
        ([], r"dev.tsv: no sentence in it"),
    ],
)
def test_broken_sib200(sib, lines, message):
    (sib / "tur_Latn/train.tsv").unlink()
    write(sib / "tur_Latn/dev.tsv", *lines)
    with pytest.raises(TaskError, match=message):
        load_sib200(sib)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["01001001\ta", "In the beginning"], "ell_Grek.tsv.gz:2: not a verse id of eight digits"),
        (["1001001\ta"], "ell_Grek.tsv.gz:1: not a verse id of eight digits, a TAB and the text: '1001001"),
        (["01001001\ta", "01001001\tb"], "ell_Grek.tsv.gz:2: verse 01001001 appears a second time"),
        ([], "ell_Grek.tsv.gz: no verse in it"),
    ],
)
def test_broken_bible(bible, lines, message):
    write(bible / "ell_Grek.tsv.gz", *lines)
    with pytest.raises(TaskError, match=message):
        load_bible(bible)


def test_bytes_that_are_not_utf8(tmp_path):
    (tmp_path / "tr.txt").write_bytes(b"bir\niki\xff\n")
    with pytest.raises(ValueError, match=r"tr\.txt:2.*UTF-8"):
        load_texts(tmp_path)


def test_one_language_twice(tmp_path, bible, sib):
    write(tmp_path / "plain/tr.txt", "bir")
    write(tmp_path / "plain/tur_Latn.txt", "bir")
    with pytest.raises(TaskError, match=r"tur_Latn is there already as .*tr\.txt"):
        load_lines(tmp_path / "plain")
    write(bible / "eng_Latn.tsv.gz", "01001001\tx")
    write(bible / "more/eng_Latn.tsv.gz", "01001001\tx")
    with pytest.raises(TaskError, match="eng_Latn is there already"):
        load_bible(bible)
    write(sib / "tr_Latn/test.tsv", "index_id\ttext", "1\tx")
    with pytest.raises(TaskError, match="tur_Latn is there already"):
        load_sib200(sib)


def test_nothing_to_read(tmp_path, sib, bible):
    (tmp_path / "empty").mkdir()
    cases = {
        tmp_path / "nowhere": "nowhere: no such file or folder",
        tmp_path / "empty": "the folder is empty. Known layouts: sib200: LLL_Ssss/",
        write(tmp_path / "odd/data.json", "{}").parent: "nothing in this folder has a known name. Known layouts",
        tmp_path / "odd/data.json": "not a kind of file that is known",
        write(tmp_path / "blank/tr.txt", "", " ").parent: "tr.txt: no text in it",
        write(tmp_path / "void/tr.txt").parent: "tr.txt: no text in it",
        write(tmp_path / "named/corpus.txt", "x").parent: "corpus.txt: its name states no language",
    }
    for path, message in cases.items():
        with pytest.raises(TaskError, match=message):
            load_texts(path)
    with pytest.raises(TaskError, match="no file matches this pattern"):
        load_texts(str(tmp_path / "*.tsv"))
    with pytest.raises(TaskError, match="no path given"):
        load_texts([])
    with pytest.raises(TaskError, match=r"is sib200, but .* is bible; load one kind"):
        load_texts([sib, bible])
    with pytest.raises(TaskError, match="unknown kind of data 'sib20'; did you mean 'sib200'"):
        load_texts(sib, kind="sib20")
    loose = load_texts(sib, parallel=False)
    assert not loose.parallel
    assert loose.texts == load_texts(sib).texts


def test_a_language_that_is_not_there(sib, tatoeba, bible, tmp_path):
    write(tmp_path / "plain/tr.txt", "bir")
    for path in (sib, tatoeba, bible, tmp_path / "plain"):
        with pytest.raises(TaskError, match="unknown language 'kor_Hang'"):
            load_texts(path, languages=["Korean"])
        with pytest.raises(TaskError, match="no language asked for"):
            load_texts(path, languages=[])
    for load in (load_sib200, load_tatoeba, load_bible):
        with pytest.raises(TaskError, match=r"such as (tatoeba|tur_Latn)"):
            load(tmp_path / "plain")
