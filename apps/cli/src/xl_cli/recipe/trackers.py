"""Trackers that training can also log to, each a package that a user installs; Accelerate drives them."""

from collections.abc import Iterable
from importlib.util import find_spec

from xl_cli.errors import UsageError
from xl_encoders.registry import unknown_name

# name in train.trackers -> packages, one of which it needs
_TRACKERS = {
    "tensorboard": ("tensorboard", "tensorboardX"),
    **{name: (name,) for name in ("wandb", "mlflow", "comet_ml", "aim", "clearml", "dvclive", "swanlab", "trackio")},
}


def check_trackers(names: Iterable[str]) -> None:
    """Refuse a tracker that is unknown or not installed: Accelerate would leave the latter out without a word."""
    for name in names:
        if name not in _TRACKERS:
            raise UsageError(unknown_name("tracker in train.trackers:", name, list(_TRACKERS)))
        packages = _TRACKERS[name]
        if not any(find_spec(package) for package in packages):
            message = (
                f"train.trackers names {name}, which is not installed: pip install {packages[0]}, or leave it out; "
                f"log.jsonl is always written."
            )
            raise UsageError(message)
