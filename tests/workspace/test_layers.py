"""The layout's promises, read off the sources: who imports whom, what is declared, what is public, what is light."""

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Collection, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from tests.thinned import thinned
from tests.workspace.sources import nodes

ROOT = Path(__file__).parents[2]
MEMBERS = {path.parent.name: path.parent for path in sorted(ROOT.glob("[pa]*/*/pyproject.toml"))}
NAMES = {f"xl_{name}": folder for name, folder in MEMBERS.items()}

# From the bottom up; members of one row do not import each other.
LAYERS = [
    {"xl_translit", "xl_staticemb", "xl_objectives"},
    {"xl_encoders"},
    {"xl_tasks"},
    {"xl_analysis"},
    {"xl_cli"},
]
HEAVY = (
    "torch", "transformers", "numpy", "scipy", "sklearn", "gensim", "accelerate", "tokenizers", "babel", "uroman",
    "huggingface_hub",
)  # fmt: skip

# What a distribution is called where its import name tells nothing.
STANDARD = sys.stdlib_module_names | {"_typeshed"}


def sources(package: str) -> list[Path]:
    return sorted((NAMES[package] / "src").rglob("*.py"))


def imports(path: Path) -> set[str]:
    found = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    # Names that a package loads on first use are imports as well.
    text = path.read_text(encoding="utf-8")
    return found | set(re.findall(r'"(xl_[a-z]+)[.:]', text))


def settings(package: str) -> dict:
    return tomllib.loads((NAMES[package] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_members_are_those_of_the_layout() -> None:
    assert set(NAMES) == set().union(*LAYERS)


@pytest.mark.parametrize("package", NAMES)
def test_imports_point_down(package: str) -> None:
    level = next(i for i, row in enumerate(LAYERS) if package in row)
    below = set().union(*LAYERS[:level])
    for path in sources(package):
        ours = {name.split(".")[0] for name in imports(path)} & set(NAMES) - {package}
        assert ours <= below, f"{path.name} imports {ours - below}"


def imported_modules(path: Path, modules: Collection[str]) -> set[str]:
    """Modules of ours that a file imports anywhere, in its functions too; not those of its types alone."""
    found = set()
    left = [nodes(path)[0]]
    while left:
        node = left.pop()
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            left += node.orelse
            continue
        left += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names & set(modules) or {node.module}
    return found & set(modules)


def in_circles(graph: Mapping[str, Collection[str]]) -> set[str]:
    """Names that reach themselves: what is left when those are taken away, again and again, that reach nothing left."""
    left = dict(graph)
    while True:
        ends = {name for name, reached in left.items() if not set(reached) & set(left)}
        if not ends:
            begins = set(left) - {name for reached in left.values() for name in reached}
            if not begins:
                return set(left)
            ends = begins
        left = {name: reached for name, reached in left.items() if name not in ends}


def test_no_two_modules_import_each_other() -> None:
    modules = {
        ".".join(path.relative_to(folder / "src").with_suffix("").parts).removesuffix(".__init__"): path
        for package, folder in NAMES.items()
        for path in sources(package)
    }
    graph = {name: imported_modules(path, modules) - {name} for name, path in modules.items()}
    assert sum(map(len, graph.values())) > 500
    assert in_circles(graph) == set()
    assert in_circles({"a": ["b"], "b": ["c"], "c": ["b"], "d": ["a"]}) == {"b", "c"}


def test_no_folder_is_a_corridor() -> None:
    """About fifteen modules are what a reader takes in at a glance."""
    n_modules = Counter(path.parent for package in NAMES for path in sources(package) if path.name != "__init__.py")
    assert {str(folder): n for folder, n in n_modules.items() if n > 16} == {}


@pytest.mark.parametrize("package", NAMES)
def test_what_is_imported_is_declared(package: str) -> None:
    extras = settings(package).get("optional-dependencies", {}).values()
    lines = [*settings(package)["dependencies"], *(line for extra in extras for line in extra)]
    declared = {re.split(r"[^A-Za-z0-9._-]", line)[0].lower().replace("_", "-") for line in lines}
    distributions = packages_distributions()
    for path in sources(package):
        for name in imports(path):
            top = name.split(".")[0]
            if not top or top in STANDARD or top == package:
                continue
            providers = {d.lower().replace("_", "-") for d in distributions.get(top, [top])}
            assert providers & declared, f"{path.name} imports {top}, which pyproject.toml does not name"


@pytest.mark.parametrize("package", NAMES)
def test_nobody_imports_a_private_name(package: str) -> None:
    for path in sources(package):
        for node in nodes(path):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in set(NAMES) - {package}:
                private = [part for part in (node.module or "").split(".") if part.startswith("_")]
                private += [alias.name for alias in node.names if re.match("_[^_]", alias.name)]
                assert not private, f"{path.name} imports {private}"


@pytest.mark.parametrize("package", NAMES)
def test_every_module_imports_and_every_public_name_exists(package: str) -> None:
    module = importlib.import_module(package)
    for found in pkgutil.walk_packages(module.__path__, f"{package}."):
        if not found.name.endswith("__main__"):
            assert importlib.import_module(found.name).__doc__, f"{found.name} has no docstring"
    assert len(module.__all__) == len(set(module.__all__))
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError):
        module.no_such_name  # noqa: B018
    assert module.__version__ == settings(package)["version"]


@pytest.mark.parametrize("package", NAMES)
def test_all_names_the_imports_of_init(package: str) -> None:
    tree = ast.parse((NAMES[package] / "src" / package / "__init__.py").read_text(encoding="utf-8"))
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("xl_")
        for alias in node.names
    }
    assert imported <= set(importlib.import_module(package).__all__)


@pytest.mark.parametrize("package", NAMES)
def test_public_things_are_documented(package: str) -> None:
    module = importlib.import_module(package)
    for name in module.__all__:
        thing = getattr(module, name)
        if callable(thing):
            assert thing.__doc__, f"{package}.{name} has no docstring"


@pytest.mark.parametrize("package", NAMES)
def test_member_files_are_there(package: str) -> None:
    folder = NAMES[package]
    assert folder.name == package.removeprefix("xl_")
    for name in ("README.md", "CHANGELOG.md", "LICENSE", f"src/{package}/py.typed"):
        assert (folder / name).is_file(), name
    assert settings(package)["name"] == package.replace("_", "-")
    assert settings(package)["version"] in (folder / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "arguments", thinned([["--help"], ["--version"], ["align", "--help"], ["eval", "--help"], ["ls", "recipes"]], 2)
)
def test_light_commands_load_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys; from xl_cli.main import main\n"
        f"sys.argv = ['xl', *{arguments!r}]\n"
        "try: main()\n"
        "except SystemExit as stop: assert not stop.code, stop.code\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("package", NAMES)
def test_importing_a_package_is_light(package: str) -> None:
    program = f"import sys, {package}; print([name for name in {HEAVY!r} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.strip() == "[]"


def test_each_field_of_a_config_shows_in_the_help() -> None:
    import dataclasses

    from xl_cli.evaluation.config import EvaluateConfig
    from xl_cli.recipe.recipe import recipe_keys

    shown = subprocess.run(
        [sys.executable, "-m", "xl_cli", "eval", "--help"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    for field in dataclasses.fields(EvaluateConfig):
        assert f"--{field.name.replace('_', '-')}" in shown
    listed = subprocess.run(
        [sys.executable, "-m", "xl_cli", "ls", "keys"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    listed = re.sub(r"\n +", " ", listed)  # of what is wrapped
    for key, text, _ in recipe_keys():
        assert re.search(rf"^{re.escape(key)}\s.*{re.escape(text)}$", listed, re.MULTILINE), key


def test_every_command_has_a_sentence_and_an_example() -> None:
    from xl_cli.main import app

    commands = list(app.registered_commands)
    for group in app.registered_groups:
        assert group.typer_instance is not None
        commands += group.typer_instance.registered_commands
    assert len(commands) >= 7
    for command in commands:
        text = command.callback.__doc__ or ""
        assert re.search(r"^.+\.\n\n\s+Example: .*xl \w+", text, re.DOTALL), command.name
