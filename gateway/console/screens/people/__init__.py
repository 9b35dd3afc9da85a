"""People of the list: found by name, one person's page, and what is done for one person."""
