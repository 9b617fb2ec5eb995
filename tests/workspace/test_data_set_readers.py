"""Whatever lies in the file of a data set, its reader gives examples or one error that names the file."""

import gzip
import json
import logging
import os
from collections.abc import Callable
from functools import partial
from inspect import signature
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.workspace.test_readers import edited, edits

from xl_staticemb import StaticembError
from xl_tasks import (
    DATASETS,
    TASKS,
    TaskError,
    lexical_tasks,
    load_bible,
    load_bucc,
    load_conll,
    load_flores,
    load_lines,
    load_masakhaner,
    load_mlqa,
    load_panx,
    load_pawsx,
    load_sib200,
    load_sib200_topics,
    load_squad,
    load_tatoeba,
    load_taxi1500,
    load_tydiqa,
    load_udpos,
    load_uner,
    load_xnli,
    load_xquad,
)
from xl_translit import TranslitError


class Layout(NamedTuple):
    """Files of a data set by their way from its folder, and what reads it."""

    files: dict[str, bytes]
    load: Callable[..., object]


def lines(*rows: str) -> bytes:
    return "".join(f"{row}\n" for row in rows).encode()


def squad(*ids: str) -> bytes:
    qas = [{"id": name, "question": "Kim?", "answers": [{"text": "Ada", "answer_start": 0}]} for name in ids]
    return json.dumps({"data": [{"paragraphs": [{"context": "Ada geldi", "qas": qas}]}]}, indent=0).encode()


SIB200 = {
    f"{code}/{split}.tsv": lines("index_id\tcategory\ttext", f"{split}1\ttravel\tBir yol", f"{split}2\tsports\t“Top”")
    for code in ("tur_Latn", "eng_Latn")
    for split in ("train", "test")
}
TAGGED = {"tur_Latn/train.txt": lines("Ada B-PER", "geldi O", "", "Ev O"), "tur_Latn/test.txt": lines("Ada B-PER")}
TABBED = {"train-tr.tsv": lines("Ada\tB-PER", "geldi\tO", "", "Ev\tO"), "test-tr.tsv": lines("tr:Ada\tB-PER")}
WORDS = (
    "1-2\tAda'ya" + "\t_" * 8,
    "1\tAda\tAda\tPROPN\t_\t_\t2\tobl\t_\t_",
    "2\tgel\tgel\tVERB\t_\t_\t0\troot\t_\t_",
)
TREE = {"UD_Turkish-X/tr_x-ud-test.conllu": lines("# sent_id = a", *WORDS, "2.1\tx" + "\t_" * 8, "", *WORDS)}
NAMES = {"UNER_English-X/en_x-ud-test.iob2": lines("# sent_id = a", "1\tAda\tB-PER\t-\t-", "2\tcame\tO\t-\tx", "")}
PAIRS = {f"{split}-tr.tsv": lines("Bir\tİki\t0", 'A "b\tC\t1') for split in ("train", "test")}
HEADED = {"x-final/fr/test_2k.tsv": lines("id\tsentence1\tsentence2\tlabel", "1\tUn\tDeux\t0", "2\tA\tB\t1")}
NLI = {
    "test-tr.tsv": lines("Bir\tİki\tneutral", "A\tB\tentailment"),
    "xnli.dev.tsv": lines(
        "language\tgold_label\tsentence1\tsentence2\tpairID", "tr\tneutral\tA\tB\t1", "de\t-\tA\tB\t1"
    ),
}
VERSES = {f"eng_{split}.tsv": lines("id\tlabel\tverse", "40001001\tFaith\tAbc") for split in ("train", "test")}
BIBLES = {
    f"{code}.tsv.gz": gzip.compress(lines("40001001\tAbc", "40001002\t", "40002001\tDef"))
    for code in ("tur_Latn", "eng_Latn")
}
TATOEBA = {f"tatoeba.tur-eng.{code}": lines("Bir", "İki", "") for code in ("tur", "eng")}
FLORES = {"devtest/tur_Latn.devtest": lines("Bir", "İki"), "dev/eng_Latn.jsonl": lines('{"text": "One", "id": 1}')}
BUCC = {
    "de-en.sample.de": lines("de-1\tEins", "de-2\tZwei"),
    "de-en.sample.en": lines("en-1\tOne", "en-2\tTwo"),
    "de-en.sample.gold": lines("de-1\ten-2"),
}
PLAIN = {"tur_Latn.txt": lines("Bir", "", "İki"), "eng_Latn.txt": lines("One", "", "Two")}
DICTIONARIES = {
    "yacle.test.freq.2k.en-tr.tsv": lines("water\tsu", "house\tev"),
    "en-de.0-5000.txt": lines("water wasser"),
    "en-de.5000-6500.txt": lines("house haus"),
}
RATED = {
    "en.test.txt": lines("sun\tmoon\t2.5", "a b\tc\t0"),
    "de.test.data.txt": lines("Sonne\tMond"),
    "de.test.gold.txt": lines("2.5"),
}
TYDIQA = {
    "tydiqa-goldp-v1.1-dev.json": squad("korean-1-0", "english-2-0"),
    "tydiqa.goldp.tr.train.json": squad("1", "2"),
}

LAYOUTS = {
    "sib200": Layout(SIB200, load_sib200_topics),
    "sib200-retrieval": Layout(SIB200, load_sib200),
    "panx": Layout(TABBED, load_panx),
    "masakhaner": Layout(TAGGED, load_masakhaner),
    "conll": Layout(TAGGED, load_conll),
    "udpos": Layout(TREE, load_udpos),
    "udpos, surface words": Layout(TREE, partial(load_udpos, words="surface")),
    "uner": Layout(NAMES, load_uner),
    "xquad": Layout({"xquad.tr.json": squad("a", "b")}, load_xquad),
    "tydiqa": Layout(TYDIQA, load_tydiqa),
    "mlqa": Layout({"test-context-de-question-de.json": squad("a", "b")}, load_mlqa),
    "squad": Layout({"dev-v1.1.json": squad("a"), "squad.translate.train.en-tr.json": squad("a", "b")}, load_squad),
    "xnli": Layout(NLI, load_xnli),
    "pawsx": Layout(PAIRS, load_pawsx),
    "pawsx, headed": Layout(HEADED, load_pawsx),
    "taxi1500": Layout(VERSES, load_taxi1500),
    "bible": Layout(BIBLES, load_bible),
    "tatoeba": Layout(TATOEBA, load_tatoeba),
    "flores": Layout(FLORES, load_flores),
    "bucc2018": Layout(BUCC, load_bucc),
    "lines": Layout(PLAIN, load_lines),
    "bli": Layout(DICTIONARIES, partial(lexical_tasks, kind="bli")),
    "similarity": Layout(RATED, partial(lexical_tasks, kind="similarity")),
}
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda data: data[: len(data) // 2],
    "the last byte is missing": lambda data: data[:-1],
    "empty": lambda _: b"",
    "a line end alone": lambda _: b"\n",
    "a byte-order mark alone": lambda _: b"\xef\xbb\xbf",
    "a byte-order mark": lambda data: b"\xef\xbb\xbf" + data,
    "CRLF": lambda data: data.replace(b"\n", b"\r\n"),
    "binary": lambda _: bytes(range(256)) * 40,
    "UTF-16": lambda data: data.decode("utf-8", "ignore").encode("utf-16"),
    "no UTF-8": lambda data: data.replace(b"A", b"\xc4"),
    "a column more": lambda data: data.replace(b"\t", b"\t\t").replace(b" ", b"  "),
    "no columns": lambda data: data.replace(b"\t", b""),
    "lone quotes": lambda data: data.replace(b"\n", b'"\n').replace(b"\t", b'\t"'),
    "nested too deep": lambda _: b'{"data": ' + b"[" * 99_999,
    "another kind of JSON": lambda _: b'{"data": [{"paragraphs": {"qas": 1}}]}',
    "a long line": lambda data: data.replace(b"\n", b" ") * 999,
    "a number too long": lambda data: data.replace(b"1", b"1" * 5000),
}


def read_damaged(layout: Layout, folder: Path) -> None:
    """Read the folder, stopping at faults and skipping them; what is raised is ours, one sentence, and says where."""
    skips = "on_error" in signature(layout.load).parameters
    for options in ({}, {"on_error": "skip"}) if skips else ({},):
        try:
            layout.load(folder, **options)
        except (TaskError, TranslitError, StaticembError) as error:
            message = str(error)
            assert message.isprintable()
            assert len(message) < 400 + len(str(folder)) * 2
            assert str(folder) in message


def test_every_data_set_is_here() -> None:
    assert {name for name, entry in {**TASKS, **DATASETS}.items() if entry.layout} - set(LAYOUTS) == {"retrieval"}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_data_set_is_read_or_its_error_names_the_file(name: str, tmp_path: Path) -> None:
    layout = LAYOUTS[name]
    for way, data in layout.files.items():
        (tmp_path / way).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / way).write_bytes(data)
    layout.load(tmp_path)
    logging.disable()

    def damage(way: str, data: bytes) -> None:
        (tmp_path / way).write_bytes(gzip.compress(data, 1) if way.endswith(".gz") else data)
        try:
            read_damaged(layout, tmp_path)
        finally:
            (tmp_path / way).write_bytes(layout.files[way])

    @settings(deadline=None, max_examples=int(os.environ.get("XL_FUZZ", "20")), database=None)
    @given(st.sampled_from(sorted(layout.files)), edits)
    def check(way: str, changes: list) -> None:
        whole = gzip.decompress(layout.files[way]) if way.endswith(".gz") else layout.files[way]
        damage(way, edited(whole, changes))

    try:
        for way, data in layout.files.items():
            for change in DAMAGES.values():
                damage(way, change(gzip.decompress(data) if way.endswith(".gz") else data))
        check()
    finally:
        logging.disable(logging.NOTSET)
