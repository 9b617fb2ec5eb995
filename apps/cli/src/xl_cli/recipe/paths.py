"""The files and folders that a recipe names: whether they are there, and whether the model can do what is asked."""

import typing
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from os import environ
from pathlib import Path
from shutil import which

from xl_cli.errors import CliError
from xl_cli.folder.at_hand import is_there
from xl_cli.launch.progress import say
from xl_cli.recipe.config import DataConfig, EvalConfig, SelectConfig
from xl_cli.recipe.objectives import REGISTRY, objective_type
from xl_encoders.config import SIZES, ModelConfig
from xl_encoders.errors import EncoderError
from xl_encoders.model.model_files import ModelFiles, read_model_files

_COMPILERS = ("c++", "g++", "clang++")


def missing_files(entry: DataConfig) -> Iterator[CliError]:
    """A fault for each file, folder or glob of a [[data]] that is not there."""
    what = "no such file of word vectors" if entry.kind == "vectors" else "no such file or folder"
    for given in (*entry.files, *entry.alignments):
        if not is_there(given):
            yield CliError(f"{given}: {what}.")


def missing_folders(select: SelectConfig | None, scoring: EvalConfig | None) -> Iterator[CliError]:
    """The same for other data that is scored, while training and after it."""
    for given in (select.other_data if select else "", scoring.data if scoring else ""):
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


def source_of(model: ModelConfig) -> tuple[str, str]:
    """The folder or hub id that a model is read from, and what result rows call it; a run stands for its model."""
    folder = Path(model.from_)
    if (folder / "run.json").is_file():
        return str(folder / "model"), model.name or folder.resolve().name
    return model.from_, model.name


def files_of(model: ModelConfig) -> ModelFiles:
    """The files of a model that is not new; EncoderError where they cannot be read or are not at hand."""
    return _read(source_of(model)[0], model.revision)


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
    return [EncoderError(sentence) for sentence in files.faults(with_head=with_head, max_len=model.max_len)]


def compiler_fault(wanted: bool) -> Iterator[CliError]:
    """A fault where `train.compile` is asked for and there is nothing to compile with."""
    if wanted and not environ.get("CXX") and not any(map(which, _COMPILERS)):
        yield CliError(
            "train.compile needs a C++ compiler, and there is none on the PATH; install one, or leave it out."
        )


@lru_cache(maxsize=1)
def _read(source: str, revision: str) -> ModelFiles:
    return read_model_files(source, revision=revision)
