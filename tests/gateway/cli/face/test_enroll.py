"""`garita people enroll`: what it says, what it stores, and what it leaves alone."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import common
from gateway.cli.face import enroll
from gateway.face import enrolment
from gateway.face.enrolment import ExaminedPhotograph
from gateway.face.vision.engine import Engine
from gateway.people import Roster
from tests.gateway.cli.conftest import Site

ANA = ("obama.jpg", "obama2.jpg", "obama3.jpg")
LUIS = ("biden.jpg",)


@pytest.fixture(autouse=True)
def portraits_once(
    monkeypatch: pytest.MonkeyPatch,
    engine: Engine,
    examined: Callable[[str], ExaminedPhotograph],
    photos: Path,
) -> None:
    """Portraits are examined once a session; every other file by the session's engine."""
    really = enrolment.examine

    def examine(engine: Engine, path: Path) -> ExaminedPhotograph:
        return examined(path.name) if path.parent == photos else really(engine, path)

    monkeypatch.setattr(enrolment, "make_engine", lambda *_: engine)
    monkeypatch.setattr(enrolment, "examine", examine)


@pytest.fixture
def ana(photos: Path) -> list[str]:
    return [str(photos / name) for name in ANA]


@pytest.fixture
def luis(photos: Path) -> list[str]:
    return [str(photos / name) for name in LUIS]


def held(site: Site, person: str = "e1") -> list[Any]:
    roster = Roster(site.people)
    try:
        return list(roster.templates(person))
    finally:
        roster.close()


def junk(tmp_path: Path, count: int = 2) -> list[str]:
    for n in range(count):
        (tmp_path / f"junk{n}.jpg").write_bytes(b"not a picture")
    return [str(tmp_path / f"junk{n}.jpg") for n in range(count)]


def test_an_enrolment_that_fails_leaves_the_one_that_worked(
    site: Site, ana: list[str], tmp_path: Path
) -> None:
    """Three good templates, then one usable and two refused pictures."""
    done = site.run("people", "enroll", "e1", *ana)
    assert done.exit_code == 0, done.output
    before = held(site)
    assert len(before) == 3
    done = site.run("people", "enroll", "e1", ana[0], *junk(tmp_path))
    assert done.exit_code == common.REFUSED
    assert "e1: nothing changed, the 3 templates from before stay" in done.output
    assert "1 of the 3 good photographs" in done.output and "--replace" in done.output
    assert held(site) == before
    done = site.run("people", "enroll", "e1", ana[0], *junk(tmp_path), "--json")
    (answer,) = json.loads(done.stdout)
    assert (answer["templates"], answer["added"], answer["enough"]) == (3, 0, True)
    assert "nothing changed" in answer["error"] and done.exit_code == common.REFUSED


def test_another_face_needs_replace_by_name(site: Site, ana: list[str], luis: list[str]) -> None:
    site.run("people", "enroll", "e1", *ana)
    before = held(site)
    for more in ([], ["--add"]):
        done = site.run("people", "enroll", "e1", *luis, *more)
        assert done.exit_code == common.REFUSED and held(site) == before
    assert "differs from the enrolled one" in done.output
    done = site.run("people", "enroll", "e1", *luis, "--replace")
    assert done.exit_code == common.REFUSED and "e1: 1 template, 3 are needed" in done.output
    assert len(held(site)) == 1


def test_add_and_replace_exclude_each_other(site: Site, ana: list[str]) -> None:
    done = site.run("people", "enroll", "e1", *ana, "--add", "--replace")
    assert done.exit_code == common.USAGE and held(site) == []


def test_of_a_folder_one_failure_harms_nobody_else(
    site: Site, ana: list[str], luis: list[str], photos: Path, tmp_path: Path
) -> None:
    site.run("people", "enroll", "e1", *ana)
    before = held(site)
    for person, names in (("e1", ("biden.jpg",)), ("e2", ("biden.jpg",)), ("nobody", ANA)):
        (tmp_path / person).mkdir()
        for name in names:
            (tmp_path / person / name).write_bytes((photos / name).read_bytes())
    (tmp_path / "e3").mkdir()
    (tmp_path / "e3" / "x.jpg").write_bytes(b"")
    done = site.run("people", "enroll", "--folder", str(tmp_path))
    assert done.exit_code == common.REFUSED
    assert held(site) == before and len(held(site, "e2")) == 1 and held(site, "e3") == []


def test_in_spanish(site: Site, ana: list[str], tmp_path: Path) -> None:
    from gateway import locale

    text = site.config.read_text().replace('language = "en"', 'language = "es"')
    site.config.write_text(text)
    site.run("people", "enroll", "e1", *ana)
    locale.use("es")
    try:
        done = site.run("people", "enroll", "e1", ana[0], *junk(tmp_path))
    finally:
        locale.use("en")
    assert "no cambió nada" in done.output and "rechazada" in done.output


def test_a_camera_takes_as_many_pictures_as_the_doors_ask_for(
    site: Site, examined: Callable[[str], ExaminedPhotograph], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway's answers are made here; its camera is in tests/system."""
    monkeypatch.setattr(enroll, "PAUSE_S", 0.0)
    answers = []
    for name in ANA:
        embedding = examined(name).embedding
        assert embedding is not None
        packed = base64.b64encode(embedding.astype("<f4").tobytes()).decode()
        answers += [{"refused": "no_face"}, {"template": packed, "quality": {}}]
    monkeypatch.setattr(common, "ask", lambda *_, **__: answers.pop(0))
    done = site.run("people", "enroll", "e1", "--camera", "main")
    assert done.exit_code == 0, done.output
    assert len(held(site)) == 3 and answers == []


def test_a_camera_that_fails_in_the_middle_changes_nothing(
    site: Site,
    ana: list[str],
    examined: Callable[[str], ExaminedPhotograph],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site.run("people", "enroll", "e1", *ana)
    before = held(site)
    monkeypatch.setattr(enroll, "PAUSE_S", 0.0)
    embedding = examined(ANA[0]).embedding
    assert embedding is not None
    packed = base64.b64encode(embedding.astype("<f4").tobytes()).decode()
    answers = [{"template": packed, "quality": {}}, {"refused": "no_signal"}]
    monkeypatch.setattr(common, "ask", lambda *_, **__: answers.pop(0))
    done = site.run("people", "enroll", "e1", "--camera", "main", "--replace")
    assert done.exit_code == common.UNREACHABLE and held(site) == before
