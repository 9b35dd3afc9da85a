"""What records hold in English is Spanish where somebody reads it."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.ledger.event import Event
from gateway.locale import Message
from gateway.wording import text
from gateway.wording.details import detail
from tests.gateway.cli.test_spanish import english

ROOT = Path(__file__).parents[3]
TIJUANA = ZoneInfo("America/Tijuana")
# Where details begin that records and the status keep: files, and calls whose text is one.
OSDP = ROOT / "drivers" / "readers" / "osdp"
DRIVERS = [*sorted(OSDP.glob("*.py")), ROOT / "drivers" / "serialport.py"]
TOLD = {"_tell", "_fail", "CommandDone", "KeyInstalled", "Restarted", "SecureChannelError", "_drop"}


def event(kind_of: str, /, **data: object) -> Event:
    return Event(1, "x-1", "2026-11-26T18:00:00.000Z", kind_of, "s", data, "0" * 64, "0" * 64)


def told_by_drivers() -> set[str]:
    found = set()
    for path in DRIVERS:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in TOLD:
                found |= {
                    part.value
                    for part in node.args
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                }
    return found - {""}


def test_what_a_driver_says_of_a_device_was_english() -> None:
    told = told_by_drivers()
    assert len(told) > 10
    left = {said for said in told if detail(said, "es") == said}
    assert not left


@pytest.mark.parametrize(
    ("recorded", "said"),
    [
        ("no answer", "no responde"),
        ("the reader has lost the session (NAK 6)", "el lector perdió la sesión (NAK 6)"),
        ("another gateway has this name: box-2", "otro gateway tiene este nombre: box-2"),
        ("without a dead man: Permission denied", "sin guardián del puerto: sin permiso"),
        ("12 MB free", "12 MB libres"),
        ("where people are is not known", "no se sabe dónde están las personas"),
        ("no_signal", "sin imagen"),
        ("channel: in clear", "canal seguro: sin cifrar"),
        ("list_old: 30 h", "lista demasiado vieja: 30 h"),
        ("something-else", "something-else"),
    ],
)
def test_a_detail_is_told_in_spanish(recorded: str, said: str) -> None:
    assert detail(recorded, "es") == said
    assert detail(recorded, "en") != "" and detail("") == ""


def test_a_sentence_held_pythons_true_none_and_lists(spanish: None) -> None:
    said = [
        text.describe(event(kind, **data), zone=TIJUANA)
        for kind, data in (
            ("freight.hooked", {"units": [], "by": "ana"}),
            ("freight.hooked", {"units": ["5301", "5302"], "by": "ana"}),
            ("freight.spot_checked", {"checker": "ana", "ok": True}),
            ("requirement.set", {"kind": "k", "subject": "s", "valid_until": None, "by": "ana"}),
            ("face.consent_set", {"given_at": "2026-11-01", "until": None}),
            ("partner.changed", {"by": "ana", "status": "suspended", "valid_until": "2027-01-31"}),
            ("device.offline", {"kind": "inputs", "detail": "no answer"}),
            ("command.refused", {"count": 2, "why": "expired, not known here"}),
            ("area.forgiven", {"person": "e1", "left": False, "reason": "x", "by": "ana"}),
        )
    ]
    assert said[0] == "enganchó -, registrado por ana"
    assert "5301, 5302" in said[1] and "sí" in said[2]
    assert "suspendido" in said[5] and said[6] == "entradas fuera de línea: no responde"
    assert "ya venció, aquí no se conoce" in said[7] and "e1" not in said[8]
    for sentence in said:
        assert not re.search(r"True|False|None|\[|\]", sentence), sentence
        assert not english(sentence), sentence


def test_the_log_ended_in_a_traceback_after_a_passback_was_forgiven() -> None:
    """`person` of that event is an id, not a table."""
    told = text.describe(event("area.forgiven", person="e1", by="ana", reason="x"))
    assert told == "passback forgiven by ana: x"


def test_a_guard_reads_local_times_in_a_sentence(spanish: None) -> None:
    given = event(
        "grant.given",
        kind="door",
        target="d",
        by="a",
        reason="x",
        until="2026-11-27T02:00:00+00:00",
    )
    assert "26 nov 2026 18:00" in text.describe(given, zone=TIJUANA)
    over = event("visit.overdue", name="Eva", host="Ana", until="2026-11-26T22:30:00Z")
    assert "26 nov 2026 14:30" in text.describe(over, zone=TIJUANA)


def test_spanish_has_one_word_for_a_pin_and_none_for_a_forgotten_face() -> None:
    catalogue = (ROOT / "gateway" / "locale" / "es" / "LC_MESSAGES" / "garita.po").read_text(
        "utf-8"
    )
    spoken = re.findall(r'^msgstr(?:\[\d\])? ((?:".*"\n)+)', catalogue, re.M)
    assert len(spoken) > 500
    assert not [line for line in spoken if re.search(r"\bPINs?\b|olvidad", line)]


COUNTS = {"added", "changed", "count", "days", "refused", "removed", "templates"}


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_record_spoke_of_one_thing_as_of_many(language: str) -> None:
    """Each event's sentence with 1 for every count: no plural stands behind it."""
    for template in text.EVENTS.values():
        names = re.findall(r"{(\w+)}", template)
        facts = {name: 1 if name in COUNTS else "..." for name in names}
        said = Message(template).words(language).format(**facts)
        assert not re.search(r"\b1 [^\W\d]{2,}s\b", said), said
