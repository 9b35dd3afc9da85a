"""Garita: a physical access-control gateway."""

__version__ = "0.1.0"


class GaritaError(Exception):
    """The root of all errors that this program raises on purpose."""
