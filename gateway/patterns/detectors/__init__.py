"""The detectors, one subject a file.  Freight first: that is where the loss is."""

from __future__ import annotations

from gateway.patterns.detectors.denials import Denials
from gateway.patterns.detectors.doors import Doors, NoEntry
from gateway.patterns.detectors.hours import Hours
from gateway.patterns.detectors.inspections import Inspections
from gateway.patterns.detectors.pairs import CarrierPairs, Escorted, Released, Signed
from gateway.patterns.detectors.pickup import Pickup
from gateway.patterns.detectors.places import Faces, Tailgating, Together, Travel
from gateway.patterns.detectors.rooms import NewDoor
from gateway.patterns.detectors.staff import Away, Devices, Leavers, Operators, Overdue
from gateway.patterns.detectors.yard import Drivers, FreightHours, Seals, Voids, YardTime
from gateway.patterns.model import Detector

ALL: tuple[type[Detector], ...] = (
    Pickup,
    Drivers,
    Inspections,
    Seals,
    Voids,
    YardTime,
    FreightHours,
    Signed,
    CarrierPairs,
    Released,
    Escorted,
    Overdue,
    Hours,
    NewDoor,
    Denials,
    NoEntry,
    Doors,
    Travel,
    Tailgating,
    Together,
    Faces,
    Leavers,
    Operators,
    Devices,
    Away,
)
