"""Where training examples come from, and which languages are scored."""

import logging
from pathlib import Path

import pytest

from xl_tasks import TaskError
from xl_tasks.catalogue.registry import task
from xl_tasks.examples import Examples, TextExample
from xl_tasks.protocols import training_data
from xl_tasks.protocols.training_data import default_source, scored_languages, with_limit, with_training


def texts(n: int, start: int = 0) -> tuple[TextExample, ...]:
    return tuple(TextExample(key=f"k{start + i}", first=f"text {i}", label="a") for i in range(n))


def examples(**sizes: dict[str, int]) -> Examples:
    by_language = {
        code: {split: texts(n, 1000 * place) for place, (split, n) in enumerate(splits.items())}
        for code, splits in sizes.items()
    }
    return Examples(name="made", kind="classification", labels=("a",), by_language=by_language)


def test_the_source_is_english_where_it_can_be_trained_on():
    assert default_source(examples(eng_Latn={"train": 2}, tur_Latn={"train": 9})) == "eng_Latn"
    assert default_source(examples(eng_Latn={"dev": 2}, tur_Latn={"dev": 9})) == "eng_Latn"
    assert default_source(examples(eng_Latn={"dev": 2}, tur_Latn={"train": 3}, ell_Grek={"train": 9})) == "ell_Grek"
    # XQuAD has test sets alone; English questions of SQuAD are trained on.
    assert default_source(examples(ell_Grek={"test": 2}), elsewhere=True) == "eng_Latn"
    assert default_source(examples(ell_Grek={"train": 2}), elsewhere=True) == "ell_Grek"
    with pytest.raises(TaskError, match="no language has examples to train on"):
        default_source(examples(eng_Latn={"test": 2}))


def test_languages_that_cannot_be_scored_are_named():
    data = examples(eng_Latn={"dev": 2, "test": 2}, tur_Latn={"dev": 9})
    assert scored_languages(data, (), "test") == ("eng_Latn",)
    assert scored_languages(data, ("tr", "English"), "dev") == ("tur_Latn", "eng_Latn")
    with pytest.raises(TaskError, match="tur_Latn has no test examples; with them: eng_Latn"):
        scored_languages(data, ("tr",), "test")
    with pytest.raises(TaskError, match="unknown language 'deu_Latn'"):
        scored_languages(data, ("de",), "test")
    with pytest.raises(TaskError, match="no language has train examples"):
        scored_languages(data, (), "train")


def test_a_dev_set_is_divided_where_nothing_else_can_be_trained_on(caplog):
    data = examples(eng_Latn={"dev": 50, "test": 5})
    with caplog.at_level(logging.WARNING):
        found, origin = with_training(task("xnli"), data, ["eng_Latn"], Path(), on_error="stop")
    assert origin == "trained on dev"
    assert "trained on 45 of its dev set, chosen on the other 5" in caplog.text
    train, dev = (found.by_language["eng_Latn"][split] for split in ("train", "dev"))
    assert {e.key for e in train} | {e.key for e in dev} == {e.key for e in data.by_language["eng_Latn"]["dev"]}
    assert not {e.key for e in train} & {e.key for e in dev}
    # A part of its own for every key: another order of the file divides alike.
    turned = Examples(
        name="made",
        kind="classification",
        by_language={"eng_Latn": {"dev": data.by_language["eng_Latn"]["dev"][::-1]}},
    )
    again, _ = with_training(task("xnli"), turned, ["eng_Latn"], Path(), on_error="stop")
    assert {e.key for e in again.by_language["eng_Latn"]["dev"]} == {e.key for e in dev}


def test_own_training_examples_come_first_and_other_tasks_can_be_asked_for(monkeypatch):
    data = examples(eng_Latn={"train": 4, "dev": 3, "test": 5}, tur_Latn={"test": 5})
    assert with_training(task("xnli"), data, ["eng_Latn"], Path(), on_error="stop") == (data, "")
    with pytest.raises(TaskError, match=r"tur_Latn has nothing to train on \(with training examples: eng_Latn\)"):
        with_training(task("xnli"), data, ["tur_Latn"], Path(), on_error="stop")
    other = Examples(
        name="other",
        kind="classification",
        labels=("a", "b"),
        by_language={"tur_Latn": {"train": texts(7), "dev": texts(2)}},
    )
    monkeypatch.setattr(training_data, "load_task", lambda *_, **__: other)
    found, origin = with_training(task("xnli"), data, ["tur_Latn"], Path(), train_on="PAWS-X", on_error="stop")
    assert origin == "trained on pawsx"
    assert [len(found.by_language["tur_Latn"][split]) for split in ("train", "dev", "test")] == [7, 2, 5]
    assert found.labels == ("a", "b")
    with pytest.raises(TaskError, match="panx is tagging; train on a task of the same kind"):
        with_training(task("xnli"), data, ["tur_Latn"], Path(), train_on="panx", on_error="stop")


def test_a_limit_keeps_the_same_items_of_parallel_languages():
    data = examples(eng_Latn={"test": 40}, tur_Latn={"test": 40})
    data = with_limit(data, "test", 7, data.languages)
    keys = [[e.key for e in data.by_language[code]["test"]] for code in data.languages]
    assert keys[0] == keys[1]
    assert len(keys[0]) == 7
    assert with_limit(data, "test", 0, data.languages) is data
    some = with_limit(data, "test", 3, ["tur_Latn"])
    assert [len(some.by_language[code]["test"]) for code in some.languages] == [7, 3]
