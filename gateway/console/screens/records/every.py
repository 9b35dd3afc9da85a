"""All addresses of the records' screens."""

from __future__ import annotations

from gateway.console.screens.records import pages, taken

ALL = (pages.pages, taken.pages)
