"""What folders are called in tables: their last part, and as many parts before it as tell them apart."""

from collections.abc import Sequence
from pathlib import Path


def short_names(paths: Sequence[Path]) -> list[str]:
    """A name for each of some different paths: "run", or "first/run" and "second/run" where two end alike."""
    parts = [path.resolve().parts for path in paths]

    def name(own: tuple[str, ...]) -> str:
        for length in range(1, len(own)):
            if sum(other[-length:] == own[-length:] for other in parts) == 1:
                return "/".join(own[-length:])
        return "/".join(own)

    return [name(own) for own in parts]


def model_labels(models: Sequence[str]) -> dict[str, str]:
    """Names for those of the folders among `models` that end alike, by the model as named; hub ids keep theirs."""
    folders = {Path(model).resolve(): model for model in reversed(models) if Path(model).is_dir()}
    names = zip(folders.items(), short_names(list(folders)), strict=True)
    return {model: name for (path, model), name in names if name != path.name}
