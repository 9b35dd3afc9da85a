"""All addresses of the visitors' screens."""

from __future__ import annotations

from gateway.console.screens.visitors import acts, log, pages

ALL = (pages.pages, acts.pages, log.pages)
