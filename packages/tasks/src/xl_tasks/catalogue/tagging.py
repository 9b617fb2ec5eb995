"""The data sets of tagging."""

from xl_tasks.catalogue.task import Task

ENTRIES: tuple[Task, ...] = ()
