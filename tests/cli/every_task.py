"""A few lines of data for every task of the catalogue, English and Turkish, each in a layout that its reader knows."""

import gzip
import json
from pathlib import Path

from tests.cli.task_data import make_dictionary, make_panx, make_questions, make_sib200, make_tatoeba, make_xnli

_TWO = {"en": ("eng", "eng_Latn"), "tr": ("tur", "tur_Latn")}
_N = 6


def make_every_task(root: Path) -> Path:
    """Folders of all tasks but `retrieval` and `names`, which need none of their own; gives `root`."""
    make_sib200(root, (6, 6, 6))
    make_xnli(root, _N)
    make_panx(root, _N)
    make_questions(root, _N)
    make_tatoeba(root, _N)
    make_dictionary(root)
    for short, (three, code) in _TWO.items():
        texts = [f"{short} line {i}" for i in range(_N)]
        _write(root / "flores/devtest" / f"{code}.devtest", texts)
        _write(root / "lines" / f"{code}.txt", texts)
        ids = [40001001 + i for i in range(_N)]
        verses = [f"{number}\t{text}" for number, text in zip(ids, texts, strict=True)]
        (root / "bible").mkdir(exist_ok=True)
        (root / "bible" / f"{code}.tsv.gz").write_bytes(gzip.compress("".join(f"{v}\n" for v in verses).encode()))
        for split in ("train", "dev", "test"):
            labelled = [
                f"{v.split(chr(9))[0]}\t{'Faith' if i % 2 else 'Sin'}\t{texts[i]}" for i, v in enumerate(verses)
            ]
            if short == "en":
                _write(root / "taxi1500" / f"eng_{split}.tsv", labelled)
            _write(root / "pawsx" / f"{split}-{short}.tsv", [f"{t}\tother {t}\t{i % 2}" for i, t in enumerate(texts)])
            sentences = [f"Ada B-PER\nwent{i} O\n" for i in range(_N)]
            _write(root / "masakhaner" / three / f"{split}.txt", sentences)
            _write(root / "conll" / code / f"{split}.txt", sentences)
            for tree in ("TB", "PUD"):
                name, folder = f"{short}_{tree.lower()}-ud-{split}", {"en": "English", "tr": "Turkish"}[short]
                _write(
                    root / "uner" / f"UNER_{folder}-{tree}" / f"{name}.iob2", _blocks("1\tAda{}\tB-PER\t-\tme", tree)
                )
                words = "1\tAda{}\t_\tPROPN\t_\t_\t0\troot\t_\t_\n2-3\tgoes\t_\t_\t_\t_\t_\t_\t_\t_\n"
                words += "2\tgo\t_\tVERB\t_\t_\t1\tdep\t_\t_\n3\tes\t_\tPART\t_\t_\t1\tdep\t_\t_"
                _write(root / "ud" / f"UD_{folder}-{tree}" / f"{name}.conllu", _blocks(words, tree))
        for split in ("train", "dev"):
            _write(root / "tydiqa" / f"tydiqa.goldp.{short}.{split}.json", [_questions(texts, f"{short}{split}")])
        for other in _TWO:
            for split in ("dev", "test"):
                name = f"{split}-context-{short}-question-{other}.json"
                _write(root / "mlqa" / split / name, [_questions(texts, "q")])
    _write(root / "squad" / "dev-v1.1.json", [_questions([f"en line {i}" for i in range(_N)], "dev")])
    for part in ("sample", "training", "test"):
        for short in ("de", "en"):
            _write(root / "bucc2018" / f"de-en.{part}.{short}", [f"{short}-{i}\tline {i}" for i in range(_N)])
        if part != "test":
            _write(root / "bucc2018" / f"de-en.{part}.gold", [f"de-{i}\ten-{i}" for i in range(3)])
    for split in ("test", "trial"):
        _write(
            root / "semeval17_task2" / f"en-fa.{split}.txt", [f"{'word ' * i}a\tline{i}\t{i % 5}" for i in range(_N)]
        )
    return root


def _write(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _blocks(words: str, tree: str) -> list[str]:
    return [f"# sent_id = {tree}{i}\n{words.format(i)}\n" for i in range(_N)]


def _questions(texts: list[str], prefix: str) -> str:
    paragraphs = [
        {"context": text, "qas": [{"id": f"{prefix}{i}", "question": "what", "answers": [_answer(text)]}]}
        for i, text in enumerate(texts)
    ]
    return json.dumps({"version": "1.1", "data": [{"title": "made", "paragraphs": paragraphs}]})


def _answer(text: str) -> dict[str, object]:
    return {"text": text.split()[-1], "answer_start": len(text) - len(text.split()[-1])}
