"""Static vectors of many languages in one space, from their texts, as one job that goes on where it was."""
