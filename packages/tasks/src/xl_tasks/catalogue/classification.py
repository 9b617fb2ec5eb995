"""The data sets of classification."""

from xl_tasks.catalogue.task import Task

ENTRIES: tuple[Task, ...] = ()
