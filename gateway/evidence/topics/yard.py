"""The topics of trucks and of the gate's own technology, in the order of the gate."""

from __future__ import annotations

from gateway.evidence.model import Topic
from gateway.evidence.topics.alarms import Alarms
from gateway.evidence.topics.arrivals import Arrivals
from gateway.evidence.topics.devices import Devices
from gateway.evidence.topics.doorwatch import DoorWatch
from gateway.evidence.topics.drivers import Drivers
from gateway.evidence.topics.holds import Holds
from gateway.evidence.topics.inspections import Inspections
from gateway.evidence.topics.loadings import Loadings
from gateway.evidence.topics.partners import Partners
from gateway.evidence.topics.pests import Pests
from gateway.evidence.topics.pickups import Pickups
from gateway.evidence.topics.seals import Seals
from gateway.evidence.topics.sealstock import SealStock
from gateway.evidence.topics.shifts import Shifts
from gateway.evidence.topics.spotchecks import SpotChecks
from gateway.evidence.topics.threat import Threat
from gateway.evidence.topics.upkeep import Upkeep

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
    Partners,
    Alarms,
    DoorWatch,
    Devices,
    Upkeep,
    Threat,
    Shifts,
)
