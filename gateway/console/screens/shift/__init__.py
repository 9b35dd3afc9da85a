"""The handover of a shift: the page, the two signatures, and the check of one that is on record."""
