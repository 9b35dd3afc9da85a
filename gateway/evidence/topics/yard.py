"""The topics of trucks and of the gate's own technology, in the order of the gate."""

from __future__ import annotations

from gateway.evidence.model import Topic
from gateway.evidence.topics.arrivals import Arrivals
from gateway.evidence.topics.drivers import Drivers
from gateway.evidence.topics.holds import Holds
from gateway.evidence.topics.inspections import Inspections
from gateway.evidence.topics.loadings import Loadings
from gateway.evidence.topics.pests import Pests
from gateway.evidence.topics.pickups import Pickups
from gateway.evidence.topics.seals import Seals
from gateway.evidence.topics.sealstock import SealStock
from gateway.evidence.topics.spotchecks import SpotChecks

YARD: tuple[type[Topic], ...] = (
    Pickups,
    Drivers,
    Arrivals,
    Inspections,
    Pests,
    SpotChecks,
    Seals,
    SealStock,
    Loadings,
    Holds,
)
