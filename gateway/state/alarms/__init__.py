"""Alarms: which records are alarms, how they are now, and how many people got.

`kinds` is the list of alarms, `model` one of them, `book` the fold of the log, `follow` reads the
log into a book, `measures` makes the figures, `who` says who may see what.  All but `follow` is
pure."""
