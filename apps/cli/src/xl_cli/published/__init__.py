"""Figures of the papers that xl follows, copied from their tables into `published.jsonl`."""
