"""The examples of pairs of texts in two languages, of any task that has them."""

from collections.abc import Iterable, Mapping, Sequence

from xl_tasks.catalogue.task import Task
from xl_tasks.errors import TaskError
from xl_tasks.examples import Example, Examples


class NoPairsError(TaskError):
    """A task without pairs of texts in two languages was asked for them; the message names those that have some."""


def mixed_examples(
    entry: Task, examples: Examples[Example], split: str, languages: Sequence[str]
) -> Mapping[tuple[str, str], Sequence[Example]]:
    """(first, second language) -> examples of `split`, for the ordered pairs of `languages` that there are.

    Questions with their contexts stand in such pairs as the data has them; other pairs of texts are joined by key, see
    `mixed_pairs`, whose errors are raised. NoPairsError for a task that has none.
    """
    from xl_tasks.problems.answering.pairs import context_pairs
    from xl_tasks.problems.classification.mixed import mixed_pairs

    if examples.kind == "answering":
        pairs = {pair: its for pair, its in context_pairs(examples, split).items() if set(pair) <= set(languages)}
        if all(first == second for first, second in pairs):
            having = _listed(one.name for one in _mixed() if one.kind == entry.kind)
            message = f"{entry.name} has no questions on a context in another language; {having} has."
            raise NoPairsError(message)
        return pairs
    of_pairs = f"mixed-language pairs are of {_listed(one.name for one in _mixed())}"
    if examples.kind != "classification":
        message = f"{entry.name} has no pairs of texts; {of_pairs}."
        raise NoPairsError(message)
    if not any(getattr(example, "second", "") for example in examples.split(languages[0], split)):
        message = f"{entry.name} is on single texts; {of_pairs}."
        raise NoPairsError(message)
    return mixed_pairs(examples, split, languages)


def _mixed() -> list[Task]:
    from xl_tasks.catalogue.registry import TASKS

    return [entry for entry in TASKS.values() if entry.mixed_options is not None]


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
