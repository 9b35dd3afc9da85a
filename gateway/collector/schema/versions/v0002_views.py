"""What an auditor asks, as views in the schema `audit` (docs/audit.md); PostgreSQL alone."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the views, and the role that reads them where this account may make roles."""
    if op.get_context().dialect.name == "postgresql":
        text = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
        # Several statements at once: psycopg takes them where there are no parameters.
        driver = op.get_bind().connection.driver_connection
        assert driver is not None
        driver.execute(text)
