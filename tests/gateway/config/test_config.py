"""Settings: every mistake is found at once, with its line and a reason."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.main import app
from gateway.config import ConfigError, load
from gateway.config.checks import mistakes_across
from gateway.config.tables import Tables

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "config" / "garita.toml"
GOOD = EXAMPLE.read_text()


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "garita.toml"
    path.write_text(text)
    return path


def mistakes(tmp_path: Path, text: str) -> dict[str, tuple[int, str]]:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text))
    return {mistake.key: (mistake.line, mistake.reason) for mistake in caught.value.mistakes}


def line_of(text: str, needle: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if needle in line)


def test_the_example_runs_as_it_is() -> None:
    settings = load(EXAMPLE)
    assert set(settings.site.doors) == {"main-gate", "shipping", "warehouse"}
    assert settings.ledger_path == Path("/var/lib/garita/ledger.db")
    assert settings.warnings == ()


def test_a_short_configuration_of_one_door_is_good_as_it_is() -> None:
    path = EXAMPLE.with_name("one-door.toml")
    assert len(path.read_text().splitlines()) <= 60
    settings = load(path)
    assert set(settings.site.doors) == {"main-gate"}
    done = CliRunner().invoke(app, ["check", "-c", str(path)])
    assert done.exit_code == 0 and "one-door.toml: good" in done.stdout


def test_data_lie_where_the_service_has_them_if_the_file_names_no_folder(tmp_path: Path) -> None:
    one_door = EXAMPLE.with_name("one-door.toml").read_text()
    site = load(write(tmp_path, one_door)).tables.site  # as copied to /etc/garita: not /etc/var
    assert site == load(EXAMPLE).tables.site
    assert (site.data_dir, site.run_dir) == (Path("/var/lib/garita"), Path("/run/garita"))
    assert site.key_file == "/etc/garita/site.key"


def test_all_mistakes_at_once_each_with_line_key_and_reason(tmp_path: Path) -> None:
    text = (
        GOOD.replace("pulse_s = 3.0", "pulse_s = -3.0")
        .replace('timezone = "America/Tijuana"', 'timezone = "America/Tijauna"')
        .replace('gateway = "gate-1"', 'gateway = "gate/1"')
        .replace("channel = 2", "chanel = 2")
        .replace('from = "05:30"', 'from = "25:30"')
    )
    found = mistakes(tmp_path, text)
    assert found["site.timezone"][0] == line_of(text, "timezone =")
    assert "IANA" in found["site.timezone"][1]
    assert found["site.gateway"][0] == line_of(text, "gateway =")
    assert found["doors.main-gate.pulse_s"][0] == line_of(text, "pulse_s = -3.0")
    assert found["doors.shipping.chanel"] == (
        line_of(text, "chanel"),
        "unknown key; see config/garita.toml, which explains every key",
    )
    assert found["schedules.day-shift.periods.0.from"][0] == line_of(text, "periods = [")
    assert len(found) == 5


@pytest.mark.parametrize(
    ("old", "new", "key", "reason"),
    [
        ('reader = "main-in"', 'reader = "main"', "doors.main-gate.reader", "no [readers.main]"),
        ('reader = "shipping-in"', 'reader = "main-in"', "doors.shipping.reader", "already"),
        ("channel = 2", "channel = 1", "doors.shipping.channel", "already"),
        ("channel = 2", "channel = 4", "doors.shipping.channel", "has 3 relay(s)"),
        ('bus = "rs485"', 'bus = "rs"', "readers.warehouse-in.bus", "no [buses.rs]"),
        ("address = 1", "address = 0", "readers.warehouse-out.address", "same as"),
        ("address = 1", "address = 127", "readers.warehouse-out.address", "less than"),
        ("address = 0", 'port = "/dev/x"', "readers.warehouse-in", "has an address"),
        ('["h10301", "h10306"]', '["h10301", "ind26"]', None, "same length"),
        ('["h10301", "h10306"]', '["h9"]', None, "no format h9"),
        (
            "usb-FTDI_FT232R_USB_UART-if00-port0",
            "usb-1a86_USB_Serial-if00-port0",
            None,
            "same port",
        ),
        ('reader = "warehouse-in"', 'reader = "shipping-in"', None, "belongs to door"),
        ('device = "warehouse-in", input = 1', 'device = "no", input = 1', None, "no is no"),
        ("held_warn_s = 20.0", "held_warn_s = 40.0", "doors.warehouse", "held_alarm_s comes after"),
        ('mode = "badge"', 'mode = "badge+pin"', "doors.shipping.reader", "no keypad"),
        (
            "# [interlocks.sally-port]",
            '[interlocks.s]\ndoors = ["shipping", "warehouse"]',
            "interlocks.s.doors",
            "shipping has no contact",
        ),
        ('driver = "modbus"', 'driver = "gpio"', "inputs.board.port", "gpio has no port"),
        ('camera = "main"', 'camera = "x"', "doors.main-gate.camera", "no [cameras.x]"),
        ('camera = "main"', "", "doors.main-gate", "needs a camera"),
        ('driver = "lcus"', 'driver = "lucs"', "locks.board.driver", "lcus"),
        ('"always" }', '"sometimes" }', "access_levels.security.doors.warehouse", "sometimes"),
        ("hold_off_s = 1.0", "holdoff_s = 1.0", "readers.main-in.options.holdoff_s", "unknown"),
        ("threshold = 0.40", "threshold = 0.9", "face.threshold", "at most 0.5"),
        ("usb-Arduino_LLC_Arduino_Micro-if00", "usb-1a86_USB_Serial-if00-port0", None, "same port"),
        ("lent_threshold = 0.36", "lent_threshold = 0.6", "face.lent_threshold", "at most 0.5"),
        ('embedder = "dlib"', 'embedder = "dilb"', "face.embedder", "there are: dlib"),
        (
            "# embedder_options = {} ",
            "embedder_options = { path = 'x' } ",
            "face.embedder_options",
            "takes none",
        ),
        ("2027-01-01", "2026-12-25", "holidays.1.date", "twice"),
        ('area = "stock"', 'area = "stok"', "doors.warehouse.area", "no [areas.stok]"),
        (
            'area = "stock"',
            'area = "stock"\nfrom_area = "stock"',
            "doors.warehouse.from_area",
            "another",
        ),
        ('passback = "soft"', 'passback = "timed"', "areas.stock", "passback_minutes"),
        ('passback = "soft"', 'requires = ["x"]', "areas.stock.requires", "no [requirements.x]"),
        ("maximum = 40", 'degraded = { lens = "deny" }', "areas.stock.degraded.lens", "camera"),
        ('camera = "deny"', 'camera = "open"', "degraded.camera", "'confirm'"),
        (
            "# [requirements.background-check]\n",
            '[requirements.r]\ntitle = { en = "a", es = "b" }\ncriteria = ["99.9"]\n',
            "requirements.r.criteria",
            "no criterion 99.9",
        ),
        (
            "# [threat_levels.normal]\n",
            '[threat_levels.n]\ntitle = { en = "a", es = "b" }\nrank = 1\nclosed = ["moon"]\n',
            "threat_levels.n.closed",
            "no [areas.moon]",
        ),
        ("# [threat]\n", '[threat]\non_unknown = "x"\n', "threat.on_unknown", "threat_levels.x"),
        (
            "# [command_keys.control-room]",
            '[command_keys.k]\npublic_key = "AAAA"\n',
            "command_keys.k",
            "32 bytes",
        ),
        (
            "# [schedules.office]",
            "[schedules.o]\nfirst_in = 'x'\nperiods = "
            "[{days = ['mon'], from = '07:00', to = '08:00'}]",
            "schedules.o.first_in",
            "access_levels.x",
        ),
        (
            "# areas = { yard",
            'areas = { yard = "day-shift" } #',
            "access_levels.shipping.areas.yard",
            "no [areas.yard]",
        ),
        ('# username = "gate-1"', 'password_file = "p"', "mqtt", "needs username"),
        ("# tls = true", 'cert_file = "p"\nkey_file = "k"', "mqtt", "need tls"),
        (
            'fail = "secure"',
            'fail = "secure"\nrelease = "de-energise"',
            "doors.shipping",
            "would open when the board loses power",
        ),
    ],
)
def test_each_mistake(tmp_path: Path, old: str, new: str, key: str | None, reason: str) -> None:
    assert old in GOOD
    found = mistakes(tmp_path, GOOD.replace(old, new, 1))
    keys = [key] if key else list(found)
    assert any(reason in found[k][1] for k in keys), found
    assert all(found[k][0] > 0 for k in keys), found


def test_another_face_model_brings_thresholds_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.registry.names", lambda kind: ["arc"])
    other = GOOD.replace('embedder = "dlib"', 'embedder = "arc"')
    text = other.replace("threshold = 0.40", "threshold = 1.2", 1)
    path = tmp_path / "x.toml"
    path.write_text(text)
    assert any("face.embedder" in warning for warning in load(path).warnings)
    lines = [line for line in text.splitlines() if not line.startswith("lent_threshold")]
    assert "needed with" in mistakes(tmp_path, "\n".join(lines))["face.lent_threshold"][1]
    assert "less than" in mistakes(tmp_path, text.replace("1.2", "2.2"))["face.threshold"][1]


def test_a_file_that_is_missing_or_no_text_or_no_toml(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        load(tmp_path / "none.toml")
    path = tmp_path / "x.toml"
    path.write_bytes(b"[site]\n# caf\xe9\n")
    with pytest.raises(ConfigError, match=r"x\.toml:2: not UTF-8"):
        load(path)
    path.write_text("[site]\ngateway = \n")
    with pytest.raises(ConfigError, match=r"x\.toml:2: not valid TOML"):
        load(path)


def test_a_bom_from_windows_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load(path).site.gateway == "gate-1"


def test_what_is_legal_but_unwise_is_a_warning(tmp_path: Path) -> None:
    text = (
        GOOD.replace("source = 0", 'source = "gate.avi"')
        .replace("threshold = 0.40", "threshold = 0.48")
        .replace('host = "localhost"', 'host = "broker.example"')
        .replace('"always" }', '"always" }\n[access_levels.x]\ndoors = {}')
    )
    warnings = "\n".join(load(write(tmp_path, text)).warnings)
    for part in ("a file is no camera", "above 0.45", "travel in clear"):
        assert part in warnings


def test_a_site_corrects_and_adds_criteria_in_a_file_of_its_own(tmp_path: Path) -> None:
    own = tmp_path / "criteria.toml"
    text = GOOD.replace('# file = "criteria.toml"', 'file = "criteria.toml"')
    own.write_text(
        '[criteria."7.7"]\nkind = "must"\ntitle = { en = "Ours", es = "Nuestro" }\n'
        '[evidence]\ndenied_revoked = ["7.7", "10.1"]\n'
    )
    settings = load(write(tmp_path, text))
    assert settings.site.evidence["denied_revoked"] == ("7.7", "10.1")
    assert settings.site.evidence["granted"] == ("9.4", "10.1")
    assert settings.criteria.criteria["10.2"].title["es"].startswith("Los visitantes")
    for wrong, reason in (
        ('[evidence]\ngranted = ["1.99"]', "there is no criterion 1.99"),
        ('[evidence]\ndenied_revokd = ["10.1"]', "no reason code"),
        ('[criteria."1"]\nkind = "may"', "expected must"),
        ('[criteria."1"]\nkind = "must"\ntitle = { en = "a" }', "in en and in es"),
        ("x = 1", "unknown key"),
        ("x = ", "not valid TOML"),
    ):
        own.write_text(wrong)
        with pytest.raises(ConfigError, match=reason):
            load(write(tmp_path, text))
    with pytest.raises(ConfigError, match="no-such-set"):
        load(write(tmp_path, GOOD.replace("ctpat-msc-2020", "no-such-set")))


def test_policies_that_are_legal_and_unwise(tmp_path: Path) -> None:
    text = GOOD.replace('clock = "deny"', 'clock = "badge"').replace(
        'reader_out = "warehouse-out"', ""
    )
    warnings = "\n".join(load(write(tmp_path, text)).warnings)
    assert "a clock set back" in warnings and "areas.stock: nobody can be seen leaving" in warnings


@pytest.mark.parametrize(
    ("of", "wrong"), [(None, "there is no"), ("person", 'is not of = "company"'), ("company", "")]
)
def test_the_requirement_of_partners_is_one_of_companies(of: str | None, wrong: str) -> None:
    data = tomllib.loads(GOOD)
    data["partners"] = {"requirement": "status"}
    if of:
        data["requirements"] = {"status": {"title": {"en": "a", "es": "b"}, "of": of}}
    found = list(mistakes_across(Tables.model_validate(data)))
    assert bool(found) == bool(wrong)
    for loc, why in found:
        assert loc == ("partners", "requirement") and wrong in why


def test_a_setting_with_characters_that_cannot_be_seen_is_a_warning(tmp_path: Path) -> None:
    text = GOOD + '[[holidays]]\ndate = 2030-01-01\nname = "A\u200bo nuevo"\n'
    warnings = load(write(tmp_path, text)).warnings
    assert any("holidays.name: character 2 can't be seen (U+200B)" in each for each in warnings)


def test_the_policies_in_the_docs_are_good() -> None:
    """Each TOML block of docs/rules.md, laid over the example, with the kinds that it names."""
    docs = (ROOT / "docs" / "rules.md").read_text()
    blocks = re.findall(r"```toml\n(.*?)```", docs, re.DOTALL)
    blocks = [block for block in blocks if "criteria.toml" not in block]
    assert len(blocks) >= 6
    title = {"en": "a", "es": "b"}
    kinds = ("training", "background-check", "partner-status", "driver-training")
    for block in blocks:
        data = tomllib.loads(GOOD)
        given = tomllib.loads(block)
        for name, table in given.items():
            data.setdefault(name, {})
            if name == "doors":
                wiring = data["doors"]["shipping"]
                del data["doors"]["warehouse"]
                locks = {"truck-gate": 2, "warehouse": 3}
                data["doors"] |= {
                    key: {**wiring, "channel": locks[key], "reader": f"r-{key}", **door}
                    for key, door in table.items()
                }
                data["doors"].pop("shipping")
                for level in data["access_levels"].values():
                    level["doors"] = {}
                for key in table:
                    port = {"driver": "rdm6300", "port": f"/dev/{key}"}
                    data["readers"][f"r-{key}"] = port
            else:
                data[name] |= table
        for kind in kinds:
            data.setdefault("requirements", {}).setdefault(kind, {"title": title})
        data["areas"].setdefault("warehouse", {})
        data["schedules"].setdefault("day-shift", data["schedules"]["guards"])
        tables = Tables.model_validate(data)
        assert list(mistakes_across(tables)) == [], block
