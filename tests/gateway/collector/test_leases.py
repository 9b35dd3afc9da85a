"""Which collector reads which gateway: the hash, the leases, and the fence that holds."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine

from gateway.collector import schema
from gateway.collector.leases import (
    Lease,
    LeaseLost,
    Leases,
    Superseded,
    check,
    owner,
    session_settings,
    wanted,
)
from tests.postgres import Postgres

names = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=8)

# The hash


def test_nobody_reads_where_no_collector_lives() -> None:
    assert owner("gate-1", []) is None


@given(st.sets(names, min_size=2, max_size=6), st.lists(names, min_size=1, max_size=30))
def test_a_collector_that_goes_moves_its_own_gateways_only(
    live: set[str], gateways: list[str]
) -> None:
    gone = min(live)
    for gateway in gateways:
        before, after = owner(gateway, live), owner(gateway, live - {gone})
        assert before in (after, gone)
        assert owner(gateway, sorted(live)) == owner(gateway, sorted(live, reverse=True))


def test_gateways_are_spread_evenly() -> None:
    live = [f"hq-{n}" for n in range(4)]
    counts = Counter(owner(f"gate-{n}", live) for n in range(4000))
    assert all(850 < count < 1150 for count in counts.values()) and len(counts) == 4


@given(
    st.dictionaries(names, names, min_size=1, max_size=4),
    st.dictionaries(names, st.one_of(st.none(), names), max_size=20),
)
def test_what_all_want_fits_together(live: dict[str, str], held: dict[str, str | None]) -> None:
    """No gateway is wanted by two, and each that is free or held by the dead is wanted by one."""
    live = {name: f"run of {name}" for name in live}  # a run is one collector's
    leases = [Lease(gateway, run, 1) for gateway, run in held.items()]
    takes = Counter[str]()
    for name in live:
        take, give_up = wanted(leases, live, name)
        takes.update(lease.gateway for lease in take)
        assert not give_up & {lease.gateway for lease in take}
    assert all(count == 1 for count in takes.values())
    assert takes.keys() == {lease.gateway for lease in leases if lease.run not in live.values()}


# In PostgreSQL


@pytest.fixture
def connect(
    postgres: Postgres, request: pytest.FixtureRequest
) -> Iterator[Callable[[], psycopg.Connection[Any]]]:
    """Connections to a database of the test's own, with six gateways."""
    name = f"leases_{abs(hash(request.node.name)):x}"
    url, made = postgres.database(name), list[psycopg.Connection[Any]]()

    def make() -> psycopg.Connection[Any]:
        made.append(psycopg.connect(url, autocommit=True))
        return made[-1]

    made_tables = create_engine(url.replace("postgresql", "postgresql+psycopg", 1))
    schema.upgrade(made_tables)
    made_tables.dispose()
    first = make()
    first.execute("INSERT INTO gateways (name) SELECT 'gate-' || n FROM generate_series(1, 6) AS n")
    yield make
    for connection in made:
        connection.close()


def joined(
    connect: Callable[[], psycopg.Connection[Any]], name: str, **options: Any
) -> tuple[Leases, psycopg.Connection[Any]]:
    leases, connection = Leases(name, **options), connect()
    leases.join(connection)
    return leases, connection


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_one_collector_reads_all_and_shares_with_the_next(connect: Any) -> None:
    one, first = joined(connect, "hq-1", ttl_s=60)
    plan = one.renew(first)
    assert len(plan.held) == 6 and plan.taken == plan.held.keys() and plan.live == ("hq-1",)
    assert one.renew(first).taken == set()

    two, second = joined(connect, "hq-2", ttl_s=60)
    assert two.renew(second).held == {}, "they are held by one that lives"
    plan = one.renew(first)
    share = {f"gate-{n}" for n in range(1, 7) if owner(f"gate-{n}", ["hq-1", "hq-2"]) == "hq-2"}
    assert plan.give_up == share and share
    one.release(first, plan.give_up)
    assert two.renew(second).taken == share
    assert one.renew(first).held.keys() | share == {f"gate-{n}" for n in range(1, 7)}

    connect().execute("INSERT INTO gateways (name) VALUES ('gate-7')")
    held = one.renew(first).held.keys() | two.renew(second).held.keys()
    assert "gate-7" in held


def test_a_silent_collector_is_replaced_and_can_write_nothing_any_more(connect: Any) -> None:
    one, first = joined(connect, "hq-1", ttl_s=0.2)
    old = one.renew(first).held
    two, second = joined(connect, "hq-2", ttl_s=60)
    wait_for(lambda: len(two.renew(second).held) == 6)
    new = two.renew(second).held
    assert all(new[gateway] == old[gateway] + 1 for gateway in old)

    with pytest.raises(LeaseLost) as lost, first.transaction():
        check(first.cursor(), one.run, old)
    assert lost.value.gateways == old.keys()
    with second.transaction():
        check(second.cursor(), two.run, new)

    one.ttl_s = 60  # it wakes up
    plan = one.renew(first)
    assert plan.lost == old.keys() and not plan.held


def test_a_takeover_waits_for_the_commit_of_the_one_before(connect: Any) -> None:
    """The row of the lease is held from the check to the commit: whoever takes it afterwards reads
    the number that was written."""
    one, first = joined(connect, "hq-1", ttl_s=0.2)
    fences = one.renew(first).held
    two, second = joined(connect, "hq-2", ttl_s=60)
    with first.transaction():
        check(first.cursor(), one.run, {"gate-3": fences["gate-3"]})
        wait_for(lambda: len(two.renew(second).held) == 5)
        assert "gate-3" not in two.renew(second).held
    wait_for(lambda: "gate-3" in two.renew(second).held)


def test_renewing_does_not_wait_for_a_batch(connect: Any) -> None:
    one, first = joined(connect, "hq-1", ttl_s=60)
    fences, writer = one.renew(first).held, connect()
    first.execute("SET lock_timeout = '5s'")
    with writer.transaction():
        check(writer.cursor(), one.run, fences)
        assert one.renew(first).held == fences


def test_a_collector_that_stands_still_in_a_transaction_holds_nothing_for_ever(
    connect: Any,
) -> None:
    one, first = joined(connect, "hq-1", ttl_s=0.3)
    fences, writer = one.renew(first).held, connect()
    for key, value in session_settings(0.3).items():
        writer.execute(f"SET {key} = '{value}'")
    two, second = joined(connect, "hq-2", ttl_s=60)
    with pytest.raises(psycopg.Error), writer.transaction():
        check(writer.cursor(), one.run, fences)
        wait_for(lambda: len(two.renew(second).held) == 6)  # the server ends the session
        writer.execute("SELECT 1")


def test_a_second_process_of_one_name_ends_the_first(connect: Any) -> None:
    one, first = joined(connect, "hq-1", ttl_s=60)
    old = one.renew(first).held
    again, other = joined(connect, "hq-1", ttl_s=60)
    assert len(again.renew(other).taken) == 6, "at once: a restart need not wait"
    with pytest.raises(Superseded, match="hq-1"):
        one.renew(first)
    with pytest.raises(LeaseLost), first.transaction():
        check(first.cursor(), one.run, old)


def test_leaving_frees_at_once(connect: Any) -> None:
    one, first = joined(connect, "hq-1", ttl_s=60)
    one.renew(first)
    two, second = joined(connect, "hq-2", ttl_s=60)
    assert two.renew(second).held == {}
    one.leave(first)
    plan = two.renew(second)
    assert len(plan.held) == 6 and plan.live == ("hq-2",)


def test_a_database_that_forgot_us_learns_of_us_again(connect: Any) -> None:
    """As after the promotion of a standby that had not heard of this start yet."""
    one, first = joined(connect, "hq-1", ttl_s=60)
    one.renew(first)
    connect().execute("TRUNCATE leases, collectors")
    assert len(one.renew(first).held) == 6


def test_collectors_that_fight_hold_no_gateway_twice(connect: Any) -> None:
    """Eight collectors that die, freeze and come back at once: at each moment each gateway has one
    holder whose writes count, and fences only grow."""
    stop = time.monotonic() + 4
    failures = list[BaseException]()
    counter = connect()
    counter.execute("CREATE TABLE written (gateway text, fence bigint, at bigserial)")

    def live(name: str, number: int) -> None:
        try:
            connection = connect()
            leases, step = Leases(name, ttl_s=0.15), 0
            while time.monotonic() < stop:
                step += 1
                plan = leases.renew(connection)
                leases.release(connection, plan.give_up)
                keep = {g: f for g, f in plan.held.items() if g not in plan.give_up}
                if step % 7 == number % 7:
                    time.sleep(0.2)  # frozen: others take what it holds
                try:
                    with connection.transaction():
                        check(connection.cursor(), leases.run, keep)
                        for gateway, fence in keep.items():
                            connection.execute(
                                "INSERT INTO written VALUES (%s, %s)", (gateway, fence)
                            )
                except LeaseLost:
                    continue
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=live, args=(f"hq-{n}", n)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    rows = counter.execute("SELECT gateway, fence FROM written ORDER BY at").fetchall()
    by_gateway: dict[str, list[int]] = {}
    for gateway, fence in rows:
        by_gateway.setdefault(gateway, []).append(fence)
    assert len(by_gateway) == 6
    for held in by_gateway.values():
        assert held == sorted(held), "nobody wrote with an older fence behind a newer one"
    assert max(max(held) for held in by_gateway.values()) > 3, "they did fight"
