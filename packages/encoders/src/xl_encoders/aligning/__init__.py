"""What objectives on translations need beside the encoder: its attention, projections of its states, masked bitexts."""
