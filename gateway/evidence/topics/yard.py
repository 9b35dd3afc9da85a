"""The topics of trucks and of the gate's own technology, in the order of the gate."""

from __future__ import annotations

from gateway.evidence.model import Topic
from gateway.evidence.topics.arrivals import Arrivals
from gateway.evidence.topics.drivers import Drivers
from gateway.evidence.topics.pickups import Pickups

YARD: tuple[type[Topic], ...] = (
    Pickups,
    Drivers,
    Arrivals,
)
