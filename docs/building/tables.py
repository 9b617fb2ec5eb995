"""What the program knows of itself, as Markdown: recipes, keys, tasks, help texts, as `xl` itself would say them."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import typer.main
from typer.testing import CliRunner

from xl_cli.main import app
from xl_cli.recipe.files import shipped_recipes

# Columns that `--help` may take on a page.
_WIDTH = 96
_DESCRIPTION = re.compile(r"^description = .*\n", re.MULTILINE)


def table(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows of the same keys, which head it."""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(map(_cell, row.values()) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    # Help texts are no Markdown, but for `code`.
    parts = text.split("`")
    return "`".join(
        part.replace("|", "\\|") if place % 2 else re.sub(r"([\\|*_<>$\[\]])", r"\\\1", part)
        for place, part in enumerate(parts)
    )


def listed(what: str, *columns: str) -> list[dict[str, Any]]:
    """The rows of `xl ls WHAT`, or some columns of them."""
    rows = [json.loads(line) for line in said("ls", what, "--json").splitlines()]
    return [{key: row[key] for key in columns or row} for row in rows]


def said(*words: str) -> str:
    """What `xl WORDS` prints. Raises RuntimeError where it fails."""
    done = CliRunner().invoke(app, list(words), terminal_width=_WIDTH)
    if done.exit_code:
        message = f"xl {' '.join(words)}: {done.output}"
        raise RuntimeError(message)
    return done.stdout


def _recipes() -> str:
    """Each with its description, which is then left out of its text."""
    told = {row["name"]: row["what"] for row in listed("recipes")}
    texts = {name: path.read_text(encoding="utf-8") for name, path in shipped_recipes().items()}
    return "\n\n".join(
        f"### `{name}`\n\n{_cell(told[name])}\n\n```toml\n{_DESCRIPTION.sub('', text).strip()}\n```"
        for name, text in texts.items()
    )


def _keys() -> str:
    """A table for each table of a recipe, and one for each objective."""
    groups: dict[str, list[dict[str, str]]] = {}
    for row in listed("keys"):
        place, _, key = row["key"].rpartition(".")
        groups.setdefault(place, []).append(
            {"key": f"`{key}`", "default": f"`{json.dumps(row['default'], ensure_ascii=False)}`", "what": row["what"]}
        )
    return "\n\n".join(f"### `{place}`\n\n{table(rows)}" for place, rows in groups.items())


def _presets() -> str:
    rows = [row for row in listed("presets") if row["task"] != "static extract"]
    shown = ("preset", "task", "unit", "lr", "weight_decay", "batch", "accumulate", "epochs", "max_len", "seeds")
    return table([{key: row[key] for key in (*shown, "sources", "protocol", "mean")} for row in rows])


def _tasks() -> str:
    kinds: dict[str, list[dict[str, object]]] = {}
    for row in listed("tasks"):
        kinds.setdefault(row["kind"], []).append(
            {
                "task": f"`{row['name']}`" + (" (XTREME)" if row["xtreme"] else ""),
                "what it is": f"{row['title']}: {row['description']}",
                "metrics": row["metrics"],
                "folder below `--data`": row["folders"] or "-",
                "files": row["layout"],
                "licence": row["licence"],
            }
        )
    return "\n\n".join(f"### {kind.capitalize()}\n\n{table(rows)}" for kind, rows in kinds.items())


def commands(group: Any = None, *names: str) -> Iterator[tuple[str, ...]]:
    """The words of every command, groups left out."""
    group = group or typer.main.get_command(app)
    inside = getattr(group, "commands", None)
    if inside is None:
        yield names
    else:
        for name, command in inside.items():
            yield from commands(command, *names, name)


def _commands() -> str:
    helps = [(" ".join(words), said(*words, "--help").strip()) for words in commands()]
    return "\n\n".join(f"## `xl {name}`\n\n```text\n{text}\n```" for name, text in helps)


TABLES: dict[str, Callable[[], str]] = {
    "recipes": _recipes,
    "keys": _keys,
    "tuning": lambda: table(listed("tuning")),
    "presets": _presets,
    "tasks": _tasks,
    "data": lambda: table(listed("data")),
    "objectives": lambda: table(listed("objectives")),
    "measures": lambda: table(listed("measures")),
    "romanizers": lambda: table(listed("romanizers")),
    "models": lambda: table(listed("models")),
    "layouts": lambda: table(listed("layouts")),
    "commands": _commands,
}
