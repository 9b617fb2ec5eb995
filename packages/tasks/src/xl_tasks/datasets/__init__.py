"""Readers of data sets, one file a format, by what their items are."""
