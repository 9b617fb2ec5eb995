"""Options of `xl static`, `analyze`, `export`, `translit`, `report` and `ls`: read, or refused in one sentence.

Every command is asked for its options, so that a new one must be sorted here: into its table of where it is read, or
among those that it always reads. What a table says is held against the library itself: which settings it looks at,
whether a device that there is not stops it, whether the output changes.
"""

import dataclasses
import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer.main
from tests.cli.conftest import Run
from tests.cli.recorded import recorded, seen
from tests.staticemb.toy_teacher import ToyTeacher
from tests.thinned import thinned

from xl_cli.checking import check
from xl_cli.commands import translit
from xl_cli.commands.ls import KINDS
from xl_cli.embedding import config as embedding_config
from xl_cli.errors import CliError
from xl_cli.folder import export, report
from xl_cli.main import app
from xl_cli.measure.registry import measure
from xl_cli.mining import config as mining_config
from xl_cli.unread_options import ReadWhere
from xl_cli.vectors import bli as static_bli
from xl_cli.vectors import extract as static_extract
from xl_cli.vectors import extract_config, mapping_options
from xl_cli.vectors import extraction as static_extraction
from xl_cli.vectors import induce as static_induce
from xl_cli.vectors import mapping as static_mapping
from xl_cli.vectors import refine as static_refine
from xl_cli.vectors import train as static_train
from xl_cli.vectors.multilingual import config as multilingual_config
from xl_staticemb import (
    MappingConfig,
    VectorWriter,
    WordVectors,
    X2StaticConfig,
    extract,
    induce_dictionary,
    induction_accuracy,
    read_vectors,
    write_vectors,
)
from xl_staticemb.mapping import self_learning
from xl_staticemb.mapping.config import PRESETS
from xl_staticemb.mapping.mapped_files import map_files
from xl_staticemb.mapping.pivot import pivot_config
from xl_staticemb.mapping.pivot_files import map_files_to_pivot
from xl_tasks import Row, write_rows

N, WIDTH = 60, 8

# Options that a command reads whatever else is given; the others are in its table.
_ALWAYS: dict[str, tuple[str, Sequence[ReadWhere]]] = {
    "static map": ("mode limit pivot normalize map as_json", mapping_options.READ_WHERE),
    "static bli": ("dictionary retrieval limit lower multiword model both as_json out",
                   static_bli.READ_WHERE),
    "static induce": ("direction retrieval cutoff k min_score max_pairs exclude skip_identical out",
                      static_induce.READ_WHERE),
    "static neighbours": ("k min_similarity limit among device out", ()),
    "static similarity": ("gold oov lower multiword source_lang target_lang limit as_json out", ()),
    "static extract": ("max_sentences model lang layer max_len tokenized split precision preset method lower min_count "
                       "max_words out cache as_json", extract_config.READ_WHERE),
    "static multilingual": ("max_sentences model layer max_len tokenized split precision preset method lower min_count "
                            "max_words languages pivot words dictionary format out dry_run as_json",
                            multilingual_config.READ_WHERE),
    "static refine": ("feedback out_source weight limit source_lang ask as_json", static_refine.READ_WHERE),
    "static train": ("lang tokenized as_written method algorithm width window min_count max_words negatives subsample "
                     "epochs lr threads seed out cache as_json", static_train.READ_WHERE),
    "analyze cka": ("engine model data source target input layer pooling prompt max_len split limit kernel minibatch "
                    "plot out as_json",
                    measure("cka").read_where),
    "analyze distance": ("engine model data input source target max_len split limit out as_json",
                         measure("distance").read_where),
    "analyze divergence": ("engine model data input source target "
                         "layer pooling prompt transform max_len split limit classifier "
                           "folds bound out as_json", measure("divergence").read_where),
    "analyze similarity": ("engine model data input source target "
                         "layer pooling prompt transform max_len split limit as_written "
                           "misses out as_json", measure("similarity").read_where),
    "analyze tsne": ("engine model data input source target "
                         "layer pooling prompt transform max_len split limit plot method out "
                     "as_json", measure("tsne").read_where),
    "analyze space": ("engine measures model data source target input max_len split limit out as_json",
                      measure("space").read_where),
    "analyze coverage": ("model data language split limit out as_json", measure("coverage").read_where),
    "check": ("layer pooling prompt max_len limit as_json", check.READ_WHERE),
    "mine": ("model source_lang target_lang ids layer pooling prompt max_len precision score threshold in_order gold "
             "sample vectors out as_json", mining_config.READ_WHERE),
    "export": ("out format layer pooling max_len dtype prune push", export.READ_WHERE),
    "translit": ("to lang pairs format out column keep shard engine on_error",
                 translit._READ_WHERE),
    "report": ("format label out", report.READ_WHERE),
    "embed": ("model unit layer pooling normalize max_len precision tokens column keep format dtype shard_rows "
              "on_error engine out as_json", embedding_config.READ_WHERE),
    "ls": ("as_json", ()),
}  # fmt: skip


def options(command: str) -> dict[str, str]:
    """Names of the options of a command, as its parameters are called and as they are written."""
    found: Any = typer.main.get_command(app)
    for name in command.split():
        found = found.commands[name]
    return {
        each.name: each.opts[0] for each in found.params if each.param_type_name == "option" and each.name != "help"
    }


@pytest.mark.parametrize("command", list(_ALWAYS))
def test_every_option_of_a_command_is_in_its_table_or_always_read(command: str) -> None:
    always, table = _ALWAYS[command]
    under_conditions = {name for row in table for name in row.names}
    assert not under_conditions & set(always.split())
    assert under_conditions | set(always.split()) == set(options(command))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Vectors of a language, of a turned and noisy copy with a few equal words, and half of the pairs."""
    folder = tmp_path_factory.mktemp("vectors")
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(N, WIDTH))
    turned = matrix @ np.linalg.qr(rng.normal(size=(WIDTH, WIDTH)))[0] + 0.3 * rng.normal(size=matrix.shape)
    same = [str(i) for i in range(20)]
    write_vectors(folder / "tr.vec", WordVectors([*(f"s{i}" for i in range(N - 20)), *same], matrix))
    write_vectors(folder / "en.vec", WordVectors([*(f"t{i}" for i in range(N - 20)), *same], turned))
    # In the space of tr.vec as it is, so that retrievals differ without a map.
    near = matrix + 1.2 * rng.normal(size=matrix.shape)
    write_vectors(folder / "near.vec", WordVectors([*(f"t{i}" for i in range(N - 20)), *same], near))
    (folder / "half.tsv").write_text("".join(f"s{i}\tt{i}\n" for i in range(30)), encoding="utf-8")
    return folder


PAIRS = [(f"s{i}", f"t{i}") for i in range(30)]
QUICK = {"interval": 1, "threshold": 0.5}
QUICK_START = {"adversarial_epochs": 1, "adversarial_steps": 2, "discriminator_width": 8}
# Modes of two files, with options on top of them.
_MAPS = [
    *((mode, {}) for mode in PRESETS),
    ("supervised", {"self_learning": True}),
    ("supervised", {"whiten": False, "src_dewhiten": "none", "trg_dewhiten": "none"}),
    ("semi_supervised", {"self_learning": False}),
    ("semi_supervised", {"keep": 1.0}),
    ("unsupervised", {"dictionary": "identical"}),
    ("orthogonal", {"self_learning": True}),
    ("orthogonal", {"map": "rcsls"}),
    ("semi_supervised", {"dictionary": "adversarial"}),
    ("supervised", {"map": "unconstrained", "whiten": False, "src_reweight": 0.0, "trg_reweight": 0.0,
                    "src_dewhiten": "none", "trg_dewhiten": "none"}),
]  # fmt: skip
# Values of the command's own options.
_OF_MAPS = {
    "keep_failed": None, "as_json": None, "seed": "0", "seeds": "1", "device": "cpu", "source_lang": "tur",
    "target_lang": "eng", "limit": "50", "digits": "9", "by": "tur=x", "held_out": "0.2", "choose": "on", "out": "new",
}  # fmt: skip
_NAMES = {"normalization": "normalize", "dictionary": "start"}


def written(value: object) -> str:
    """A value of MappingConfig as it stands on the command line."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return ",".join(value) if isinstance(value, tuple) else str(value)


def given(settings: dict[str, object]) -> list[str]:
    return [
        part
        for name, value in settings.items()
        for part in (f"--{_NAMES.get(name, name).replace('_', '-')}", written(value))
    ]


def refused(xl: Run, *call: object, options: dict[str, str], values: Mapping[str, object]) -> set[str]:
    """Names of the options that a call with all of `values` refuses; without these it gets as far as its work.

    options: how they are written. values: by name, None for a flag.
    """

    def arguments(names: Iterable[str]) -> list[object]:
        return [part for name in names for part in (options[name], values[name]) if part is not None]

    result = xl(*call, *arguments(values))
    assert result.returncode == (2 if "no meaning" in result.stderr else 1), result.stderr
    faults = result.stderr.removeprefix("xl: ").split("; ")
    found = {
        option for fault in faults if ": no meaning" in fault
        for option in re.split(", | and ", fault.partition(": no meaning")[0])
    }  # fmt: skip
    names = {name for name in values if options[name] in found}
    assert len(names) == len(found), found
    again = xl(*call, *arguments([name for name in values if name not in names]))
    assert (again.returncode, again.stderr) == (1, "xl: reached\n")
    return names


def stops(call: Callable[[], object]) -> bool:
    """Whether a library refuses what is given, in whatever words."""
    try:
        call()
    except Exception:
        return True
    return False


def reached(*_: object, **__: object) -> None:
    message = "reached"
    raise CliError(message)


@pytest.mark.parametrize(
    ("mode", "more"), thinned(_MAPS, 4), ids=lambda value: value if isinstance(value, str) else "+".join(value)
)
def test_a_map_reads_what_its_mode_is_said_to_read(
    xl: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, more: dict[str, object]
) -> None:
    learns = MappingConfig.preset(mode, **more).self_learning
    quick: dict[str, object] = {**QUICK} if learns else {}
    if {**PRESETS[mode], **more}.get("dictionary") == "adversarial":
        quick |= QUICK_START
    settings: Any = {**PRESETS[mode], **more, **quick}
    outs = (tmp_path / "x.vec", tmp_path / "z.vec")
    config = recorded(MappingConfig, **settings)
    draws: list[object] = []
    make = np.random.default_rng
    monkeypatch.setattr(self_learning.np.random, "default_rng", lambda seed: draws.append(seed) or make(seed))
    first = config.dictionary
    dictionary = PAIRS if first == "pairs" else None
    found = map_files(folder / "tr.vec", folder / "en.vec", *outs, config, dictionary=dictionary, seeds=[3])
    monkeypatch.undo()
    read = {_NAMES.get(name, name) for name in seen(config)} | {_NAMES.get(name, name) for name in more}
    if draws:
        read |= {"seed", "seeds"}
    if found.mapping.failed is not None:
        read |= {"keep_failed"}
    outs = (tmp_path / "a.vec", tmp_path / "b.vec")
    again: Any = {"dictionary": dictionary, "device": "nowhere"}
    if stops(lambda: map_files(folder / "tr.vec", folder / "en.vec", *outs, config, **again)):
        read |= {"device"}
    read |= {"out_source", "out_target", "source_lang", "target_lang", "mode", "limit", "digits", "as_json"}
    if first == "pairs":
        read |= {"dictionary"}
    narrow: Any = {**settings, "width": 1}
    if stops(lambda: MappingConfig(**narrow)):
        read -= {"width"}  # looked at by a check alone: no other value can be given

    monkeypatch.setattr(static_mapping, "map_files", reached)
    values: dict[str, object] = {
        _NAMES.get(name, name): written(getattr(config, name)) for name in MappingConfig.__dataclass_fields__
    }
    values |= {**_OF_MAPS, "dictionary": folder / "half.tsv"}
    call = ["static", "map", folder / "tr.vec", folder / "en.vec", "--mode", mode.replace("_", "-")]
    call += [*given({**more, **quick}), "--out-source", tmp_path / "1.vec", "--out-target", tmp_path / "2.vec"]
    call += ["--dictionary", folder / "half.tsv"] if first == "pairs" else []
    fixed = {"mode", "pivot", "out_source", "out_target", *(_NAMES.get(name, name) for name in (*more, *quick))}
    fixed |= {"dictionary"} if first == "pairs" else set()
    every = options("static map")
    asked = {name: values[name] for name in every if name not in fixed}
    of_pivot = {name: asked.pop(name) for name in ("by", "held_out", "choose", "out")}
    assert refused(xl, *call, options=every, values=asked) == asked.keys() - read
    assert refused(xl, *call, options=every, values=of_pivot) == of_pivot.keys()


@pytest.mark.parametrize("mode", ["orthogonal", "rcsls", "pull-back", "per-pair"])
def test_a_map_onto_a_pivot_reads_what_it_is_said_to_read(
    xl: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    config = recorded(MappingConfig, **PRESETS[mapping_options.PIVOT_MODES[mode]])
    arguments = (("eng", folder / "en.vec"), {"tur": folder / "tr.vec"}, {"tur": PAIRS})
    about: Any = {"mode": mode.replace("-", "_"), "config": config}
    assert list(map_files_to_pivot(*arguments, tmp_path / "one", **about))
    read = {_NAMES.get(name, name) for name in seen(config)}
    # No other seed is heeded, a device by rcsls alone, and no start but a dictionary.
    device = "cpu" if mode == "rcsls" else "nowhere"
    if stops(lambda: list(map_files_to_pivot(*arguments, tmp_path / "three", **about, device="nowhere"))):
        read |= {"device"}
    assert list(map_files_to_pivot(*arguments, tmp_path / "two", **about, seed=9, device=device))
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()
    read -= {"start", "self_learning"}
    if stops(lambda: pivot_config(mode.replace("-", "_"), dataclasses.replace(config, width=1))):
        read -= {"width"}
    read |= {"mode", "limit", "digits", "as_json", "dictionary", "by", "held_out", "choose", "out", "pivot"}

    monkeypatch.setattr(static_mapping, "map_files_to_pivot", reached)
    values: dict[str, object] = {
        _NAMES.get(name, name): written(getattr(config, name)) for name in MappingConfig.__dataclass_fields__
    }
    values |= {**_OF_MAPS, "out_source": tmp_path / "1.vec", "out_target": tmp_path / "2.vec"}
    files = ("--pivot", f"eng={folder / 'en.vec'}", f"tur={folder / 'tr.vec'}")
    call: list[object] = ["static", "map", *files, "--mode", mode, "--out", tmp_path / "new"]
    call_by = [*call, "--by", f"tur={folder / 'tr.vec'},{folder / 'near.vec'}", "--device", "cpu"]
    call += ["--dictionary", f"tur={folder / 'half.tsv'}"]
    every = options("static map")
    asked = {name: values[name] for name in every if name not in {"mode", "pivot", "out", "dictionary", "by"}}
    assert refused(xl, *call, options=every, values=asked) == asked.keys() - read
    monkeypatch.setattr(static_mapping, "induce_dictionary", reached)  # where that device would search
    assert refused(xl, *call_by, options=every, values={}) == set()


@pytest.mark.parametrize("name", ["x.vec", "x.txt", "x", "x.vec.gz", "x.bin", "x.bin.gz", "x.safetensors"])
def test_digits_are_read_where_numbers_are_text(tmp_path: Path, name: str) -> None:
    contents = []
    for digits in (3, 9):
        (tmp_path / str(digits)).mkdir()
        with VectorWriter(tmp_path / str(digits) / name, 2, 2, digits=digits) as writer:
            writer.write(["a", "b"], np.full((2, 2), 1 / 3))
        contents.append((tmp_path / str(digits) / name).read_bytes()[20:])  # behind the time that gzip may write
    row = next(row for row in mapping_options.READ_WHERE if "digits" in row.names)
    call: Any = type("Call", (), {"pivot": "", "out_source": Path(name), "out_target": Path("z.bin")})
    assert bool(row.holds(call)) == (contents[0] != contents[1])


def output(call: Callable[[], object]) -> object:
    """What a call gives, or that it stopped."""
    try:
        return call()
    except Exception as error:
        return type(error).__name__


RETRIEVALS = ("nn", "csls", "invsoftmax", "invnn")
_OTHER = {"n_neighbours": 1, "temperature": 0.1, "device": "nowhere"}


_SHOWN = {"n_neighbours": "1", "temperature": "0.1", "device": "cpu"}


def read_by(call: Callable[..., object]) -> set[str]:
    """Options of a search that change what it gives, or that it stops at a device that there is not."""
    plain = output(call)
    return {name for name, value in _OTHER.items() if output(lambda: call(**{name: value})) != plain}  # noqa: B023


@pytest.mark.parametrize("n_retrievals", thinned([1, 2, 3, 4], 3))
def test_bli_reads_what_its_retrievals_read(
    xl: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, n_retrievals: int
) -> None:
    sides = read_vectors(folder / "tr.vec"), read_vectors(folder / "near.vec")
    reads = {kind: read_by(partial(induction_accuracy, *sides, PAIRS, retrieval=kind)) for kind in RETRIEVALS}
    monkeypatch.setattr(static_bli, "read_pair", reached)
    for retrievals in itertools.combinations(RETRIEVALS, n_retrievals):
        call = ["static", "bli", folder / "tr.vec", folder / "near.vec", "--dictionary", folder / "half.tsv"]
        call += [part for kind in retrievals for part in ("--retrieval", kind)]
        read = set().union(*(reads[kind] for kind in retrievals))
        assert refused(xl, *call, options=options("static bli"), values=_SHOWN) == _SHOWN.keys() - read


@pytest.mark.parametrize("retrieval", RETRIEVALS)
@pytest.mark.slow
def test_induce_reads_what_its_retrieval_reads(
    xl: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, retrieval: str
) -> None:
    sides = read_vectors(folder / "tr.vec"), read_vectors(folder / "near.vec")
    monkeypatch.setattr(static_induce, "read_pair", reached)
    for direction in ("mutual", "forward", "backward", "union"):
        read = read_by(partial(induce_dictionary, *sides, retrieval=retrieval, direction=direction))
        call = ["static", "induce", folder / "tr.vec", folder / "near.vec", "--retrieval", retrieval]
        call += ["--direction", direction, "--out", tmp_path / "new.tsv"]
        values = {**_SHOWN, "exclude_by": "word"}
        found = refused(xl, *call, options=options("static induce"), values=values)
        assert found == values.keys() - read
        call += ["--exclude", folder / "half.tsv"]
        assert refused(xl, *call, options=options("static induce"), values={"exclude_by": "word"}) == set()


_TEXT = [f"{'abcdefgh'[i % 8]}o {'ijklmnop'[i % 5]}u. {'abcdefgh'[i % 3]}o la" for i in range(40)]
_EXTRACTS = [(method, variant) for method in ("x2static", "aggregate") for variant in ("sentence", "paragraph")]


@pytest.mark.parametrize(("method", "variant"), thinned(_EXTRACTS, 4))
@pytest.mark.parametrize("extra", [(), ("--tokenized",), ("--split",), ("--max-len", "40")])
def test_extract_reads_what_its_method_is_said_to_read(
    xl: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, variant: str, extra: tuple[str, ...]
) -> None:
    config = recorded(X2StaticConfig, method=method, variant=variant, min_count=2, epochs=1, subsample=0.5)
    assert extract(_TEXT, ToyTeacher(), config, sentences=lambda text: [(0, len(text))])
    read = seen(config) | set(_ALWAYS["static extract"][0].split())
    if method == "aggregate" and extra == ("--max-len", "40"):
        read -= {"variant"}  # a word's context is not looked at, the length is given, and nothing is cut
    if extra == ("--split",):
        read |= {"min_sentences", "min_words", "min_tokens"}
    if extra != ("--tokenized",):
        read |= {"engine"}

    monkeypatch.setattr(static_extraction, "extract_vectors", reached)
    (tmp_path / "text.txt").write_text("\n".join(_TEXT), encoding="utf-8")
    monkeypatch.setattr(static_extract, "check_at_hand", lambda **_: None)
    values: dict[str, object] = {
        name: str(getattr(config, name)) for name in X2StaticConfig.__dataclass_fields__ if name != "method"
    }
    values |= {
        "compat": None, "as_json": None, "min_sentences": "1", "min_words": "1", "min_tokens": "1", "engine": "auto",
        "revision": "abc", "lang": "eng", "layer": "1", "precision": "no", "cache": tmp_path / "cache",
    }  # fmt: skip
    call = ["static", "extract", tmp_path / "text.txt", "--model", tmp_path, "--out", tmp_path / "x.vec"]
    call += ["--method", method, *extra]
    assert refused(xl, *call, options=options("static extract"), values=values) == values.keys() - read


@pytest.mark.slow
def test_rows_that_report_has_no_table_for(xl: Run, tmp_path: Path) -> None:
    at: Any = {"source": "eng_Latn", "target": "tur_Latn", "variant": "mlm", "model": "m"}
    kinds = {
        "retrieval": [Row(task="tatoeba", metric=name, value=0.5, n=100, **at) for name in ("top1", "top5", "top10")],
        "task": [
            dataclasses.replace(
                Row(task="sib200", metric="macro_f1", value=value, split="test", protocol="zero-shot", **at),
                target=target,
            )
            for target, value in (("eng_Latn", 0.9), ("tur_Latn", 0.5))
        ],
        "bli": [Row(task="bli", metric="p@1", value=0.5, pooling="nn", **at)],
        "cka": [Row(task="cka", metric="cka", value=0.5, layer=3, **at)],
    }  # fmt: skip
    for n_kinds in (1, 4):
        for chosen in itertools.combinations(kinds, n_kinds):
            out = tmp_path / f"{'-'.join(chosen)}.jsonl"
            write_rows(out, [row for kind in chosen for row in kinds[kind]])
            for fmt in ("text", "html", "csv"):
                plain = xl("report", out, "--format", fmt)
                assert plain.returncode == 0
                for option, value in (("--mean", "all"), ("--metric", "top5"), ("--label", "mine")):
                    result = xl("report", out, "--format", fmt, option, value)
                    assert result.returncode in (0, 2)
                    read = result.stdout != plain.stdout and result.returncode == 0
                    assert read != (result.returncode == 2), (chosen, fmt, option)
                if "task" in chosen:
                    result = xl("report", out, "--format", fmt, "--metric", "macro_f1")
                    assert result.returncode == 2
                    assert "--metric macro_f1: no meaning for a figure that is not of retrieval" in result.stderr


def test_languages_are_named_to_ls_languages_alone(xl: Run) -> None:
    for what in KINDS:
        call = ["ls", what, *(["tr"] if what == "languages" else [])]
        plain = xl(*call)
        assert plain.returncode == 0
        assert xl(*call, "--json").stdout != plain.stdout
        assert xl("ls", what, "tr").returncode == (0 if what == "languages" else 2)
