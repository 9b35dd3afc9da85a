"""Opening from afar in the configuration of a gate, and the file of an operator."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from gateway.config import ConfigError, load
from gateway.config.remote import load_remote
from tests.gateway.config.test_config import GOOD

KEY = base64.b64encode(bytes(32)).decode()
ROSA = f"""
[operators.rosa]
account = "rosa"
person = "e2"
roles = ["guard"]

[command_keys.rosa]
public_key = "{KEY}"
operator = "rosa"
commands = ["door_open"]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "x.toml"
    path.write_text(text)
    return path


def wrong(folder: Path, more: str, base: str = GOOD) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        load(written(folder, base + more))
    return {mistake.key: mistake.reason for mistake in caught.value.mistakes}


def test_a_key_that_lets_people_in_names_its_operator(tmp_path: Path) -> None:
    nobody = ROSA.replace('operator = "rosa"\n', "")
    assert "name them" in wrong(tmp_path, nobody)["command_keys.rosa.operator"]
    other = ROSA.replace('operator = "rosa"', 'operator = "eva"')
    assert "no [operators.eva]" in wrong(tmp_path, other)["command_keys.rosa.operator"]
    doors = wrong(tmp_path, ROSA + 'doors = ["attic"]\n')
    assert "no [doors.attic]" in doors["command_keys.rosa.doors"]
    typo = ROSA.replace("door_open", "door_opens")
    assert any(key.startswith("command_keys.rosa.commands") for key in wrong(tmp_path, typo))


def test_no_command_opens_into_an_area_where_nobody_is_alone(tmp_path: Path) -> None:
    base = GOOD.replace('area = "stock"', 'area = "stock"\nremote_open = true', 1)
    base = base.replace('passback = "soft"', 'passback = "soft"\ntwo_person = true', 1)
    found = wrong(tmp_path, "", base)
    assert any(key.endswith("remote_open") for key in found), found


def test_a_door_without_a_key_and_a_key_without_a_door_are_warned_of(tmp_path: Path) -> None:
    def said(text: str) -> str:
        return " ".join(load(written(tmp_path, text)).warnings)

    opens = GOOD.replace('fail = "secure"', 'fail = "secure"\nremote_open = true', 1)
    assert "no command key may open it" in said(opens)
    assert "no door has remote_open" in said(GOOD + ROSA)
    good = said(opens + ROSA)
    assert "remote_open" not in good
    assert load(written(tmp_path, opens + ROSA)).site.doors["shipping"].remote_open
    assert not load(written(tmp_path, GOOD)).site.doors["shipping"].remote_open


PROFILE = 'name = "rosa"\nkey_file = "rosa.key"\n[mqtt]\nhost = "b"\n'


def test_the_profile_of_an_operator(tmp_path: Path) -> None:
    text = PROFILE + 'username = "rosa"\npassword_file = "pw"\n'
    found = load_remote(written(tmp_path, text))
    assert found.key_file == tmp_path / "rosa.key" and found.mqtt.password_file == tmp_path / "pw"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "name: missing"),
        (PROFILE.replace("[mqtt]", "[mqt]"), "unknown key"),
        (PROFILE.replace('host = "b"', ""), "mqtt"),
        (PROFILE + "x", "not valid TOML"),
        (PROFILE.replace('"rosa"', '"ro sa"'), "letters, digits"),
    ],
)
def test_a_wrong_profile_is_told(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_remote(written(tmp_path, text))
    with pytest.raises(ConfigError, match="can't be read"):
        load_remote(tmp_path / "none")


def test_a_browsers_key_is_for_opening_a_door_and_for_nothing_else(tmp_path: Path) -> None:
    through = ROSA + 'through = "console"\n'
    key = load(written(tmp_path, GOOD + through)).tables.command_keys["rosa"]
    assert key.through == "console"
    more = through.replace('["door_open"]', '["door_open", "person_revoke"]')
    assert "and no other" in wrong(tmp_path, more)["command_keys.rosa"]
    nobody = through.replace('operator = "rosa"\n', "")
    assert "name them" in wrong(tmp_path, nobody)["command_keys.rosa.operator"]
