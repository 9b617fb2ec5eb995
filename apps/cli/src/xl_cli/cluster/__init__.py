"""Work of commands on a Ray cluster."""
