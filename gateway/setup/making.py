"""Writes what a set-up was told: the site key, the list with the first person, garita.toml.

The configuration is written last, and never over one that is there: a wizard that is killed before
leaves no gate, and the next one goes on.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
from contextlib import closing
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway.locale import GaritaError, system, worded
from gateway.people import RosterUnavailable
from gateway.people.schema import open_admin
from gateway.people.sync import apply as sync
from gateway.people.sync import file
from gateway.people.sync.source import Source
from gateway.setup.draft import Draft, Places, mistakes, toml
from gateway.vault.files import write_whole
from gateway.vault.sitekey import KeyFileError, SiteKey

ACCOUNT = "garita"
"""The account of the service (systemd/garita.sysusers)."""
FIRST = "e1"  # the id of the first person
SOURCE = "first-run wizard"


class NotMade(GaritaError):
    """Something could not be written; the message says what, and no configuration is there."""


def make(draft: Draft, places: Places, by: str) -> None:
    """Write the site key, people.db and garita.toml; `by` is the account that does it.

    Blocks for a moment.  Raises NotMade.
    """
    if places.config.exists():
        raise NotMade(worded("{path} is there already, and is not replaced", path=places.config))
    if found := mistakes(draft, places):
        raise NotMade("; ".join(map(str, found)))
    try:
        folders(places)
        if not places.key_file.exists():
            SiteKey.create(places.key_file, places.data_dir)
        _people(draft, places, by)
        write_whole(places.config, toml(draft, places).encode(), mode=0o640, replace=False)
        _to_group(places.config, places.data_dir)
    except (OSError, KeyFileError, RosterUnavailable, sync.SyncError) as error:
        why = system(error.strerror) if isinstance(error, OSError) else str(error)
        raise NotMade(worded("it could not be written: {why}", why=why or str(error))) from error


def folders(places: Places) -> None:
    """Make the folders that are missing.  What root makes for the service belongs to its account.
    Raises OSError."""
    for folder in (places.config.parent, places.data_dir, places.run_dir):
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    if places.of_service and os.geteuid() == 0:
        with contextlib.suppress(KeyError):
            account = pwd.getpwnam(ACCOUNT)
            os.chown(places.config.parent, 0, account.pw_gid)
            places.config.parent.chmod(0o750)
            os.chown(places.data_dir, account.pw_uid, account.pw_gid)
    _to_owner(places.run_dir, places.data_dir)


def _people(draft: Draft, places: Places, by: str) -> None:
    """Put the first person on the list.  Raises NotMade if there is another list already."""
    person = {"id": FIRST, "name": draft.person, "credentials": [draft.badge]}
    row = {**person, "access_levels": ["all"], "status": "active"}
    source = Source(SOURCE, removals=None)
    text = json.dumps({"people": [row]}).encode()
    file.parse(text, source, json=True, levels=["all"], zone=ZoneInfo(draft.timezone))
    if source.errors:
        raise NotMade("; ".join(map(str, source.errors)))
    with closing(open_admin(places.data_dir / "people.db")) as db:
        plan = sync.plan(db, source)
        if plan.base and not plan.empty:
            folder = places.data_dir
            raise NotMade(worded("{folder} holds a list of another gate already", folder=folder))
        if not plan.base:
            sync.apply(db, plan, by=by)


def _to_owner(made: Path, folder: Path) -> None:
    """Give what root made to the owner of `folder`, the gateway's account."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(made, owner.st_uid, owner.st_gid)


def _to_group(path: Path, folder: Path) -> None:
    """Let the gateway's group read a file that root made."""
    if os.geteuid() == 0:
        os.chown(path, -1, folder.stat().st_gid)
