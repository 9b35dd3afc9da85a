"""All addresses of the evidence's screens."""

from __future__ import annotations

from gateway.console.screens.evidence import documents, reviews

ALL = (documents.pages, reviews.pages)
