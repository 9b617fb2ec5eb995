"""`xl ls`: what there is to name in a command or a recipe."""

from typing import TYPE_CHECKING, Annotated

import typer

from xl_cli.commands.completion import begin
from xl_cli.errors import UsageError
from xl_cli.listing import listing
from xl_encoders.registry import unknown_name

if TYPE_CHECKING:
    from xl_tasks.catalogue.task import Task
    from xl_translit import LanguageSupport

KINDS = (
    "recipes",
    "keys",
    "tasks",
    "presets",
    "tuning",
    "data",
    "objectives",
    "measures",
    "romanizers",
    "models",
    "languages",
    "published",
    "layouts",
)


def kinds(incomplete: str) -> list[str]:
    """Lists that begin so."""
    return begin(KINDS, incomplete)


def ls(
    what: Annotated[
        str, typer.Argument(help=f"One of: {', '.join(KINDS)}.", metavar="WHAT", autocompletion=kinds)
    ] = "",
    only: Annotated[
        list[str] | None,
        typer.Argument(
            help="With languages: only these, in any spelling (tr, Turkish, tur_Latn); with published: these papers.",
            metavar="NAME",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List what can be named: recipes, their keys, tasks, presets, data sets, objectives, measures ...

    Example: xl ls recipes
    """
    if not what:
        what_there_is = {
            "recipes": "recipes shipped with xl", "keys": "everything a recipe or --set can say",
            "tasks": "what xl eval scores",
            "presets": "papers' settings that --preset of xl eval and of xl static extract takes",
            "tuning": "everything that xl eval --set and --grid can say",
            "data": "layouts of parallel text that are read",
            "objectives": "losses that variants are mixed from", "measures": "what xl analyze measures",
            "romanizers": "who romanises for xl translit --romanizer", "models": "shapes of new models",
            "languages": "languages: scripts, romaniser, phonemes, spellings",
            "published": "papers' tables that reports can show beside one's own (--json: each figure as a result row)",
            "layouts": "papers' tables that xl report --layout fills with the rows of runs",
        }  # fmt: skip
        rows = [{"name": name, "what": text} for name, text in what_there_is.items()]
    elif what not in KINDS:
        raise UsageError(unknown_name("list", what, list(KINDS)))
    else:
        if only and what not in ("languages", "published"):
            message = f"{only[0]!r}: xl ls {what} lists all there is; only languages and papers can be named"
            raise UsageError(message)
        rows = _rows(what, as_json, only or [])
    if as_json:
        import json

        for row in rows:
            typer.echo(json.dumps(row, ensure_ascii=False))
        return
    header = what in ("languages", "tasks", "presets", "published", "layouts")
    typer.echo(listing(rows, header=header, n_names={"presets": 3, "layouts": 2}.get(what, 1)))


def _task_row(entry: "Task", as_json: bool) -> dict[str, object]:
    if as_json:
        from dataclasses import asdict

        return asdict(entry)
    xtreme = " [XTREME]" if entry.xtreme else ""
    return {
        "name": entry.name,
        "kind": entry.kind,
        "metrics": ", ".join(entry.metrics[:3]),
        "folder": " | ".join(entry.folders[:2]) or "-",
        "what": f"{entry.title}{xtreme}: {entry.description}",
    }


def _published(papers: list[str], as_json: bool) -> list[dict[str, object]]:
    """A line a table; for --json a result row a figure."""
    from xl_cli.published.rows import PAPERS, published_rows

    rows = [row for paper in papers or [""] for row in published_rows(paper)]
    if as_json:
        return [row.to_dict() for row in rows]
    tables: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        tables.setdefault((row.paper, row.table), []).append(row.task)
    return [
        {
            "paper": paper,
            "table": table,
            "rows": len(tasks),
            "tasks": " ".join(dict.fromkeys(tasks)),
            "by": PAPERS[paper],
        }
        for (paper, table), tasks in tables.items()
    ]


def _reading(support: "LanguageSupport") -> str:
    return f"Uroman: {support.reading}" if support.reading else ""


def _rows(what: str, as_json: bool, only: list[str]) -> list[dict[str, object]]:
    if what == "recipes":
        from xl_cli.recipe.files import read_content, shipped_recipes

        return [{"name": name, "what": read_content(path)["description"]} for name, path in shipped_recipes().items()]
    if what == "keys":
        from xl_cli.recipe.recipe import recipe_keys

        return [{"key": key, "default": default, "what": text} for key, text, default in recipe_keys()]
    if what == "tasks":
        from xl_tasks.catalogue.registry import TASKS

        return [_task_row(entry, as_json) for entry in TASKS.values()]
    if what == "presets":
        from xl_cli.vectors.extract_config import PRESETS
        from xl_tasks.tuning.presets import preset_rows

        rows = [{**row, "options": ""} for row in preset_rows()]
        # Of another command, whose options are others.
        for name, values in PRESETS.items():
            options = ", ".join(f"{option} {value}" for option, value in values.items())
            rows.append({**dict.fromkeys(rows[0], ""), "preset": name, "task": "static extract", "options": options})
        return rows
    if what == "tuning":
        from xl_cli.evaluation.tuning_options import tuning_keys

        return [{"key": key, "default": default, "what": text} for key, default, text in tuning_keys()]
    if what == "data":
        from xl_tasks.catalogue.registry import DATASETS

        return [{"name": name, "task": entry.kind, "what": entry.corpus} for name, entry in DATASETS.items()]
    if what == "objectives":
        from xl_cli.recipe.objectives import REGISTRY, objective_type

        # Of those that say how their loss is called, too, what they are.
        about = {name: str(objective_type(name).__doc__).partition("\n\n")[0] for name in REGISTRY.names()}
        return [{"name": name, "what": " ".join(text.split())} for name, text in about.items()]
    if what == "measures":
        from xl_cli.measure.registry import MEASURES, measure

        return [{"name": name, "what": str(measure(name).rows.__doc__).partition("\n")[0]} for name in MEASURES]
    if what == "layouts":
        from xl_analysis import layout_names, read_layout

        return [
            {"layout": name, "number": table.number, "table": table.title}
            for name in layout_names()
            for table in read_layout(name).tables
        ]
    if what == "published":
        return _published(only, as_json)
    if what == "romanizers":
        from xl_translit import romanizers

        return [{"name": name, "what": text} for name, text in romanizers().items()]
    if what == "models":
        from xl_encoders.config import SIZES

        return [
            {
                "size": size,
                "what": f"new XLM-R shape: blocks {n}, width {width}, heads {heads}, feed-forward {inner}",
            }
            for size, (n, width, heads, inner) in SIZES.items()
        ]
    from xl_translit import UnknownLanguageError, language, supported_languages

    try:
        codes = {language(spelling) for spelling in only}
    except UnknownLanguageError as error:
        raise UsageError(str(error)) from None
    languages = supported_languages()
    strange = codes - {support.code for support in languages}
    if strange:
        message = f"{min(strange)}: Uroman romanises it as it does its script; there are no phonemes for it"
        raise UsageError(message)

    return [
        {
            "code": support.code,
            "name": support.name,
            "scripts": " ".join(support.scripts),
            "romaniser": support.romaniser,
            "phonemes": " ".join([support.g2p or "-", *support.variants]),
            **(
                {"spellings": list(support.spellings), "reading": support.reading, "note": support.note}
                if as_json
                # every language is also named by its code, with _ or with -
                else {
                    "also named so; note": "; ".join(
                        filter(None, [", ".join(support.spellings[2:]), _reading(support), support.note])
                    )
                }
            ),
        }
        for support in languages
        if not codes or support.code in codes
    ]
