"""The data sets of lexical."""

from xl_tasks.catalogue.task import Task

ENTRIES: tuple[Task, ...] = ()
