"""What a shell offers for the names that commands take, once `xl --install-completion` was called."""

from collections.abc import Iterable


def recipes(incomplete: str) -> list[str]:
    """Shipped recipes that begin so."""
    from xl_cli.recipe.files import shipped_recipes

    return begin(shipped_recipes(), incomplete)


def tasks(incomplete: str) -> list[str]:
    """Tasks that begin so."""
    from xl_tasks.catalogue.registry import TASKS

    return begin(TASKS, incomplete)


def claims(incomplete: str) -> list[str]:
    """Shipped claims that begin so, and `all`."""
    from xl_cli.claims.claim import shipped_claims

    return begin(["all", *shipped_claims()], incomplete)


def begin(names: Iterable[str], incomplete: str) -> list[str]:
    """Those of `names` that begin so."""
    return [name for name in names if name.startswith(incomplete)]
