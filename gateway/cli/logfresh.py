"""The newest signed head of the log, made anew before anything of the log is handed out."""

from __future__ import annotations

from gateway.cli import common
from gateway.config import Settings
from gateway.daemon import control, stopped
from gateway.ledger import LedgerBusy, LedgerReader, LedgerUnavailable
from gateway.ledger.heads import Heads, Signed
from gateway.locale import _
from gateway.vault.logkey import LogKeyError
from gateway.vault.sitekey import KeyFileError


def fresh(settings: Settings) -> Signed | None:
    """The newest checkpoint: the running gateway signs one first, or this command if it is stopped
    and nobody else holds a checkpoint of it.

    If neither does, a note on stderr says why, and the newest one that there is has to do.  None
    if nothing was ever signed.  Ends the command if the log can't be read.
    """
    try:
        control.ask(settings.socket_path, "checkpoint")
    except control.Unreachable:
        _sign_here(settings)
    except control.ControlError as error:
        _note(error)
    try:
        return Heads(settings.ledger_path).newest()
    except LedgerUnavailable as error:
        common.fail(str(error), common.UNREACHABLE)


def _sign_here(settings: Settings) -> None:
    if not settings.ledger_path.exists():
        return  # whoever reads it says so
    try:
        newest = Heads(settings.ledger_path).newest()
        reader = LedgerReader(settings.ledger_path)
        last_seq = reader.last_seq
        reader.close()
        if newest is not None and newest.last_seq >= last_seq:
            return
        if not stopped.may_sign(settings):
            _say_reach(newest)
            return
        stopped.sign(settings)
    except (LedgerBusy, LedgerUnavailable, LogKeyError, KeyFileError) as error:
        _note(error)


def _say_reach(newest: Signed | None) -> None:
    if newest is None:
        said = _("note: the gateway is stopped, and only it may sign: nothing is signed yet")
    else:
        said = _("note: the gateway is stopped, and only it may sign: signed up to event {seq}")
        said = said.format(seq=newest.last_seq)
    common.err.print(said, markup=False, soft_wrap=True)


def _note(error: Exception) -> None:
    said = _("note: the newest events are not signed: {error}").format(error=error)
    common.err.print(said, markup=False, soft_wrap=True)
