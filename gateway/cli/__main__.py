"""`python -m gateway.cli`: the `garita` command, for an environment without scripts of its own."""

from __future__ import annotations

from gateway.cli.main import app

if __name__ == "__main__":
    app(prog_name="garita")
