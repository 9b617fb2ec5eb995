"""Whether one text has one vector and one gradient, whichever way it is read."""
