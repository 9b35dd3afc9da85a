"""`garita evidence attach`, `documents`, `retire`, `review`, `coverage`, `profile`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gateway.cli import common
from tests.gateway.cli.conftest import Site
from tests.gateway.desk.papers import PDF


def told(site: Site, *arguments: str) -> Any:
    done = site.run("evidence", *arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def refused(site: Site, *arguments: str) -> tuple[int, str]:
    done = site.run("evidence", *arguments)
    return done.exit_code, done.output


def test_a_document_from_attach_to_retire(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "visitors.pdf"
    file.write_bytes(PDF)
    done = site.run(
        "evidence", "attach", "10.2,10.1", str(file), "--approved-by", "Ana Ruiz",
        "--approved-on", "2026-01-15", "--review-due", "2027-01-15",
    )  # fmt: skip
    assert done.exit_code == 0 and "“visitors”, for 10.1, 10.2" in done.output, done.output
    [one] = told(site, "documents", "--criterion", "10.1")
    assert one["in_force"] and one["approved_by"] == "Ana Ruiz"
    shown = site.run("evidence", "documents")
    assert shown.exit_code == 0 and "visitors" in shown.output
    [row] = [row for row in told(site, "coverage") if row["criterion"] == "10.2"]
    assert row["documents"] == [one["document"]] and row["missing"] == []
    [answer, *_rest] = [a for a in told(site, "profile") if a["criterion"] == "10.2"]
    assert answer["question"] == 143 and one["document"] in answer["text"]
    assert refused(site, "retire", one["document"])[0] == common.REFUSED  # without a reason
    done = site.run("evidence", "retire", one["document"][:6], "--reason", "a new one comes")
    assert done.exit_code == 0, done.output
    assert told(site, "documents") == []
    [one] = told(site, "documents", "--all")
    assert not one["in_force"]


def test_what_is_refused_says_which_code_and_ends_with_1_or_2(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "list.xlsx"
    file.write_bytes(b"PK\x03\x04")
    code, said = refused(site, "attach", "10.1", str(file))
    assert code == common.REFUSED and "not_pdf" in said
    assert site.run("evidence", "attach", "10.1", str(file), "--any").exit_code == 0
    code, said = refused(site, "attach", "99.9", str(file), "--any")
    assert code == common.REFUSED and "no_criterion" in said
    code, said = refused(site, "attach", "10.1", str(tmp_path / "none.pdf"))
    assert code == common.REFUSED and "document_unreadable" in said
    assert (
        refused(site, "attach", "10.1", str(file), "--any", "--review-due", "soon")[0]
        == common.USAGE
    )
    assert refused(site, "review", "log", "--found", "x", "--step", "a")[0] == common.USAGE
    assert refused(site, "coverage", "--programme", "tapa")[0] == common.USAGE
    assert refused(site, "profile", "--lang", "fr")[0] == common.USAGE


def test_reviews_are_recorded_and_fall_due(site: Site) -> None:
    before = {one["kind"]: one for one in told(site, "review")}
    assert before["log"]["stand"] == "never" and before["incident"]["stand"] == "optional"
    assert len(before["risk_assessment"]["steps"]) == 5
    done = site.run("evidence", "review", "log", "--found", "nothing odd", "--record", "1")
    assert done.exit_code == 0 and "due again on" in done.output, done.output
    steps = [f"--step={key}=written" for key in before["risk_assessment"]["steps"]]
    done = site.run("evidence", "review", "risk_assessment", "--found", "three risks", *steps)
    assert done.exit_code == 0, done.output
    assert site.run("evidence", "review", "incident", "--found", "a false alarm").exit_code == 0
    after = {one["kind"]: one["stand"] for one in told(site, "review")}
    assert (after["log"], after["risk_assessment"], after["incident"]) == ("done",) * 3
    shown = site.run("evidence", "review")
    assert "it was never" in shown.output
    assert refused(site, "review", "horoscope", "--found", "x")[0] == common.REFUSED


def test_the_coverage_as_a_table_csv_and_by_another_programme(site: Site) -> None:
    done = site.run("evidence", "coverage")
    assert done.exit_code == 0 and "of 97 criteria" in done.output
    assert "your own booklet" in done.output
    done = site.run("evidence", "coverage", "--csv", "--visit", "2030-01-01")
    assert done.stdout.count("\n") >= 98 and "2030-01-01" in done.stdout
    done = site.run("evidence", "coverage", "--programme", "oea-mx")
    assert done.exit_code == 0 and "3.3" in done.output and "not checked" in done.output
    done = site.run("evidence", "profile", "--lang", "es")
    assert "borrador" in done.output and "Aquí no se muestra" in done.output
