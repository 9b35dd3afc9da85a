"""The site of the commands' tests, for reports."""

from tests.gateway.cli.conftest import prepared, site

__all__ = ["prepared", "site"]
