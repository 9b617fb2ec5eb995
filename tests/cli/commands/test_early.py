"""What is wrong on a command line is said before anything heavy is loaded, whatever the command."""

import json
import subprocess
import sys

import pytest
from tests.cli.conftest import environment
from tests.thinned import thinned

HEAVY = {"torch", "transformers", "accelerate", "sklearn", "pandas", "scipy", "pyarrow", "sentence_transformers",
         "datasets", "gensim", "panphon"}  # fmt: skip

# A command line with one fault, and a piece of what is said. NO is a path where nothing lies, HERE an empty folder,
# TEXT a file of text.
FAULTS = {
    "eval: model": ("eval tatoeba --model NO --data HERE", "NO"),
    "eval: both": ("eval tatoeba --model NO --data NO", "2 faults"),
    "eval: data": ("eval tatoeba --model HERE --data NO", "NO"),
    "eval: data of a fitted task": ("eval sib200 --model xlm-roberta-base --data NO", "NO"),
    "eval: empty model": ("eval sib200 --model HERE --data HERE", "config.json"),
    "export": ("export NO --out new", "NO"),
    "eval: hub id": ("eval sib200 --model no/where --data HERE", "HF_HUB_OFFLINE"),
    "export: empty": ("export HERE --out new", "config.json"),
    "cka: model": ("analyze cka --model NO --data HERE", "NO"),
    "cka: data": ("analyze cka --model xlm-roberta-base --data NO", "NO"),
    "cka: second model": ("analyze cka --model HERE --model eng=HERE,ell=NO --data HERE", "NO"),
    "coverage: model": ("analyze coverage --model NO --data HERE", "NO"),
    "coverage: data": ("analyze coverage --model xlm-roberta-base --data NO", "NO"),
    "extract: text": ("static extract NO --model HERE --lang eng --out new.vec", "NO"),
    "extract: model": ("static extract TEXT --model NO --lang eng --out new.vec", "NO"),
    "map": ("static map NO TEXT --dictionary TEXT --out-source a.vec --out-target b.vec", "NO"),
    "map: dictionary": ("static map TEXT TEXT --dictionary NO --out-source a.vec --out-target b.vec", "NO"),
    "map: pivot": ("static map eng=NO --pivot deu=TEXT --dictionary eng=TEXT --out new", "NO"),
    "bli": ("static bli NO TEXT --dictionary TEXT", "NO"),
    "bli: dictionary": ("static bli TEXT TEXT --dictionary NO", "NO"),
    "induce": ("static induce TEXT NO --out new.tsv", "NO"),
    "induce: excluded": ("static induce TEXT TEXT --exclude NO --out new.tsv", "NO"),
    "check": ("check NO TEXT", "NO"),
    "mine": ("mine NO TEXT --model xlm-roberta-base --out new.tsv", "NO"),
    "mine: model": ("mine TEXT TEXT --model NO --out new.tsv", "NO"),
    "mine: gold": ("mine TEXT TEXT --model xlm-roberta-base --gold NO --out new.tsv", "NO"),
    "neighbours": ("static neighbours NO --out new.tsv", "NO"),
    "similarity": ("static similarity NO --gold TEXT", "NO"),
    "similarity: gold": ("static similarity TEXT --gold NO", "NO"),
    "translit": ("translit NO", "NO"),
    "translit: phonemes": ("translit NO --to phonemes --lang deu", "NO"),
    "report": ("report NO", "NO"),
}


PROGRAM = """
import contextlib, io, json, sys
from xl_cli.main import main
found, known = {}, set()
for name, line in json.loads(sys.argv[1]).items():
    sys.argv, said, code = ["xl", *line.split()], io.StringIO(), 0
    try:
        with contextlib.redirect_stderr(said):
            main()
    except SystemExit as stopped:
        code = stopped.code
    found[name] = code, said.getvalue(), sorted(set(sys.modules) - known)
    known = set(sys.modules)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str, list[str]]]:
    """Exit code, words and the modules that were loaded for it, of each; one process for all, which is quicker."""
    folder = tmp_path_factory.mktemp("early")
    (folder / "here").mkdir()
    (folder / "text.vec").write_text("1 2\nword 1.0 2.0\n", encoding="utf-8")
    lines = {name: placed(line) for name, (line, _) in FAULTS.items()}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(lines)], capture_output=True, text=True, check=True, cwd=folder,
        env=environment(),
    )  # fmt: skip
    assert sorted(path.name for path in folder.iterdir()) == ["here", "text.vec"]
    return json.loads(done.stdout)


def placed(line: str) -> str:
    return line.replace("NO", "./nowhere").replace("HERE", "here").replace("TEXT", "text.vec")


@pytest.mark.parametrize("name", thinned(FAULTS, 4))
def test_a_fault_is_said_before_anything_heavy_is_loaded(
    name: str, answers: dict[str, tuple[int, str, list[str]]]
) -> None:
    code, said, modules = answers[name]
    assert code in (1, 2)
    assert "nowhere" in said if FAULTS[name][1] == "NO" else FAULTS[name][1] in said
    assert "Traceback" not in said
    assert not set(modules) & HEAVY


def test_all_that_is_missing_is_said_at_once(answers: dict[str, tuple[int, str, list[str]]]) -> None:
    said = answers["eval: both"][1]
    assert "--data ./nowhere" in said
    assert "\n  ./nowhere: no such model folder" in said
