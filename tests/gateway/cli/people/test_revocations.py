"""`garita people revoke`, `show`, `revocations`: since when somebody may not pass, by whom, why."""

from __future__ import annotations

import json

from tests.gateway.cli.conftest import Site
from tests.gateway.cli.people.test_plan import put

CSV = "id,name,valid_until,status,credentials,access_levels"


def test_who_was_revoked_here_is_not_shown_as_active(site: Site) -> None:
    done = site.run("people", "revoke", "e1", "--reason", "badge stolen")
    assert done.exit_code == 0
    shown = " ".join(site.run("people", "show", "e1").output.split())
    assert "status revoked" in shown and "status on the list active" in shown
    assert "revoked at 20" in shown and "revoked by " in shown
    assert "revoked because badge stolen" in shown
    told = json.loads(site.run("people", "show", "e1", "--json").stdout)
    assert (told["status"], told["list_status"]) == ("revoked", "active")
    assert told["inactive_since"] == told["revoked_at"] and told["inactive_why"] == "badge stolen"
    everybody = json.loads(site.run("people", "list", "--json").stdout)
    assert [person["status"] for person in everybody] == ["revoked", "active", "active"]
    found = json.loads(site.run("people", "revocations", "--json").stdout)
    assert found["count"] == 1 and found["max_s"] < 5
    assert found["people"][0]["how"] == "revoked_here"
    assert "1 revocation(s)" in site.run("people", "revocations").output
    again = site.run("people", "revoke", "e1", "--reason", "once more")
    assert again.exit_code == 0 and "revoked already, since 20" in again.output


def test_a_revocation_decided_earlier_is_typed_with_its_time(site: Site) -> None:
    when = ("--at", "2026-01-02T09:00")
    assert site.run("people", "revoke", "e1", "--reason", "w", *when).exit_code == 0
    found = json.loads(site.run("people", "revocations", "--json").stdout)
    assert found["known_by"]["said"]["count"] == 1 and found["max_s"] > 3600
    for wrong in ("2999-01-01T00:00", "yesterday"):
        refused = site.run("people", "revoke", "e2", "--reason", "w", "--at", wrong)
        assert refused.exit_code == 2, refused.output


def test_who_is_inactive_by_a_list_is_shown_with_when_by_whom_and_why(site: Site) -> None:
    rows = ("e1,Ana,,suspended,,", "e2,Luis,2026-01-31,,,")
    agreed = ("--apply", "--confirm", "removed")
    assert site.run("people", "sync", put(site, *rows, head=CSV), *agreed).exit_code == 0
    ana = " ".join(site.run("people", "show", "e1").output.split())
    assert "status suspended" in ana and "without access since 20" in ana and "taken by " in ana
    assert "because list version 2 (p.csv)" in ana
    luis = " ".join(site.run("people", "show", "e2").output.split())
    assert "status expired" in luis and "without access since 2026-02-01" in luis
    assert "because valid until 2026-01-31" in luis
    gone = site.run("people", "show", "e3")
    assert gone.exit_code == 1
    said = " ".join(gone.output.split())
    assert "nobody on the list has the id e3; e3 left it on 20" in said
    assert "list version 2 (p.csv), by " in said
    table = site.run("people", "revocations").output
    assert "3 revocation(s)" in table
    for what in ("left the", "suspended", "shortened"):
        assert what in table, table


def test_without_a_loss_the_measure_says_so(site: Site) -> None:
    assert "nobody lost access in 30 day(s)" in site.run("people", "revocations").output
    assert json.loads(site.run("people", "revocations", "--json").stdout)["count"] == 0
