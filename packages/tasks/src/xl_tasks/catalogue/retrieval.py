"""The data sets of retrieval."""

from xl_tasks.catalogue.task import Task

_TOP = ("top1", "top5", "top10")

ENTRIES: tuple[Task, ...] = (
    Task(
        name="retrieval",
        kind="retrieval",
        title="retrieval of translations",
        description="How often a text finds its translation, in any folder of parallel text.",
        metrics=_TOP,
        folders=(),
        layout="any that `xl ls data` shows",
        loader="xl_tasks.formats:load_texts",
        licence="that of the data",
    ),
)
