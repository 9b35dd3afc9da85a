"""The first version.

gateways      what is heard of each gateway on the broker
origins       each stretch of a gateway's log that has a name of its own (gateway/ledger/origin.py)
events        the records, partitioned by month of their time in PostgreSQL; of each origin those
              from its first number up to `cursors.contiguous`, without holes
early         records that came before the one before them: they move to events when it is there
cursors       how far each origin is stored, and the tree over it
keys          with which keys each gateway signs
checkpoints   signed heads, as they came
cosignatures  ours of them
conflicts     another record of a number that is stored, or one that does not fit the chain
quarantine    messages that are not understood, each once with a count
alarms        what somebody has to look at
collectors, leases   who reads which gateway (gateway/collector/leases.py)
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# SQLite keeps times as text, in UTC: that sorts and compares as well.
Time = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
Bytes = sa.LargeBinary()
NOW = sa.text("CURRENT_TIMESTAMP")


def _identity() -> sa.Column[int]:
    return sa.Column("id", Number, sa.Identity(always=True), primary_key=True)


def _gateway(*, key: bool = False) -> sa.Column[str]:
    of = sa.ForeignKey("gateways.name")
    return sa.Column("gateway", sa.Text, of, nullable=False, primary_key=key)


def _origin(*, key: bool = False) -> sa.Column[int]:
    of = sa.ForeignKey("origins.id")
    return sa.Column("origin", Number, of, nullable=False, primary_key=key)


def upgrade() -> None:
    """Make all tables."""
    _who()
    _records()
    _what_is_wrong()
    if op.get_context().dialect.name == "postgresql":
        _leases()


def _who() -> None:
    op.create_table(
        "gateways",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("discovered", Time, nullable=False, server_default=NOW),
        sa.Column("configured", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("status", sa.Text),  # online or offline, as the gateway says
        sa.Column("status_at", Time),
        sa.Column("heard", Time),  # when anything came from it last
        sa.Column("newest", Number),  # the highest number of a record that was heard of
        sa.Column("state", sa.Text),  # the gateway's state message, JSON
    )
    op.create_table(
        "origins",
        _identity(),
        _gateway(),
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("first", Number, nullable=False),  # the number of its first record
        sa.Column("prev", Bytes, nullable=False),  # the hash before that record
        sa.Column("began", Time, nullable=False),  # the first record's own time
        sa.Column("received", Time, nullable=False, server_default=NOW),
        # What its first record says of the origin before it (gateway/ledger/origin.py).
        sa.Column("follows_chain", sa.Text),
        sa.Column("follows_seq", Number),
        sa.Column("follows_hash", Bytes),
        sa.Column("known_seq", Number),
        sa.Column("known_by", sa.Text),
        sa.Column("missing", Number),
        sa.UniqueConstraint("gateway", "chain"),
    )
    op.create_table(
        "keys",
        _gateway(key=True),
        sa.Column("vkey", sa.Text, primary_key=True),
        sa.Column("how", sa.Text, nullable=False),  # configured, first_use or renewed
        sa.Column("since", Time, nullable=False, server_default=NOW),
    )


def _records() -> None:
    op.create_table(
        "events",
        sa.Column("origin", Number, nullable=False),
        sa.Column("seq", Number, nullable=False),
        sa.Column("time", Time, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),  # access.granted
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),  # canonical JSON: the leaf of the tree
        sa.Column("hash", Bytes, nullable=False),
        # The broker did not take the record for its size: the body says so in place of the data.
        sa.Column("omitted", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("received", Time, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("origin", "seq", "time"),
        postgresql_partition_by="RANGE (time)",
    )
    op.create_index("events_type_time", "events", ["type", "time"])
    if op.get_context().dialect.name == "postgresql":
        # Times that can't be, such as 1970; gateway/collector/partitions.py makes the months.
        op.execute("CREATE TABLE events_elsewhen PARTITION OF events DEFAULT")
    op.create_table(
        "early",
        _gateway(key=True),
        sa.Column("seq", Number, primary_key=True),
        sa.Column("hash", Bytes, primary_key=True),
        sa.Column("prev", Bytes, nullable=False),
        sa.Column("message", sa.Text, nullable=False),  # as it came
        sa.Column("received", Time, nullable=False, server_default=NOW),
    )
    op.create_table(
        "cursors",
        _origin(key=True),
        sa.Column("contiguous", Number, nullable=False),  # all records up to this one are stored
        sa.Column("hash", Bytes, nullable=False),  # of that record
        # The tree over the records: `roots` are those of its complete subtrees, 32 bytes each, and
        # it is shorter than the records while one of them is known without its data.
        sa.Column("size", Number, nullable=False),
        sa.Column("roots", Bytes, nullable=False),
        sa.Column("root", Bytes, nullable=False),
        # As far as a signed checkpoint has the root of what is stored.
        sa.Column("proven_size", Number, nullable=False, server_default="0"),
        sa.Column("proven_roots", Bytes, nullable=False, server_default=sa.text("''")),
        sa.Column("proven_at", Time),
        sa.Column("moved", Time, nullable=False, server_default=NOW),
    )
    op.create_table(
        "checkpoints",
        _gateway(key=True),
        sa.Column("chain", sa.Text, primary_key=True),
        sa.Column("size", Number, primary_key=True),
        sa.Column("root", Bytes, primary_key=True),
        sa.Column("note", sa.Text, nullable=False),
        # waiting (for records), proven, or wrong: what is stored has another root
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("received", Time, nullable=False, server_default=NOW),
        sa.Column("judged", Time),
    )
    op.create_table(
        "cosignatures",
        _gateway(key=True),
        sa.Column("chain", sa.Text, primary_key=True),
        sa.Column("size", Number, primary_key=True),
        sa.Column("mirror", sa.Text, primary_key=True),  # the name of the mirror's key
        sa.Column("root", Bytes, nullable=False),
        sa.Column("line", sa.Text, nullable=False),
        sa.Column("made", Time, nullable=False),
    )


def _what_is_wrong() -> None:
    op.create_table(
        "conflicts",
        _identity(),
        _gateway(),
        sa.Column("origin", Number, sa.ForeignKey("origins.id")),
        sa.Column("seq", Number, nullable=False),
        sa.Column("hash", Bytes, nullable=False),
        sa.Column("stored", Bytes),  # the hash of the record that is stored under that number
        sa.Column("why", sa.Text, nullable=False),  # another_record, not_in_chain
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("broker", sa.Text, nullable=False),
        sa.Column("received", Time, nullable=False, server_default=NOW),
        sa.UniqueConstraint("gateway", "seq", "hash"),
    )
    op.create_table(
        "quarantine",
        sa.Column("digest", Bytes, primary_key=True),  # SHA-256 of topic, NUL and payload
        sa.Column("gateway", sa.Text, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("broker", sa.Text, nullable=False),
        sa.Column("payload", Bytes, nullable=False),  # its beginning, if it is long
        sa.Column("bytes", Number, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("first", Time, nullable=False, server_default=NOW),
        sa.Column("last", Time, nullable=False, server_default=NOW),
        sa.Column("count", Number, nullable=False, server_default="1"),
    )
    op.create_table(
        "alarms",
        _identity(),
        _gateway(),
        sa.Column("kind", sa.Text, nullable=False),  # gateway/collector/alarms.py
        sa.Column("about", sa.Text, nullable=False),  # a chain, a number, a digest
        sa.Column("data", sa.Text, nullable=False),  # JSON
        sa.Column("first", Time, nullable=False, server_default=NOW),
        sa.Column("last", Time, nullable=False, server_default=NOW),
        sa.Column("count", Number, nullable=False, server_default="1"),
        sa.UniqueConstraint("gateway", "kind", "about"),
    )


def _leases() -> None:
    op.create_table(
        "collectors",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("started", Time, nullable=False),
        sa.Column("until", Time, nullable=False),
    )
    op.create_table(
        "leases",
        _gateway(key=True),
        sa.Column("collector", sa.Text),
        sa.Column("run", sa.Text),
        sa.Column("fence", Number, nullable=False, server_default="0"),
        sa.Column("since", Time),
    )
