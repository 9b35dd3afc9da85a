"""The collector's tables: made at the first start, in PostgreSQL and SQLite; nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, inspect, text

from gateway.collector import schema
from tests.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/collected.db"
    else:
        server: Postgres = request.getfixturevalue("postgres")
        url = server.database(f"schema_{abs(hash(request.node.name)) % 10**9}")
        url = url.replace("postgresql://", "postgresql+psycopg://")
    made = create_engine(url)
    yield made
    made.dispose()


def test_an_empty_database_gets_all_tables_and_a_second_start_changes_nothing(
    engine: Engine,
) -> None:
    schema.upgrade(engine)
    schema.upgrade(engine)
    names = set(inspect(engine).get_table_names())
    assert {"gateways", "origins", "events", "cursors", "conflicts", "quarantine"} <= names
    assert ("leases" in names) == (engine.dialect.name == "postgresql")
    with engine.connect() as connection:
        assert schema.version(connection) == schema.HEAD


def test_a_database_of_somebody_else_is_left_alone(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE invoices (id integer)"))
    with pytest.raises(schema.ForeignDatabase, match="invoices"):
        schema.upgrade(engine)
    assert inspect(engine).get_table_names() == ["invoices"]


def test_a_database_of_a_newer_collector_is_left_alone(engine: Engine) -> None:
    schema.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(schema.ForeignDatabase, match="9999"):
        schema.upgrade(engine)


def test_several_collectors_that_start_at_once_make_the_tables_once(postgres: Postgres) -> None:
    url = postgres.database("schema_at_once").replace("postgresql://", "postgresql+psycopg://")
    engines = [create_engine(url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(schema.upgrade, engines))
    with engines[0].connect() as connection:
        assert schema.version(connection) == schema.HEAD
    for engine in engines:
        engine.dispose()
