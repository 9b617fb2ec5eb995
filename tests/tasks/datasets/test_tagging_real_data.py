"""The tagging loaders on every file of the real data sets, against their README and a second, plainer reading."""

import re
from collections import Counter

import pytest
from seqeval.metrics.sequence_labeling import get_entities
from tests.tasks.tagging_models import tokenizer

from xl_encoders import train_tokenizer
from xl_tasks.datasets.tagging.conll import load_conll
from xl_tasks.datasets.tagging.conllu import load_udpos
from xl_tasks.datasets.tagging.masakhaner import load_masakhaner
from xl_tasks.datasets.tagging.panx import load_panx
from xl_tasks.datasets.tagging.uner import load_uner
from xl_tasks.problems.tagging.problem import NO_TAG, TaggingProblem
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.units.choosing import input_unit

pytestmark = pytest.mark.data


def counts(data):
    return {code: {split: len(found) for split, found in splits.items()} for code, splits in data.by_language.items()}


def plain(file, form=0, tag=-1):
    """(words, tags) of each sentence by a plain split of the file, words being lines that begin as one does."""
    found = []
    for block in file.read_text(encoding="utf-8").strip("\n").split("\n\n"):
        lines = [re.split(r"\t| (?=[A-Z0-9-]+$)", line) for line in block.split("\n") if not line.startswith("# ")]
        if form:
            lines = [line for line in lines if line[0].isdigit()]
        found.append(([line[form] for line in lines], [line[tag] for line in lines]))
    return found


def assert_same(sentences, plainly):
    assert [list(sentence.words) for sentence in sentences] == [words for words, _ in plainly]
    for sentence, (_, tags) in zip(sentences, plainly, strict=True):
        assert get_entities(list(sentence.tags)) == get_entities(tags)


def test_panx(data_folder):
    data = load_panx(data_folder / "panx")
    expected = {key: {"train": 1000, "dev": 300, "test": 500} for key in data.languages}
    assert counts(data) == expected | {"mya_Mymr": {"train": 100, "dev": 50, "test": 50}}
    assert len(data.languages) == 19
    assert not data.skipped
    for code, short in (("zho_Hans", "zh"), ("jpn_Jpan", "ja"), ("heb_Hebr", "he"), ("mya_Mymr", "my")):
        for split in ("train", "dev", "test"):
            assert_same(data.split(code, split), plain(data_folder / "panx" / f"{split}-{short}.tsv"))
    # Every sentence with a tag that starts inside is left out where it is an error, and no other.
    strict = load_panx(data_folder / "panx", ["zh", "ja"], repair=False, on_error="skip")
    for code in strict.languages:
        for split in ("train", "dev", "test"):
            left_out = strict.skipped[code, split]
            assert all("starts inside" in reason for reason in left_out)
            assert len(strict.split(code, split)) + len(left_out) == expected[code][split]


def test_panx_of_masakhane_and_masakhaner(data_folder):
    data = load_panx(data_folder / "panx_masakhane")
    assert counts(data) == {
        "amh_Ethi": {"train": 100, "dev": 100, "test": 100},
        "swh_Latn": {"train": 1000, "dev": 1000, "test": 1000},
    }
    assert_same(data.split("swh_Latn", "test"), plain(data_folder / "panx_masakhane/swa/test.txt"))
    data = load_masakhaner(data_folder / "masakhaner")
    usual = {"train": 1000, "dev": 300, "test": 500}
    # The Amharic development set of MasakhaNER 1.0 is 250 sentences.
    assert counts(data) == {"amh_Ethi": {**usual, "dev": 250}, "hau_Latn": usual, "swh_Latn": usual}
    for folder in ("amh", "hau", "swa"):
        assert_same(data.split(folder, "test"), plain(data_folder / "masakhaner" / folder / "test.txt"))
    same = load_conll(data_folder / "masakhaner", repair=True)
    assert same.by_language == data.by_language
    assert set(same.labels) == set(data.labels)


def test_universal_ner(data_folder):
    data = load_uner(data_folder / "uner")
    usual = {"train": 600, "dev": 300, "test": 400}
    assert counts(data) == {
        "eng_Latn": {"dev": 300, "test": 400}, "zho_Hans": usual, "srp_Cyrl": usual, "rus_Cyrl": {"test": 400},
    }  # fmt: skip
    for code, file in (("eng_Latn", "English-EWT/en_ewt"), ("rus_Cyrl", "Russian-PUD/ru_pud")):
        assert_same(data.split(code, "test"), plain(data_folder / f"uner/UNER_{file}-ud-test.iob2", form=1, tag=2))


def test_universal_dependencies(data_folder):
    data = load_udpos(data_folder / "ud")
    whole = {"train": 700, "dev": 200, "test": 300}
    part = {"dev": 200, "test": 300}
    expected = dict.fromkeys(
        ("tur_Latn", "ell_Grek", "mlt_Latn", "hun_Latn", "kor_Hang", "zho_Hans", "lzh_Hant"), whole
    )
    expected |= dict.fromkeys(
        ("heb_Hebr", "pes_Arab", "fra_Latn", "rus_Cyrl", "ita_Latn", "ukr_Cyrl", "fin_Latn"), part
    )
    expected |= {key: {"test": 300} for key in ("amh_Ethi", "tha_Thai", "yue_Hant", "arb_Arab", "hin_Deva")}
    assert counts(data) == expected | {"eng_Latn": {**whole, "train": 1500}}
    assert not data.skipped
    files = sorted((data_folder / "ud").glob("*/*.conllu"))
    assert len(files) == 43
    read = Counter(
        tag for splits in data.by_language.values() for found in splits.values() for s in found for tag in s.tags
    )
    seen = Counter()
    for file in files:
        lines = [line.split("\t") for line in file.read_text(encoding="utf-8").split("\n") if "\t" in line]
        seen.update(line[3] for line in lines if line[0].isdigit())
    seen["CCONJ"] += seen.pop("CONJ")
    assert read == seen


def test_surface_tokens_are_the_text(data_folder):
    data = load_udpos(data_folder / "ud", words="surface")
    n_compared = 0
    for file in sorted((data_folder / "ud").glob("*/*-ud-test.conllu")):
        code = data.resolve(file.name.split("_")[0])
        texts = re.findall(r"^# text = (.*)$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
        found = data.split(code, "test")
        assert len(texts) == len(found)
        for text, sentence in zip(texts, found, strict=True):
            n_compared += 1
            assert "".join("".join(sentence.words).split()) == "".join(text.split()), (file.name, sentence.key)
    assert n_compared == 20 * 300


@pytest.mark.parametrize("unit", ["subword", "character", "phonemes", "romanised"])
def test_labels_are_words_in_every_language(data_folder, unit):
    data = load_udpos(data_folder / "ud", ["tr", "he", "el", "hi", "fi", "ru", "it", "fa", "th", "zh", "am"])
    spoken = {"tur_Latn", "hin_Deva", "fin_Latn", "rus_Cyrl", "ita_Latn", "pes_Arab"}
    languages = sorted(spoken) if unit == "phonemes" else data.languages
    texts = {code: data.split(code, "test")[:40] for code in languages}
    kind = {"character": "canine", "phonemes": "xphonebert"}.get(unit)
    words = [" ".join(sentence.words) for found in texts.values() for sentence in found]
    read = tokenizer(kind) if kind else train_tokenizer(words, n_pieces=600)
    problem = TaggingProblem(read, data.labels, unit=input_unit(unit, read), config=TuningConfig(max_len=40))
    for code, found in texts.items():
        features = problem.features(found, code, training=False)
        targets = problem.targets(features, 40)
        assert int((targets != NO_TAG).sum()) == sum(len(sentence.words) for sentence in found)
        assert len(features) > len(found)
        tagged = [[tag for tag in feature.target if tag != NO_TAG] for feature in features]
        back = [tag for tags in tagged for tag in tags]
        assert [problem.labels[tag] for tag in back] == [tag for sentence in found for tag in sentence.tags]
