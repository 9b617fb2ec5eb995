"""Labelled data sets in their publishers' own formats, from a folder or from the hub, as the same examples."""
