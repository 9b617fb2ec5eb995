"""Word alignment: sentence pairs in; links, their confidences, figures and pictures out."""
