"""The objectives by their names, as recipes, plans, cards and help texts ask for them. Imports nothing heavy."""

from typing import cast

from xl_encoders.registry import Registry
from xl_objectives import OBJECTIVES, ObjectiveConfig

REGISTRY = Registry("objective", OBJECTIVES)


def objective_type(name: str) -> type[ObjectiveConfig]:
    """The settings class of an objective. Raises RegistryError for an unknown name."""
    return cast("type[ObjectiveConfig]", REGISTRY.load(name))


def that_read(kind: str) -> list[str]:
    """Names of the objectives that can read a kind of [[data]]."""
    return [name for name in REGISTRY.names() if kind in objective_type(name).reads]


def in_words(variant: str, *, short: bool = False) -> str:
    """What a variant mixes: "mlm (masked words), seq (contrast of sentences)"; a name that is no objective as it is."""
    parts = []
    for name in variant.split("+"):
        kind = objective_type(name) if name in REGISTRY else None
        title = kind and ((short and kind.short_title) or kind.title)
        parts.append(f"{name} ({title})" if title else name)
    return ", ".join(parts)
