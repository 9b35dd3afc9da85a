"""All addresses of the evidence's screens."""

from __future__ import annotations

from gateway.console.screens.evidence import documents, packets, readiness, reviews

ALL = (packets.pages, readiness.pages, documents.pages, reviews.pages)
