"""Rounds before a run: an encoder mines pairs out of text that is not parallel, the next one learns from them."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from xl_cli.data.run_data import RunData, load_corpus
from xl_cli.errors import CliError, UsageError
from xl_cli.folder.run_folder import RunFolder
from xl_cli.launch import processes
from xl_cli.launch.progress import say
from xl_cli.mining.mine import mine
from xl_cli.recipe.config import DataConfig
from xl_cli.recipe.mine_config import RoundsConfig
from xl_cli.recipe.paths import form_source
from xl_cli.recipe.recipe import Recipe
from xl_cli.vectors.word_files import language_of

ROUNDS = "rounds"
"""Entry of run.json: what each round found; and the folder of a run that keeps them."""
FIGURES = {"pairs": "mined_pairs", "threshold": "mined_threshold", "expected_precision": "mined_precision"}
"""What is kept of a round, as xl mine calls it -> as rows of the run do."""
_RETAINING = "retain"


def check_rounds(recipe: Recipe, data: RunData) -> None:
    """UsageError and CliError for what could not be mined, before any work is done for it."""
    settings = recipe.mine
    if not settings.pivot:
        return
    if processes.several():
        message = "mine.pivot: pairs are mined in one process; mine them there, and give them to this run as data."
        raise UsageError(message)
    path = Path(settings.pivot)
    if not path.is_file():
        message = f"mine.pivot is {path}: no such file; name one file of sentences."
        raise CliError(message)
    if language_of("", path) == "und":
        message = f"mine.pivot is {path}, whose name tells no language; call it after its language, as eng_Latn.txt."
        raise UsageError(message)
    pairs_of(recipe)
    new_language(recipe, data)


def pairs_of(recipe: Recipe) -> DataConfig:
    """The [[data]] that mined pairs join; UsageError where there is none of that name."""
    for entry in recipe.data:
        if (entry.name or entry.kind) == recipe.mine.data and entry.kind == "pairs":
            return entry
    message = f"mine.data is {recipe.mine.data}, but the recipe has no [[data]] of kind pairs that is called so."
    raise UsageError(message)


def new_language(recipe: Recipe, data: RunData) -> str:
    """The language whose text is mined: the one of `eval.new`, else the only one of the texts that are trained on."""
    texts = set(_texts(recipe, data))
    if recipe.eval.new:
        from xl_translit import language

        asked = {language(code) for code in recipe.eval.new}
        texts &= asked
    if len(texts) != 1:
        found = ", ".join(sorted(texts)) or "none"
        message = (
            f"mine.pivot mines text of one new language, and the run's text has {found} of them; name it by eval.new, "
            "and give its text in data.files."
        )
        raise UsageError(message)
    return texts.pop()


def _untaught(recipe: Recipe) -> tuple[str, ...]:
    """How settings begin that mean nothing before there are pairs: those of objectives that read nothing else."""
    if pairs_of(recipe).is_given:
        return ()
    place = recipe.data.index(pairs_of(recipe))
    return tuple(f"objective.{name}." for name in recipe.objectives if recipe.data_of(name) == (place,))


def mine_rounds(
    recipe: Recipe, data: RunData, folder: RunFolder, train: Callable[[tuple[str, ...], Sequence[str], Path], Path]
) -> list[str]:
    """The settings that give the run the pairs of the last round; `rounds` in its folder keeps the files of each.

    train: trains what the recipe says, without its settings that begin so and with further ones, into a folder, or
        goes on there, and gives the folder.
    A call that was stopped goes on where it was. CliError for a round that finds no pair.
    """
    place = folder.path / ROUNDS
    place.mkdir(exist_ok=True)
    settings, code = recipe.mine, new_language(recipe, data)
    pivot = language_of("", Path(settings.pivot))
    text = _written(place / f"{code}.txt", recipe, data, code)
    found: list[dict[str, Any]] = list(folder.about().get(ROUNDS, []))
    for number in range(len(found) + 1, settings.rounds + 1):
        if number == 1 and settings.first == "model":
            model = form_source(recipe.model)
        else:
            further = _given(recipe, found[-1]["pairs_file"]) if found else []
            without = () if found else _untaught(recipe)
            pairs_told = f"{found[-1]['pairs']:,.0f} mined pairs" if found else "no mined pair"
            say(f"round {number} of {settings.rounds}: an encoder is trained with {pairs_told}")
            model = str(train(without, _quiet(further), place / f"{number}" / "encoder"))
        pairs = place / f"{number}" / f"{code}-{pivot}.tsv"
        pairs.parent.mkdir(exist_ok=True)
        pairs.unlink(missing_ok=True)  # of a round that was stopped between this file and its entry
        options: dict[str, Any] = {"threshold": settings.threshold} if settings.threshold else {}
        reading = {} if Path(model, "run.json").is_file() else _reading(recipe)
        rows = mine(
            text, settings.pivot, out=pairs, model=model, source_lang=code, target_lang=pivot, sample=settings.sample,
            **reading, **options,
        )  # fmt: skip
        figures = {row.metric: row.value for row in rows}
        say(f"round {number} of {settings.rounds}: {str(rows).splitlines()[-1 if not settings.sample else -2]}")
        if not figures["pairs"]:
            message = (
                f"round {number} of mine.rounds found no pair of {code} and {settings.pivot}; give more text, a lower "
                "mine.threshold, or some pairs to begin with in "
                f"data.{settings.data}.files."
            )
            raise CliError(message)
        found.append(
            {"round": number, "source": code, "target": pivot, "pairs_file": str(pairs), "model": model,
             **{name: figures[name] for name in FIGURES if name in figures}}
        )  # fmt: skip
        folder.describe(**{ROUNDS: found})
    return _given(recipe, found[-1]["pairs_file"])


def _written(path: Path, recipe: Recipe, data: RunData, code: str) -> Path:
    """The new language's texts as a file, each once."""
    from xl_translit import replacing

    texts = dict.fromkeys(" ".join(text.split()) for text in _texts(recipe, data)[code])
    with replacing(path) as file:
        file.writelines(f"{text}\n" for text in texts if text)
    return path


def _texts(recipe: Recipe, data: RunData) -> dict[str, list[str]]:
    """Texts by language of every [[data]] of kind text that is no text to retain, whether it is trained on or not."""
    retained = set(recipe.data_of(_RETAINING)) if _RETAINING in recipe.objectives else set()
    found: dict[str, list[str]] = {}
    for number, entry in enumerate(recipe.data):
        if entry.kind == "text" and entry.is_given and number not in retained and number not in data.streams:
            corpus = data.corpora[number] if number in data.corpora else load_corpus(entry)
            for code, by_key in corpus.texts.items():
                found.setdefault(code, []).extend(by_key.values())
    return found


def _given(recipe: Recipe, pairs: str) -> list[str]:
    """The settings by which mined pairs join those that were given."""
    files = [*pairs_of(recipe).files, pairs]
    quoted = ", ".join('"' + file.replace("\\", "\\\\").replace('"', '\\"') + '"' for file in files)
    return [f"data.{recipe.mine.data}.files=[{quoted}]"]


def _quiet(settings: Sequence[str]) -> list[str]:
    """Settings of an encoder that only mines: nothing is scored, and it mines no further."""
    off = [f"mine.{item.name}={_toml(item.default)}" for item in fields(RoundsConfig)]
    return [*settings, *off, 'eval.data=""', "eval.tasks=[]", "eval.options=[]"]


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _reading(recipe: Recipe) -> dict[str, Any]:
    return {"layer": str(recipe.model.layer), "pooling": recipe.model.pooling}
