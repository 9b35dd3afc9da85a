"""A new list against the one in force: read, compared, rehearsed, put in force, undone."""
