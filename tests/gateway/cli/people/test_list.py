"""`garita people list` shows everybody, or says how many more there are."""

from __future__ import annotations

import json

from tests.gateway.cli.conftest import Site
from tests.gateway.cli.people.test_plan import put

PEOPLE = 205


def test_a_script_gets_the_whole_list_and_the_table_says_what_it_leaves_out(site: Site) -> None:
    """`--json` stopped at 200 without a word; so did history."""
    rows = [f"n{n},N,,,,,,," for n in range(PEOPLE - 3)]
    path = put(site, "e1,Ana,,,,,,,", "e2,Luis,,,,,,,", "e3,Elena,,,,,,,", *rows)
    agreed = ("--apply", "--confirm", "added")
    assert site.run("people", "sync", path, *agreed).exit_code == 0
    assert len(json.loads(site.run("people", "list", "--json").stdout)) == PEOPLE
    assert len(json.loads(site.run("people", "list", "--json", "--limit", "7").stdout)) == 7
    shown = site.run("people", "list").output
    assert "... and 5 more (--limit 0 shows all)" in shown
    assert "more" not in site.run("people", "list", "--limit", "0").output
    assert len(json.loads(site.run("people", "history", "--json").stdout)) > 200
    assert "--limit 0 shows all" in site.run("people", "history").output
    for wrong in ("-1", "x"):
        assert site.run("people", "list", "--limit", wrong).exit_code == 2


def test_lists_of_the_desk_say_when_they_stop(site: Site) -> None:
    for name in ("Eva", "Juan", "Rosa"):
        done = site.run(
            "visit",
            "expect",
            name,
            "--host",
            "Ana",
            "--from",
            "2027-01-01T09:00",
            "--until",
            "2027-01-01T10:00",
            "--company",
            "Acme",
            "--purpose",
            "x",
        )
        assert done.exit_code == 0, done.output
    assert len(json.loads(site.run("visit", "list", "--json").stdout)) == 3
    short = site.run("visit", "list", "--limit", "2").output
    assert "(only 2 are shown; --limit 0 shows all)" in short
    assert "are shown" not in site.run("visit", "list").output
