"""The group `garita reader`: which function is which command."""

from __future__ import annotations

from gateway.cli.reader import install, watch
from gateway.cli.reader import list as readers

app = readers.app
app.command()(install.install)
app.command()(watch.watch)
