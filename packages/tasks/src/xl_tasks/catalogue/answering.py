"""The data sets of answering."""

from xl_tasks.catalogue.task import Task

ENTRIES: tuple[Task, ...] = ()
