"""Has the checkpoints of the log cosigned by others, and keeps what comes back.

Witnesses are asked over HTTP (gateway/uplink/witness.py); mirrors, which are collectors, send their
cosignatures over MQTT by themselves.  A cosignature is checked, kept with its checkpoint in the log
(so proofs and exports have it), and published with the retained checkpoint.

No checkpoint, record or door waits for any of this.  One thing waits: the first checkpoint of a
run, for at most FIRST_S, so that a disk image that was put back signs nothing that contradicts what
a witness has already cosigned (Checkpoints.run).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from drivers.backoff import Backoff
from gateway.config.log import LogTable
from gateway.daemon.checkpoints import Checkpoints
from gateway.ledger import Ledger, LedgerUnavailable
from gateway.ledger.heads import Heads, Signed
from gateway.locale import GaritaError, Message, english
from gateway.proof.checkpoint import Checkpoint, cosignature_time
from gateway.proof.note import Note, NoteError, Signature, VerifierKey, parse
from gateway.uplink.witness import Head, KnowsBetter, WitnessClient, WitnessError

log = logging.getLogger("garita.daemon.cosigning")

T = TypeVar("T")

FIRST_S = 3.0  # so long the first checkpoint of a run waits for what witnesses know
LAST_S = 2.0  # so long a stop waits for cosignatures of the last one
LOOK_EVERY_S = 0.5
RETRY_S = (5.0, 600.0)
MOST_WAITING = 64  # messages of mirrors; of more the oldest are dropped, and mirrors send again
MESSAGE_EVERY_S = 0.05  # a flood of messages costs no more than this
MOST_MESSAGE = 64 * 1024  # bytes


@dataclass(slots=True)
class Seen:
    """What became of one witness or mirror: how many records it cosigned last and when (its own
    time, Unix seconds), and what was wrong since, "" if nothing."""

    size: int = 0
    time: int = 0
    error: Message | None = None

    def shown(self) -> dict[str, Any]:
        error = self.error and {"text": self.error.text, "facts": dict(self.error.facts)}
        return {"size": self.size, "time": _utc(self.time), "error": error}


@dataclass(slots=True)
class Quorum:
    """The newest checkpoint that a quorum cosigned: its size, its log, and since when."""

    origin: str = ""
    size: int = 0
    time: int = 0

    def shown(self) -> dict[str, Any] | None:
        return {"size": self.size, "time": _utc(self.time)} if self.time else None


class Cosigning:
    """Asks the witnesses of `table`, takes what its mirrors send, and knows the quorum."""

    def __init__(
        self, *, table: LogTable, ledger: Ledger, path: Path, checkpoints: Checkpoints
    ) -> None:
        self._ledger = ledger
        self._heads = Heads(path)
        self._checkpoints = checkpoints
        self._keys = table.cosigners
        self._mirrors = {name: self._keys[name] for name in table.mirrors}
        self._trust = table.trust()
        self._least = len(self._keys) and (table.quorum or len(self._keys) // 2 + 1)
        self._clients = {
            name: WitnessClient(self._keys[name], one.url, one.monitor, one.ca_file)
            for name, one in table.witnesses.items()
        }
        self._seen = {name: Seen() for name in self._keys}
        self._quorum = Quorum()
        self._messages: asyncio.Queue[bytes] = asyncio.Queue(MOST_WAITING)
        if self._clients:
            checkpoints.ask_first(self._ask_first)

    def take(self, payload: bytes) -> None:
        """A message of a mirror, or of somebody who plays."""
        if self._mirrors and 0 < len(payload) <= MOST_MESSAGE:
            if self._messages.full():
                self._messages.get_nowait()
            self._messages.put_nowait(payload)

    def status(self) -> dict[str, Any]:
        """Each witness and mirror, how many make a quorum, and the newest quorum (None: never)."""
        return {
            "cosigners": {name: seen.shown() for name, seen in self._seen.items()},
            "needed": self._least,
            "quorum": self._quorum.shown(),
        }

    async def run(self) -> None:
        """Ask and take, for ever."""
        await self._remember()
        async with asyncio.TaskGroup() as group:
            for name, client in self._clients.items():
                group.create_task(self._keep_asking(name, client))
            group.create_task(self._keep_taking())

    async def finish(self) -> None:
        """Have the last checkpoint of the run cosigned, by whoever does so at once."""
        note = self._checkpoints.newest
        if note is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_S), asyncio.TaskGroup() as group:
                for name, client in self._clients.items():
                    group.create_task(self._ask_last(name, client, note.text))

    async def _ask_last(self, name: str, client: WitnessClient, text: str) -> None:
        with contextlib.suppress(WitnessError, LedgerUnavailable):
            if (line := await self._cosigned_by(client, text)) is not None:
                await self._keep(text, {name: line})

    async def _remember(self) -> None:
        """What was cosigned before this run."""
        try:
            found = await apart(lambda: self._heads.newest_that(self._trust.met))
        except LedgerUnavailable as error:
            log.warning("what was cosigned can't be read: %s", error)
            return
        if found is not None:
            self._count(found.note)

    # Witnesses

    async def _ask_first(self) -> None:
        """Hold the log against what the witnesses cosigned of it, before anything is signed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_S), asyncio.TaskGroup() as group:
                for name, client in self._clients.items():
                    group.create_task(self._judge(name, client))

    async def _judge(self, name: str, client: WitnessClient) -> None:
        origin = self._checkpoints.signer().name
        try:
            held = await apart(lambda: client.held(origin))
        except WitnessError as error:
            self._seen[name].error = _message(error)
            return
        if held:
            await self._checkpoints.hold_against(held, f"witness {name}")

    async def _keep_asking(self, name: str, client: WitnessClient) -> None:
        """Have each newest checkpoint cosigned; those that came meanwhile are skipped."""
        pause = Backoff(*RETRY_S, spread=0.2)
        done = ""
        while True:
            note = self._checkpoints.newest
            if note is None or note.text == done:
                await asyncio.sleep(LOOK_EVERY_S)
                continue
            try:
                line = await self._cosigned_by(client, note.text)
            except (WitnessError, LedgerUnavailable) as error:
                said = _message(error)
                if said != self._seen[name].error:
                    log.warning("witness %s: %s", name, english(said))
                if isinstance(error, KnowsBetter):
                    await self._judge(name, client)
                self._seen[name].error = said
                await asyncio.sleep(pause.pause_s(0.0))
                continue
            pause = Backoff(*RETRY_S, spread=0.2)
            done = note.text
            if line is not None:
                await self._keep(note.text, {name: line})

    async def _cosigned_by(self, client: WitnessClient, text: str) -> Signature | None:
        """None if the log has begun anew meanwhile, and this checkpoint is not its own."""

        def ask() -> Signature | None:
            signed = self._heads.of(text)
            if signed is None:
                return None
            return client.cosign(_head(self._heads, signed))

        return await apart(ask)

    # Mirrors

    async def _keep_taking(self) -> None:
        while True:
            payload = await self._messages.get()
            try:
                found = await apart(lambda: self._lines_in(payload))  # noqa: B023 - awaited here
                if found is not None:
                    await self._keep(*found)
            except (NoteError, LedgerUnavailable) as error:
                log.info("a cosigned checkpoint is not taken: %s", error)
            await asyncio.sleep(MESSAGE_EVERY_S)

    def _lines_in(self, payload: bytes) -> tuple[str, dict[str, Signature]] | None:
        """The new cosignatures by mirrors in a note, and its text; None if there are none.

        Of one key and one checkpoint the first cosignature is kept.  Raises NoteError.
        """
        note = parse(payload)
        lines = {
            name: line
            for name, key in self._mirrors.items()
            if (line := good_line(note, key)) is not None
        }
        held = self._heads.of(note.text) if lines else None
        if held is None:
            return None
        new = {
            name: line
            for name, line in lines.items()
            if good_line(held.note, self._mirrors[name]) is None
        }
        return (note.text, new) if new else None

    # Both

    async def _keep(self, text: str, lines: Mapping[str, Signature]) -> None:
        """Keep cosignatures that were checked, by the name of who made them."""
        try:
            note = await self._ledger.cosigned(text, list(lines.values()))
        except LedgerUnavailable as error:
            log.warning("cosignatures can't be kept: %s", error)
            return
        if note is None:
            return
        size = Checkpoint.parse(text).size
        for name, line in lines.items():
            at = cosignature_time(text, line, self._keys[name]) or 0
            self._seen[name] = Seen(size, at)
        self._checkpoints.cosigned(note)
        self._count(note)

    def _count(self, note: Note) -> None:
        """Note when a checkpoint had its quorum: when the last one that it needed cosigned."""
        times = sorted(
            time
            for key in self._keys.values()
            if (line := good_line(note, key)) is not None
            and (time := cosignature_time(note.text, line, key)) is not None
        )
        if not self._least or len(times) < self._least:
            return
        head, now = Checkpoint.parse(note.text), self._quorum
        if head.origin != now.origin or head.size >= now.size:
            self._quorum = Quorum(head.origin, head.size, times[self._least - 1])


def good_line(note: Note, key: VerifierKey) -> Signature | None:
    """The first cosignature of a note that `key` really made; wrong lines count as none."""
    return next(
        (line for line in key.lines(note) if cosignature_time(note.text, line, key) is not None),
        None,
    )


def _message(error: GaritaError) -> Message:
    said = error.args[0]
    return said if isinstance(said, Message) else Message("{error}", {"error": str(error)})


def _head(heads: Heads, signed: Signed) -> Head:
    return Head(signed.note, signed.checkpoint.size, lambda old: heads.consistency(signed, old))


def _utc(time: int) -> str | None:
    """None for 0, and for a time that is beyond our calendar."""
    try:
        return datetime.fromtimestamp(time, UTC).isoformat() if time else None
    except (ValueError, OverflowError, OSError):
        return None


async def apart(call: Callable[[], T]) -> T:
    """Have `call` done in a thread of its own: it may hang without anybody else's waiting, and the
    end of the process does not wait for it."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def end(result: T | None, error: Exception | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def work() -> None:
        result, failed = None, None
        try:
            result = call()
        except Exception as error:
            failed = error
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(end, result, failed)

    threading.Thread(target=work, name="cosigning", daemon=True).start()
    return await future
