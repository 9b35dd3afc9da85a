"""The wiring: what the daemon works out from the settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from demo.rig import Rig
from gateway import config
from gateway.biometric import CHALLENGE_S
from gateway.daemon import Daemon
from gateway.keys import SiteKey
from gateway.ledger import Ledger


@pytest.mark.parametrize(("more", "at_least"), [("", 0.0), ("challenge = true", 2 * CHALLENGE_S)])
async def test_the_watchdog_lets_two_people_turn_their_heads(
    make_rig: Callable[..., Rig], tmp_path: Path, more: str, at_least: float
) -> None:
    settings = config.load(make_rig(camera=True, gate_more=more).config)
    ledger = Ledger.open(tmp_path / "ledger.db", gateway=settings.site.gateway)
    try:
        daemon = Daemon(settings, SiteKey(bytes(32)), ledger)
        tables = settings.tables
        company = 2 * tables.pin.timeout_s + tables.presence.escort_s
        assert daemon.door_limit_s >= company + 3 * tables.face.timeout_s + at_least
        assert daemon.door_limit_s <= company + 3 * tables.face.timeout_s + at_least + 10
    finally:
        ledger.close()
