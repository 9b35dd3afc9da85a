"""A smoke test against RabbitMQ 3.10 of Debian 12, which speaks MQTT 3.1.1 only (docs/scale.md)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.uplink.rabbit import Rabbit
from tests.gateway.uplink.test_client import Link

pytestmark = [pytest.mark.servers, pytest.mark.slow]


@pytest.fixture
def rabbit(tmp_path: Path) -> Iterator[Rabbit]:
    node = Rabbit(tmp_path / "rabbit")
    try:
        node.start()
        yield node
    finally:
        node.stop()


@pytest.mark.timeout(240)
async def test_the_log_goes_through_rabbitmq_and_goes_on_after_it_was_killed(
    rabbit: Rabbit, tmp_path: Path
) -> None:
    link = Link(tmp_path / "g", rabbit.port)
    await link.append(50)
    # A durable session: RabbitMQ keeps a queue for it while the subscriber is away.
    await link.listen(identifier="auditor", clean_session=False)
    link.start()
    await link.until(link.published)
    assert link.uplink.status()["version"] == "3.1.1"
    await link.until(lambda: set(link.seqs()) == set(range(1, link.ledger.last_seq + 1)))
    rabbit.kill()
    await link.append(50)
    await link.until(lambda: not link.uplink.connected)
    rabbit.start()
    await link.until(link.published, 90)
    await link.until(lambda: set(link.seqs()) == set(range(1, link.ledger.last_seq + 1)), 60)
    await link.close()
