"""A row of a measure, and the model that it is of."""

from xl_cli.evaluation.opened import Opened, open_model
from xl_cli.launch.progress import say
from xl_cli.recipe.config import RetrievalConfig
from xl_tasks import ParallelTexts, Row


def open_asked(config: RetrievalConfig) -> Opened:
    """The model that `config` names, opened as it says; a note tells what was chosen for it."""
    opened = open_model(
        config.model,
        revision=config.revision,
        max_len=config.max_len,
        layer=config.layer,
        pooling=config.pooling,
        prompt=config.prompt,
    )
    if opened.note:
        say(opened.note)
    return opened


def measured_row(
    opened: Opened,
    data: ParallelTexts,
    task: str,
    metric: str,
    value: float,
    n: int,
    source: str,
    target: str,
    layer: int,
) -> Row:
    """One figure of `data` between two languages at a layer."""
    return Row(
        task=task,
        metric=metric,
        value=float(value),
        n=n,
        source=source,
        target=target,
        seed=opened.seed,
        model=opened.encoder.name,
        layer=layer,
        pooling=opened.pooling,
        prompt=opened.encoder.prompt,
        unit="subword",
        variant=opened.variant,
        data=data.name,
    )
