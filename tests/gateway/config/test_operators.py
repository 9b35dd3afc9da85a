"""[operators.*]: one account and one person each, and `check` names who is not there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from demo.rig import Rig
from gateway.config import ConfigError, load

EXAMPLE = Path(__file__).parents[3] / "config" / "garita.toml"
ROSA = '[operators.rosa]\naccount = "rosa"\nperson = "e3"\nroles = ["guard"]\n'


def loaded(folder: Path, text: str, freight: str = "") -> list[str]:
    path = folder / "garita.toml"
    body = EXAMPLE.read_text("utf-8").replace("[freight]\n", f"[freight]\n{freight}", 1)
    path.write_text(f"{body}\n{text}", encoding="utf-8")
    return list(load(path).warnings)


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (
            '[operators.b]\naccount = "rosa"\nperson = "e4"\nroles = ["guard"]',
            "operators.b.account: ",
        ),
        (
            '[operators.b]\nperson = "e3"\nroles = ["guard"]',
            "operators.b.person: the same as that of",
        ),
        ('[operators.b]\nperson = "e4"\nroles = ["boss"]', "operators.b.roles.0: "),
        ('[operators.b]\nperson = "e4"\nroles = []', "operators.b.roles: "),
        ('[operators.b]\naccount = "b"\nroles = ["guard"]', "operators.b.person: missing"),
        ('[operators.b]\naccount = "a b"\nperson = "e4"\nroles = ["guard"]', "not the name of an"),
    ],
)
def test_two_operators_of_one_account_or_person_are_a_mistake(
    tmp_path: Path, text: str, mistake: str
) -> None:
    with pytest.raises(ConfigError) as told:
        loaded(tmp_path, ROSA + text)
    assert mistake in str(told.value)


def test_a_list_of_supervisors_still_loads_and_check_says_what_to_write(tmp_path: Path) -> None:
    assert not any("supervisors" in text for text in loaded(tmp_path, ROSA))
    warnings = loaded(tmp_path, "", 'supervisors = ["Laura Gil"]\n')
    assert any("[operators.*]" in text and "Laura Gil" in text for text in warnings)


async def test_check_names_operators_who_are_not_there(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(policy=ROSA + '[operators.x]\naccount = "root"\nperson = "e4"\nroles = ["hr"]')
    people = rig.write_people([{"id": "e4", "name": "Ana"}])
    await rig.acli("people", "sync", str(people), "--apply")
    said = (await rig.acli("check", check=False)).stdout
    assert "operators.rosa: nobody on the list has the id e3" in said
    assert "operators.rosa: this machine has no account rosa" in said
    assert "operators.x" not in said
