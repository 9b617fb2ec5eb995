"""What readers of data sets share: files, splits, columns, the hub."""
