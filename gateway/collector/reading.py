"""The collector's database for those who only read it: `garita collect status` and `verify`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.collector.config import CollectorTable
from gateway.locale import GaritaError, worded

if TYPE_CHECKING:
    from sqlalchemy import Connection


class Unreachable(GaritaError):
    """The database does not answer, or is not a collector's; the message says why."""


@contextmanager
def snapshot(table: CollectorTable) -> Iterator[Connection]:
    """The database as it is at one moment, for reading.  The collectors go on meanwhile.

    Raises Unreachable, also for an error while it is read.
    """
    # Slow to load, and not needed for `garita collect -h`.
    import psycopg  # noqa: PLC0415
    from sqlalchemy import create_engine  # noqa: PLC0415
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    from gateway.collector import schema  # noqa: PLC0415

    options: dict[str, Any] = {"poolclass": NullPool}
    if table.is_postgres:
        engine = create_engine(
            "postgresql+psycopg://",
            creator=lambda: psycopg.connect(**table.connection_facts()),
            isolation_level="REPEATABLE READ",
            **options,
        )
    else:
        if not Path(table.database).exists():
            raise Unreachable(worded("{path} does not exist", path=table.database))
        where = f"{Path(table.database).absolute().as_uri()}?mode=ro&uri=true"
        engine = create_engine(f"sqlite:///{where}", **options)
    try:
        with engine.connect() as connection:
            if schema.version(connection) != schema.HEAD:
                raise Unreachable(
                    worded("the database has no collector's tables of this version: start one")
                )
            yield connection
    except (SQLAlchemyError, psycopg.Error, OSError) as error:
        said = str(getattr(error, "orig", None) or error).strip().split("\n", 1)[0]
        raise Unreachable(worded("the database can't be read: {error}", error=said)) from error
    finally:
        engine.dispose()
