"""Small copies of the hub's repositories: their files, configurations, column names and types, with made rows.

As the hub has them at the commits that are read: a card that lists the configurations and Parquet files (TSV for
SIB-200, JSON lines for Tatoeba), or the branch that holds the hub's own Parquet, a folder a configuration and no card.
"""

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from datasets import ClassLabel, Dataset, Features, Value
from datasets import List as Several
from tests.cli.task_data import LANGUAGES, sentence, write

from xl_tasks.datasets.answering import question_hub
from xl_tasks.datasets.classification import pawsx, sib200_topics, xnli
from xl_tasks.datasets.parallel.tatoeba import HUB_ID as TATOEBA
from xl_tasks.datasets.parallel.tatoeba import REVISION as TATOEBA_REVISION
from xl_tasks.datasets.tagging import uner
from xl_tasks.datasets.tagging.conllu import HUB_ID as UD
from xl_tasks.datasets.tagging.conllu import HUB_REVISION, UPOS_LABELS
from xl_tasks.datasets.tagging.masakhaner import MASAKHANER_LABELS
from xl_tasks.datasets.tagging.panx import PANX_LABELS

SPLITS = ("train", "validation", "test")
_TOPICS = ("geography", "politics", "sports")
_TEXT, _TEXTS = Value("string"), Several(Value("string"))
_CONVERTED = "refs/convert/parquet"

Rows = Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]
"""(configuration, split) -> rows."""


def make_hub(root: Path, n: int = 9) -> None:
    """All repositories that `xl eval` reads, in a few of their languages; see `SHORTENED`."""
    _sib200(root, n)
    _tatoeba(root, ("amh", "tur", "ell", "ang"), n)
    pairs = {"premise": _TEXT, "hypothesis": _TEXT, "label": ClassLabel(names=list(xnli.LABELS))}
    rows = {(config, split): [
        {"premise": text, "hypothesis": text.split(" ")[0], "label": i % 3}
        for i, text in enumerate(_sentences(config, split, n))
    ] for config in (*LANGUAGES, "de") for split in SPLITS}  # fmt: skip
    _parquet(root, xnli.HUB_ID, xnli.REVISION, rows, Features(pairs))
    both = {"id": Value("int32"), "sentence1": _TEXT, "sentence2": _TEXT, "label": ClassLabel(names=["0", "1"])}
    rows = {(config, split): [
        {"id": i + 1, "sentence1": text, "sentence2": text, "label": i % 2}
        for i, text in enumerate(_sentences(config, split, n))
    ] for config in ("en", "zh") for split in SPLITS}  # fmt: skip
    _parquet(root, pawsx.HUB_ID, pawsx.REVISION, rows, Features(both))
    plus = dict.fromkeys(("iso_639_3", "iso_15924", "glottocode", "text", "url", "domain", "topic"), _TEXT)
    rows = {(config, split): [
        {**dict.fromkeys(plus, ""), "id": i, "text": text} for i, text in enumerate(_sentences(config, split, n))
    ] for config in ("eng_Latn", "tur_Latn", "cmn_Hans") for split in ("dev", "devtest")}  # fmt: skip
    _parquet(root, "openlanguagedata/flores_plus", "main", rows, Features({"id": Value("int64"), **plus}))
    _tagged(root, n)
    _questions(root, n)


def _sib200(root: Path, n: int) -> None:
    folder = root / sib200_topics.HUB_ID / sib200_topics.REVISION
    configs = {}
    for code in ("eng_Latn", "tur_Latn", "ell_Grek"):
        configs[code] = {
            split: f"data/{code}/{file}.tsv" for split, file in zip(SPLITS, ("train", "dev", "test"), strict=True)
        }
        for number, (split, file) in enumerate(configs[code].items()):
            lines = [
                f"{number * n + i}\t{_TOPICS[i % 3]}\t{text}" for i, text in enumerate(_sentences(code[:2], split, n))
            ]
            _put(folder / file, "\n".join(["index_id\tcategory\ttext", *lines]) + "\n")
    _card(folder, configs)


def _tatoeba(root: Path, languages: Iterable[str], n: int) -> None:
    folder = root / TATOEBA / TATOEBA_REVISION
    configs = {f"{short}-eng": {"test": f"test/{short}-eng.jsonl.gz"} for short in languages}
    for config, files in configs.items():
        foreign = _sentences({"tur": "tr", "ell": "el"}.get(config[:3], "en"), config, n)
        rows = zip(foreign, _sentences("en", config, n), strict=True)
        text = "".join(json.dumps({"sentence1": a, "sentence2": b, "lang": config}) + "\n" for a, b in rows)
        _put(folder / files["test"], gzip.compress(text.encode()))
    _card(folder, configs)


def _tagged(root: Path, n: int) -> None:
    def rows(configs: Iterable[str], splits: Iterable[str], **more: Any) -> Rows:
        return {(config, split): [
            {**{name: value(i, text) for name, value in more.items()}, "tokens": text.split(" ")}
            for i, text in enumerate(_sentences(config, split, n))
        ] for config in configs for split in splits}  # fmt: skip

    def tags(i: int, text: str) -> list[int]:
        return [1 if place == i % 5 else 0 for place, _ in enumerate(text.split(" "))]

    names = {"tokens": _TEXTS, "ner_tags": Several(ClassLabel(names=list(PANX_LABELS)))}
    wikiann = rows(
        ("en", "tr", "als", "sq", "simple", "zh-classical", "bat-smg"),
        SPLITS,
        ner_tags=tags,
        langs=lambda *_: [],
        spans=lambda *_: [],
    )
    _parquet(root, "unimelb-nlp/wikiann", "main", wikiann, Features({**names, "langs": _TEXTS, "spans": _TEXTS}))
    entities = Features({"id": _TEXT, "tokens": _TEXTS, "ner_tags": Several(ClassLabel(names=list(MASAKHANER_LABELS)))})
    for hub_id, configs in (("masakhane/masakhaner", ("amh", "hau")), ("masakhane/masakhaner2", _MASAKHANE)):
        _converted(root, hub_id, rows(configs, SPLITS, ner_tags=tags, id=lambda i, _: str(i)), entities)
    more = {"idx": _TEXT, "text": _TEXT, "annotator": _TEXTS}
    own = {"idx": lambda i, _: f"s{i}", "text": lambda _, t: t, "annotator": lambda *_: [], "ner_tags": tags}
    every = {**rows(("en_ewt", "zh_gsd"), SPLITS, **own), **rows(("en_pud", "ceb_gja"), ("test",), **own)}
    _converted(root, uner.HUB_ID, every, Features({**names, **more}))
    columns = dict.fromkeys(("lemmas", "xpos", "feats", "head", "deprel", "deps", "misc"), _TEXTS)
    upos = Several(ClassLabel(names=[*UPOS_LABELS, "_"]))
    features = Features({"idx": _TEXT, "sent_id": _TEXT, "text": _TEXT, "tokens": _TEXTS, "upos": upos, **columns})
    words = {name: lambda _, text: ["1"] * len(text.split(" ")) for name in columns}
    own = {"idx": lambda i, _: str(i), "sent_id": lambda i, _: f"s{i}", "text": lambda _, t: t, "upos": tags, **words}
    every = {
        **rows(("en_ewt", "tr_imst", "tr_boun"), SPLITS, **own),
        **rows(("yue_hk", "qtd_sagt"), ("test",), **own),
    }
    _parquet(root, UD, HUB_REVISION, every, features)


def _questions(root: Path, n: int) -> None:
    answers = {"text": _TEXTS, "answer_start": Several(Value("int32"))}
    features = Features({"id": _TEXT, "context": _TEXT, "question": _TEXT, "answers": answers})
    titled = Features({**features, "title": _TEXT})

    def rows(config: str, split: str, start: str = "") -> list[dict[str, Any]]:
        return [
            {
                "id": f"{start}{config}-{split}-{i}",
                "title": "made",
                "context": text,
                "question": "one day",
                "answers": {"text": [text.split(" ")[0]], "answer_start": [0]},
            }
            for i, text in enumerate(_sentences(config, split, n))
        ]

    def plain(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{name: row[name] for name in features} for row in found]

    squad = {("plain_text", split): rows("en", split) for split in ("train", "validation")}
    _parquet(root, "rajpurkar/squad", question_hub.SQUAD.revision, squad, titled)
    xquad = {(f"xquad.{short}", "validation"): plain(rows(short, "test")) for short in LANGUAGES}
    _parquet(root, "google/xquad", question_hub.XQUAD.revision, xquad, features)
    gold = {
        ("secondary_task", split): [row for name in _TYDIQA for row in rows("en", split, f"{name}-")]
        for split in ("train", "validation")
    }
    _parquet(root, "google-research-datasets/tydiqa", question_hub.TYDIQA.revision, gold, titled)
    pairs = {
        (f"mlqa.{context}.{asked}", split): plain(rows(context, split))
        for context in ("en", "zh")
        for asked in ("en", "zh")
        for split in ("validation", "test")
    }
    _converted(root, "facebook/mlqa", pairs, features)


SHORTENED = {
    "xl_tasks.datasets.parallel.tatoeba:LANGUAGES": ("amh", "ell", "tur"),
    "xl_tasks.datasets.classification.xnli:LANGUAGES": ("de", "el", "en", "tr"),
    "xl_tasks.datasets.classification.pawsx:LANGUAGES": ("en", "zh"),
    "xl_tasks.datasets.tagging.masakhaner:_LANGUAGES": "hau swa",
    "xl_tasks.datasets.tagging.uner:_CONFIGS": "en_ewt en_pud zh_gsd ceb_gja",
    "xl_tasks.datasets.answering.question_hub:_XQUAD": ("el", "en", "tr"),
    "xl_tasks.datasets.answering.question_hub:_MLQA": ("en", "zh"),
}
"""What the loaders know of their repositories, cut to what is here: a hundred files would be asked for otherwise."""
_TYDIQA = ("arabic", "bengali", "english", "finnish", "indonesian", "korean", "russian", "swahili", "telugu")
_MASAKHANE = ("hau", "swa")


def _sentences(language: str, seed: str, n: int) -> list[str]:
    """The same sentences for every language, in letters and endings of its own."""
    import random

    rng = random.Random(seed)
    return [write(sentence(_TOPICS[i % 3], rng), language[:2]) for i in range(n)]


def _parquet(root: Path, hub_id: str, revision: str, rows: Rows, features: Features) -> None:
    folder = root / hub_id / revision
    configs: dict[str, dict[str, str]] = {}
    for (config, split), items in rows.items():
        file = f"{config}/{split}-00000-of-00001.parquet"
        configs.setdefault(config, {})[split] = file
        _write(folder / file, items, features)
    _card(folder, configs)


def _converted(root: Path, hub_id: str, rows: Rows, features: Features) -> None:
    folder = root / hub_id / _CONVERTED.replace("/", "%2F")
    for (config, split), items in rows.items():
        _write(folder / config / split / "0000.parquet", items, features)
    _put(folder / ".gitattributes", "*.parquet filter=lfs\n")
    _put(root / hub_id / "main" / f"{hub_id.partition('/')[2]}.py", "raise SystemExit\n")


def _write(file: Path, rows: Sequence[Mapping[str, Any]], features: Features) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    columns = {name: [row[name] for row in rows] for name in features}
    Dataset.from_dict(columns, features=features).to_parquet(file)


def _card(folder: Path, configs: Mapping[str, Mapping[str, str]]) -> None:
    listed = [
        {"config_name": config, "data_files": [{"split": split, "path": file} for split, file in files.items()]}
        for config, files in configs.items()
    ]
    _put(folder / "README.md", f"---\n{yaml.safe_dump({'configs': listed})}---\n# made\n")


def _put(file: Path, content: str | bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
