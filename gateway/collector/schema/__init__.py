"""The collector's tables, in PostgreSQL or SQLite: versions by Alembic.

`upgrade` brings a database to the newest version.  A database that holds tables which are not the
collector's is left alone (ForeignDatabase).
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, Engine, inspect, select, table, text

from gateway.locale import GaritaError, worded

HERE = Path(__file__).parent
VERSION_TABLE = "garita_collector_version"
HEAD = "0002"
LOCK = 0x6761726974610001  # PostgreSQL's advisory lock: two collectors that start at once


class ForeignDatabase(GaritaError):
    """The database is somebody else's, or a newer collector's."""


def upgrade(engine: Engine) -> None:
    """Bring the tables to the newest version, in one transaction.

    Raises ForeignDatabase before anything is changed.
    """
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        _ours(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def version(connection: Connection) -> str | None:
    """The version of the tables; None where there are none."""
    if VERSION_TABLE not in inspect(connection).get_table_names():
        return None
    number: Column[str] = Column("version_num")
    found = select(number).select_from(table(VERSION_TABLE))
    return str(connection.execute(found).scalar_one())


def _ours(connection: Connection) -> None:
    found = version(connection)
    if found is None:
        names = sorted(inspect(connection).get_table_names())
        if names:
            raise ForeignDatabase(
                worded(
                    "the database holds tables that are not the collector's ({names}): give it a "
                    "database of its own",
                    names=", ".join(names[:5]),
                )
            )
        return
    known = {script.revision for script in ScriptDirectory(str(HERE)).walk_revisions()}
    if found not in known:
        raise ForeignDatabase(
            worded(
                "the database has version {version}, which a newer collector made: update this one",
                version=found,
            )
        )
