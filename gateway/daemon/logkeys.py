"""The key that signs the log: found at the start, and changed for another one on an order.

A change has three steps: the new key is kept beside the old one, the record that both sign is
written, the new key alone is kept.  After a power cut in between, the log says how far it came.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.daemon.checkpoints import Checkpoints
from gateway.daemon.control import Refused
from gateway.ledger import Ledger, LedgerReader, LedgerUnavailable
from gateway.ledger.event import EventType
from gateway.ledger.operator import Operator, with_person
from gateway.ledger.origin import KEY_LOST, Known
from gateway.locale import worded
from gateway.proof.keychange import KeyChange
from gateway.proof.note import NoteError, VerifierKey
from gateway.vault import logkey
from gateway.vault.sitekey import SiteKey

log = logging.getLogger("garita.daemon.logkeys")

MAY = frozenset({"administrator"})


def at_start(path: Path, site: SiteKey, ledger: Path) -> Ed25519PrivateKey:
    """The key in force, made if there is none; a change that was begun is ended.

    Raises LogKeyError, and LedgerUnavailable if a change was begun and the log can't be read.
    """
    private = logkey.load_or_make(path, site)
    following = logkey.pending(path, site)
    if following is None:
        return private
    if _on_record(ledger, following):
        private = following
    log.warning("a change of the log's key was interrupted; it is settled now")
    logkey.settle(path, site, private)
    return private


async def hold_against(path: Path, site: SiteKey, ledger: Ledger, ledger_path: Path) -> None:
    """Begin a new origin if the present one was signed with a key that is gone: its file was lost,
    or another one was put in its place.

    Under the old name nobody could tell the new key from a forger's.  No record is lost.
    """
    try:
        private = at_start(path, site, ledger_path)
        if is_another(private, ledger_path, ledger.first_seq):
            # No record has that hash: so the log is held to be another one from there on.
            known = Known(KEY_LOST, ledger.chain, ledger.last_seq, KEY_LOST)
            await ledger.begin_origin([known])
    except (logkey.LogKeyError, LedgerUnavailable) as error:
        log.error("the log's key can't be compared with the log: %s", error)


def is_another(private: Ed25519PrivateKey, ledger: Path, first: int) -> bool:
    """Whether the origin that begins with record `first` names another key as the one in force;
    raises LedgerUnavailable."""
    public = private.public_key().public_bytes_raw()
    with closing(LedgerReader(ledger)) as reader:
        most = reader.last_seq - first + 1
        kinds = (EventType.LEDGER_CHECKPOINT, EventType.LEDGER_KEY_CHANGED)
        for event in reader.back(*kinds, most=most):
            try:
                if event.type == EventType.LEDGER_KEY_CHANGED:
                    return KeyChange.open(str(event.data["note"])).new.public != public
                return VerifierKey.parse(str(event.data["key"])).public != public
            except (KeyError, NoteError):
                continue
    return False


def _on_record(ledger: Path, following: Ed25519PrivateKey) -> bool:
    reader = LedgerReader(ledger)
    try:
        newest = reader.newest(EventType.LEDGER_KEY_CHANGED)
    finally:
        reader.close()
    if newest is None:
        return False
    try:
        found = KeyChange.open(str(newest.data["note"]))
    except (KeyError, NoteError):
        return False
    return found.new.public == following.public_key().public_bytes_raw()


class LogKeys:
    """Answers the order to change the key, on the control socket.

    `operators` says whether the site names its operators: then only an administrator may.
    """

    def __init__(
        self, checkpoints: Checkpoints, path: Path, site: SiteKey, *, operators: bool
    ) -> None:
        self._checkpoints = checkpoints
        self._path = path
        self._site = site
        self._operators = operators

    async def asked(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Change the key; raises Refused or LogKeyError."""
        by: Operator = request["by"]
        if self._operators and not by.roles & MAY:
            raise Refused(worded("only an administrator of [operators] may change the log's key"))
        old = str(self._checkpoints.signer().key)
        made = await self._checkpoints.change_key(
            lambda: logkey.prepare(self._path, self._site), with_person({"by": by})
        )
        if made is None:
            raise Refused(worded("the change can't be recorded: nothing is signed until a restart"))
        await asyncio.to_thread(logkey.settle, self._path, self._site, made)
        await self._checkpoints.make()
        return {"old": old, "new": str(self._checkpoints.signer().key)}
