"""An upgrade changes no listener, no policy, and no default: every one is compared with 0.1.0.

tests/data/defaults-0.1.0.json holds the default of every key, and the policy that the example
configuration of that version made.  A release adds a file of its own.  A change that is meant is
named in `CHANGED`, with the reason, and in CHANGELOG.md.  One that opens or shuts a door is not
made.

    python -m tests.gateway.config.test_defaults     # prints the file of this checkout
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from demo.rig import example_config
from gateway import config
from gateway.config.tables import Tables

DATA = Path(__file__).parents[2] / "data"
RELEASED = DATA / "defaults-0.1.0.json"
EXAMPLE = DATA / "garita-0.1.0.toml"

CHANGED: dict[str, str] = {}
"""Key (table and name) to why its default is another one now."""

AT_THE_DOOR = (
    "AccessLevelTable",
    "AreaTable",
    "DoorTable",
    "FaceTable",
    "HealthTable",
    "IdentifyTable",
    "InputRef",
    "InterlockTable",
    "LockTable",
    "PeriodTable",
    "PinTable",
    "PresenceTable",
    "ReaderTable",
    "CommandKeyTable",
    "MetricsTable",
    "RequirementTable",
    "ScheduleTable",
    "ThreatLevelTable",
    "VisitsTable",
    "Tables.degraded",
    "SiteTable.clock_back_tolerance_s",
    "MqttSettings",
    "ConsoleTable.listen",
)
"""Tables and keys that open or shut a door, or are listened on: here `CHANGED` may name nothing."""


def defaults() -> dict[str, Any]:
    """The default of every key, as JSON, by table and name; ``<required>`` for one without."""
    schema = Tables.model_json_schema(mode="serialization")
    found: dict[str, Any] = {}
    for table, about in {"Tables": schema, **schema["$defs"]}.items():
        for name, key in about.get("properties", {}).items():
            required = name in about.get("required", ())
            found[f"{table}.{name}"] = key.get("default", "<required>" if required else None)
    return json.loads(json.dumps(found, default=str))


def policy(path: Path) -> dict[str, Any]:
    """The policy that `decide()` sees of a configuration, without its version and criteria."""
    site = asdict(config.load(path).site)
    for name in ("policy_version", "evidence", "criteria_edition"):
        site.pop(name)
    return json.loads(json.dumps(_plain(site), sort_keys=True))


def _plain(value: Any) -> Any:
    """JSON: keys and what JSON has no form for as text, sets in order."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    return value if isinstance(value, (bool, int, float, str)) or value is None else str(value)


def example(folder: Path) -> Path:
    """The example configuration of the release, with paths of its own."""
    path = example_config(folder)
    text = EXAMPLE.read_text("utf-8") if EXAMPLE.exists() else path.read_text("utf-8")
    path.write_text(text, encoding="utf-8")
    return path


def _same(before: Any, now: Any) -> bool:
    """A whole table may have new keys, which have defaults of their own above."""
    if isinstance(before, dict) and isinstance(now, dict):
        return all(key in now and now[key] == value for key, value in before.items())
    return bool(before == now)


def test_no_default_is_another_one() -> None:
    before, now = json.loads(RELEASED.read_text("utf-8"))["defaults"], defaults()
    gone = set(before) - set(now)
    assert not gone, f"a file that has these keys is refused now: {gone}"
    other = {key for key, value in before.items() if not _same(value, now[key])}
    assert other == set(CHANGED), {key: (before[key], now[key]) for key in other}
    at_the_door = {key for key in CHANGED if key.startswith(AT_THE_DOOR)}
    assert not at_the_door, f"an upgrade opens or shuts no door: {at_the_door}"
    asked = {key for key in set(now) - set(before) if now[key] == "<required>"}
    tables = {key.partition(".")[0] for key in before}
    assert not {key for key in asked if key.partition(".")[0] in tables}, asked


def test_the_lists_of_keys_at_the_door_name_what_there_is() -> None:
    now = {*defaults(), *(key.partition(".")[0] for key in defaults())}
    assert {name for name in AT_THE_DOOR if name not in now} == set()


def test_the_configuration_of_the_release_makes_the_policy_of_the_release(tmp_path: Path) -> None:
    """Keys that a policy has since are at values that change nothing: they come with a default."""
    before = json.loads(RELEASED.read_text("utf-8"))["policy"]
    assert _within(before, policy(example(tmp_path)))


def _within(before: Any, now: Any) -> bool:
    if isinstance(before, dict):
        return isinstance(now, dict) and all(
            key in now and _within(value, now[key]) for key, value in before.items()
        )
    assert before == now, (before, now)
    return True


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        print(json.dumps({"defaults": defaults(), "policy": policy(example(Path(name)))}, indent=1))
