"""The console's process: `python -m gateway.console -c FILE`; `garita console` becomes it, so that
it holds nothing that only commands need."""

from __future__ import annotations

import argparse
import logging
import os
import sqlite3
import sys
from pathlib import Path

from gateway import config, locale
from gateway.console.server import serve
from gateway.vault.sitekey import KeyFileError

NICE = 5
"""On a small box the doors come first: the gateway's process has the processor before this one."""
BAD_CONFIG, UNREACHABLE = 4, 5


def main() -> int:
    """Serve until SIGTERM; the exit codes are those of `garita`."""
    parser = argparse.ArgumentParser(prog="garita console")
    parser.add_argument("-c", "--config", type=Path, required=True)
    options = parser.parse_args()
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    os.nice(NICE)
    try:
        settings = config.load(options.config)
        locale.use(settings.tables.site.language)
        serve(settings)
    except config.ConfigError as error:
        for mistake in error.mistakes:
            print(mistake, file=sys.stderr)
        return BAD_CONFIG
    except (sqlite3.Error, OSError, KeyFileError) as error:
        print(f"garita: {error}", file=sys.stderr)
        return UNREACHABLE
    return 0


if __name__ == "__main__":
    sys.exit(main())
