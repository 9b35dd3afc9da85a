"""What `garita check` says of [sync]."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.config.sync import SourceTable, SyncTable, absolute, warnings

LDAP = {
    "kind": "ldap",
    "url": "ldaps://dc1.example.com",
    "base": "DC=example,DC=com",
    "attributes": {"id": "employeeID", "name": "cn", "credentials": "badge"},
}


def told(**source: object) -> list[str]:
    table = SyncTable.model_validate({"sources": {"hr": source}})
    return list(warnings(table))


def test_groups_that_memberof_does_not_name_are_pointed_out() -> None:
    levels = {"CN=Plant,DC=example,DC=com": ["plant"]}
    assert "nested_groups" in told(**LDAP, levels=levels)[0]
    assert told(**LDAP, levels=levels, nested_groups=True) == []
    assert told(**LDAP) == []
    with pytest.raises(ValidationError, match="nested_groups needs levels"):
        told(**LDAP, nested_groups=True)


def test_a_profile_is_beside_the_configuration_and_is_there(tmp_path: Path) -> None:
    table = SyncTable.model_validate(
        {"sources": {"hr": {"kind": "file", "path": "l.xlsx", "profile": "profiles/hr.toml"}}}
    )
    found = absolute(table, tmp_path)
    assert found.sources["hr"].profile == tmp_path / "profiles" / "hr.toml"
    assert "there is no profile" in next(iter(warnings(found)))
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "hr.toml").touch()
    assert list(warnings(found)) == []
    with pytest.raises(ValidationError, match="has no profile"):
        SourceTable.model_validate({**LDAP, "profile": "x.toml"})
