"""The gateway process: `python -m gateway.daemon -c FILE`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from pathlib import Path

from gateway import config, locale
from gateway.daemon import control, textlog
from gateway.daemon.service import serve
from gateway.ledger import LedgerBusy, LedgerDamaged, LedgerUnavailable
from gateway.locale import N_
from gateway.people import RosterUnavailable
from gateway.people.schema import migrate
from gateway.vault.files import make_shared
from gateway.vault.sitekey import KeyFileError, SiteKey

# systemd does not start the gateway again after the first (RestartPreventExitStatus= of the unit),
# and does after the second.
NEEDS_A_PERSON = 5
TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits(3)
DAMAGED = N_(
    "the log is damaged, so the gateway does not serve. Keep ledger.db, ledger.db-wal and "
    "ledger.db-shm as they are: they are the evidence. Then put back a copy of the log, or move "
    'these files away to begin a new log (docs/operations.md, "A damaged log"), and start the '
    "gateway again."
)


def main() -> int:
    """``python -m gateway.daemon -c FILE``; the exit codes are those of `garita`."""
    parser = argparse.ArgumentParser(prog="garita run")
    parser.add_argument("-c", "--config", type=Path, required=True)
    parser.add_argument("--log-level", default="INFO")
    options = parser.parse_args()
    # The log's writer waits for the interpreter no longer than this when the loop is busy.
    sys.setswitchinterval(0.001)
    lines = textlog.start(options.log_level.upper())
    try:
        settings = config.load(options.config)
        # What the daemon answers to people is in the site's language; its text log is English.
        locale.use(settings.tables.site.language)
        settings.tables.site.data_dir.mkdir(parents=True, exist_ok=True)
        try:
            make_shared(settings.documents_path)  # the console keeps files there
        except OSError as error:  # the gate works without
            logging.warning("the folder for documents can't be made: %s", error)
        key = SiteKey.load(settings.tables.site.key_file)
        try:
            migrate(settings.people_path)
        except RosterUnavailable as error:  # badges are denied, with that reason; doors go on
            logging.critical("the personnel list can't be used: %s", error)
        asyncio.run(serve(settings, key))
    except config.ConfigError as error:
        for mistake in error.mistakes:
            print(mistake, file=sys.stderr)
        return 4
    except LedgerDamaged as error:
        print(f"garita: {error}", file=sys.stderr)
        print(f"garita: {locale.Message(DAMAGED)}", file=sys.stderr)
        return NEEDS_A_PERSON
    except LedgerBusy as error:
        said, code = _who_runs(settings, error)
        print(f"garita: {said}", file=sys.stderr)
        return code
    except KeyFileError as error:
        print(f"garita: {error}", file=sys.stderr)
        return NEEDS_A_PERSON
    except (LedgerUnavailable, OSError) as error:
        print(f"garita: {error}", file=sys.stderr)
        return TRY_AGAIN
    finally:
        lines.close()
    return 0


def _who_runs(settings: config.Settings, busy: LedgerBusy) -> tuple[str, int]:
    """Why this gateway can't start, and the exit code: which process has its log, and what to
    do."""
    try:
        pid = int(control.ask(settings.socket_path, "status", timeout_s=2.0)["pid"])
    except (control.ControlError, LookupError, ValueError):
        said = locale._(
            "{busy}, which is not a gateway that answers: another garita command at work, or a "
            "gateway that starts or stops. Try again in a moment; if it stays, look at the "
            "process: ps -fp {pid}"
        ).format(busy=busy, pid=busy.pid or "PID")
        return said, TRY_AGAIN
    said = locale._(
        "a gateway of this configuration runs already: process {pid}. `garita status` shows what "
        "it does. To start another one, stop it first: systemctl stop garita if it is the "
        "service, else kill {pid}"
    ).format(pid=pid)
    return said, NEEDS_A_PERSON


if __name__ == "__main__":
    sys.exit(main())
