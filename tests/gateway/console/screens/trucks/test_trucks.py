"""Trucks at the console: announced and seen, the checklist, who may release, the board."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

from gateway.console.screens.trucks import board, drawings
from gateway.console.site import Site
from gateway.desk.freight import checklists
from gateway.desk.freight.settings import freight_policy
from gateway.desk.freight.transaction import Expected, Transaction
from tests.gateway.console.site import Desk, desk_of, make, record, words_of, write_site
from tests.gateway.console.trucks import CARRIER, FREIGHT, SAME, VVTT, Yard, notice, stock


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = make(write_site(tmp_path, FREIGHT))
    stock(made.settings)
    yield made
    made.store.close()


@pytest.fixture
def rosa(site: Site) -> Yard:
    return Yard(desk_of(site, "rosa"))


@pytest.fixture
def samuel(site: Site) -> Yard:
    return Yard(desk_of(site, "samuel"))


def photograph() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (900, 600), (90, 120, 150)).save(out, "JPEG", exif=b"Exif\x00\x00a telephone")
    return out.getvalue()


def columns(yard: Yard) -> dict[str, list[str]]:
    """The trucks' numbers by column of the board."""
    page = yard.desk.get("/trucks/board", part=True).text
    parts = re.findall(r'data-column="(\w+)"(.*?)</section>', page, re.DOTALL)
    return {key: re.findall(r'data-truck="(\d+)"', text) for key, text in parts}


# --- the whole way


def test_a_truck_goes_all_the_way_and_each_act_has_its_event(rosa: Yard, samuel: Yard) -> None:
    rosa.announce()
    assert columns(rosa)["expected"] == ["1"]
    assert rosa.act("arrive", SAME) == "/trucks/1"
    assert columns(rosa)["arrived"] == ["1"]
    rosa.inspect()
    assert columns(rosa)["inspecting"] == ["1"]
    assert samuel.act("sign", {"second": "e102"}) == "/trucks/1"
    assert rosa.act("load") == "/trucks/1"
    assert columns(rosa)["loading"] == ["1"]
    assert rosa.act("load", {"finished": "yes", "paper-bill_of_lading": "BL-778"}) == "/trucks/1"
    seal = {"seal": "AB100000", "papers_name": "same", **VVTT}
    assert rosa.act("seal", seal) == "/trucks/1"
    assert columns(rosa)["sealed"] == ["1"]
    assert rosa.act("depart") == "/trucks/1"
    assert columns(rosa)["gone"] == ["1"]
    tx = rosa.tx()
    assert tx.stage == "departed" and tx.departed_by == "rosa"
    assert tx.loading is not None and tx.loading.document_seals == ("AB100000",)
    assert rosa.events() == [
        "freight.expected",
        "freight.arrived",
        *["freight.inspected"] * 6,
        "freight.signed",
        "freight.loading",
        "freight.loading",
        "freight.spot_drawn",
        "freight.departed",
    ]
    assert rosa.events("seal.affixed") == ["seal.affixed"]


def test_the_page_says_what_is_next_what_is_in_the_way_and_who_may_clear_it(
    rosa: Yard, samuel: Yard
) -> None:
    rosa.announce()
    rosa.act("arrive", {**SAME, "driver": "other", "driver-seen": "Pedro Paz", "id_kind": ""})
    page = words_of(rosa.desk.get("/trucks/1").text)
    assert "record the driver&#39;s photo ID" in page
    assert "another driver than announced: Pedro Paz / Juan Pérez" in page
    assert "a supervisor who took no part releases it: Samuel Ochoa" in page
    assert "an inspection was not begun: Trailer, 10 points 5301" in page
    assert "the guard puts it right; nobody can release it" in page
    assert 'data-act="identify"' in rosa.desk.get("/trucks/1").text
    rosa.act("identify", {"id_kind": "ine"})
    assert 'data-act="inspect"' in rosa.desk.get("/trucks/1").text
    rosa.inspect()
    assert 'data-act="release"' in rosa.desk.get("/trucks/1").text
    held = {"code": "driver_unexpected", "why": "the carrier confirmed it", "second": "e102"}
    samuel.act("release", held)
    assert 'data-act="sign"' in rosa.desk.get("/trucks/1").text


# --- arrival


def test_each_field_must_be_compared_and_what_was_answered_stays(rosa: Yard) -> None:
    rosa.announce()
    page = rosa.act("arrive", {**SAME, "carrier": ""})
    assert notice(page) == "carrier: say whether it is as announced"
    assert 'name="driver" value="same" checked' in page
    assert 'name="tractor" value="same" checked' in page
    assert rosa.tx().arrival is None


def test_what_came_stands_beside_what_was_announced(rosa: Yard) -> None:
    rosa.announce()
    other = {"tractor": "other", "tractor-seen": "ZZ-9"}
    assert rosa.act("arrive", {**SAME, **other}) == "/trucks/1"
    page = rosa.desk.get("/trucks/1").text
    row = re.search(r"<tr data-differs>(.*?)</tr>", page, re.DOTALL)
    assert row and "AB123C" in row[1] and "ZZ9" in row[1]
    assert page.count("data-differs") == 1
    assert columns(rosa)["held"] == ["1"]


def test_the_check_digit_is_told_while_it_is_typed(rosa: Yard) -> None:
    def told(text: str) -> str:
        return words_of(rosa.desk.get(f"/trucks/unit?x={text}", part=True).text).strip()

    assert told("CSQU3054383") == "check digit is right"
    assert told("csqu-305 438 3") == "check digit is right"
    assert told("CSQU3054384") == "wrong check digit: after CSQU305438 comes 3"
    assert told("CSQU305") == "container number: 7 of 11"
    assert told("5301") == "characters typed: 4"
    assert told("") == ""
    assert "<script" not in rosa.desk.get("/trucks/unit?x=<script>", part=True).text


def test_a_wrong_check_digit_is_taken_only_as_painted_and_then_held(rosa: Yard) -> None:
    came = {"driver-seen": "Ana", "carrier-seen": CARRIER, "tractor-seen": "XY9", "id_kind": "ine"}
    came |= {"unit-more-kind": "container", "unit-more-seen": "CSQU3054384", "loaded": "no"}
    answer = rosa.desk.post("/trucks/arrive", came)
    assert answer.status_code == 409
    assert "CSQU305438 3?" in notice(answer.text)
    assert 'value="Ana"' in answer.text and 'name="as_painted"' in answer.text
    answer = rosa.desk.post("/trucks/arrive", {**came, "as_painted": "yes"})
    assert answer.headers["location"] == "/trucks/1"
    assert columns(rosa)["held"] == ["1"]


def test_a_second_tap_checks_no_truck_in_twice(rosa: Yard) -> None:
    came = {"driver-seen": "Ana", "carrier-seen": CARRIER, "tractor-seen": "XY9", "id_kind": "ine"}
    came |= {"unit-more-kind": "none", "loaded": "no"}
    assert rosa.desk.post("/trucks/arrive", came).status_code == 303
    again = rosa.desk.post("/trucks/arrive", came)
    assert again.status_code == 409 and "XY9" in notice(again.text)
    rosa.announce()
    first = rosa.desk.post("/trucks/2/arrive", {**SAME, "version": "1"})
    again = rosa.desk.post("/trucks/2/arrive", {**SAME, "version": "1"})
    assert (first.status_code, again.status_code) == (303, 303)
    assert rosa.events("freight.arrived") == ["freight.arrived", "freight.arrived"]


def test_a_loaded_truck_brings_a_seal_with_four_acts(rosa: Yard) -> None:
    rosa.announce(seals="ML-556677")
    came = {**SAME, "loaded": "yes", "seal-0": "same", **VVTT}
    rosa.act("arrive", {key: value for key, value in came.items() if key != "twist-0"})
    (seal,) = rosa.tx().seals_seen
    assert (seal.number, seal.vvtt.tug, seal.vvtt.twist) == ("ML-556677", True, False)
    assert 'data-act="check"' in rosa.desk.get("/trucks/1").text
    rosa.act("check", {"seal": "ML-556677", **VVTT})
    assert 'data-act="inspect"' in rosa.desk.get("/trucks/1").text


# --- the checklist


def arrived(yard: Yard) -> None:
    yard.announce()
    assert yard.act("arrive", SAME) == "/trucks/1"


def test_each_answer_is_on_record_at_once_and_a_second_tap_changes_nothing(rosa: Yard) -> None:
    arrived(rosa)
    told = {"list": "tractor-7", "unit": "5301"}
    for _tap in range(2):
        rosa.act("inspect", {**told, "begin": "yes"})
    for _tap in range(2):
        page = rosa.desk.post(
            "/trucks/1/inspect", {**told, "point": "bumper", "result": "ok"}, part=True
        )
        assert page.status_code == 200 and 'data-point="bumper" data-state="ok"' in page.text
        assert "<html" not in page.text
    assert rosa.events("freight.inspected") == ["freight.inspected"] * 2
    (item,) = rosa.tx().inspections
    assert [(a.point, a.result, a.inspector) for a in item.answers] == [
        ("bumper", "ok", "Rosa Ibarra")
    ]


def test_a_bad_point_needs_words_and_takes_a_photograph(rosa: Yard, tmp_path: Path) -> None:
    arrived(rosa)
    told = {"list": "trailer-10", "unit": "5301", "point": "floor", "result": "bad"}
    rosa.act("inspect", {"list": "trailer-10", "unit": "5301", "begin": "yes"})
    page = rosa.act("inspect", told)
    assert "note of what was found" in notice(page)
    file = {"picture": ("a photo.jpg", photograph(), "image/jpeg")}
    words = {"found": "damaged", "note": "a hole"}
    answer = rosa.desk.post("/trucks/1/inspect", {**told, **words}, part=True, files=file)
    assert answer.status_code == 200 and "damaged; a hole" in answer.text
    (picture,) = rosa.tx().inspections[0].pictures
    assert picture.point == "floor"
    seen = rosa.desk.get(f"/trucks/1/pictures/{picture.sha256}")
    assert seen.headers["content-type"] == "image/jpeg"
    assert seen.headers["cache-control"] == "no-store"
    assert b"telephone" not in seen.content
    assert rosa.events("freight.picture_viewed") == ["freight.picture_viewed"]


@pytest.mark.parametrize("data", [b"", b"<svg onload=x>", b"%PDF-1.4", b"\xff\xd8\xff\xe0 half"])
def test_what_is_not_a_photograph_is_refused_and_the_note_stays(rosa: Yard, data: bytes) -> None:
    arrived(rosa)
    told = {"list": "trailer-10", "unit": "5301", "point": "floor", "result": "bad"}
    rosa.act("inspect", {"list": "trailer-10", "unit": "5301", "begin": "yes"})
    file = {"picture": ("x.jpg", data, "image/jpeg")}
    answer = rosa.desk.post("/trucks/1/inspect", {**told, "note": "a hole"}, part=True, files=file)
    assert "notice-bad" in answer.text and 'value="a hole"' in answer.text
    assert rosa.tx().inspections[0].answers == ()


def test_a_picture_of_another_truck_is_not_shown(rosa: Yard) -> None:
    arrived(rosa)
    for name in ("0" * 64, "x", "..%2f..%2fdata%2fpeople.db"):
        assert rosa.desk.get(f"/trucks/1/pictures/{name}").status_code in (404, 409)
    assert rosa.events("freight.picture_viewed") == []


def test_every_point_of_the_programs_lists_has_a_mark_of_its_own() -> None:
    lists = checklists.load().lists
    for known in lists.values():
        found = [mark for drawing in drawings.of(known) for mark in drawing.marks]
        assert sorted(mark.point for mark in found) == sorted(p.id for p in known.points)
        for drawing in drawings.of(known):
            rows: dict[int, list[int]] = {}
            for mark in drawing.marks:
                rows.setdefault(mark.y, []).append(mark.x)
                assert 0 < mark.spot_x < drawings.WIDTH and 0 < mark.spot_y < drawings.HEIGHT
            for places in rows.values():
                gaps = [b - a for a, b in zip(sorted(places), sorted(places)[1:], strict=False)]
                assert all(gap >= 49 for gap in gaps)  # marks of 49 units do not touch


def test_a_point_that_no_picture_knows_stands_in_the_list(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        '[checklists.mine]\ntitle = { en = "Mine", es = "Mía" }\n'
        'points = [{ id = "horn", en = "Horn", es = "Bocina" }]\n'
    )
    assert drawings.of(checklists.load(own).lists["mine"]) == []


# --- the second person


def test_who_took_part_is_named_and_can_not_be_chosen(rosa: Yard, samuel: Yard) -> None:
    samuel.announce()
    samuel.act("arrive", {**SAME, "driver": "other", "driver-seen": "Pedro Paz"})
    page = rosa.desk.get("/trucks/1?do=release").text
    assert 'name="second"' not in page
    assert "Samuel Ochoa" in page and "took part" in words_of(page)
    answer = samuel.act("release", {"code": "driver_unexpected", "why": "x", "second": "e102"})
    assert "took part" in notice(answer)
    assert rosa.tx().releases == ()


@pytest.mark.parametrize("who", ["e101", "e105", "nobody", ""])
def test_only_a_supervisor_is_a_second_person(rosa: Yard, who: str) -> None:
    rosa.announce()
    rosa.act("arrive", {**SAME, "driver": "other", "driver-seen": "Pedro Paz"})
    release = {"code": "driver_unexpected", "reason": "by telephone", "second": who, "pin": "1234"}
    answer = rosa.act("release", release)
    assert notice(answer) and rosa.tx().releases == ()
    assert 'value="by telephone"' in answer
    assert "1234" not in answer


def test_without_the_gateway_no_pin_counts(rosa: Yard) -> None:
    rosa.announce()
    rosa.act("arrive", {**SAME, "driver": "other", "driver-seen": "Pedro Paz"})
    told = {"code": "driver_unexpected", "why": "x", "second": "e102", "pin": "1234"}
    assert notice(rosa.act("release", told)) and rosa.tx().releases == ()
    assert "types their PIN" in notice(rosa.act("release", {**told, "pin": ""}))


def test_a_truck_that_changed_meanwhile_is_looked_at_again(rosa: Yard, samuel: Yard) -> None:
    rosa.announce()
    rosa.act("arrive", {**SAME, "driver": "other", "driver-seen": "Pedro Paz"})
    old = str(rosa.tx().version)
    assert rosa.desk.get(f"/trucks/1/news?version={old}", part=True).text.strip() == ""
    rosa.inspect(lists=("tractor-7",))
    assert "/trucks/1" in rosa.desk.get(f"/trucks/1/news?version={old}", part=True).text
    told = {"version": old, "code": "driver_unexpected", "why": "x", "second": "e102"}
    answer = samuel.desk.post("/trucks/1/release", told)
    assert answer.status_code == 409 and "changed in the meantime" in notice(answer.text)
    assert rosa.tx().releases == ()


# --- the board, and announcements


def test_the_board_has_a_late_truck_first_and_finds_one_by_a_part_of_its_number(
    rosa: Yard,
) -> None:
    now = datetime.now(UTC)
    for minutes, tractor in ((30, "AA1"), (-45, "BB2")):
        eta = (now + timedelta(minutes=minutes)).isoformat(timespec="minutes")
        rosa.announce(eta=eta, tractor=tractor, units=f"5{tractor}", driver=f"Juan {tractor}")
    assert columns(rosa)["expected"] == ["2", "1"]
    assert re.search(r"late: 4[4-6] min", rosa.desk.get("/trucks").text)
    found = rosa.desk.get("/trucks?search=bb2").text
    assert 'data-truck="2"' in found and 'data-truck="1"' not in found


def test_a_column_of_a_thousand_trucks_stays_short(site: Site) -> None:
    policy, now = freight_policy(site.settings), datetime.now(UTC)
    told = Expected(now, "Juan", CARRIER, "AB1")
    trucks = [Transaction(number, expected=told) for number in range(1, 1001)]
    found = {column.key: column for column in board.arranged(trucks, policy, now)}
    assert len(found["expected"].cards) == board.MOST and found["expected"].count == 1000


def test_the_same_truck_is_announced_once(rosa: Yard) -> None:
    told = {"eta": "14:30", "driver": "Juan", "carrier": CARRIER}
    assert rosa.desk.post("/trucks/new", told).status_code == 303
    again = rosa.desk.post("/trucks/new", told)
    assert again.status_code == 409 and "announced already" in notice(again.text)
    wrong = rosa.desk.post("/trucks/new", {**told, "eta": "half past two"})
    assert wrong.status_code == 409 and 'value="Juan"' in wrong.text


def test_a_file_of_announcements_is_taken_whole_or_not_at_all(rosa: Yard) -> None:
    def send(text: str) -> str:
        file = {"file": ("trucks.csv", text.encode(), "text/csv")}
        answer = rosa.desk.post("/trucks/import", files=file)
        return answer.headers["location"] if answer.status_code == 303 else words_of(answer.text)

    head = "eta,driver,carrier,units\n"
    good = f"14:30,Juan,{CARRIER},5301\n15:30,Ana,{CARRIER},5302;5303\n"
    assert "line 3" in send(f"{head}14:30,Juan,{CARRIER},5301\nnoon,Ana,{CARRIER},5302\n")
    assert columns(rosa)["expected"] == []
    assert send(head + good) == "/trucks"
    assert columns(rosa)["expected"] == ["1", "2"]
    assert rosa.tx(2).expected.units == ("5302", "5303")  # type: ignore[union-attr]
    assert "announced already" in send(head + good)


def test_hostile_names_are_shown_as_text(rosa: Yard) -> None:
    name = "<img src=x onerror=alert(1)> عبد " + "W" * 80
    rosa.announce(driver=name, carrier='A&B "<script>')
    rosa.act("arrive", {**SAME, "driver": "other", "driver-seen": "'\"><b>" + "M" * 100})
    for path in ("/trucks", "/trucks/1", "/trucks/1?do=release"):
        page = rosa.desk.get(path).text
        assert "<img" not in page and "<script>" not in page and "<b>" not in page
        assert "onerror=alert" not in page or "&lt;img src=x onerror=alert(1)&gt;" in page


def test_an_auditor_sees_and_does_not_act(rosa: Yard, site: Site) -> None:
    arrived(rosa)
    aurelio: Desk = desk_of(site, "aurelio")
    page = aurelio.get("/trucks/1").text
    assert "<form" not in page.split("<main", 1)[1]
    assert aurelio.post("/trucks/1/depart", {"version": "2"}).status_code == 403
    assert aurelio.get("/trucks/new").status_code == 403


def test_every_panel_of_every_stage_is_shown(rosa: Yard, samuel: Yard) -> None:
    acts = ("identify", "check", "hook", "papers", "seal", "spot", "turn-away", "release", "again")

    def shown() -> None:
        for act in acts:
            assert rosa.desk.get(f"/trucks/1?do={act}").status_code == 200

    steps: list[Callable[[], object]] = [
        rosa.announce,
        lambda: rosa.act("arrive", SAME),
        rosa.inspect,
        lambda: samuel.act("sign", {"second": "e102"}),
        lambda: rosa.act("hook", {"unit-more-kind": "trailer", "unit-more-seen": "77"}),
        lambda: rosa.inspect(unit="77"),
        lambda: samuel.act("sign", {"second": "e102"}),
        lambda: rosa.act("load"),
        lambda: rosa.act("load", {"finished": "yes", "paper-bill_of_lading": "B1"}),
        lambda: rosa.act("papers", {"paper-invoice": "F-1"}),
        lambda: rosa.act("seal", {"seal-typed": "AB100001", **VVTT, "papers_name": "same"}),
        lambda: rosa.act("turn-away", {"why": "it comes another day"}),
    ]
    for step in steps:
        assert "notice-bad" not in str(step())
        shown()
    assert columns(rosa)["gone"] == ["1"]


# --- a spot check, seals and logs


def test_a_drawn_truck_waits_for_somebody_who_did_not_inspect(tmp_path: Path) -> None:
    site = make(write_site(tmp_path, FREIGHT.replace("0.0", "100.0")))
    stock(site.settings)
    rosa, samuel = Yard(desk_of(site, "rosa")), Yard(desk_of(site, "samuel"))
    arrived(rosa)
    rosa.inspect()
    samuel.act("sign", {"second": "e102"})
    page = rosa.act("depart")
    assert "drawn for a spot check" in notice(page) and 'data-act="spot"' in page
    assert "say whether" in notice(samuel.act("spot", {"second": "e102"}))
    assert samuel.act("spot", {"second": "e102", "result": "ok"}) == "/trucks/1"
    assert rosa.act("depart") == "/trucks/1" and rosa.tx().stage == "departed"
    assert rosa.events("freight.spot_drawn") == ["freight.spot_drawn"]
    site.store.close()


def test_a_supervisor_keeps_the_inventory_of_seals(rosa: Yard, samuel: Yard) -> None:
    new = {"numbers": "CD200000..CD200009", "class": "H", "certificate": "T-2"}
    file = {"file": ("t2.pdf", b"%PDF-1.4 a certificate", "application/pdf")}
    answer = samuel.desk.post("/trucks/seals/receive", new, files=file)
    assert answer.headers["location"] == "/trucks/seals"
    twice = samuel.desk.post("/trucks/seals/receive", new)
    assert twice.status_code == 409 and "in the inventory already" in notice(twice.text)
    given = {"numbers": "CD200000, CD200001", "to": "Rosa Ibarra"}
    assert samuel.desk.post("/trucks/seals/issue", given).status_code == 303
    void = {"number": "CD200001", "reason": "it broke"}
    assert samuel.desk.post("/trucks/seals/void", void).status_code == 303
    listed = words_of(rosa.desk.get("/trucks/seals?state=void").text)
    assert "CD200001 Rosa Ibarra samuel it broke" in listed
    assert "agree" in words_of(samuel.desk.post("/trucks/seals/reconcile").text)
    for act in ("receive", "issue", "void", "reconcile"):
        assert rosa.desk.post(f"/trucks/seals/{act}", new).status_code == 403
    assert "<form" not in rosa.desk.get("/trucks/seals").text.split("<main", 1)[1]
    types = ["received", "issued", "voided", "reconciled"]
    assert rosa.events("seal.")[-4:] == [f"seal.{word}" for word in types]


def test_seals_that_do_not_agree_are_named(rosa: Yard, samuel: Yard) -> None:
    arrived(rosa)
    rosa.inspect()
    samuel.act("sign", {"second": "e102"})
    rosa.act("load")
    rosa.act("load", {"finished": "yes", "paper-bill_of_lading": "BL-1"})
    rosa.act("seal", {"seal-typed": "ZZ999999", **VVTT, "papers_name": "same"})
    page = samuel.desk.post("/trucks/seals/reconcile").text
    assert "ZZ999999" in page and "not in the inventory" in page


def test_the_pickup_log_is_shown_and_given_as_a_file(rosa: Yard, site: Site) -> None:
    arrived(rosa)
    aurelio = desk_of(site, "aurelio")
    assert "not recorded yet" in words_of(aurelio.get("/trucks/log").text)
    record(site.settings)
    page = words_of(aurelio.get("/trucks/log").text)
    assert "Juan Pérez" in page and "AB123C" in page
    file = aurelio.get("/trucks/log.csv")
    assert file.headers["content-type"].startswith("text/csv") and "Juan Pérez" in file.text
    assert aurelio.get("/trucks/log?from=2026-11-20&to=2026-11-01").status_code == 409


# --- what else comes from outside


def test_what_is_too_large_late_or_not_a_number_changes_nothing(rosa: Yard) -> None:
    arrived(rosa)
    before = rosa.tx().version
    huge = {"picture": ("x.jpg", b"x" * (13 * 1024 * 1024), "image/jpeg")}
    told = {"list": "tractor-7", "unit": "5301", "point": "cab", "result": "bad", "note": "x"}
    assert rosa.desk.post("/trucks/1/inspect", told, files=huge).status_code == 413
    wrong = [
        ("inspect", {**told, "list": "none"}),
        ("inspect", {**told, "unit": "9999"}),
        ("inspect", {**told, "point": "none"}),
        ("inspect", {**told, "result": "perhaps"}),
        ("inspect", {**told, "note": "x" * 5000}),
        ("check", {"seal": "' OR 1=1 --", **VVTT}),
        ("hook", {"unit-more-kind": ""}),
        ("load", {"paper-../x": "1"}),
        ("seal", {"seal-typed": ""}),
        ("depart", {"version": "1"}),
        ("depart", {"version": "9" * 40}),
        ("identify", {"id_kind": "none"}),
        ("turn-away", {}),
    ]
    for act, fields in wrong:
        answer = rosa.act(act, fields)
        assert "notice-bad" in answer, (act, answer[:200])
    tx = rosa.tx()
    assert tx.version == before or tx.stage == "arrived"
    assert tx.inspections == () or tx.inspections[0].answers == ()
    for number in ("0", "999", "99999999999999999999999"):
        assert rosa.desk.get(f"/trucks/{number}").status_code == 409
        assert rosa.desk.post(f"/trucks/{number}/depart").status_code == 409


def test_the_number_of_an_id_needs_the_gateway_and_is_never_shown_again(rosa: Yard) -> None:
    rosa.announce()
    page = rosa.act("arrive", {**SAME, "id_number": "K-7788"})
    assert notice(page) and "K-7788" not in page and rosa.tx().arrival is None
