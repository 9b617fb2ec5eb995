"""Question answering: windows over contexts, spans, answers."""
