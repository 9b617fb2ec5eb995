"""`xl check`: whether a model gives one vector for one text, whichever way it is read."""
