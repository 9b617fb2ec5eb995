"""Each package alone: its wheel in an empty environment, with its own dependencies at their lowest or newest.

`python -m tests.trust.packages_alone --python 3.12 --resolution highest xl-translit` builds the wheels, makes an
environment for each package named (without a name: each of the workspace), imports every public name there and runs
those of the package's tests that need nothing else. Without options: Python 3.11 to 3.13, lowest and newest.
Printed is a line an environment, and at the end a table. It downloads, takes minutes, and is no part of the gate.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.workspace.api import place
from tests.workspace.test_layers import NAMES, imported_modules, imports

ROOT = Path(__file__).parents[2]
PYTHONS = ("3.11", "3.12", "3.13")
RESOLUTIONS = ("lowest-direct", "highest")

# What runs tests; nothing of it is a package's own dependency.
_RUNNER = ("pytest", "pytest-timeout", "pytest-xdist", "hypothesis", "filelock")
_NAMES_EXIST = (
    "import sys; from importlib import import_module\n"
    "package = import_module(sys.argv[1])\n"
    "for name in package.__all__: getattr(package, name)\n"
    "print(len(package.__all__))"
)
_INSTALLED = "from importlib.metadata import packages_distributions as d; print(*d())"


@dataclass
class Seen:
    """What became of one environment: megabytes of it, and in words what was imported and tested, or failed."""

    python: str
    resolution: str
    package: str
    megabytes: int = 0
    names: str = "-"
    tests: str = "-"
    fault: str = ""

    def row(self) -> str:
        verdict = self.fault or "ok"
        cells = (self.package, self.python, self.resolution, f"{self.megabytes} MB", self.names, self.tests, verdict)
        return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="*", default=[name.replace("_", "-") for name in NAMES])
    parser.add_argument("--python", action="append", help="a version or the path of an interpreter; may be repeated")
    parser.add_argument("--resolution", action="append", choices=RESOLUTIONS)
    parser.add_argument("--no-tests", action="store_true", help="install and import alone")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wheels = Path(folder) / "wheels"
        _run("uv", "build", "--all-packages", "--wheel", "--quiet", "--out-dir", wheels)
        seen = []
        for package in asked.packages:
            for python in asked.python or PYTHONS:
                for resolution in asked.resolution or RESOLUTIONS:
                    with tempfile.TemporaryDirectory(dir=folder) as environment:
                        one = Seen(_version(python) if os.sep in python else python, resolution, package)
                        try:
                            look(one, python, Path(environment), wheels, tests=not asked.no_tests)
                        except subprocess.CalledProcessError as error:
                            one.fault = _last_words(error)
                    print(one.row(), flush=True)
                    seen.append(one)
    print("\n| package | python | versions | size | public names | tests | verdict |\n" + "| --- " * 7 + "|")
    print("\n".join(one.row() for one in seen))
    sys.exit(any(one.fault for one in seen))


def look(one: Seen, python: str, folder: Path, wheels: Path, *, tests: bool) -> None:
    """Fill `one`; CalledProcessError for the first step that fails. folder: empty, for the environment."""
    module, about = one.package.replace("-", "_"), place(one.package.replace("-", "_")) / "pyproject.toml"
    _run("uv", "venv", "--quiet", "--python", python, folder / "env")
    inside = folder / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    install = ("uv", "pip", "install", "--quiet", "--python", inside, "--no-sources", "--find-links", wheels)
    wheel = next(wheels.glob(f"{module}-*.whl"))
    # The requirements stand beside the wheel: of a wheel alone they would not be direct ones.
    _run(*install, "--resolution", one.resolution, "-r", about, wheel)
    one.megabytes = sum(file.stat().st_size for file in (folder / "env").rglob("*") if not file.is_symlink()) >> 20
    one.names = _run(inside, "-I", "-c", _NAMES_EXIST, module).strip()
    if tests:
        there = {*_run(inside, "-I", "-c", _INSTALLED).split(), *sys.stdlib_module_names, "__future__"}
        _run(*install, *_RUNNER)
        files = sorted((ROOT / "tests" / module.removeprefix("xl_")).rglob("test_*.py"))
        own = [file for file in files if needed(file) <= there | {"pytest", "hypothesis", "filelock"}]
        call = (inside, "-m", "pytest", "-q", "-n", "0", "-W", "default", "-p", "no:cacheprovider", *own)
        one.tests = f"{len(own)} of {len(files)} files" + (f": {_run(*call).splitlines()[-1]}" if own else "")


def needed(test: Path) -> set[str]:
    """Top-level modules that a test imports, by way of the tests' own modules and of the conftests above it too."""
    own = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in (ROOT / "tests").rglob("*.py")}
    above = (up / "conftest.py" for up in test.parents if ROOT / "tests" in up.parents)
    found, left = set[Path](), [test, *(path for path in above if path.is_file())]
    while left:
        path = left.pop()
        if path not in found:
            found.add(path)
            left += (own[name] for name in imported_modules(path, own))
    return {name.split(".")[0] for path in found for name in imports(path)} - {"", "tests"}


def _version(python: str) -> str:
    return _run(python, "-c", "import platform; print(platform.python_version())").strip()


def _run(*call: object) -> str:
    """What a command wrote; its error in full stays with the CalledProcessError."""
    words = [str(word) for word in call]
    quiet = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    quiet.pop("VIRTUAL_ENV", None)
    return subprocess.run(words, check=True, capture_output=True, text=True, cwd=ROOT, env=quiet).stdout


def _last_words(error: subprocess.CalledProcessError) -> str:
    """The command, and the last lines that it wrote."""
    written = f"{error.stdout}\n{error.stderr}".strip()
    print(written[-6000:], file=sys.stderr)
    lines = [line.strip() for line in written.splitlines() if line.strip()]
    return f"{' '.join(map(str, error.cmd[1:4]))}: {lines[-1] if lines else error.returncode}".replace("|", "/")


if __name__ == "__main__":
    main()
