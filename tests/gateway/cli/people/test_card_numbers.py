"""Badges that no card can be are named where the list is loaded and where the gate is checked."""

from __future__ import annotations

import json

from tests.gateway.cli.conftest import Site

HEAD = "id,name,credentials,access_levels\n"
LIST = HEAD + "e1,Ana,h10301:1:98765,\ne2,Luis,h10301:300:1,\ne3,Eva,h10301:1:2,\n"


def test_a_badge_that_no_card_can_be_is_named_by_sync_and_check(site: Site) -> None:
    path = site.folder / "people.csv"
    confirm = ("--confirm", "removed,missing_column")
    path.write_text(LIST)
    said = site.run("people", "sync", str(path)).stdout
    assert "no badge of format h10301 has a number above 65535: e1" in said
    assert "no badge of format h10301 has a facility code above 255: e2" in said
    applied = site.run("people", "sync", str(path), "--apply", *confirm)
    assert applied.exit_code == 0 and "above 65535: e1" in applied.stdout
    checked = site.run("check", "--json")
    warnings = " ".join(json.loads(checked.stdout)["warnings"])
    assert "number above 65535: e1" in warnings and "facility code above 255: e2" in warnings
    for output in (said, applied.stdout, checked.stdout):
        assert "98765" not in output and "e3 " not in warnings
