"""The files and folders that a recipe names: whether they are there, and whether the model can do what is asked."""

import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from os import environ
from pathlib import Path
from shutil import which

from xl_cli.data.hub_files import of_hub
from xl_cli.errors import CliError, UsageError
from xl_cli.folder.at_hand import is_there
from xl_cli.launch.progress import say
from xl_cli.recipe.config import DataConfig, EvalConfig, SelectConfig
from xl_cli.recipe.objectives import REGISTRY, objective_type
from xl_cli.recipe.vocabulary_config import VocabularyConfig
from xl_encoders.config import POOLINGS, SIZES, ModelConfig
from xl_encoders.errors import EncoderError
from xl_encoders.model.model_files import ModelFiles, read_model_files
from xl_encoders.sentence_files.sentence_form import read_sentence_form

# The papers read sentence vectors of a 12-block model at block 8.
DEPTH_SHARE = 2 / 3
_COMPILERS = ("c++", "g++", "clang++")


def missing_files(entry: DataConfig) -> Iterator[CliError]:
    """A fault for each file, folder or glob of a [[data]] that is not there."""
    what = "no such file of word vectors" if entry.kind == "vectors" else "no such file or folder"
    for given in (*entry.files, *entry.alignments, *entry.romanized):
        on_hub = entry.kind != "vectors" and given in entry.files and of_hub(given)
        if not on_hub and not is_there(given):
            yield CliError(f"{given}: {what}.")


def missing_folders(
    select: SelectConfig | None, scoring: EvalConfig | None, vocabulary: VocabularyConfig | None
) -> Iterator[CliError]:
    """The same for other data that is scored, while training and after it, and for what a vocabulary changes by."""
    read = (vocabulary.dictionary, *vocabulary.vectors, *vocabulary.known) if vocabulary else ()
    for given in (select.other_data if select else "", scoring.data if scoring else "", *read):
        if given and not Path(given).exists():
            yield CliError(f"{given}: no such file or folder.")


def without_optional(content: dict[str, typing.Any], placed: Iterable[tuple[str | int, ...]]) -> None:
    """Switch off a selection that a recipe calls optional where its data are not at hand, and say what is kept instead.

    content: the recipe's tables with `placed`, the places set by hand, in them. Who sets a key of [select] wants it.
    """
    select = content.get("select")
    if not isinstance(select, dict) or not select.get("optional") or not select.get("every"):
        return
    if any(place[0] == "select" and place[1:] != ("keep",) for place in placed):
        select["optional"] = False
    elif not Path(str(select.get("data", ""))).exists():
        if "keep" in select:
            select["task"] = "last"
        else:
            select["every"] = 0
        say(
            f"note: there is no folder {select.get('data')} to choose among the states of training by, so the last one "
            f"is kept; --set select.data=FOLDER keeps the best one by {select.get('metric', 'top10')}."
        )


def without_data(content: dict[str, typing.Any], coming: str = "") -> str:
    """Leave out the objectives whose data a recipe calls optional and nobody gave; a note of them, or "".

    content: the recipe's tables. coming: the name of data that is not given yet and will be.
    Where nothing would be left to train all stay, for whoever reads on to say so.
    """
    tables = content.get("data"), content.get("objective")
    if not all(isinstance(its, list) and all(isinstance(entry, dict) for entry in its) for its in tables):
        return ""
    data, objectives = (typing.cast("list[dict[str, typing.Any]]", its) for its in tables)
    absent = [
        entry
        for entry in data
        if entry.get("optional") and not entry.get("files") and _kind(entry) != "names" and _called(entry) != coming
    ]
    dropped: dict[str, str] = {}
    for objective in objectives:
        name = str(objective.get("name"))
        if not absent or name not in REGISTRY:
            continue
        named, kinds = objective.get("data"), objective_type(name).reads
        named = named if isinstance(named, list | str) else ()  # another type is told as such later
        its = [each for each in data if (_called(each) in named if named else _kind(each) in kinds)]
        if its and all(each in absent for each in its):
            dropped[name] = f"data.{its[0]['name']}.files" if its[0].get("name") else "data.files"
    kept = [entry for entry in objectives if str(entry.get("name")) not in dropped]
    train = content.get("train")
    if not dropped or not kept or not isinstance(train, dict):
        return ""
    variants = train.get("variants")
    named = [variants] if isinstance(variants, str) else variants if isinstance(variants, list) else []
    mixes = ["+".join(part for part in str(mix).split("+") if part not in dropped) for mix in named]
    train["variants"] = list(dict.fromkeys(filter(None, mixes)))
    content["objective"] = kept
    if not train["variants"]:
        train["variants"], content["objective"] = variants, objectives
        return ""
    each = ", ".join(f"{name} ({key})" for name, key in dropped.items())
    return f"note: left out for want of data: {each}; give the key in brackets to train it."


def _called(entry: Mapping[str, typing.Any]) -> str:
    return str(entry.get("name") or _kind(entry))


def _kind(entry: Mapping[str, typing.Any]) -> str:
    return str(entry.get("kind", DataConfig.kind))


def source_of(model: ModelConfig) -> tuple[str, str]:
    """The folder or hub id that a model is read from, and what result rows call it.

    A run stands for its model, a folder of sentence-transformers for the transformer in it.
    """
    source, name = form_source(model), model.name
    if source != model.from_:
        name = name or Path(model.from_).resolve().name
    form = read_sentence_form(source) if Path(source).is_dir() else None
    if form is not None and form.path:
        return str(Path(source) / form.path), name or Path(source).resolve().name
    return source, name


def form_source(model: ModelConfig) -> str:
    """The folder or hub id that holds the files of a sentence encoder, if the model is one."""
    folder = Path(model.from_)
    return str(folder / "model") if (folder / "run.json").is_file() else model.from_


def with_reading(content: dict[str, typing.Any], placed: Iterable[tuple[str | int, ...]]) -> str:
    """Fill in the layer and pooling of [model] where a recipe leaves them to a pretrained encoder; a note, if it does.

    A sentence encoder's own files decide, for a plain one two thirds of the depth; what a recipe says of its own model
    means nothing for a sentence encoder that is named in its place. UsageError for one whose files name a pooling that
    is not known here, where none is set.
    content: the recipe's tables with `placed`, the places set by hand, in them.
    """
    table = content.get("model")
    if not isinstance(table, dict) or not isinstance(table.get("from"), str) or table["from"] == "new":
        return ""
    revision = table.get("revision") if isinstance(table.get("revision"), str) else ""
    model = ModelConfig(from_=table["from"], revision=revision or "")
    hand = {place[1] for place in placed if place[0] == "model"}
    if {"layer", "pooling"} <= (hand if "from" in hand else table.keys()):
        return ""
    try:
        form = read_sentence_form(form_source(model), revision=model.revision)
    except EncoderError:
        return ""  # who opens it will say so
    if form is not None and "from" in hand:
        for key in {"layer", "pooling"} - hand:
            table.pop(key, None)
    if {"layer", "pooling"} <= table.keys():
        return ""
    n_layers = shape_of(model)[0]
    if form is not None and not form.pooling and "pooling" not in table:
        message = (
            f"model.from is {table['from']}: {form.unread}, which is not known here; say how its vectors are pooled: "
            f"--set model.pooling=... ({', '.join(POOLINGS)})."
        )
        raise UsageError(message)
    if form is not None:
        read, why = (form.layer, form.pooling), "as its modules.json says"
    elif n_layers:
        read, why = (round(n_layers * DEPTH_SHARE), "mean-all"), "two thirds of its depth, as its files say nothing"
    else:
        return ""
    table.setdefault("layer", read[0])
    table.setdefault("pooling", read[1])
    layer = table["layer"]
    shown = layer % (n_layers + 1) if n_layers and isinstance(layer, int) and -n_layers <= layer < 0 else layer
    return f"note: {table['from']} is read at layer {shown} with pooling {table['pooling']}, {why}."


def files_of(model: ModelConfig) -> ModelFiles:
    """The files of a model that is not new; EncoderError where they cannot be read or are not at hand."""
    return _read(source_of(model)[0], model.revision)


def makes_head(model: ModelConfig, *, needed: bool) -> bool:
    """Whether a masked-LM head that objectives need has to be made for the model."""
    return needed and model.from_ != "new" and files_of(model).lacks_head


def shape_of(model: ModelConfig) -> tuple[int | None, int | None]:
    """Number of blocks and width of the encoder that a run starts from; None where its files do not say."""
    if model.from_ == "new":
        return SIZES[model.size][:2]
    try:
        files = files_of(model)
    except EncoderError:  # not at hand; who opens it will say so
        return None, None
    return files.n_layers, files.width


def model_faults(model: ModelConfig, objectives: Iterable[str], *, at_hand: bool) -> Sequence[Exception]:
    """Why training these objectives could not start from the model; none for a new one.

    at_hand: whether a hub id that is neither in the cache nor reached is a fault.
    """
    if model.from_ == "new":
        return ()
    try:
        files = files_of(model)
    except EncoderError as error:
        is_id = not Path(model.from_).exists() and "no such model folder" not in str(error)
        return () if is_id and not at_hand else (error,)
    with_head = any(objective_type(name).needs_head for name in objectives if name in REGISTRY)
    faults: list[Exception] = [EncoderError(told) for told in files.faults(with_head=with_head, max_len=model.max_len)]
    if model.teacher:
        faults += _teacher_faults(model, files, at_hand=at_hand)
    return faults


def _teacher_faults(model: ModelConfig, files: ModelFiles, *, at_hand: bool) -> Iterator[Exception]:
    """Why another encoder could not teach; what stands behind pooling decides widths of its own, told when it opens."""
    teacher = ModelConfig(from_=model.teacher)
    try:
        theirs = files_of(teacher)
        forms = [read_sentence_form(form_source(each)) for each in (model, teacher)]
    except EncoderError as error:
        if at_hand or Path(model.teacher).exists():
            yield error
        return
    if forms[1] is not None and not forms[1].pooling:
        yield EncoderError(
            f"model.teacher is {model.teacher}: {forms[1].unread}, which is not known here, so nothing says how the "
            "vectors that it teaches are pooled; take another teacher."
        )
    elif theirs.width != files.width and not any(form and form.behind for form in forms):
        yield EncoderError(
            f"the vectors of model.teacher {model.teacher} have {theirs.width} dimensions and those of {model.from_} "
            f"{files.width}; take a teacher of the same width."
        )


def compiler_fault(wanted: bool) -> Iterator[CliError]:
    """A fault where `train.compile` is asked for and there is nothing to compile with."""
    if wanted and not environ.get("CXX") and not any(map(which, _COMPILERS)):
        yield CliError(
            "train.compile needs a C++ compiler, and there is none on the PATH; install one, or leave it out."
        )


@lru_cache(maxsize=2)
def _read(source: str, revision: str) -> ModelFiles:
    return read_model_files(source, revision=revision)
