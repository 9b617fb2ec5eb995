"""Pairs of question and context language, as MLQA has them."""

from xl_tasks.examples import Example, Examples, Question


def context_pairs(examples: Examples[Example], split: str) -> dict[tuple[str, str], tuple[Question, ...]]:
    """(language of the question, language of the context) -> the questions of `split`, in the file's order."""
    pairs: dict[tuple[str, str], list[Question]] = {}
    for language in examples.languages:
        for question in examples.by_language[language].get(split, ()):
            if isinstance(question, Question):
                pairs.setdefault((language, question.context_language or language), []).append(question)
    return {pair: tuple(questions) for pair, questions in sorted(pairs.items())}
