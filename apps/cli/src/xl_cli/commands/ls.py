"""`xl ls`: what there is to name in a command or a recipe."""

from typing import Annotated

import typer

from xl_cli.errors import UsageError
from xl_encoders.registry import unknown_name

KINDS = ("recipes", "keys", "tasks", "data", "objectives", "models", "languages")


def ls(
    what: Annotated[str, typer.Argument(help=f"One of: {', '.join(KINDS)}.", metavar="WHAT")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List what can be named: recipes, their keys, tasks, data sets, objectives, model sizes, languages.

    Example: xl ls recipes
    """
    if not what:
        what_there_is = {
            "recipes": "recipes shipped with xl", "keys": "everything a recipe or --set can say",
            "tasks": "what xl eval scores", "data": "data sets and file layouts that are read",
            "objectives": "losses that variants are mixed from", "models": "shapes of new models",
            "languages": "languages: scripts, romaniser, phonemes, spellings",
        }  # fmt: skip
        rows = [{"name": name, "what": text} for name, text in what_there_is.items()]
    elif what not in KINDS:
        raise UsageError(unknown_name("list", what, list(KINDS)))
    else:
        rows = _rows(what, as_json)
    if as_json:
        import json

        for row in rows:
            typer.echo(json.dumps(row, ensure_ascii=False))
        return
    widths = {key: max(len(str(row[key])) for row in rows) for key in rows[0]}
    *first, last = rows[0]
    for row in rows:
        typer.echo("  ".join([*(str(row[key]).ljust(widths[key]) for key in first), str(row[last])]).rstrip())


def _rows(what: str, as_json: bool) -> list[dict[str, object]]:
    if what == "recipes":
        import tomllib

        from xl_cli.recipe import shipped_recipes

        return [
            {"name": name, "what": tomllib.loads(path.read_text(encoding="utf-8"))["description"]}
            for name, path in shipped_recipes().items()
        ]
    if what == "keys":
        from xl_cli.recipe import recipe_keys

        return [{"key": key, "default": default, "what": text} for key, text, default in recipe_keys()]
    if what == "tasks":
        from xl_tasks.registry import DATASETS, TASKS

        return [
            {"name": task, "data": ", ".join(name for name, entry in DATASETS.items() if entry.task == task)}
            for task in TASKS
        ]
    if what == "data":
        from xl_tasks.registry import DATASETS

        return [{"name": name, "task": entry.task, "what": entry.description} for name, entry in DATASETS.items()]
    if what == "objectives":
        from xl_encoders.registry import Registry
        from xl_objectives import OBJECTIVES

        registry = Registry("objective", OBJECTIVES)
        return [{"name": name, "what": str(registry.load(name).__doc__)} for name in registry.names()]
    if what == "models":
        from xl_encoders.config import SIZES

        return [
            {
                "size": size,
                "what": f"new XLM-R shape: blocks {n}, width {width}, heads {heads}, feed-forward {inner}",
            }
            for size, (n, width, heads, inner) in SIZES.items()
        ]
    from xl_translit import supported_languages

    return [
        {
            "code": support.code,
            "name": support.name,
            "scripts": " ".join(support.scripts),
            "romaniser": support.romaniser,
            "phonemes": " ".join([support.g2p or "-", *support.variants]),
            **(
                {"spellings": list(support.spellings), "note": support.note}
                if as_json
                # every language is also named by its code, with _ or with -
                else {"also named; note": "; ".join(filter(None, [", ".join(support.spellings[2:]), support.note]))}
            ),
        }
        for support in supported_languages()
    ]
