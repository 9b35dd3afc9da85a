"""A list from HR: sent, looked at, confirmed by name, in force, and back again."""

from __future__ import annotations

import asyncio
import io
import json
import re
import sqlite3
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.console.screens.lists import pages
from gateway.console.screens.lists.parse import read
from gateway.console.security.store import Store
from gateway.console.site import Site
from gateway.people.sync.file import Source, parse, to_json
from tests.gateway.console.booth import Booth, bars
from tests.gateway.console.site import Desk, desk_of, words_of

HEAD = "id,name,company,credentials,access_levels"
OPERATORS = [
    "e101,Rosa Ibarra,Garita,,plant",
    "e102,Samuel Ochoa,Garita,,plant",
    "e103,Hilda Peña,Garita,,plant",
    "e104,Ada Núñez,Garita,,plant",
    "e105,Aurelio Vega,Garita,,plant",
]
LUIS = "e200,Luis Vega,Norte,em4100:1:7717,plant"
HOSTILE = "<img src=x onerror=alert(1)> " + "Ñ" * 90


@pytest.fixture
def hilda(site: Site) -> Iterator[Desk]:
    """HR's browser; the console's loop runs on between requests."""
    desk = desk_of(site, "hilda")
    with desk.client:
        yield desk


def csv(*rows: str) -> bytes:
    return "\n".join((HEAD, *rows)).encode() + b"\n"


def send(desk: Desk, data: bytes, name: str = "rh.csv", **fields: str) -> str:
    """Send a list and wait until it was looked at; returns the draft's address."""
    answer = desk.post("/lists", {"what": "all", **fields}, files={"file": (name, data)})
    assert answer.status_code == 303, words_of(answer.text)
    return wait(desk, str(answer.headers["location"]))


def wait(desk: Desk, address: str) -> str:
    until = time.monotonic() + 120
    while 'hx-trigger="every 1s"' in desk.get(address, part=True).text:
        assert time.monotonic() < until
        time.sleep(0.1)
    return address


def shown(desk: Desk, address: str) -> str:
    return words_of(desk.get(address).text)


def people(site: Site) -> list[str]:
    with closing(sqlite3.connect(site.settings.people_path)) as db:
        return [row[0] for row in db.execute("SELECT id FROM person ORDER BY id")]


def events(site: Site) -> list[tuple[str, dict[str, Any]]]:
    with closing(sqlite3.connect(site.settings.people_path)) as db:
        return [(t, json.loads(d)) for t, d in db.execute("SELECT type, data FROM outbox")]


def files(site: Site) -> list[str]:
    folder = site.settings.tables.console.data_dir / "lists"
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_list_is_looked_at_before_anything_changes_and_then_put_in_force(
    site: Site, hilda: Desk
) -> None:
    before = people(site)
    address = send(hilda, csv(*OPERATORS[:4], "e105,Aurelio Vega Ruiz,Garita,,plant", LUIS))
    page = shown(hilda, address)
    assert "1 new" in page and "1 changed" in page and "0 gone" in page and "4 as before" in page
    assert "Aurelio Vega" in page and "Aurelio Vega Ruiz" in page and "Luis Vega" in page
    assert "7717" not in page, "badges are masked"
    assert "not tried on the past" in page, "no gateway runs that makes fingerprints"
    assert people(site) == before and events(site) == []
    assert (site.settings.tables.console.data_dir / "lists").stat().st_mode & 0o77 == 0
    answer = hilda.post(f"{address}/apply")
    assert answer.headers["location"] == address
    assert "list 2 is in force" in shown(hilda, wait(hilda, address))
    assert people(site) == [*before, "e200"]
    ((kind, told),) = events(site)
    assert kind == "people.synced" and told["source"] == "rh.csv"
    assert told["by"] == "hilda" and told["by_person"] == "e103" and told["by_name"] == "Hilda Peña"
    assert "read.json" not in files(site) and "sent" not in files(site), "no badge is left over"
    # A second tap of the same button changes nothing.
    hilda.post(f"{address}/apply")
    assert len(events(site)) == 1


def test_what_holds_a_list_back_is_confirmed_by_name_or_nothing_happens(
    site: Site, hilda: Desk
) -> None:
    with site.settings.path.open("a") as file:
        file.write("\n[sync]\nfew = 0\n")
    before = people(site)
    address = send(hilda, csv(OPERATORS[2]))
    page = hilda.get(address).text
    names = re.findall(r'name="confirm" value="([a-z_]+)"', page)
    assert names == ["removed"]
    assert "Many people go" in page and "e101" in page
    for confirmed in ([], ["losing_access"], ["all"]):
        answer = hilda.post(f"{address}/apply", {"confirm": confirmed})
        assert answer.status_code == 409 and "not confirmed yet: 1" in answer.text
    assert people(site) == before
    hilda.post(f"{address}/apply", {"confirm": names})
    assert "list 2 is in force" in shown(hilda, wait(hilda, address))
    assert people(site) == ["e103"]
    assert events(site)[-1][1]["confirmed"] == ["removed"]


def test_a_tripwire_that_trips_only_now_holds_the_list_back_again(site: Site, hilda: Desk) -> None:
    """Somebody went in after the list was looked at: they would not get out by badge."""
    address = send(hilda, csv(*OPERATORS))
    with_luis = send(hilda, csv(*OPERATORS, LUIS))
    hilda.post(f"{with_luis}/apply")
    wait(hilda, with_luis)
    hilda.post(f"{address}/look")
    assert "1 gone" in shown(hilda, wait(hilda, address))
    inside = json.dumps(["e200", "Luis Vega", "Norte", "plant", "2026-11-27T00:00:00Z", False])
    site.settings.presence_path.write_text('{"version": 1}\n' + inside + "\n")
    hilda.post(f"{address}/apply")
    page = shown(hilda, wait(hilda, address))
    assert "stranded" in page and "e200" in people(site)
    hilda.post(f"{address}/look")
    assert 'value="stranded"' in hilda.get(wait(hilda, address)).text
    hilda.post(f"{address}/apply", {"confirm": ["stranded"]})
    assert "in force" in shown(hilda, wait(hilda, address)) and "e200" not in people(site)


def test_a_list_that_was_overtaken_is_looked_at_again(site: Site, hilda: Desk) -> None:
    first = send(hilda, csv(*OPERATORS, LUIS))
    second = send(hilda, csv(*OPERATORS, "e300,Eva Soto,Sur,,plant"))
    hilda.post(f"{second}/apply")
    wait(hilda, second)
    hilda.post(f"{first}/apply")
    assert "another list was applied in the meantime" in shown(hilda, wait(hilda, first))
    assert "e200" not in people(site)
    hilda.post(f"{first}/look")
    page = shown(hilda, wait(hilda, first))
    assert "meantime" not in page and "1 new" in page and "1 gone" in page


def test_every_mistake_is_told_with_its_line_and_nothing_is_half_applied(
    site: Site, hilda: Desk
) -> None:
    address = send(hilda, csv(*OPERATORS, "e9,Eva,,em4100:1:x9,plant", "e9,Ivo,,,attic"))
    page = shown(hilda, address)
    assert "mistakes in the file: 3" in page and "attic" in page and "7 credentials" in page
    assert 'action="/lists/drafts/' in hilda.get(address).text and "/apply" not in page
    assert hilda.post(f"{address}/apply").status_code == 200
    assert "e9" not in people(site)
    site.store.set_taste("hilda", "es", "light")
    assert "errores en el archivo: 3" in shown(hilda, address)


def bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"\0" * (300 * 1024 * 1024))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.xlsx", b"PK\x03\x04 not a workbook", "not a workbook"),
        ("a.json", b"[" * 100_000, "not JSON"),
        ("a.csv", b"\x00\xff\xfe\xfd" * 300, "file"),
        ("../../etc/passwd", b"", "choose a file first"),
    ],
)
def test_a_hostile_file_is_a_sentence_on_the_page(
    hilda: Desk, name: str, data: bytes, why: str
) -> None:
    answer = hilda.post("/lists", files={"file": (name, data)})
    if answer.status_code == 303:
        page = shown(hilda, wait(hilda, str(answer.headers["location"])))
    else:
        page = words_of(answer.text)
    assert why in page and "Traceback" not in page


def test_a_workbook_that_unpacks_to_much_is_refused(hilda: Desk) -> None:
    assert "unpack to more than" in shown(hilda, send(hilda, bomb(), "rh.xlsx"))


def test_hostile_names_are_shown_as_text(hilda: Desk) -> None:
    name = f"../\u202e{HOSTILE}.csv"
    address = send(hilda, csv(*OPERATORS, f"e9,{HOSTILE},,,plant"), name)
    assert "1 new" in shown(hilda, address)
    for page, count in ((hilda.get(address).text, 2), (hilda.get("/lists").text, 1)):
        assert "<img src=x" not in page and page.count("&lt;img src=x") == count
        assert "<bdi>" in page and ".." not in page.split("<h1>")[1].split("</h1>")[0]
    # What nobody can see is told as a mistake of the list.
    page = shown(hilda, send(hilda, csv(*OPERATORS, "e9,\u202eIvo,,,plant")))
    assert "be seen (U+202E)" in page


def test_one_goes_back_to_an_earlier_list(site: Site, hilda: Desk) -> None:
    before = people(site)
    address = send(hilda, csv(*OPERATORS, LUIS))
    hilda.post(f"{address}/apply")
    wait(hilda, address)
    page = hilda.get("/lists").text
    assert 'value="1"' in page and 'name="version" value="2"' not in page
    answer = hilda.post("/lists/back", {"version": "1"})
    back = wait(hilda, str(answer.headers["location"]))
    assert "Back to list 1" in shown(hilda, back) and "1 gone" in shown(hilda, back)
    hilda.post(f"{back}/apply")
    assert "list 3 is in force" in shown(hilda, wait(hilda, back))
    assert people(site) == before
    assert events(site)[-1][0] == "people.rolled_back" and events(site)[-1][1]["to"] == 1
    for version in ("77", "x", "", "9" * 40):
        answer = hilda.post("/lists/back", {"version": version})
        if answer.status_code == 303:
            assert "there is no version" in shown(hilda, wait(hilda, answer.headers["location"]))
        else:
            assert answer.status_code == 422


def test_changes_alone_and_a_profile(site: Site, hilda: Desk) -> None:
    delta = f"op,{HEAD}\nadd,{LUIS}\nremove,e105,,,,\n".encode()
    address = send(hilda, delta, what="changes")
    page = shown(hilda, address)
    assert "1 new" in page and "1 gone" in page and "4 as before" in page
    answer = hilda.post("/lists", {"profile": "../x"}, files={"file": ("a.csv", csv(LUIS))})
    assert answer.status_code == 422 and "no profile of that name" in answer.text
    folder = site.settings.profile_folders[0]
    folder.mkdir()
    (folder / "hr.toml").write_text(
        'access_levels = ["plant"]\n[columns]\nid = "Nómina"\nname = "Nombre"\n'
        'credentials = "Gafete"\n'
    )
    theirs = "Nómina,Nombre,Gafete\n88,Ivo Paz,em4100:1:8\n".encode()
    assert "1 new" in shown(hilda, send(hilda, theirs, "nomina.csv", profile="hr"))


@pytest.mark.parametrize("name", ["rosa", "samuel", "aurelio"])
def test_only_hr_and_administrators_put_lists_in_force(
    site: Site, hilda: Desk, desk: Callable[[str], Desk], name: str
) -> None:
    address = send(hilda, csv(*OPERATORS, LUIS))
    other = desk(name)
    assert other.get("/lists").status_code == (200 if name == "samuel" else 403)
    assert 'type="file"' not in other.get("/lists").text
    answer = other.post("/lists", files={"file": ("a.csv", csv(LUIS))})
    assert answer.status_code == 403
    for act in ("apply", "look", "drop"):
        assert other.post(f"{address}/{act}").status_code == 403
    assert other.get(address).status_code == 403
    assert "e200" not in people(site)


def test_a_draft_that_was_interrupted_or_is_old_or_strange_does_no_harm(
    site: Site, hilda: Desk
) -> None:
    drafts = pages.drafts_of(site)
    address = send(hilda, csv(*OPERATORS, LUIS))
    number = address.rsplit("/", 1)[1]
    about = site.settings.tables.console.data_dir / "lists" / number / "about.json"
    told = json.loads(about.read_text())
    about.write_text(json.dumps({**told, "state": "applying"}))
    assert "interrupted" in shown(hilda, address)
    about.write_text(json.dumps({**told, "at": 0}))
    assert hilda.get(address).status_code == 404 and not about.exists()
    for strange in ("../../../etc", "x" * 16, "%2e%2e", "0" * 16):
        assert drafts.find(strange) is None
        assert hilda.get(f"/lists/drafts/{strange}").status_code in (404, 303)
    address = send(hilda, csv(*OPERATORS, LUIS))
    (about.parent.parent / address.rsplit("/", 1)[1] / "about.json").write_text("{")
    assert hilda.get(address).status_code == 404


async def test_hr_puts_a_list_in_force_in_the_browser(booth: Callable[..., Booth]) -> None:
    """With the gateway running the list is tried on the badges of the past, in Spanish."""
    gate = booth("\n[sync]\nfew = 0\n")
    eva = {"id": "n1", "name": "Eva Soto", "credentials": "em4100:1:9001", "access_levels": "plant"}
    await gate.start([eva])
    gate.rig.gate_reader.present(1, 9001)
    async with asyncio.timeout(60):
        while "access.granted" not in (await gate.rig.acli("log", "export")).stdout:
            await asyncio.sleep(0.2)
    with closing(Store(gate.settings.tables.console.data_dir / "console.db")) as store:
        store.set_taste("hilda", "es", "light")
        token = store.begin("hilda")
    context = await gate.browser(viewport={"width": 360, "height": 740})
    await context.add_cookies([{"name": "garita", "value": token, "url": gate.url}])
    page = await context.new_page()
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    await page.goto(f"{gate.url}/lists")
    assert await bars(page) == []
    file = gate.rig.folder / "recursos humanos.csv"
    file.write_bytes(csv(*OPERATORS))
    await page.set_input_files("#f-file", file)
    await page.get_by_text("Enviar y revisar").click(no_wait_after=True)
    await page.wait_for_selector(".counts", timeout=120_000)
    assert await bars(page) == []
    assert "Eva Soto" in await page.inner_text("table")
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    act = page.get_by_text("Poner esta lista en vigor")
    await act.click()
    assert await page.locator("input[name=confirm]:invalid").count() >= 1
    for box in await page.locator("input[name=confirm]").all():
        await box.check()
    await act.click(no_wait_after=True)
    await page.get_by_text("la lista 2 está vigente").wait_for(timeout=120_000)
    assert wrong == []


def test_thrown_away_is_gone(site: Site, hilda: Desk) -> None:
    address = send(hilda, csv(*OPERATORS, LUIS))
    assert "rh.csv" in hilda.get("/lists").text
    hilda.post(f"{address}/drop")
    assert files(site) == [] and hilda.get(address).status_code == 404
    hilda.post(f"{address}/drop")  # twice


def test_what_the_process_apart_gives_back_is_the_same_list() -> None:
    raw = f"op,{HEAD},requires:medical,revoked_at\nadd,{LUIS},2027-01-31,\nremove,e5,,,,,\n"
    args = {"name": "a.csv", "json": False, "delta": True, "profile": None}
    args |= {"levels": ["plant"], "zone": "America/Tijuana"}
    facts, made = read(raw.encode(), args)
    assert facts["errors"] == [] and facts["wrong"] == 0
    there, here = (Source("a.csv", removals=[]) for _ in range(2))
    parse(made, there, json=True, levels=["plant"], zone=ZoneInfo("America/Tijuana"))
    parse(raw.encode(), here, json=False, levels=["plant"], zone=ZoneInfo("America/Tijuana"))
    there.absent, there.sha256 = set(facts["absent"]), here.sha256
    assert (there.people, there.ops, there.removals) == (here.people, here.ops, ["e5"])
    assert there.requirements == here.requirements and there.absent == here.absent
    assert not there.errors and to_json(there) == to_json(here)
