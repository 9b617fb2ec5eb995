"""Pages that stand alone: for a browser, a phone and a printer."""
