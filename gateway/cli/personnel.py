"""What commands about people share: the list for changes, and the arguments that they all take."""

from __future__ import annotations

import sqlite3
from typing import Annotated

import typer

from gateway.cli import common
from gateway.config import Settings
from gateway.people import RosterUnavailable
from gateway.people.schema import open_admin

PersonArgument = Annotated[str, typer.Argument(help="The person's id in the list.")]


def open_list(settings: Settings) -> sqlite3.Connection:
    """people.db for changes, or a sentence and exit code 5."""
    try:
        return open_admin(settings.people_path)
    except RosterUnavailable as error:
        common.fail(str(error), common.UNREACHABLE)
