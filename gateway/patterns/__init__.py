"""Patterns worth a look: what a security manager may want to check by hand.

Detectors are small functions over the log.  Each finding has a reason in words and the numbers of
its records.  Nothing here opens, closes or refuses anything, and nothing here sounds.
"""
