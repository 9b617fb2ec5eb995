"""What the rows of the table of `xl align` are, a line each."""

from collections.abc import Iterable

from xl_cli.recipe.objectives import in_words
from xl_cli.recipe.recipe import Recipe


def row_meanings(recipe: Recipe, variants: Iterable[str]) -> list[str]:
    """One line for each variant, in order: "mlm+seq: trained with mlm (masked words), seq (contrast of sentences)"."""
    fixed = {
        "untrained": "the new encoder before training, with random weights",
        "pretrained": f"{recipe.model.from_} as it is, before training",
        "extended": f"{recipe.model.from_} with its changed vocabulary, before training",
        "string-match": "no encoder, only letters that romanised texts share: what training must beat to be worth it",
    }
    return [
        f"{variant}: {fixed.get(variant) or f'trained with {in_words(variant, short=True)}'}" for variant in variants
    ]
