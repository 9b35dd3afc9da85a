"""Acts that need the site key, for commands: done here by whoever may read it, else by the gateway.
`by_gateway` has it do what needs a file of its own.
"""

from __future__ import annotations

from typing import Any

from gateway.cli import common
from gateway.config import Settings
from gateway.daemon import control
from gateway.daemon.keyed import KeyedActs, ask_gateway
from gateway.people import RosterUnavailable
from gateway.vault.sitekey import KeyFileError


def by_gateway(settings: Settings, why: object, act: str, **params: Any) -> dict[str, Any]:
    """`ask_gateway`.  Ends the command, with the reason on stderr, if it can't be done."""
    try:
        return ask_gateway(settings, why, act, **params)
    except control.Refused as refusal:
        common.fail(str(refusal), common.REFUSED)
    except control.ControlError as error:
        common.fail(str(error), common.UNREACHABLE)


class Keyed(KeyedActs):
    """The acts of one command.  Each ends the command, with the reason on stderr, if it can't be
    done."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, common.operator(settings), here=True)

    def do(self, act: str, **params: Any) -> dict[str, Any]:
        """One act of gateway/daemon/errand.py."""
        try:
            return super().do(act, **params)
        except control.Refused as refusal:
            common.fail(str(refusal), common.REFUSED)
        except (control.ControlError, KeyFileError, RosterUnavailable) as error:
            common.fail(str(error), common.UNREACHABLE)
