"""The advice for a part that is not installed: pip from source, a Debian package from packages."""

from __future__ import annotations

import asyncio
import sys
import tomllib
from pathlib import Path

import pytest

from gateway.config import parts
from gateway.face.service import FaceService
from gateway.wording.details import detail

ROOT = Path(__file__).parents[3]


def test_every_part_is_an_extra_of_the_project_and_in_a_package() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert set(parts.EXTRAS.values()) <= set(extras["optional-dependencies"])
    assert set(parts.EXTRAS.values()) == set(parts.PACKAGES)


def test_the_advice_names_pip_or_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parts.command("cv2") == "pip install 'garita[face]'"
    monkeypatch.setattr(sys, "prefix", "/usr/lib/garita/1.2-1")
    assert parts.command("cv2") == "apt install garita-face"
    assert parts.command("typst") == "apt install garita-console"


async def test_a_gate_without_the_face_match_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parts, "_FACE", ("cv2", "a_module_that_nobody_has"))
    monkeypatch.setattr(sys, "prefix", "/usr/lib/garita/1.2-1")
    told: asyncio.Queue[tuple[str, str, bool, str]] = asyncio.Queue()
    service = FaceService(
        {"cameras": {"cam": {}}}, on_device=lambda *facts: told.put_nowait(facts), python="/none"
    )
    running = asyncio.create_task(service.run())
    try:
        assert await told.get() == ("face", "face", False, "not installed: apt install garita-face")
        assert (await told.get())[1:3] == ("cam", False)
    finally:
        running.cancel()
    assert service.starts == 0
    assert detail("not installed: apt install x") == "not installed: apt install x"
