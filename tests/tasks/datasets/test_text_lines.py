"""Every reader gives the same items of a file and of its copy with CRLF line ends."""

import gzip
import json
import shutil

import pytest

from xl_tasks import load_bible, load_lines, load_sib200, load_tatoeba
from xl_tasks.datasets.answering.question_sets import load_xquad
from xl_tasks.datasets.classification.pawsx import load_pawsx
from xl_tasks.datasets.classification.sib200_topics import load_sib200_topics
from xl_tasks.datasets.classification.taxi1500 import load_taxi1500
from xl_tasks.datasets.classification.xnli import load_xnli
from xl_tasks.datasets.lexical.lexical_files import lexical_tasks
from xl_tasks.datasets.parallel.bucc import load_bucc
from xl_tasks.datasets.parallel.flores import load_flores
from xl_tasks.datasets.tagging.conll import load_conll
from xl_tasks.datasets.tagging.conllu import load_udpos
from xl_tasks.datasets.tagging.panx import load_panx
from xl_tasks.datasets.tagging.uner import load_uner

SQUAD = {"data": [{"paragraphs": [{"context": "the\r\ncat", "qas": [
    {"id": "a", "question": "Who?", "answers": [{"text": "cat", "answer_start": 5}]}
]}]}]}  # fmt: skip
CONLLU = "# sent_id = a\n1\tev\tev\tNOUN\t_\t_\t0\troot\t_\t_\n\n"
UNER = "# sent_id = a\n1\tAli\tB-PER\t-\tx\n2\tev\tO\t-\tx\n\n"
BUCC = {"de-en.sample.de": "d1\teins\n", "de-en.sample.en": "e1\tone\n", "de-en.sample.gold": "d1\te1\n"}
PAWSX = {"test-fr.tsv": "un\tdeux\t1\n", "de/test_2k.tsv": "id\tsentence1\tsentence2\tlabel\n1\ta\tb\t0\n"}
READERS = {
    "lines": (load_lines, {"eng_Latn.txt": "one\n\ntwo in\rside\n", "tr.txt": "bir\n\niki\n"}),
    "tatoeba": (load_tatoeba, {"tatoeba.tur-eng.tur": "bir\niki\n", "tatoeba.tur-eng.eng": "one\ntwo\n"}),
    "bible": (load_bible, {"tur_Latn.tsv.gz": "40001001\tbir\n40001002\tiki\n"}),
    "sib200-retrieval": (load_sib200, {"tur_Latn/test.tsv": "index_id\tcategory\ttext\n1\ttravel\tbir\n"}),
    "sib200": (load_sib200_topics, {"tur_Latn/test.tsv": "index_id\tcategory\ttext\n1\ttravel\tbir\n"}),
    "flores": (load_flores, {"devtest/tur_Latn.devtest": "bir\niki\n", "devtest/eng_Latn.devtest": "one\ntwo\n"}),
    "bucc": (load_bucc, BUCC),
    "taxi1500": (load_taxi1500, {"eng_test.tsv": "40001001\tSin\tone\n"}),
    "xnli": (load_xnli, {"test-tr.tsv": "bir\tiki\tneutral\n"}),
    "pawsx": (load_pawsx, PAWSX),
    "conll": (load_conll, {"tur_Latn/test.txt": "Ali B-PER\nev O\n\nev O\n"}),
    "panx": (load_panx, {"test-tr.tsv": "tr:Ali\tB-PER\ntr:ev\tO\n\ntr:ev\tO\n"}),
    "udpos": (load_udpos, {"UD_Turkish-IMST/tr_imst-ud-test.conllu": CONLLU}),
    "uner": (load_uner, {"UNER_English-EWT/en_ewt-ud-test.iob2": UNER}),
    "xquad": (load_xquad, {"xquad.tr.json": json.dumps(SQUAD, indent=1) + "\n"}),
    "bli": (lexical_tasks, {"en-tr.5000-6500.txt": "one bir\ntwo iki\n", "yacle.test.freq.2k.en-tr.tsv": "one\tbir\n"}),
    "similarity": (lexical_tasks, {"en.test.txt": "one\ttwo\t3.5\ncat\tdog\t2\n"}),
}  # fmt: skip


def put(root, files, end):
    shutil.rmtree(root, ignore_errors=True)
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = text.replace("\n", end).encode()
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)


@pytest.mark.parametrize("name", READERS)
def test_line_ends_are_no_text(tmp_path, name):
    load, files = READERS[name]
    root = tmp_path / "data"
    put(root, files, "\n")
    plain = load(root)
    put(root, files, "\r\n")
    assert load(root) == plain
