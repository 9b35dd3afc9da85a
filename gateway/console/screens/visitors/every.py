"""All addresses of the visitors' screens."""

from __future__ import annotations

from gateway.console.screens.visitors import acts, log, pages, returning

ALL = (pages.pages, acts.pages, returning.pages, log.pages)
