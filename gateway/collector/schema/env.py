"""Alembic runs this file: the tables change on the connection that `upgrade` opened."""

from alembic import context

from gateway.collector.schema import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
