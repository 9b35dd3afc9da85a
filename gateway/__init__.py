"""Garita: a physical access-control gateway."""

__version__ = "0.1.0"
