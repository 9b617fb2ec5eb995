"""What is wrong on a command line is said before anything heavy is loaded, whatever the command."""

import json
import subprocess
import sys
from typing import Any

import pytest
import typer.main
from tests.cli.conftest import environment
from tests.cli.task_data import make_sib200
from tests.thinned import thinned

from xl_cli.main import app

HEAVY = {"torch", "transformers", "accelerate", "sklearn", "pandas", "scipy", "pyarrow", "sentence_transformers",
         "datasets", "gensim", "panphon"}  # fmt: skip

# A command line with one fault, and a piece of what is said. NO is a path where nothing lies, HERE an empty folder,
# TEXT a file of text, MODEL a folder that looks like a BERT of two layers, TOPICS a folder of SIB-200.
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
    "embed": ("embed NO --model xlm-roberta-base --out new", "NO"),
    "embed: model": ("embed TEXT --model NO --out new", "NO"),
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
    "linguistic-gap": ("analyze linguistic-gap NO", "NO"),
    "align-words: gold": ("analyze align-words --model MODEL --gold HERE --source grc --target eng", "holds no links"),
    "refine": ("static refine NO --out-source new.vec", "--feedback"),
    "robustness": ("analyze robustness NO --metric accuracy", "NO"),
    "multilingual": (
        "static multilingual NO --model xlm-roberta-base --languages tr --out new",
        "no such file or folder",
    ),
    "align": ("align names --set train.lr=-1 --set train.batch=0", "2 faults"),
    "align: dry run": ("align --dry-run --set train.steps=-3", "train.steps is -3"),
    "eval: settings": ("eval sib200 --model MODEL --data TOPICS --set lr=-1", "lr is -1.0"),
    "eval: grid": ("eval sib200 --model MODEL --data TOPICS --grid batch=0,8", "batch is 0"),
    "eval: robust": (
        "eval sib200 --model MODEL --data TOPICS --robust at --set robust.eps_rel=-1",
        "robust.eps_rel is -1",
    ),
    "eval: preset": ("eval sib200 --model MODEL --data TOPICS --preset no", "--preset is 'no'"),
    "eval: language": ("eval sib200 --model MODEL --data TOPICS --target volapuek", "volapuek"),
    "eval: layer": ("eval sib200-retrieval --model MODEL --data TOPICS --layer 3", "--layer 3: model has 0"),
    "eval: length": (
        "eval sib200 --model MODEL --data TOPICS --max-len 65",
        "model has positions for 64",
    ),
    "eval: engine": (
        "eval sib200 --model MODEL --data TOPICS --cell-gpus 1",
        "read by --engine ray alone",
    ),
    "cka: layer": ("analyze cka --model MODEL --data TOPICS --layer -4", "--layer -4: model has 0"),
    "distance": ("analyze distance --model NO --data TOPICS", "NO"),
    "divergence": ("analyze divergence --model NO --data TOPICS", "NO"),
    "similarity of spaces": ("analyze similarity --model NO --data TOPICS", "NO"),
    "tsne": ("analyze tsne --model NO --data TOPICS --plot new.html", "NO"),
    "space": ("analyze space --model NO --data TOPICS", "NO"),
    "gap": ("analyze gap NO", "NO"),
    "gap: engine": ("analyze gap HERE --engine ray", "no parts that a cluster could compute"),
    "cka: engine": ("analyze cka --model MODEL --data TOPICS --cell-retries 1", "read by --engine ray alone"),
    "correlate": ("analyze correlate NO HERE --x cka --y gap", "NO"),
    "significance": ("analyze significance NO HERE", "NO"),
    "align-words": ("analyze align-words --model MODEL --text a", "--text is there 1 times"),
    "word-retrieval": ("analyze word-retrieval --model MODEL --files TEXT --links NO", "--files is there 1 times"),
    "gradients": ("analyze gradients HERE", "is no run"),
    "gradients: recipe": ("analyze gradients no-such-recipe", "unknown recipe"),
    "compare": ("compare HERE NO", "no results.jsonl"),
    "ls": ("ls everything", "unknown list"),
    "reproduce": ("reproduce seq-retrievel --out new", "unknown claim"),
    "reproduce: data": ("reproduce coverage --scale real --data NO --model xlm-roberta-base --out new", "NO"),
    "map: none": ("static map TEXT TEXT --out-source a.vec --out-target b.vec", "give --dictionary FILE"),
    "train": ("static train TEXT --lang volapuek1 --out new.vec", "volapuek1"),
    "train: width": ("static train TEXT --lang eng --width 0 --out new.vec", "--width is 0"),
}


PLACES = {"NO": "./nowhere", "HERE": "here", "TEXT": "text.vec", "MODEL": "model", "TOPICS": "."}

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
    (folder / "model").mkdir()
    shape = {"model_type": "bert", "num_hidden_layers": 2, "hidden_size": 8, "max_position_embeddings": 64}
    (folder / "model" / "config.json").write_text(json.dumps(shape), encoding="utf-8")
    (folder / "model" / "tokenizer.json").write_text("{}", encoding="utf-8")
    (folder / "model" / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    make_sib200(folder, (3, 3, 3))
    lines = {name: placed(line) for name, (line, _) in FAULTS.items()}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(lines)], capture_output=True, text=True, check=True, cwd=folder,
        env=environment(),
    )  # fmt: skip
    assert sorted(path.name for path in folder.iterdir()) == ["here", "model", "sib200", "text.vec"]
    return json.loads(done.stdout)


def placed(line: str) -> str:
    for name, path in PLACES.items():
        line = line.replace(name, path)
    return line


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


def test_every_command_has_a_fault() -> None:
    """A new command gets a line in the table above."""
    groups: list[tuple[str, Any]] = [("", typer.main.get_command(app))]
    names = set()
    for prefix, group in groups:
        for name in group.commands:
            command = group.commands[name]
            if hasattr(command, "commands"):
                groups.append((f"{prefix}{name} ", command))
            else:
                names.add(f"{prefix}{name}")
    lines = [line for line, _ in FAULTS.values()]
    assert {name for name in names if not any(f"{line} ".startswith(f"{name} ") for line in lines)} == set()
