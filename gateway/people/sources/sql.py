"""A list from a database: one query whose columns are those of a list.

Needs the extra `sql` (SQLAlchemy) and the database's driver.  The query is the administrator's,
from the configuration; it runs in a read-only transaction where the database has such, and is
rolled back in any case.  A query that fails on its way gives no list, not half of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from gateway.config import SourceTable
from gateway.locale import worded
from gateway.people.sources.errors import SourceError, secret

try:
    import sqlalchemy
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError
except ImportError as _error:
    raise SourceError(worded("SQL needs SQLAlchemy: pip install 'garita[sql]'")) from _error


def fetch(table: SourceTable, most: int) -> tuple[list[str], list[Sequence[Any]]]:
    """The columns and rows of the query, at most `most`; raises SourceError."""
    text = secret(table.url_file) if table.url_file is not None else table.url
    try:
        url = make_url(text)
    except SQLAlchemyError as error:
        raise SourceError(worded("that is no SQLAlchemy URL")) from error
    hidden = url.password or ""
    try:
        options: dict[str, Any] = {"stream_results": True, "max_row_buffer": 2000}
        if url.get_backend_name() == "postgresql":
            options["postgresql_readonly"] = True
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
            raise SourceError(worded("there is no such database file"))  # SQLite would make one
        engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.pool.NullPool)
        with engine.connect().execution_options(**options) as connection:
            result = connection.execute(sqlalchemy.text(table.query))
            if not result.returns_rows:
                raise SourceError(worded("the query gives no rows: it must be a SELECT"))
            names = list(map(str, result.keys()))
            rows: list[Sequence[Any]] = [
                tuple(map(_cell, row)) for row in result.fetchmany(most + 1)
            ]
            connection.rollback()
    except (SQLAlchemyError, OSError, ImportError) as error:
        raise SourceError(_why(error, hidden)) from error
    if len(rows) > most:
        raise SourceError(worded("more than {most} people", most=most))
    return names, rows


def _cell(value: Any) -> Any:
    """A value of the database as a cell of a list.  Days and times stay what they are: the list's
    reader turns a time into a day in the site's zone."""
    if isinstance(value, bool):
        return value  # no column takes one, and the error says which
    if isinstance(value, int | Decimal):
        return str(value)
    return value


def _why(error: Exception, hidden: str) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    found = cause.args[0] if cause.args else ""
    if isinstance(found, dict):  # pg8000: the fields of PostgreSQL's answer
        found = found.get("M", "")
    lines = str(found or type(cause).__name__).splitlines()
    text = lines[0][:200] if lines else type(cause).__name__
    return text.replace(hidden, "***") if hidden else text
