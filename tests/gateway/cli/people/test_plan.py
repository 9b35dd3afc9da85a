"""What `garita people sync` shows of a list before it is in force."""

from __future__ import annotations

import json

from gateway.people.sync.file import COLUMNS
from tests.gateway.cli.conftest import Site

HEAD = ",".join(COLUMNS)


def put(site: Site, *rows: str, head: str = HEAD) -> str:
    path = site.folder / "p.csv"
    path.write_text("\n".join([head, *rows]) + "\n")
    return str(path)


def test_a_plan_shows_each_change_from_what_to_what_and_marks_more_access(site: Site) -> None:
    sync = ("people", "sync")
    first = put(site, "e1,Ana,Acme,,,2026-12-31,,h10301:12:345,", "e2,Luis,,,,,suspended,,")
    assert site.run(*sync, first, "--apply", "--confirm", "removed").exit_code == 0
    again = put(site, "e1,Ana,Ácme,,,,,h10301:12:399,", "e2,Luis,,,,,,,")
    shown = " ".join(site.run(*sync, again).output.split())
    assert "valid until: 2026-12-31 -> none (more access)" in shown
    assert "company: Acme -> Ácme;" in shown
    assert "badges: h10301:…5 -> h10301:…9" in shown and "399" not in shown
    assert "status: suspended -> active (more access)" in shown
    told = json.loads(site.run(*sync, again, "--json").stdout)["people"]
    assert told["changes"]["e1"]["valid_until"] == {"before": "2026-12-31", "after": None}
    assert told["widened"] == {"e1": ["valid_until"], "e2": ["status"]}


def test_a_list_without_a_column_is_refused_by_name(site: Site) -> None:
    sync = ("people", "sync")
    first = put(site, "e1,Ana,Acme,,,2026-12-31,,,")
    site.run(*sync, first, "--apply")
    head = "id,nombre,empresa,credenciales,niveles"
    path = put(site, "e1,Ana,Acme,,", head=head)
    refused = site.run(*sync, path, "--apply")
    assert refused.exit_code == 3
    assert "missing_column: the list has no column valid_until (vigente_hasta)" in refused.stderr
    assert site.run(*sync, path, "--apply", "--confirm", "missing_column").exit_code == 0
