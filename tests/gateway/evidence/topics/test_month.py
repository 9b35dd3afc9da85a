"""A month of trucks and of technology, and every figure of it once more by SQL.

The SQL reads the bodies of the records (month.py) and shares nothing with the topics.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from gateway.evidence.topics.arrivals import Arrivals
from gateway.evidence.topics.doorwatch import DoorWatch
from gateway.evidence.topics.inspections import Inspections
from gateway.evidence.topics.loadings import Loadings
from gateway.evidence.topics.pests import Pests
from gateway.evidence.topics.spotchecks import SpotChecks
from tests.gateway.evidence.topics.month import Month


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    made = Month(tmp_path_factory.mktemp("month"))
    yield made
    made.gate.close()
    made.log.close()


ARRIVED = "type = 'freight.arrived' AND inside"
GONE = "(SELECT truck FROM record WHERE type = '{}')"
MEDIAN = """SELECT round(avg(v), 1) FROM (SELECT v, row_number() OVER (ORDER BY v) AS n,
    count(*) OVER () AS c FROM ({})) WHERE n IN ((c + 1) / 2, (c + 2) / 2)"""


def test_the_month_has_something_of_everything(month: Month) -> None:
    rules = {rule for seen in month.seen.values() for rule in seen.rules}
    assert rules >= {
        *("pickup_not_left", "arrival_off_time", "inspection_failed", "driver_unexpected"),
        *("tractor_unexpected", "seals_differ", "seal_not_verified_vvtt", "carrier_without_status"),
        *("alarm_answered_late", "door_held", "camera_away", "backup_in_clear", "shift_not_taken"),
    }
    for key, seen in month.seen.items():
        assert any(seen.figures.values()), key
        assert seen.gathered.unreadable == [] and not getattr(seen, "odd", None)


def test_pickups_and_drivers_by_sql(month: Month) -> None:
    figures = month.seen["pickups"].figures
    assert figures["trucks"] == month.count("freight.arrived") > 20
    for key, kind in (("departed", "freight.departed"), ("turned_away", "freight.turned_away")):
        found = month.sql(
            f"SELECT count(*) FROM record WHERE {ARRIVED} AND truck IN {GONE.format(kind)}"
        )
        assert figures[key] == found > 0
    stay = """SELECT (julianday(json_extract(d.data, '$.departed_at')) -
        julianday(json_extract(d.data, '$.arrived_at'))) * 86400 AS v FROM record d
        JOIN record a ON a.truck = d.truck AND a.type = 'freight.arrived' AND a.inside
        WHERE d.type = 'freight.departed'"""
    assert figures["stay"] == pytest.approx(month.sql(MEDIAN.format(stay)), abs=0.2)
    figures = month.seen["drivers"].figures
    shown = "json_extract(data, '$.id_kind') != ''"
    assert figures["verified_at_arrival"] == month.count("freight.arrived", shown)
    later = f"NOT {shown} AND truck IN {GONE.format('freight.identified')}"
    assert figures["verified_later"] == month.count("freight.arrived", later) > 0
    never = f"NOT {shown} AND truck NOT IN {GONE.format('freight.identified')}"
    assert figures["not_verified"] == month.count("freight.arrived", never) > 0


def test_arrivals_by_sql(month: Month) -> None:
    figures = month.seen["arrivals"].figures
    assert figures["announced"] == month.count("freight.expected")
    never = f"truck NOT IN {GONE.format('freight.arrived')}"
    assert figures["cancelled"] == month.count("freight.turned_away", never) > 0
    both = """SELECT count(*) FROM record a JOIN record e ON e.truck = a.truck AND
        e.type = 'freight.expected' WHERE a.type = 'freight.arrived' AND a.inside AND """
    assert figures["arrived_announced"] == month.sql(both + "1")
    off = """abs(julianday(json_extract(a.data, '$.arrived_at')) -
        julianday(json_extract(e.data, '$.eta'))) * 1440 > 120.001"""
    assert figures["off_time"] == month.sql(both + off) > 0
    other = """(json_extract(a.data, '$.tractor') != json_extract(e.data, '$.tractor')
        OR json_extract(a.data, '$.driver') != json_extract(e.data, '$.driver'))"""
    assert figures["differing"] == month.sql(both + other) > 0


LOOKS = """SELECT truck, json_extract(data, '$.inspection') AS n, min(time) AS begun,
    max(json_extract(data, '$.finished')) AS finished, max(json_extract(data, '$.took_s')) AS v,
    max(CASE WHEN json_extract(data, '$.finished') THEN time END) AS done,
    sum(json_array_length(data, '$.bad')) AS bad, json_extract(data, '$.checklist') AS list
    FROM record WHERE type = 'freight.inspected' GROUP BY truck, n
    HAVING min(time) >= :begin AND min(time) < :end"""


def test_inspections_and_pests_by_sql(month: Month) -> None:
    figures = month.seen["inspections"].figures
    assert figures["inspections"] == month.sql(f"SELECT count(*) FROM ({LOOKS})") > 60
    for key, where in (
        ("inspections_finished", "finished"),
        ("inspections_failed", "bad > 0"),
        (
            "inspections_signed",
            "EXISTS (SELECT 1 FROM record s WHERE s.type = 'freight.signed' AND s.truck = l.truck "
            "AND s.time >= l.done)",
        ),
    ):
        assert figures[key] == month.sql(f"SELECT count(*) FROM ({LOOKS}) l WHERE {where}") > 0
    assert figures["inspection_time"] == month.sql(MEDIAN.format(LOOKS))
    pests = month.seen["pests"].figures
    where = "WHERE list = 'pests'"
    assert pests["pest_inspections"] == month.sql(f"SELECT count(*) FROM ({LOOKS}) {where}") > 20
    finds = month.sql(f"SELECT count(*) FROM ({LOOKS}) {where} AND bad > 0")
    assert pests["pest_finds"] == finds == len(month.seen["pests"].rows("pests"))


def test_spot_checks_and_holds_by_sql(month: Month) -> None:
    figures = month.seen["spot_checks"].figures
    assert figures["spot_draws"] == month.count("freight.spot_drawn")
    drawn = "json_extract(data, '$.drawn')"
    assert figures["spot_drawn"] == month.count("freight.spot_drawn", drawn) > 0
    done = f"{drawn} AND truck IN {GONE.format('freight.spot_checked')}"
    assert figures["spot_done"] == month.count("freight.spot_drawn", done)
    figures = month.seen["holds"].figures
    tried = "json_extract(data, '$.step') != ''"
    assert figures["stopped"] == month.sql(
        "SELECT count(*) FROM record WHERE inside AND type IN ('freight.held', 'freight.refused') "
        f"AND {tried}"
    )
    assert figures["releases"] == month.count("freight.released") > 0
    assert figures["sent_away"] == month.count("freight.turned_away") > 0
    released = month.sql(
        "SELECT sum(json_array_length(data, '$.released')) FROM record WHERE inside "
        "AND type = 'freight.released'"
    )
    assert len(month.seen["holds"].rows("releases")) == released


PUT = """SELECT truck, json_extract(data, '$.seal') AS seal, min(seq) AS first, max(inside) AS i
    FROM record WHERE type = 'seal.affixed' GROUP BY truck, seal"""


def test_seals_and_loading_by_sql(month: Month) -> None:
    figures = month.seen["seals"].figures
    assert figures["seals_affixed"] == month.sql(f"SELECT count(*) FROM ({PUT}) WHERE i") > 10
    assert figures["seals_verified"] == month.sql(
        f"SELECT count(*) FROM ({PUT}) p JOIN record r ON r.seq = p.first WHERE p.i "
        "AND json_extract(r.data, '$.vvtt')"
    )
    loaded = "json_extract(data, '$.loaded')"
    assert figures["loaded_departures"] == month.count("freight.departed", loaded)
    stock = month.seen["seal_stock"].figures
    received = month.sql(
        "SELECT sum(json_extract(data, '$.count')) FROM record WHERE type = 'seal.received'"
    )
    used = month.sql(
        "SELECT count(DISTINCT json_extract(data, '$.seal')) FROM record "
        "WHERE type = 'seal.affixed' AND time < :end"
    )
    assert stock["seals_used"] == used and stock["seals_in_stock"] == received - used
    assert stock["reconciliations"] == month.count("seal.reconciled")
    clean = "json_extract(data, '$.count') = 0"
    assert stock["reconciliations_clean"] == month.count("seal.reconciled", clean)
    begun = """SELECT truck, max(json_extract(data, '$.done')) AS done FROM record
        WHERE type = 'freight.loading' GROUP BY truck
        HAVING min(time) >= :begin AND min(time) < :end"""
    figures = month.seen["loadings"].figures
    assert figures["loadings"] == month.sql(f"SELECT count(*) FROM ({begun})")
    assert figures["loadings_finished"] == month.sql(f"SELECT count(*) FROM ({begun}) WHERE done")
    left = month.sql(
        f"SELECT count(*) FROM ({begun}) WHERE truck IN {GONE.format('freight.departed')}"
    )
    assert figures["loaded_left"] == figures["papers_complete"] == left


def test_partners_by_sql(month: Month) -> None:
    figures = month.seen["partners"].figures
    newest = """SELECT json_extract(data, '$.valid_until') AS until, row_number() OVER (
        PARTITION BY json_extract(data, '$.name') ORDER BY seq DESC) AS n FROM record
        WHERE type LIKE 'partner.%' AND time < :end"""
    assert figures["partners"] == month.sql(f"SELECT count(*) FROM ({newest}) WHERE n = 1")
    lapsed = month.sql(f"SELECT count(*) FROM ({newest}) WHERE n = 1 AND until < '2026-10-31'")
    assert figures["partners_lapsed"] == lapsed == 1
    names = "SELECT count(DISTINCT json_extract(data, '$.carrier')) FROM record WHERE " + ARRIVED
    assert figures["carriers"] == month.sql(names) == 2
    good = "json_extract(data, '$.carrier') = 'Transportes Norte'"
    assert figures["trucks_cleared"] == month.count("freight.arrived", good)


ANSWERS = """SELECT r.seq, (SELECT min(julianday(a.time)) FROM record a WHERE
    a.type IN ('alarm.seen', 'alarm.resolved') AND json_extract(a.data, '$.alarm') = r.seq)
    * 86400 - julianday(r.time) * 86400 AS v
    FROM record r WHERE r.inside AND r.type IN ('door.forced', 'door.held')"""
OFFLINE = """SELECT subject, type, max(time, :begin) AS since, min(lead(time, 1, '2026-11-12') OVER
    (PARTITION BY subject ORDER BY seq), :end) AS until FROM record
    WHERE type IN ('device.offline', 'device.online') AND json_extract(data, '$.kind') = 'camera'"""


def test_alarms_doors_and_devices_by_sql(month: Month) -> None:
    doors = month.seen["doors"].figures
    assert doors["doors_forced"] == month.count("door.forced") > 0
    assert doors["doors_held"] == month.count("door.held") > 0
    longest = month.sql(
        "SELECT max(json_extract(c.data, '$.open_s')) FROM record c JOIN record h ON h.inside AND "
        "h.type = 'door.held' AND h.subject = c.subject AND c.seq = (SELECT min(seq) FROM record x "
        "WHERE x.type = 'door.held_cleared' AND x.subject = h.subject AND x.seq > h.seq)"
    )
    assert doors["doors_held_longest"] == longest
    figures = month.seen["alarms"].figures
    shown = {cells["kind"] for cells in month.seen["alarms"].cells("alarms")}
    assert {"forced", "held", "camera", "reader"} >= shown >= {"forced", "held"}
    rows = [c for c in month.seen["alarms"].cells("alarms") if c["kind"] in ("forced", "held")]
    assert len(rows) == month.sql(f"SELECT count(*) FROM ({ANSWERS})")
    took = sorted(cells["answer_s"] for cells in rows)
    middle = (took[(len(took) - 1) // 2] + took[len(took) // 2]) / 2
    assert middle == pytest.approx(month.sql(MEDIAN.format(ANSWERS)), abs=0.2)
    assert figures["alarms"] >= len(rows)
    devices = month.seen["devices"].figures
    away = month.sql(
        "SELECT sum(max(0, julianday(until) - julianday(since))) * 86400 "
        f"FROM ({OFFLINE}) WHERE type = 'device.offline'"
    )
    assert devices["camera_away"] == pytest.approx(away, abs=1)
    assert devices["cameras"] == 2 and devices["readers"] == 1


def test_upkeep_threat_and_shifts_by_sql(month: Month) -> None:
    figures = month.seen["upkeep"].figures
    assert figures["backups"] == month.count("backup.made") > 3
    gap = """SELECT max(julianday(lead) - julianday(time)) FROM (SELECT time, lead(time, 1, :end)
        OVER (ORDER BY seq) AS lead FROM record WHERE type = 'backup.made' AND time < :end)
        WHERE lead > :begin"""
    assert figures["backup_gap"] == pytest.approx(month.sql(gap), abs=0.06)
    assert month.seen["threat"].figures["threat_changes"] == month.count("threat.changed") > 2
    assert len(month.seen["threat"].rows("threat_levels")) == month.count("threat.changed") + 1
    figures = month.seen["shifts"].figures
    assert figures["handovers"] == month.count("shift.handed_over")
    taken = """seq IN (SELECT json_extract(data, '$.handover') FROM record
        WHERE type = 'shift.taken_over')"""
    assert figures["handovers_taken"] == month.count("shift.handed_over", taken)


def test_every_row_names_records_of_its_truck(month: Month) -> None:
    at = {one.seq: one.body for one in month.gate.kept}
    for key in ("pickups", "drivers", "arrivals", "inspections", "loadings", "spot_checks"):
        rows = month.seen[key].rows(key)
        assert rows, key
        for row in rows:
            assert row.records
            for seq in row.records:
                assert f'"freight":{row.cells["truck"]},' in at[seq], (key, row)


def test_a_log_that_grows_changes_nothing_of_what_was_over(month: Month) -> None:
    kept = [one for one in month.gate.kept if json.loads(one.body)["time"] < "2026-11-03"]
    assert len(kept) < len(month.gate.kept)
    for topic in (Arrivals, Inspections, Loadings, Pests, SpotChecks, DoorWatch):
        again = month.gate.found(topic, kept=kept)
        assert again.figures == month.seen[topic.key].figures, topic.key
        for table in again.found.tables:
            assert again.rows(table.key) == month.seen[topic.key].rows(table.key)
