"""The detectors, one subject a file.  Freight first: that is where the loss is."""

from __future__ import annotations

from gateway.patterns.detectors.denials import Denials
from gateway.patterns.detectors.pickup import Pickup
from gateway.patterns.model import Detector

ALL: tuple[type[Detector], ...] = (Pickup, Denials)
