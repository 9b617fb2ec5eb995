"""What each data set is: one metadata entry a data set, by kind of task."""
