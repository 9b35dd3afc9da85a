"""Devices for a gate without any: a reader and a relay board as ptys, to try the wizard with."""

from __future__ import annotations

from pathlib import Path

from drivers.simulated.reader import VirtualRdm6300
from drivers.simulated.relay import VirtualRelayBoard
from gateway.locale import _
from gateway.setup.found import FoundPort

BADGE = (18, 1001)


class VirtualGate:
    """A reader and a relay board in `folder`; make it inside an event loop."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.reader = VirtualRdm6300(folder / "reader")
        self.board = VirtualRelayBoard(folder / "board")

    @property
    def ports(self) -> list[FoundPort]:
        """As the machine's ports are listed."""
        return [
            FoundPort(str(self.reader.path), str(self.reader.path), _("simulated reader")),
            FoundPort(str(self.board.path), str(self.board.path), _("simulated relay board")),
        ]

    def hold_badge(self) -> None:
        """Somebody holds the badge to the reader.  Raises OSError if nobody takes its bytes."""
        self.reader.present(*BADGE)

    @property
    def unlocked(self) -> bool:
        """Whether the relay is energised now."""
        return bool(self.board.state.get(1))

    def close(self) -> None:
        """Take the devices away."""
        self.reader.close()
        self.board.close()
