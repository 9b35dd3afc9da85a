"""The parts of a gateway that are there for faces, built from its settings."""

from __future__ import annotations

from typing import Any

from gateway.config import Settings
from gateway.daemon.wiring import Plant
from gateway.devices.ports import OnDevice
from gateway.face.matcher import CardholderMatcher
from gateway.face.scenes import Scenes
from gateway.face.service import FaceService
from gateway.vault.statefile import Tell, log_damage


def service(settings: Settings, on_device: OnDevice, tell: Tell = log_damage) -> FaceService | None:
    """The face process with its cameras; None for a site without cameras."""
    tables = settings.tables
    if not tables.cameras:
        return None
    scenes = Scenes(settings.scenes_path, tell)
    worker = {
        "cameras": {
            name: {"driver": camera.driver, "options": camera.options}
            for name, camera in tables.cameras.items()
        },
        "frames": tables.face.frames,
        "min_face_px": tables.face.min_face_px,
        "others": tables.face.others,
        "embedder": tables.face.embedder,
        "embedder_options": tables.face.embedder_options,
        "scenes": scenes.read(),
    }
    return FaceService(worker, on_device=on_device, on_scene=scenes.put)


def announce(settings: Settings, plant: Plant, faces: FaceService) -> None:
    """At a door that opens to a face alone, whoever stands before its camera asks to pass."""
    for name, door in settings.tables.doors.items():
        if door.identify is not None and door.camera is not None:
            faces.on_arrival(door.camera, plant.doors[name].readers[0].on_arrival)


def status(faces: FaceService | None, matcher: CardholderMatcher | None) -> dict[str, Any] | None:
    """For `garita status`."""
    if faces is None or matcher is None:
        return None
    return {**faces.status(), "enrolled": matcher.enrolled}
