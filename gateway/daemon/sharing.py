"""Areas that several gates lead into: tells the others who moved here, and takes what they tell.

What is told is on record first.  What is taken is on record at the other gate, and signed there.
A gate that can't be heard is marked: the doors into the shared area know it at each badge.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from gateway.config import MqttSettings
from gateway.config.tables import PeerTable
from gateway.daemon.checkpoints import head_file
from gateway.devices.ports import OnDevice
from gateway.ledger import Ledger, LedgerUnavailable
from gateway.ledger.event import Event, EventType, NewEvent
from gateway.proof.note import NoteError, Signer
from gateway.state.movement import Move
from gateway.state.presence import Presence
from gateway.uplink.peerlink import PeerLink
from gateway.uplink.peers import PeerLog, Refused, sign_head
from gateway.vault.statefile import Tell, log_damage

log = logging.getLogger("garita.daemon.sharing")

LOOK_S = 0.1
SIGN_S = 0.5  # between two heads, at least
HEARTBEAT_S = 5.0  # between two heads, at most
FIRST_S = 10.0  # before a gate that was not heard in this run is shown as away
REFUSED_EVERY_S = 600.0  # a flood must not fill the log


class Sharing:
    """Keeps the areas in `shared` (by name: which gates lead into them) the same at all gates.

    `signer()` gives the key of our log, None as long as nothing may be signed; `path` is the file
    that keeps what was signed last; `on_taken()` is called when something was taken.
    """

    def __init__(
        self,
        *,
        gateway: str,
        mqtt: MqttSettings,
        peers: Mapping[str, PeerTable],
        shared: Mapping[str, frozenset[str]],
        ledger: Ledger,
        presence: Presence,
        signer: Callable[[], Signer | None],
        now: Callable[[], datetime],
        on_device: OnDevice,
        path: Path,
        on_taken: Callable[[], None],
        tell: Tell = log_damage,
    ) -> None:
        self._tables = dict(peers)
        self._shared = dict(shared)
        self._ledger = ledger
        self._presence = presence
        self._signer = signer
        self._now = now
        self._on_device = on_device
        self._file = head_file(path, tell)
        self._on_taken = on_taken
        self._logs = {name: PeerLog(table.verifier) for name, table in peers.items()}
        self._link = PeerLink(mqtt, gateway, self._logs, lambda: self._head, self._hear)
        self._head = ""
        self._begun = 0.0
        self._signed_at = -HEARTBEAT_S
        self._signed_seq = 0
        self._moved = False
        self._in_flight: set[str] = set()
        self._shown: dict[str, tuple[bool, str]] = {}
        self._refused: dict[str, tuple[float, int]] = {}
        presence.apart = self.apart

    def use(self, mqtt: MqttSettings) -> None:
        """Reach the brokers by other settings."""
        self._link.use(mqtt)

    async def run(self) -> None:
        """Tell and listen, for ever."""
        for name, peer in self._logs.items():
            peer.resume(self._presence.peers.get(name, {}))
        self._presence.tell_anew()
        self._begun = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._link.run())
            group.create_task(self._keep())

    def apart(self, area: str) -> tuple[str, ...]:
        """Which gates that lead into `area` can't be heard now, sorted."""
        return tuple(sorted(n for n in self._shared.get(area, ()) if self._away(n)))

    def parts(self) -> list[dict[str, Any]]:
        """Each other gate: which areas it leads into, up to which time all its movements are known
        (`as_of`, UTC; None: not at all), and why it can't be heard ("" if it can)."""
        return [
            {
                "gate": name,
                "areas": sorted(a for a, gates in self._shared.items() if name in gates),
                "as_of": _utc(peer.whole.time) if peer.whole is not None else None,
                "away": self._away(name),
                "missing": peer.missing,
            }
            for name, peer in self._logs.items()
        ]

    def _away(self, name: str) -> str:
        peer = self._logs[name]
        if peer.fault:
            return peer.fault
        if peer.whole is None:
            return "not heard yet" if peer.head is None else "not all is known yet"
        age_s = self._now().timestamp() - peer.whole.time
        stale_s = self._tables[name].stale_s
        if age_s < -stale_s:
            return "its clock is ahead"
        return "not heard any more" if age_s > stale_s else ""

    # Out

    async def _keep(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            self._tell()
            since = clock() - self._signed_at
            if since > HEARTBEAT_S or (self._moved and since > SIGN_S):
                self._signed_at, self._moved = clock(), False
                await self._sign()
            self._show()
            await asyncio.sleep(LOOK_S)

    def _tell(self) -> None:
        """Put movements on record that are not; the uplink publishes them."""
        for event in self._presence.untold()[:50]:
            if event.id not in self._in_flight:
                self._in_flight.add(event.id)
                done = partial(self._told, event.id)
                self._ledger.append_soon(event).add_done_callback(done)

    def _told(self, name: str, future: asyncio.Future[Event]) -> None:
        self._in_flight.discard(name)  # after a failure it is tried again
        if not future.cancelled() and future.exception() is None:
            self._presence.told(name)
            self._moved = True

    async def _sign(self) -> None:
        """A new head, which the disk knows before anybody else: a log that loses its end must not
        sign another one (docs/ledger.md)."""
        signer = self._signer()
        if signer is None:
            return
        try:
            head = await self._ledger.head()
            if head is None or signer.name.rpartition("/")[2] != head.chain:
                return
            note = sign_head(head, signer, int(self._now().timestamp())).write()
            if head.seq != self._signed_seq:
                held = {"chain": head.chain, "seq": head.seq, "hash": head.hash}
                kept = {**held, "checkpoint": note}
                await asyncio.to_thread(self._file.write, json.dumps(kept).encode())
                self._signed_seq = head.seq
            self._head = note
        except (LedgerUnavailable, NoteError, OSError) as error:
            log.warning("other gates get no head of our log: %s", error)

    # In

    def _hear(self, name: str, kind: str, payload: bytes) -> None:
        peer = self._logs[name]
        try:
            if kind == "head":
                believed = peer.hear_head(payload, self._now().timestamp())
            else:
                believed = peer.hear_record(payload)
                if kind == "replay":
                    peer.hear_answered(payload)
        except Refused as error:
            self._refuse(name, str(error))
            return
        for event in sorted(believed, key=lambda event: event.seq):
            try:
                self._take(name, event)
                self._on_taken()
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                log.error("record %d of %s is not in its form: %s", event.seq, name, error)
        if peer.whole is not None:
            self._presence.peers[name] = peer.kept

    def _take(self, name: str, event: Event) -> None:
        if event.type == EventType.AREA_MOVED:
            move = Move.read(name, event.seq, event.subject, event.data)
            for told in self._presence.take(move):
                self._ledger.note(told)
            return
        person = event.data.get("person")
        at = datetime.fromisoformat(event.time)
        self._presence.pardon(
            name, None if person is None else str(person), at, left=event.data.get("left") is True
        )

    def _refuse(self, name: str, why: str) -> None:
        now = asyncio.get_running_loop().time()
        at, count = self._refused.get(name, (now - REFUSED_EVERY_S, 0))
        if now - at < REFUSED_EVERY_S:
            self._refused[name] = at, count + 1
            return
        self._refused[name] = now, 0
        log.warning("what came as the log of %s is refused: %s", name, why)
        data = {"why": why, "count": count + 1}
        self._ledger.note(NewEvent(EventType.AREA_PEER_REFUSED, name, data))

    def _show(self) -> None:
        """A gate that comes or goes is a device that does."""
        for name in self._logs:
            why = self._away(name)
            state = (not why, why)
            early = asyncio.get_running_loop().time() - self._begun < FIRST_S
            if why and early and name not in self._shown:
                continue  # it may be heard in a moment
            if self._shown.get(name) != state:
                self._shown[name] = state
                self._on_device("peer", name, *state)


def _utc(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
