"""The auditor's packet: what the log shows about each criterion, for a span of days.

A packet is a function of the log up to one signed checkpoint, the days, the criteria, the
documents that the log names, and a word that the auditor chooses.  It reads no clock and no table,
so a second person makes the same bytes from a copy of the log.

From top to bottom: `make` runs everything; `gather` goes through the log once and hands each record
to the `topics`; `packet` holds what they found, by criterion; the writers turn it into files.
"""
