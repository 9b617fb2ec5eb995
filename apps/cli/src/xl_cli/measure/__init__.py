"""What `xl analyze` measures: one file a measure, rows out."""
