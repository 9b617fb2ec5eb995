"""What a report tells of a run: recipe, start, data, objectives, seed, machine, time and versions, from run.json."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xl_cli.cluster.config import CLUSTER_OPTIONS
from xl_cli.folder.run_folder import RunFolder
from xl_cli.folder.runs import RESULTS
from xl_cli.launch.durations import exactly

if TYPE_CHECKING:
    from xl_analysis import Facts

_NOTHING = ("", None, [], (), {}, False, 0)
# Options of xl eval and xl analyze that stand in a line of their own, or change no figure.
_ELSEWHERE = (
    "model",
    "data",
    "runs",
    "plot",
    "save_models",
    "files",
    "links",
    "kept",
    "picture",
    "misses",
    "cell_processes",
    *CLUSTER_OPTIONS,
)


def facts_of(runs: Mapping[str, Path]) -> "list[Facts]":
    """What a page tells of runs, by what they are called: a file of rows -> its folder's run.json, where it has one."""
    from xl_analysis import Facts

    folders = {name: RunFolder(path.parent) for name, path in runs.items() if path.name == RESULTS}
    return [
        Facts(name=name, entries=run_facts(folder.about())) for name, folder in folders.items() if folder.has_about()
    ]


def run_facts(about: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(name, text) pairs for the content of a run.json, of a run of `xl align`, `eval` or `analyze`, in any state."""
    recipe = about.get("recipe", {})
    model, train = recipe.get("model", {}), recipe.get("train", {})
    options = about.get("options", {})
    objectives = [
        f"{each['name']} (weight {each['weight']:g})" if each.get("weight", 1.0) != 1.0 else each["name"]
        for each in recipe.get("objective", [])
    ]
    start = f"new, {model.get('size')}" if model.get("from") == "new" else model.get("from")
    steps = f"{train['steps']} of {train.get('batch')} texts" if train.get("steps") else ""
    found = [
        ("recipe", " – ".join(filter(None, (about.get("recipe_name"), recipe.get("description"))))),
        ("state", about.get("status") if about.get("status") != "finished" else ""),
        ("tasks", _list(about.get("tasks", ()))),
        ("models", _list(_texts(options.get("model")))),
        ("started from", start),
        ("parameters", f"{about['n_parameters']:,}" if "n_parameters" in about else ""),
        ("objectives", _list(objectives)),
        ("variants", _list(train.get("variants", ()))),
        ("data", "; ".join(_data(each) for each in about.get("data", ())) or options.get("data")),
        ("training texts", f"{about['n_training_texts']:,}" if "n_training_texts" in about else ""),
        ("steps", steps),
        ("learning rate", f"{train['lr']:g}" if "lr" in train else ""),
        ("read at", _read_at(about)),
        ("options", _list(f"{name} {_list(_texts(value))}" for name, value in _given(about).items())),
        ("failed", "; ".join(about.get("failures", ()))),
        ("seed", about.get("seed")),
        ("time", exactly(about["wall_seconds"]) if "wall_seconds" in about else ""),
        ("machine", _list(filter(None, (about.get("device"), about.get("machine"), _threads(about))))),
        ("versions", _list(f"{name} {version}" for name, version in about.get("versions", {}).items())),
    ]  # fmt: skip
    return [(name, str(text)) for name, text in found if text not in _NOTHING]


def _given(about: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a run of `xl eval` or `analyze` that are not as they are where nothing is said."""
    from xl_cli.evaluation.config import EvaluateConfig
    from xl_cli.measure.registry import MEASURES, measure

    classes: list[type[Any]] = [EvaluateConfig]
    classes += [measure(name).settings for name in about.get("tasks", ()) if name in MEASURES]
    usual = {field.name: field.default for each in classes for field in fields(each)}
    return {
        name: value
        for name, value in about.get("options", {}).items()
        if name not in _ELSEWHERE and value not in _NOTHING and value != usual.get(name)
    }


def _data(entry: Mapping[str, Any]) -> str:
    languages = entry.get("languages", ())
    text = entry.get("name") or "?"
    if languages:
        text += f", {len(languages)} languages: {_list(languages)}"
    return text + (f" (SHA-256 {entry['fingerprint'][:12]})" if entry.get("fingerprint") else "")


def _read_at(about: Mapping[str, Any]) -> str:
    return f"layer {about['layer']}, pooling {about.get('pooling')}" if "layer" in about else ""


def _threads(about: Mapping[str, Any]) -> str:
    return f"{about['threads']} threads" if about.get("threads", 1) > 1 else ""


def _texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, (list, tuple)) else [str(value)] if value else []


def _list(texts: Iterable[object]) -> str:
    return ", ".join(map(str, texts))
