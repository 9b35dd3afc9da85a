"""All addresses of the evidence's screens."""

from __future__ import annotations

from gateway.console.screens.evidence import documents, packets, reviews

ALL = (packets.pages, documents.pages, reviews.pages)
