"""BUCC's files as published and as XTREME names them; gold pairs must name sentences that are there."""

import pytest

from xl_tasks import TaskError, load_bucc, tuning_and_scored
from xl_tasks.datasets.parallel.bucc import ComparableCorpora


def write(path, *lines, end="\n"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(line + end for line in lines).encode())


def part(folder, name, pair="de-en", gold=True, end="\n"):
    other = pair.partition("-")[0]
    write(folder / f"{pair}.{name}.{other}", f"{other}-1\tein\u2028s", f'{other}-2\t"zwei', f"{other}-3\tdrei", end=end)
    write(folder / f"{pair}.{name}.en", "en-7\tone", "en-8\ttwo", end=end)
    if gold:
        write(folder / f"{pair}.{name}.gold", f"{other}-2\ten-8", f"{other}-1\ten-7", end=end)


def test_published_layout(tmp_path):
    for name in ("sample", "training", "test"):
        part(tmp_path / "de-en", name, gold=name != "test", end="\r\n" if name == "sample" else "\n")
        part(tmp_path / "zh-en", name, "zh-en", gold=name != "test")
    data = load_bucc(tmp_path)
    assert list(data) == [("deu_Latn", "eng_Latn"), ("zho_Hans", "eng_Latn")]
    assert set(data["deu_Latn", "eng_Latn"]) == {"sample", "training", "test"}
    german = data["deu_Latn", "eng_Latn"]["training"]
    assert german == ComparableCorpora(
        languages=("deu_Latn", "eng_Latn"),
        first={"de-1": "ein\u2028s", "de-2": '"zwei', "de-3": "drei"},
        second={"en-7": "one", "en-8": "two"},
        gold=frozenset({("de-1", "en-7"), ("de-2", "en-8")}),
    )
    assert data["deu_Latn", "eng_Latn"]["sample"] == german
    assert data["deu_Latn", "eng_Latn"]["test"].gold is None
    assert list(load_bucc(tmp_path, ["German", "en"])) == [("deu_Latn", "eng_Latn")]
    assert load_bucc(tmp_path, ["English"]) == data
    with pytest.raises(TaskError, match="unknown language 'kor_Hang'"):
        load_bucc(tmp_path, ["ko"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(TaskError, match=r"no file such as de-en.training.de"):
        load_bucc(tmp_path / "empty")


@pytest.mark.parametrize(
    ("having", "scored", "tuning"),
    [
        ({"sample", "training", "test"}, "test", "training"),
        ({"sample", "training"}, "training", "sample"),
        ({"dev", "test"}, "test", "dev"),
        ({"training", "dev"}, "training", "dev"),
    ],
    ids=lambda value: "-".join(sorted(value)) if isinstance(value, set) else value,
)
def test_which_part_is_scored(tmp_path, having, scored, tuning):
    for name in ("sample", "dev", "training", "test"):
        part(tmp_path, name, gold=name in having)
    (pair, parts), = load_bucc(tmp_path).items()  # fmt: skip
    chosen = tuning_and_scored(pair, parts)
    assert (chosen.scored_part, chosen.tuning_part) == (scored, tuning)
    assert (chosen.scored, chosen.tuning) == (parts[scored], parts[tuning])


def test_one_part_with_gold_is_not_enough(tmp_path):
    part(tmp_path, "training")
    part(tmp_path, "test", gold=False)
    (pair, parts), = load_bucc(tmp_path).items()  # fmt: skip
    with pytest.raises(TaskError, match="bucc2018 deu_Latn-eng_Latn: gold pairs for training only"):
        tuning_and_scored(pair, parts)


@pytest.mark.parametrize(
    ("file", "lines", "message"),
    [
        ("de", ["de-1\tx", "de-1\ty"], r"de-en.training.de:2: id 'de-1' appears a second time"),
        ("de", ["de-1\tx", "de-2"], r"de-en.training.de:2: 1 field, but the layout \(id, sentence\) has 2"),
        ("en", ["en-7\t "], r"de-en.training.en:1: sentence is empty"),
        ("gold", ["de-1\ten-7", "de-1\ten-9"], r"de-en.training.gold:2: there is no sentence 'en-9'"),
        ("gold", ["en-7\tde-1"], r"de-en.training.gold:1: there is no sentence 'en-7'"),
        ("gold", ["de-1"], r"de-en.training.gold:1: 1 field"),
        ("gold", [], r"de-en.training.gold: no item in it"),
    ],
    ids=["twice", "fields", "empty", "gold", "turned", "gold-fields", "no-gold"],
)
def test_broken_files(tmp_path, file, lines, message):
    part(tmp_path, "training")
    write(tmp_path / f"de-en.training.{file}", *lines)
    with pytest.raises(TaskError, match=message):
        load_bucc(tmp_path)


def test_a_side_is_missing(tmp_path):
    part(tmp_path, "training")
    (tmp_path / "de-en.training.en").unlink()
    with pytest.raises(TaskError, match=r"de-en.training.\w+: the corpus of eng_Latn that belongs to it is not there"):
        load_bucc(tmp_path)
