"""Checkers that need nothing of this package: they are handed to auditors with what they check."""
