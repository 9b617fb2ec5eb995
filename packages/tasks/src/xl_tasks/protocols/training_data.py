"""Which languages are trained on and scored, and where training examples come from when a data set has none."""

import dataclasses
import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from xl_tasks.catalogue.task import Task
from xl_tasks.drawing import ranked_by_hash
from xl_tasks.errors import TaskError
from xl_tasks.examples import Example, Examples
from xl_tasks.protocols.data_folder import data_folder, load_task
from xl_tasks.protocols.transfer import limited

_log = logging.getLogger(__name__)

_ENGLISH = "eng_Latn"
# Share of a dev set that is kept for choosing where the rest of it is trained on.
_KEPT_SHARE = 0.1


def default_source(examples: Examples[Example], *, elsewhere: bool = False) -> str:
    """English where it has training or dev examples, else the language with most training examples.

    elsewhere: whether another task's examples can be trained on; English then is, unless a language has its own.
    TaskError where no language has any.
    """
    if elsewhere and not _having(examples, "train"):
        return _ENGLISH
    for split in ("train", "dev"):
        if examples.by_language.get(_ENGLISH, {}).get(split) and (split == "train" or not _having(examples, "train")):
            return _ENGLISH
    counts = {code: len(examples.by_language[code].get("train", ())) for code in examples.languages}
    best = max(counts, key=lambda code: counts[code], default="")
    if not best or not counts[best]:
        message = f"{examples.name}: no language has examples to train on; give --source and --train-on TASK."
        raise TaskError(message)
    return best


def training_splits(entry: Task) -> tuple[str, ...]:
    """The splits that a source is read in: no choice is made on a dev set that is scored."""
    return ("train",) if entry.test_split == "dev" else ("train", "dev")


def trained_elsewhere(entry: Task, sources: Sequence[str], root: Path | None, train_on: str) -> bool:
    """Whether it is another task's examples that `with_training` is sure to take for these languages."""
    from xl_tasks.catalogue.registry import TASKS
    from xl_translit import language

    there = [name for name in entry.train_from if root is None or data_folder(TASKS[name], root) != root]
    return bool(train_on) or ("squad" in there and all(language(code) == _ENGLISH for code in sources))


def scored_languages(examples: Examples[Example], asked: Sequence[str], split: str) -> tuple[str, ...]:
    """The languages to score: those asked for, else all with examples in `split`.

    TaskError for one that the data lacks or that has no such examples, naming those that have.
    """
    languages = tuple(dict.fromkeys(examples.resolve(spelling) for spelling in asked)) or _having(examples, split)
    for language in languages:
        examples.split(language, split)
    if not languages:
        message = (
            f"{examples.name}: no language has {split} examples; it has {', '.join(examples.languages) or 'none'}."
        )
        raise TaskError(message)
    return languages


def with_training(
    entry: Task,
    examples: Examples[Example],
    sources: Sequence[str],
    root: Path | None,
    *,
    train_on: str = "",
    on_error: str,
) -> tuple[Examples[Example], str]:
    """`examples` with training examples for each source, and what rows must say of where they are from ("" for usual).

    In order: those of the task `train_on` where it is named; the data set's own; those of `entry.train_from` whose
    files are there; nine tenths of the source's dev set by their keys' digests, with the last tenth to choose on.
    TaskError where there is none of these.
    """
    from xl_tasks.catalogue.registry import TASKS, task

    if train_on:
        return _from_task(task(train_on), entry, examples, sources, root, on_error), f"trained on {task(train_on).name}"
    lacking = [code for code in sources if not examples.by_language.get(code, {}).get("train")]
    if not lacking:
        return examples, ""
    for name in entry.train_from:
        other = TASKS[name]
        if root is not None and data_folder(other, root) == root:
            continue
        try:
            trained = _from_task(other, entry, examples, lacking, root, on_error)
        except TaskError as error:
            _log.info("%s is not trained on: %s", name, error)
            continue
        return trained, f"trained on {name}"
    halves = {}
    for language in lacking:
        dev = examples.by_language.get(language, {}).get("dev", ())
        if not dev or entry.test_split == "dev":
            with_train = ", ".join(_having(examples, "train")) or "none"
            message = (
                f"{entry.name}: {language} has nothing to train on (with training examples: {with_train}); "
                "choose another --source, or --train-on TASK."
            )
            raise TaskError(message)
        halves[language] = _divided(dev)
        _log.warning(
            "%s: %s has no training examples here; trained on %d of its dev set, chosen on the other %d.",
            entry.name, language, len(halves[language]["train"]), len(halves[language]["dev"]),
        )  # fmt: skip
    merged = {code: {**examples.by_language.get(code, {}), **halves.get(code, {})} for code in examples.languages}
    return dataclasses.replace(examples, by_language=merged), "trained on dev"


def with_limit(examples: Examples[Example], split: str, limit: int, languages: Collection[str]) -> Examples[Example]:
    """At most `limit` examples (0 for all) of a split in each of `languages`, the first by their keys' digests.

    Its name says so, "sib200[100]": figures on fewer items are figures on other data.
    """
    if limit <= 0:
        return examples
    by_language, expected = {}, dict(examples.expected)
    for code, splits in examples.by_language.items():
        if code not in languages:
            by_language[code] = splits
            continue
        kept = tuple(limited(splits.get(split, ()), limit))
        by_language[code] = {**splits, split: kept} if split in splits else splits
        if (code, split) in expected and splits.get(split):
            expected[code, split] = round(expected[code, split] * len(kept) / len(splits[split]))
    return dataclasses.replace(examples, name=f"{examples.name}[{limit}]", by_language=by_language, expected=expected)


def _from_task(
    other: Task, entry: Task, examples: Examples[Example], sources: Sequence[str], root: Path | None, on_error: str
) -> Examples[Example]:
    if other.kind != entry.kind:
        message = f"{entry.name} is {entry.kind}, {other.name} is {other.kind}; train on a task of the same kind."
        raise TaskError(message)
    training: Examples[Example] = load_task(other, root, sources, on_error=on_error, splits=training_splits(other))
    merged = {code: dict(splits) for code, splits in examples.by_language.items()}
    for code in sources:
        own = {"train": training.split(code, "train")}
        if training.by_language[code].get("dev"):
            own["dev"] = training.by_language[code]["dev"]
        merged[code] = {**merged.get(code, {}), **own}
    labels = (*examples.labels, *(label for label in training.labels if label not in examples.labels))
    return dataclasses.replace(examples, by_language=merged, labels=labels)


def _divided(dev: Sequence[Example]) -> Mapping[str, tuple[Example, ...]]:
    ranked = ranked_by_hash([example.key for example in dev])
    kept = set(ranked[: max(1, round(_KEPT_SHARE * len(dev)))])
    return {
        "train": tuple(example for i, example in enumerate(dev) if i not in kept),
        "dev": tuple(example for i, example in enumerate(dev) if i in kept),
    }


def _having(examples: Examples[Example], split: str) -> tuple[str, ...]:
    return tuple(code for code in examples.languages if examples.by_language[code].get(split))
