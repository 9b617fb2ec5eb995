"""Which languages a run is to bring into its encoder, and whether what it scores can show that. No torch."""

from xl_cli.data.bitexts import sides_of
from xl_cli.data.run_data import RunData
from xl_cli.errors import CliError
from xl_cli.recipe.recipe import Recipe
from xl_tasks import TaskError
from xl_translit import language

_TEACHING = "teach"


def new_languages(recipe: Recipe, data: RunData) -> dict[str, int]:
    """Code -> the number of its texts to train on, of the languages that `eval.new` names or that a teacher teaches.

    None where neither says so: what is trained on is then not told from what was known.
    """
    counts: dict[str, int] = {}
    for code, n_texts in _read(recipe, data):
        counts[code] = counts.get(code, 0) + n_texts
    if recipe.eval.new:
        return {code: counts.get(code, 0) for code in dict.fromkeys(map(language, recipe.eval.new))}
    if _TEACHING not in recipe.objectives:
        return {}
    numbers = recipe.data_of(_TEACHING)
    taught = {
        sides[0] for number in numbers for bitext in data.bitexts.get(number, ()) if (sides := sides_of(bitext.name))
    }
    return {code: n_texts for code, n_texts in counts.items() if code in taught}


def _read(recipe: Recipe, data: RunData) -> list[tuple[str, int]]:
    found = [
        (sides[0], len(bitext))
        for number in {number for name in recipe.objectives for number in recipe.data_of(name)}
        for bitext in data.bitexts.get(number, ())
        if (sides := sides_of(bitext.name))
    ]
    for texts in data.texts.values():
        found += [(code, texts.languages.count(code)) for code in dict.fromkeys(texts.languages)]
    return found


def check_scored(recipe: Recipe, data: RunData) -> None:
    """CliError for languages of [eval] that the data which is scored has not, before any work is done."""
    scoring = recipe.eval
    for corpus, _ in data.scored:
        for key, asked in (("pivot", (scoring.pivot,)), ("sources", scoring.sources), ("targets", scoring.targets)):
            for code in filter(None, asked):
                try:
                    corpus.restrict([code])
                except TaskError as error:
                    message = f"eval.{key} is {code}: {error}"
                    raise CliError(message) from None
