"""A face is enrolled at the gate's camera: consent, hints, pictures, one tap; doubts are asked."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from drivers.simulated.camera import person_video
from gateway.console.screens.enrol import pages
from gateway.console.screens.enrol.pages import hint
from gateway.console.site import Site
from gateway.daemon.control import Refused
from gateway.face.refusal import SENTENCES, Refusal
from gateway.locale import speaking
from tests.gateway.console.booth import Booth, bars
from tests.gateway.console.site import Desk

BASE = "/people/e101/enrol"


class Gateway:
    """Stands for the running gateway: gives these looks, and this answer when asked to store."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.look: dict[str, Any] = {"refused": "too_small", "taken": 1, "wanted": 3}
        self.look |= {"still": "aGk=", "box": [0.25, 0.25, 0.5, 0.75]}
        self.stored: dict[str, Any] = {"total": 3, "added": 3, "refused": "", "facts": {}}

    async def ask(self, operator: Any, op: str, **params: Any) -> dict[str, Any]:
        params.pop("timeout_s", None)
        if op != "nudge":
            self.asked.append((str(operator), op, params))
        if params.get("id") == "gone" or params.get("camera") == "attic":
            raise Refused("this enrolment is over; begin again")
        look = dict(self.look)
        if params.get("peek"):  # then nobody looks, and there is no picture
            look = {"refused": "", "taken": look["taken"], "wanted": look["wanted"]}
        answers = {"enrol_begin": {"id": "abc", "wanted": 3}, "enrol_look": look}
        return answers.get(op, self.stored if op == "enrol_store" else {})


@pytest.fixture
def gateway(site: Site, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    made = Gateway()
    monkeypatch.setattr(site, "ask", made.ask)
    return made


def with_face(site: Site, **values: Any) -> None:
    site.settings.tables.face.__dict__.update(values)


def test_consent_is_written_down_by_name_before_the_camera_is_offered(
    site: Site, desk: Callable[[str], Desk], gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_face(site, require_consent=True, portraits=True)
    monkeypatch.setattr(pages, "_cameras", lambda page: [("gate", "main")])
    hilda = desk("hilda")
    page = hilda.get(BASE)
    assert 'name="camera"' not in page.text and "before the person has agreed" in page.text
    assert "keeps a small picture" in page.text
    answer = hilda.post(f"{BASE}/consent", {"note": "folder 4"})
    assert answer.status_code == 422 and 'value="folder 4"' in answer.text
    past = (date.today() - timedelta(days=40)).isoformat()
    for until in (past, "31.12.2027"):
        fields = {"agreed": "yes", "until": until, "note": "folder 4"}
        assert hilda.post(f"{BASE}/consent", fields).status_code == 422
    fields = {"agreed": "yes", "note": "x" * 201}
    assert hilda.post(f"{BASE}/consent", fields).status_code == 422
    answer = hilda.post(f"{BASE}/consent", {"agreed": "yes", "note": "<b>folder 4"})
    assert answer.status_code == 303 and answer.headers["location"] == BASE
    page = hilda.get(BASE)
    assert 'name="camera"' in page.text and "&lt;b&gt;folder 4" in page.text
    with closing(sqlite3.connect(site.settings.people_path)) as db:
        told = [json.loads(row[0]) for row in db.execute("SELECT data FROM outbox")]
    assert told[-1]["by"] == "hilda" and told[-1]["note"] == "<b>folder 4"


def test_a_look_shows_the_picture_and_one_sentence(
    desk: Callable[[str], Desk], gateway: Gateway
) -> None:
    hilda = desk("hilda")
    answer = hilda.post(f"{BASE}/begin", {"camera": "gate"})
    assert answer.headers["location"] == f"{BASE}/abc"
    page = hilda.get(f"{BASE}/abc")
    assert gateway.asked[-1][2]["peek"] is True, "a page that is loaded takes no picture"
    assert 'hx-post="/people/e101/enrol/abc/look"' in page.text
    part = hilda.post(f"{BASE}/abc/look", part=True).text
    assert gateway.asked[-1] == ("hilda", "enrol_look", {"id": "abc", "peek": False})
    assert "come closer" in part and "data:image/jpeg;base64,aGk=" in part
    assert 'x="0.25"' in part and 'width="0.25"' in part and "style=" not in part
    assert 'aria-label="pictures taken: 1 of 3"' in part
    gateway.look |= {"refused": "covered", "taken": 2}
    assert "camera: covered" in hilda.post(f"{BASE}/abc/look", part=True).text
    gateway.look = {"refused": "", "taken": 3, "wanted": 3}
    part = hilda.post(f"{BASE}/abc/look", part=True).text
    assert "Keep these pictures" in part and "hx-post" not in part
    # Without JavaScript a button does the same, and answers with a page.
    assert "<html" in hilda.post(f"{BASE}/abc/look").text


def test_stored_once_and_the_person_page_says_so(
    desk: Callable[[str], Desk], gateway: Gateway
) -> None:
    hilda = desk("hilda")
    answer = hilda.post(f"{BASE}/abc/store")
    assert answer.headers["location"] == f"{BASE}?done=3"
    assert gateway.asked[-1][2] == {"id": "abc", "mode": "renew", "allow_duplicate": False}
    assert "the face is enrolled; pictures: 3" in hilda.get(f"{BASE}?done=3").text
    assert "enrolled; pictures" not in hilda.get(f"{BASE}?done=%3Cb%3E").text
    assert "begin again" in hilda.post(f"{BASE.replace('e101', 'e102')}/gone/store").text


@pytest.mark.parametrize(
    ("code", "facts", "says", "field"),
    [
        (
            "another_face",
            {"distance": 0.9},
            "not the face that was enrolled before",
            "mode=replace",
        ),
        ("duplicate", {"other": "e9", "name": "<i>Ivo"}, "as e9 (&lt;i&gt;Ivo)", "duplicate=yes"),
        ("incomplete", {"good": 1}, "too few good pictures", "mode=add"),
        ("uncomparable", {}, "compared", "mode=replace"),
        ("no_consent", {}, "has not agreed", ""),
        ("error", {"error": "the key does not open"}, "the key does not open", ""),
    ],
)
def test_a_doubt_changes_nothing_and_is_asked(
    desk: Callable[[str], Desk],
    gateway: Gateway,
    code: str,
    facts: dict[str, Any],
    says: str,
    field: str,
) -> None:
    gateway.stored = {"total": 3, "added": 0, "refused": code, "facts": facts}
    gateway.look = {"refused": "", "taken": 3, "wanted": 3}
    answer = desk("hilda").post(f"{BASE}/abc/store")
    assert answer.status_code == 409 and "Nothing was changed" in answer.text
    assert says in answer.text
    name, _, value = field.partition("=")
    offered = f'name="{name}" value="{value}"' in answer.text
    assert offered is bool(field)
    if field:
        gateway.stored = {"total": 3, "added": 3, "refused": "", "facts": {}}
        assert desk("hilda").post(f"{BASE}/abc/store", {name: value}).status_code == 303
        sent = gateway.asked[-1][2]
        assert sent["mode"] == (value if name == "mode" else "renew")
        assert sent["allow_duplicate"] is (name == "duplicate")


def test_what_is_over_or_unknown_is_said(desk: Callable[[str], Desk], gateway: Gateway) -> None:
    hilda = desk("hilda")
    assert "Begin again" in hilda.post(f"{BASE}/gone/look", part=True).text
    assert hilda.post(f"{BASE}/begin", {"camera": "attic"}).status_code == 422
    assert hilda.get("/people/%3Cscript%3E/enrol").status_code == 404
    assert hilda.post(f"{BASE}/gone/end").headers["location"] == BASE


@pytest.mark.parametrize("name", ["rosa", "aurelio"])
def test_a_guard_alone_enrols_nobody(
    desk: Callable[[str], Desk], gateway: Gateway, name: str
) -> None:
    other = desk(name)
    assert other.get(BASE).status_code == 403
    for act in ("consent", "begin", "abc/look", "abc/store", "abc/end"):
        assert other.post(f"{BASE}/{act}").status_code == 403
    assert gateway.asked == []


def test_every_refusal_is_a_sentence_in_both_languages() -> None:
    for refusal in Refusal:
        with speaking("es"):
            spanish = hint(refusal.value)
        assert hint(refusal.value) == SENTENCES[refusal] != spanish
    assert hint("") == ""


async def test_a_face_at_the_camera_from_the_sign_in_to_the_portrait(
    booth: Callable[..., Booth], photos: Path
) -> None:
    """The real camera, face process and browser; the templates never leave the gateway."""
    gate = booth(camera=True)
    text = gate.rig.config.read_text()
    assert text.count("[face]\n") == 1
    wanted = "[face]\nportraits = true\nrequire_consent = true\n"
    gate.rig.config.write_text(text.replace("[face]\n", wanted))
    person_video(photos / "obama.jpg", gate.rig.video, seconds=3.0)
    await gate.start()
    await gate.rig.until_online("camera")
    page = await gate.sign_in("samuel", "es")
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    await page.goto(f"{gate.url}/people/e101/enrol")
    assert await bars(page) == []
    await page.check("input[name=agreed]")
    await page.fill("input[name=note]", "carpeta 4")
    await page.click("text=Anotarlo")
    await page.click("button[name=camera]")
    await page.wait_for_selector(".view img")
    assert await bars(page) == []
    keep = page.get_by_text("Guardar estas imágenes")
    await keep.wait_for(timeout=60_000)
    assert await bars(page) == []
    await keep.click(no_wait_after=True)
    await page.get_by_text("imágenes: 3").first.wait_for(timeout=60_000)
    portrait = page.locator("img.portrait")
    assert await portrait.evaluate("image => image.decode().then(() => image.naturalHeight)") > 100
    assert wrong == []
    with closing(sqlite3.connect(gate.settings.people_path)) as db:
        assert db.execute("SELECT count(*) FROM template").fetchone() == (3,)
        assert db.execute("SELECT person_id FROM portrait").fetchall() == [("e101",)]
    told = (await gate.rig.acli("log", "export")).stdout
    for kind in ("camera.viewed", "face.consent_set", "people.enrolled", "face.portrait_viewed"):
        (line,) = [line for line in told.splitlines() if f'"{kind}"' in line]
        assert json.loads(line)["data"]["by_person"] == "e102"
