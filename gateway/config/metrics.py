"""The tables [metrics] and [console.metrics], and [metrics] of a collector: where Prometheus, or
whoever watches the box, reads the figures."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, field_validator

from gateway.config.hosts import is_loopback
from gateway.locale import worded

UNIX = "unix:"
LONGEST_SOCKET = 107  # bytes, of sun_path (unix(7))


class MetricsTable(BaseModel):
    """`listen` is ``unix:/path`` or an address and port of this machine alone; "" for none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen: str = ""

    @field_validator("listen")
    @classmethod
    def _near(cls, value: str) -> str:
        if not value:
            return value
        if value.startswith(UNIX):
            path = value.removeprefix(UNIX)
            if not path.startswith("/") or not 1 < len(path.encode()) <= LONGEST_SOCKET:
                raise ValueError(worded("write unix:/path/of/the.sock"))
            return value
        found = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^\s:\[\]/]+):(\d{1,5})", value)
        if found is None or not 0 < int(found[2]) < 65536:
            raise ValueError(worded("write 127.0.0.1:PORT, or unix:/path/of/the.sock"))
        if not is_loopback(found[1]):
            raise ValueError(
                worded(
                    "the figures are for this machine alone: write 127.0.0.1:{port}, or "
                    "unix:/path/of/the.sock, and let a proxy with TLS show them to others",
                    port=found[2],
                )
            )
        return value

    @property
    def socket(self) -> Path | None:
        """The Unix socket; None for an address."""
        return Path(self.listen.removeprefix(UNIX)) if self.listen.startswith(UNIX) else None

    @property
    def address(self) -> tuple[str, int]:
        """The address and port; without a meaning for a Unix socket."""
        host, _, port = self.listen.rpartition(":")
        # Not by name: what `localhost` is says a file or a server of names.
        return ("127.0.0.1" if host == "localhost" else host.strip("[]")), int(port)
