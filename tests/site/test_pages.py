"""What the site shows is there: its commands are such as xl takes, and nothing that can be named is left out."""

import inspect
import json
import re
import signal
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

import pytest
from docs.building.pages import filled, pages
from docs.building.tables import commands, listed
from tests.site.command_lines import Call, application, calls, parsed
from tests.workspace.api import NAMES

from xl_cli.claims.claim import shipped_claims
from xl_cli.commands.ls import KINDS
from xl_cli.errors import is_misuse, is_user_error
from xl_cli.measure.registry import MEASURES
from xl_cli.recipe.files import shipped_recipes
from xl_cli.recipe.recipe import load_recipe, recipe_keys
from xl_objectives import OBJECTIVES
from xl_tasks import DATASETS, PRESETS, TASKS, task

ROOT = Path(__file__).parents[2]
PAGES = pages()
NOTEBOOKS = {f"notebooks/{path.stem}": path for path in sorted((ROOT / "docs/notebooks").glob("*.ipynb"))}
SHOWN = PAGES | {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md")}
SHOWN |= {
    name: "\n".join("".join(cell["source"]) + "\n" for cell in json.loads(path.read_bytes())["cells"])
    for name, path in NOTEBOOKS.items()
}
# In the place of a name of the reader's own.
OPEN = ("my-task", "TASK", "TASK...", "things")
EXAMPLE = re.compile(r"Example: (.+?)(?:\n\n|$)", re.DOTALL)


def check(call: Call, where: str) -> None:
    """Every word is a command, an option or an argument; recipes, their keys and tasks are there."""
    try:
        name, given = parsed(call)
        if name == "align" and given.get("recipe") in shipped_recipes():
            load_recipe(given["recipe"], given["overrides"] or (), plan_only=True)
        if name == "eval":
            assert all(task(each) for each in given.get("tasks") or () if each not in OPEN)
    except Exception as error:  # whatever refuses it, the page is wrong
        pytest.fail(f"{where}: xl {' '.join(call.words)}: {getattr(error, 'message', '') or error!r}")


@pytest.mark.parametrize("page", [page for page in SHOWN if page != "commands"])
def test_commands_of_a_page_are_such_as_xl_takes(page: str) -> None:
    for call in calls(SHOWN[page]):
        check(call, page)


def test_examples_of_help_texts_are_such_as_xl_takes() -> None:
    shown = 0
    for words in commands():
        command = application()
        for word in words:
            command = command.commands[word]
        for example in EXAMPLE.findall(inspect.cleandoc(command.help or "")):
            for call in calls(f"    {' '.join(example.split())}\n"):
                check(call, " ".join(words))
                shown += 1
    assert shown > 20


def test_there_are_as_many_commands_as_one_sees() -> None:
    """A pattern that finds none would let every page pass."""
    assert sum(1 for text in SHOWN.values() for _ in calls(text)) > 400


def errors() -> dict[str, type[Exception]]:
    """The error classes of the packages' public names, and those of the command."""
    found = {}
    for package in (*NAMES, "xl_cli.errors"):
        module = import_module(package)
        for name in getattr(module, "__all__", dir(module)):
            value = getattr(module, name)
            if isinstance(value, type) and issubclass(value, Exception):
                found[name] = value
    return found


@pytest.mark.parametrize("name", errors())
def test_every_error_is_explained_with_its_exit_code(name: str) -> None:
    row = re.search(rf"^\| `{name}` \| (\w+) \| (.+) \| (.+) \| (\d+) \|$", PAGES["errors"], re.MULTILINE)
    assert row
    error = errors()[name].__new__(errors()[name])
    assert type(error).__module__.partition(".")[0] == row[1]
    # What is no error of the user's ends as the signal does that it stands for.
    assert int(row[4]) == (2 if is_misuse(error) else 1 if is_user_error(error) else 128 + signal.SIGINT)


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("recipes", shipped_recipes()),
        ("recipes", OBJECTIVES),
        ("evaluation", TASKS),
        ("evaluation", PRESETS),
        ("evaluation", MEASURES),
        ("data", [*DATASETS]),
        ("commands", [f"xl {' '.join(words)}" for words in commands()]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_can_be_named_is_listed(page: str, names: Iterable[str]) -> None:
    cells = set(re.findall(r"^(?:\| `?|#+ `)([^|`]+?)`?(?: \(XTREME\))?(?: \||$)", PAGES[page], re.MULTILINE))
    assert set(names) <= cells


@pytest.mark.parametrize("what", KINDS)
def test_a_list_says_a_thing_in_a_line(what: str) -> None:
    """No line ends or indentation of a docstring come along."""
    for row in listed(what):
        texts = [text for text in row.values() if isinstance(text, str)]
        assert [" ".join(text.split()) for text in texts] == texts


def test_every_key_of_a_recipe_is_in_its_table() -> None:
    for key, text, _ in recipe_keys():
        place, _, name = key.rpartition(".")
        table = PAGES["recipes"].partition(f"### `{place}`\n")[2].partition("\n### ")[0]
        assert f"| `{name}` |" in table
        assert text


def test_every_page_is_in_the_contents() -> None:
    listed = set(re.findall(r"^[a-z_/]+$", PAGES["index"], re.MULTILINE))
    assert listed == (set(PAGES) | set(NOTEBOOKS)) - {"index"}


@pytest.mark.parametrize("package", NAMES)
def test_every_package_has_a_page_with_its_readme_and_its_names(package: str) -> None:
    page = PAGES[f"packages/{package.removeprefix('xl_')}"]
    assert page.startswith(f"# {package.replace('_', '-')}\n")
    assert f".. automodule:: {package}\n" in page


def test_every_claim_stands_with_a_system() -> None:
    shown = " ".join(text for name, text in PAGES.items() if name.startswith("systems/"))
    assert all(f"\n| {name} |" in shown for name in shipped_claims())


def test_what_is_not_there_is_told() -> None:
    for asked in ("generated: nothing", "section: README.md, Nothing", "other: x"):
        with pytest.raises(ValueError, match=r"nothing|Nothing"):
            filled(f"a\n<!-- {asked} -->\n", "page")
