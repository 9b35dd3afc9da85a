"""`garita log verify --trust`: an auditor's trust file (c2sp.org/tlog-policy) over a log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.cli import common
from gateway.ledger import LedgerUnavailable
from gateway.ledger.heads import Heads
from gateway.locale import _, system
from gateway.proof import policy
from gateway.proof.note import VerifierKey
from gateway.proof.policy import NONE, PolicyError, Trust


@dataclass(frozen=True, slots=True)
class Trusted:
    """What a trust file means for one log: the newest record under a checkpoint that the file's
    quorum cosigned (0: there is none)."""

    trust: Trust
    last_seq: int

    @property
    def asks(self) -> bool:
        """Whether the file asks for witnesses at all."""
        return self.trust.quorum != NONE

    @property
    def problem(self) -> str:
        """What is wrong, or ""."""
        if self.asks and not self.last_seq:
            return _("no checkpoint has the cosignatures that the trust file asks for")
        return ""

    def shown(self) -> dict[str, Any]:
        """For a script."""
        return {"quorum": self.asks, "last_seq": self.last_seq}

    def say(self, head_seq: int) -> None:
        """How far the quorum's cosignatures reach."""
        if self.problem:
            common.say(self.problem)
        elif self.asks:
            said = _("cosigned by the witnesses of the trust file up to event {seq}; {count} newer")
            common.say(said.format(seq=self.last_seq, count=head_seq - self.last_seq))
        else:
            common.say(_("the trust file asks for no witness"))


def refuse(file: Path | None) -> None:
    """End the command if a trust file was given for an export."""
    if file is not None:
        said = _("--trust is for a log; garita_check.py takes it for an export too")
        common.fail(said, common.USAGE)


def read(
    file: Path | None, log: Path, keys: list[VerifierKey] | None, *, copy: bool
) -> tuple[Trusted | None, list[VerifierKey] | None]:
    """The trust file `file` for the log at `log`, and the log's `keys` with those that it names;
    ends the command if one of them can't be read.

    A file may name many gates.  Of a gate that is here all logs that it names have to be here.
    """
    if file is None:
        return None, keys
    try:
        trust = policy.parse(file.read_text("utf-8"))
        heads = Heads(log, copy=copy).all()
    except PolicyError as error:
        common.fail(f"{file}: {error}", common.USAGE)
    except UnicodeDecodeError:
        said = _("not UTF-8 text")
        common.fail(f"{file}: {said}", common.USAGE)
    except OSError as error:
        common.fail(f"{file}: {system(error.strerror)}", common.UNREACHABLE)
    except LedgerUnavailable as error:
        common.fail(str(error), common.UNREACHABLE)
    here = {_gate(head.checkpoint.origin) for head in heads}
    named = [key for key in trust.logs.values() if _gate(key.name) in here]
    newest = next((head for head in reversed(heads) if trust.met(head.note)), None)
    found = Trusted(trust, newest.last_seq if newest else 0)
    return found, [*(keys or ()), *(named or trust.logs.values())]


def _gate(origin: str) -> str:
    """The name of a log without its chain."""
    return origin.rpartition("/")[0]
