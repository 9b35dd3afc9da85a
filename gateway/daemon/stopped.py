"""Signs the log of a gate that is stopped, for whoever takes an export of it.

A gateway that stops in good order signs its last record itself, and then there is nothing to do.
After a power cut the newest records are not signed until it starts again.
"""

from __future__ import annotations

import asyncio
from contextlib import closing
from functools import partial

from gateway import __version__
from gateway.config import Settings
from gateway.daemon import control
from gateway.daemon.checkpoints import Checkpoints
from gateway.daemon.logkeys import at_start, is_another
from gateway.daemon.openlog import open_log
from gateway.locale import worded
from gateway.people import LogMark, Roster, RosterUnavailable
from gateway.vault import logkey
from gateway.vault.sitekey import SiteKey


def may_sign(settings: Settings) -> bool:
    """Whether a checkpoint may be made without the gateway.

    The gateway asks the broker and the witnesses first what they hold of its log.  A command does
    not, so with a disk image that was put back it would sign a second history beside the one that
    they know: it signs only for a gate that has neither.
    """
    return settings.tables.mqtt is None and not settings.tables.log.cosigners


def sign(settings: Settings) -> bool:
    """Make a checkpoint of the log; returns whether there is one now.

    It never makes a key: only a gateway that starts does that.  Raises LogKeyError and
    KeyFileError if the key can't be read, and LedgerBusy or LedgerUnavailable if this account
    can't write the log.
    """
    site = SiteKey.load(settings.tables.site.key_file)
    logkey.load(settings.log_key_path, site)
    private = at_start(settings.log_key_path, site, settings.ledger_path)
    with closing(open_log(settings)) as ledger:
        if is_another(private, settings.ledger_path, ledger.first_seq):
            said = worded("another key signed this log: start the gateway, which begins a new name")
            raise logkey.LogKeyError(said)
        facts = partial(_facts, settings)
        made = Checkpoints.of(settings, ledger, private, facts=facts, broker=False)
        return asyncio.run(made.make()) is not None


def record(settings: Settings) -> None:
    """Have the acts in the list's outbox recorded: by the running gateway, or else here.

    Raises ControlError if a gateway runs and does not, and LedgerBusy, LedgerUnavailable or
    RosterUnavailable.  The acts stay in the outbox then, and the gateway records them later.
    """
    try:
        control.ask(settings.socket_path, "nudge", timeout_s=2.0)
        return
    except control.Unreachable:
        pass
    with closing(open_log(settings)) as ledger:
        roster = Roster(settings.people_path)
        while events := roster.outbox(100):
            for event in events:
                record = ledger.append_sync(event)
            mark = LogMark(ledger.chain, record.seq, record.hash)
            roster.outbox_done([event.id for event in events], mark)


def _facts(settings: Settings) -> dict[str, object]:
    """As a running gateway's, without what only it knows: its boot and its clock's state."""
    try:
        version = Roster(settings.people_path).version()
    except RosterUnavailable:
        version = None
    return {
        "boot": None,
        "clock_trusted": None,
        "clock_sure": None,
        "list_version": version.number if version else None,
        "policy_version": settings.site.policy_version,
        "version": __version__,
    }
