"""What objectives on translations need beside the encoder: projections of its states, and parts on pairs in one row."""
