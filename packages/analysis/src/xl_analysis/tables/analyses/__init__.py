"""Tables of what `xl analyze` finds in result rows: gaps, correlations, robustness."""
