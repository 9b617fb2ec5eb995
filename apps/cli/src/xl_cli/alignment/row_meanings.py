"""What the rows of the table of `xl align` are, a line each."""

from collections.abc import Iterable

from xl_cli.recipe.recipe import Recipe

_TRAINED_WITH = {
    "mlm": "masked words",
    "seq": "contrast of sentences",
    "tlm": "masked words of pairs",
    "dcca": "correlation with static vectors",
    "mse": "distance to static vectors",
    "ot": "optimal transport between translations",
    "l2": "distance of aligned words",
    "word-nce": "contrast of aligned words",
}


def row_meanings(recipe: Recipe, variants: Iterable[str]) -> list[str]:
    """One line for each variant, in order: "mlm+seq: trained with mlm (masked words), seq (contrast of sentences)"."""
    fixed = {
        "untrained": "the new encoder before training, with random weights"
        if recipe.model.from_ == "new"
        else f"{recipe.model.from_} as it is, before training",
        "string-match": "no encoder, only letters that romanised texts share: what training must beat to be worth it",
    }
    found = []
    for variant in variants:
        parts = (f"{part} ({_TRAINED_WITH[part]})" if part in _TRAINED_WITH else part for part in variant.split("+"))
        found.append(f"{variant}: " + (fixed.get(variant) or "trained with " + ", ".join(parts)))
    return found
