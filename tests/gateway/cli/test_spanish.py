"""With language = "es" nothing that a guard or HR person meets is English.

Every command's help is read, and the common commands are run on a prepared site, with errors.
What comes out is searched for common English words.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from demo.rig import Rig
from gateway import locale
from gateway.cli import tree
from gateway.cli.main import app
from gateway.locale import HERE, __main__

# Words that English sentences can hardly do without, and that Spanish and our codes do not have.
ENGLISH = frozenset(
    """
    the this that these those there their they them then than which whose who what when where
    why how is are was were been being has have had does did done not nobody nothing none never
    every of to from with without within into onto until since after before about above below
    between and or but if for by at on in out it its his her he she we you your our be may must
    can could should would will shall list person people badge badges door doors reader readers
    lock locks camera level levels name event events version changed added removed unchanged
    refused denied granted allowed missing expected unknown wrong invalid error errors failed
    found needs given takes already file files folder key keys day days time times hour hours
    number first last new old next only again also any all some more most less least other
    another same show print give take put make set run read write look say says said tell told
    waiting open closed opened unlocked inside outside online offline started stopped warning
    note please try use using usage options commands arguments required default command driver
    carrier seal seals truck visit visitor visitors guard company reason
    """.split()  # noqa: SIM905 - a list to read
)
# The same letters in Spanish, our own codes, and what is not a sentence.
NOT_ENGLISH = frozenset(
    """
    no me a has he error use
    """.split()  # noqa: SIM905 - a list to read
)
CODES = re.compile(
    r"""
    `[^`]*`                              # a command or a code, quoted
    | '[^']*'                            # the same
    | "[^"]*"
    | --[\w-]+ | (?<!\w)-\w\b            # options
    | \[[\w., /*{}-]*\]                  # tables of the configuration
    | <[^ ]*>(?:[/\w]+)?
    | \b\w+\ =\ | \b\w*\d\w*\b | \b\w+(?:-\w+)+\b  # keys, numbers and hashes, codes
    | \{[\w-]+\}                         # the names of arguments
    | [\w.*-]+(?:[/=@:._][\w.*/{}-]+)+   # paths, keys, topics, numbers of badges
    | \b[A-Z][A-Z_]+\b                   # GARITA_CONFIG, SUBJECT
    """,
    re.VERBOSE,
)
# Values of options, which are typed as they stand.
VALUES = frozenset(
    """
    energise secure safe stock issued used void carrier supplier customer contractor broker
    other ctpat oea aeo pip basc none active suspended visitor vendor service expected arrived
    departed on all ok bad view verify tug twist eta driver tractor units seals in out same bus
    device
    """.split()  # noqa: SIM905 - a list to read
)


PYTHON = re.compile(r"GARITA_DEBUG|Traceback|\b(?:True|False|None|PINs?)\b|\[\]|\['")
FIRST = re.compile(r"^│ \*? *[\w-]+(?= {2})", re.MULTILINE)


COMMANDS = {word for path, _command in tree.walk() for word in path}
GARITA = re.compile(r"\bgarita(?: [a-z-]+)+")


def _typed(found: re.Match[str]) -> str:
    """A command line without the names of commands; what follows them is text again."""
    words = found[0].split()[1:]
    while words and words[0] in COMMANDS:
        words.pop(0)
    return " ".join(words)


def english(text: str, *, allowed: frozenset[str] = frozenset()) -> list[str]:
    """The lines that hold English words that are neither codes nor `allowed`."""
    found = []
    for line in text.splitlines():
        plain = CODES.sub(" ", GARITA.sub(_typed, line)).lower()
        words = [w for w in re.findall(r"[a-záéíóúüñ]+", plain) if w in ENGLISH - NOT_ENGLISH]
        words = [word for word in words if word not in allowed]
        if words:
            found.append(f"{', '.join(words)}: {line.strip()}")
    return found


def test_an_english_sentence_is_noticed() -> None:
    assert english("nobody on the list has the id e9")
    assert english("garita: there is no [doors.x]")
    assert english("El nombre de la puerta; it goes into the log.")
    assert not english("nadie en la lista tiene el id e9; use `garita people list` o --all")
    assert not english("access.denied gate: no existe [doors.x] (config.toml:7)")


def test_the_help_of_every_command_is_spanish() -> None:
    runner, seen = CliRunner(), 0
    for path, _command in tree.walk():
        result = runner.invoke(
            app, [*path, "--help"], env={"GARITA_LANG": "es", "COLUMNS": "200"}, prog_name="garita"
        )
        assert result.exit_code == 0, path
        lines = result.stdout.splitlines()
        # A row of a table of commands begins with the name, one of arguments with that and `*`.
        plain = [
            re.sub(r"^│ \*? *[\w-]+(?= {2})", "│", line) for line in lines if "Uso:" not in line
        ]
        assert not english("\n".join(plain), allowed=VALUES), " ".join(path)
        seen += 1
    assert seen > 100


def test_planted_english_in_a_help_text_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    words = locale.catalogue("es")
    plain = words.gettext
    planted = "Who is inside, and since when."

    def forgetful(message: str) -> str:
        return message if message == planted else plain(message)

    monkeypatch.setattr(words, "gettext", forgetful)
    with pytest.raises(AssertionError):
        test_the_help_of_every_command_is_spanish()


def test_the_catalogue_itself_holds_no_english() -> None:
    """Every Spanish text, also of those errors that no test provokes."""
    wrong = []
    for message in __main__.read(HERE / "es" / "LC_MESSAGES" / "garita.po"):
        texts = message.string if isinstance(message.string, tuple | list) else [message.string]
        for text in texts:
            if message.id:
                plain = re.sub(r"\{\w*[^}]*\}", "0", str(text))
                wrong += english(
                    plain, allowed=VALUES | {"every", "at", "levels", "camera", "people"}
                )
    assert not wrong, "\n".join(wrong)


# On a site


@pytest.fixture
async def rig(make_rig: Callable[..., Rig]) -> AsyncIterator[Rig]:
    made = make_rig(site='language = "es"', policy=POLICY, osdp=False)
    yield made


POLICY = """
[areas.plant]
title = { en = "Plant", es = "Planta" }
maximum = 5
requires = ["training"]

[requirements.training]
title = { en = "Safety training", es = "Capacitación de seguridad" }

[threat_levels.normal]
rank = 0
title = { en = "Normal", es = "Normal" }

[threat_levels.alert]
rank = 5
title = { en = "Alert", es = "Alerta" }
closed = ["plant"]

[visits]
access_levels = ["plant"]
"""
PEOPLE = [
    {"id": "e1", "name": "Ana", "credentials": "em4100:18:5550100", "access_levels": "plant"},
    {"id": "e2", "name": "Luis", "credentials": "em4100:18:5550200", "access_levels": "plant"},
]
# Names of this site: its doors, levels and devices, and what was typed above.
NAMES = frozenset(
    """
    gate yard plant board nights normal alert training lost prev head seals
    """.split()  # noqa: SIM905 - a list to read
)

STOPPED: tuple[tuple[str, ...], ...] = (
    ("check",),
    ("status",),
    ("muster",),
    ("area", "list"),
    ("area", "forgive", "e1", "--reason", "x"),
    ("threat", "show"),
    ("threat", "set", "alert", "--reason", "x"),
    ("threat", "set", "nada", "--reason", "x"),
    ("door", "waiting"),
    ("door", "in-service", "gate"),
    ("door", "in-service", "nada"),
    ("door", "in-service"),
    ("reader", "list"),
    ("reader", "watch", "nada"),
    ("reader", "test", "gate-in"),
    ("camera", "list"),
    ("clock", "accept"),
    ("key", "new", "site.key"),
    ("people", "list"),
    ("people", "show", "e1"),
    ("people", "show", "e9"),
    ("people", "revoke", "e9", "--reason", "x"),
    ("people", "revoke", "e1", "--reason", "x"),
    ("people", "reinstate", "e1", "--reason", "x"),
    ("people", "reinstate", "e2", "--reason", "x"),
    ("people", "escort", "e1"),
    ("people", "escort", "e1", "--clear"),
    ("people", "pin", "e1"),
    ("people", "pin", "e1", "--clear"),
    ("people", "enroll", "e1"),
    ("people", "enroll", "e1", "nada.jpg"),
    ("people", "sync", "nada.csv"),
    ("people", "versions"),
    ("people", "history"),
    ("people", "history", "e1"),
    ("people", "rollback"),
    ("people", "rollback", "9"),
    ("people", "sources"),
    ("people", "pull", "nada"),
    ("people", "revocations"),
    ("people", "shw"),
    ("people", "list", "--nada"),
    ("people", "list", "--limit", "x"),
    ("people", "show"),
    ("grant", "add", "e1", "--door", "gate", "--until", "2040-01-01T10:00", "--reason", "x"),
    ("grant", "add", "e1", "--until", "2040-01-01T10:00", "--reason", "x"),
    ("grant", "add", "e1", "--door", "gate", "--until", "ayer", "--reason", "x"),
    ("grant", "list"),
    ("grant", "end", "1", "--reason", "x"),
    ("grant", "end", "7", "--reason", "x"),
    ("requirement", "set", "e1", "training", "--until", "2040-01-01"),
    ("requirement", "set", "e1", "nada"),
    ("requirement", "list"),
    ("requirement", "due"),
    ("requirement", "remove", "e1", "training"),
    ("explain", "e1", "gate"),
    ("explain", "e9", "gate"),
    ("explain", "e1", "nada"),
    ("replay", "99"),
    ("log", "tail"),
    ("log", "show", "2"),
    ("log", "show", "99"),
    ("log", "verify"),
    ("log", "verify", "--head", "x"),
    ("log", "export", "--format", "xml"),
    ("face", "evaluate", "nada"),
    ("face", "keys"),
    ("face", "report"),
    ("face", "consent", "--list"),
    ("face", "consent", "e1", "--date", "2026-11-01"),
    ("face", "consent", "e1", "--date", "ayer"),
    ("face", "forget", "e1", "--reason", "x"),
    ("face", "purge"),
    ("face", "purge", "--today", "2026-11-01"),
    ("face", "picture", "1", "--out", "nada.jpg"),
    ("bundle", "keygen", "par"),
    ("bundle", "verify", "nada", "--key", "par.pub"),
    ("bundle", "publish", "nada"),
    ("lock", "rest"),
    ("nada",),
)
_TRUCK = ("--driver", "Juan Mota", "--carrier", "Norte", "--tractor", "AB1")
DESK: tuple[tuple[str, ...], ...] = (
    ("partner", "add", "Norte", "--programme", "ctpat", "--number", "S1", "--until", "2099-12-31"),
    ("partner", "add", "Sur"),
    ("partner", "list"),
    ("partner", "show", "Norte"),
    ("partner", "show", "nada"),
    ("partner", "status", "Norte", "suspended", "--reason", "x"),
    ("partner", "show", "Norte"),
    ("partner", "status", "Norte", "active", "--reason", "x"),
    ("partner", "suspend", "Norte"),
    ("partner", "suspend", "Norte", "--reason", "x"),
    ("freight", "expect", "--eta", "23:59", *_TRUCK),
    ("partner", "restore", "Norte", "--reason", "x"),
    ("visit", "expect", "Eva", "--host", "Ana", "--until", "23:59", "--company", "Norte"),
    ("visit", "expect", "Eva", "--host", "Ana", "--until", "ayer"),
    ("visit", "expect", "Eva", "--host", "Ana", "--from", "12:00", "--until", "11:00"),
    ("visit", "list"),
    ("visit", "arrive", "1"),
    ("visit", "arrive", "1", "--id-kind", "nada"),
    ("visit", "arrive", "1", "--id-kind", "ine"),
    ("visit", "arrive", "1", "--id-kind", "ine"),
    ("visit", "arrive", "77", "--id-kind", "ine"),
    ("visit", "contact", "1", "--escort", "e9"),
    ("visit", "contact", "1", "--escort", "e2"),
    ("visit", "badge", "1", "em4100:18:5550100"),
    ("visit", "badge", "1", "em4100:18:777"),
    ("visit", "badge", "1", "em4100:18:778"),
    ("visit", "extend", "1", "--until", "2099-01-01T10:00"),
    ("visit", "show", "1"),
    ("visit", "list", "--badges-out"),
    ("visit", "list", "--state", "nada"),
    ("visit", "depart", "1"),
    ("visit", "return", "1"),
    ("visit", "walk-in", "Leo", "--host", "Ana", "--until", "23:59", "--company", "Sin registro"),
    ("visit", "cancel", "2", "--reason", "x"),
    ("visit", "regular", "add", "Leo", "--company", "Norte"),
    ("visit", "regular", "add", "Leo", "--company", "Norte"),
    ("visit", "regular", "list"),
    ("visit", "log"),
    ("visit", "log", "--csv"),
    ("freight", "seals", "receive", "AB100..AB109", "--certificate", "T-1"),
    ("freight", "seals", "receive", "AB100..AB90", "--certificate", "T-1"),
    ("freight", "seals", "issue", "AB100", "--to", "Rosa"),
    ("freight", "seals", "void", "AB101", "--reason", "x"),
    ("freight", "seals", "list"),
    ("freight", "seals", "reconcile"),
    ("freight", "expect", "--eta", "23:59", *_TRUCK, "--unit", "5301", "--seal", "ZZ123"),
    ("freight", "list"),
    ("freight", "arrive", "1", *_TRUCK, "--container", "CSQU3054380"),
    (
        "freight",
        "arrive",
        "1",
        "--driver",
        "Otro",
        "--carrier",
        "Nadie",
        "--tractor",
        "XY2",
        "--trailer",
        "5302/PL",
        "--seal",
        "ZZ999",
        "--seal-broken",
        "--document",
        "manifest=M1",
    ),
    ("freight", "arrive", "1", *_TRUCK),
    ("freight", "identify", "1", "--id-kind", "licence"),
    ("freight", "load", "1"),
    ("freight", "checklists"),
    ("freight", "checklists", "tractor-7"),
    ("freight", "inspect", "1", "nada"),
    ("freight", "inspect", "1", "tractor-7", "--ok", "1-99"),
    ("freight", "inspect", "1", "tractor-7", "--ok", "1-6", "--bad", "7=roto"),
    ("freight", "inspect", "1", "tractor-7", "--ok", "1-7"),
    ("freight", "inspect", "1", "trailer-10", "--ok", "1-10", "--unit", "5302"),
    ("freight", "inspect", "1", "pests", "--ok", "1-5"),
    ("freight", "sign", "1", "--by", "Laura"),
    ("freight", "spot", "1", "--by", "Laura", "--result", "ok"),
    ("freight", "release", "1", "--by", "Laura", "--reason", "x"),
    ("freight", "unload", "1"),
    ("freight", "seal", "1", "AB100"),
    ("freight", "depart", "1"),
    ("freight", "show", "1"),
    ("freight", "hook", "1", "--nothing"),
    ("freight", "turn-away", "1", "--reason", "x"),
    ("freight", "show", "1"),
    ("freight", "show", "99"),
    ("freight", "list", "--stage", "all"),
    ("freight", "list", "--stage", "nada"),
    ("freight", "log"),
    ("freight", "log", "--csv"),
    ("log", "tail"),
)


def lines_of(rig: Rig, *command: str, stdin: str | None = None) -> list[str]:
    words = [str(rig.folder / w) if w in ("site.key", "par", "nada.jpg") else w for w in command]
    if command[0] in ("key", "bundle", "nada") and command[1:2] != ("publish",):
        env = {"GARITA_LANG": "es", "COLUMNS": "80"}
        alone = CliRunner().invoke(app, words, env=env, prog_name="garita")
        return _english(rig, command, alone.stdout + alone.stderr)
    done = rig.cli(*words, check=False, stdin=stdin)
    return _english(rig, command, done.stdout + done.stderr)


def _english(rig: Rig, command: tuple[str, ...], text: str) -> list[str]:
    text = FIRST.sub("│", text).replace(str(rig.folder), "")
    text = re.sub(r"\b(access|people|area|door|threat|grant|device|visit)\.\w+ +\w+:", "", text)
    text = re.sub(r"^(entonces: |ahora: )?(granted|denied_\w+):", "", text, flags=re.M)
    # A traceback, and Python's own words for values, are no sentence of any language.
    raw = (
        [line for line in text.splitlines() if PYTHON.search(line)] if "show" not in command else []
    )
    return [f"garita {' '.join(command)}: {line}" for line in english(text, allowed=NAMES) + raw]


async def test_commands_on_a_stopped_site_speak_spanish(
    rig: Rig,
) -> None:
    people = rig.write_people(PEOPLE)
    wrong = lines_of(rig, "people", "sync", str(people))
    wrong += lines_of(rig, "people", "sync", str(people), "--apply")
    bad = rig.folder / "malo.csv"
    bad.write_text("id,name,credentials,access_levels\ne1,Ana,5550999,plant\ne1,B,,nada\n,C,,\n")
    wrong += lines_of(rig, "people", "sync", str(bad))
    bad.write_text("id,name,credentials,access_levels\n")
    wrong += lines_of(rig, "people", "sync", str(bad), "--apply")
    bad.write_text("id,name,credentials,access_levels\ne2,Luis,em4100:18:5550100,\n")
    wrong += lines_of(rig, "people", "sync", str(bad))
    for command in STOPPED:
        wrong += lines_of(rig, *command, stdin="4711\n" if "pin" in command else None)
    broken = rig.config.read_text().replace('mode = "badge"', "mode = 7\nnada = 1", 1)
    rig.config.write_text(broken.replace('lock = "board"', 'lock = "nada"', 1))
    wrong += lines_of(rig, "check")
    assert not wrong, "\n".join(wrong)


async def test_the_desk_speaks_spanish(rig: Rig, from_account: Callable[[str], None]) -> None:
    people = rig.write_people(PEOPLE)
    rig.cli("people", "sync", str(people), "--apply")
    wrong = []
    for command in DESK:
        from_account("laura" if "--by" in command else "rosa")
        wrong += lines_of(rig, *command)
    # Values that an operator types as they stand are listed after "--state:" and "--stage:".
    wrong = [line for line in wrong if "garita: --sta" not in line]
    bad = rig.folder / "camiones.csv"
    bad.write_text("llegada;chofer;transportista\nayer;Juan;Norte\n23:59;;Norte\n")
    wrong += lines_of(rig, "freight", "import", str(bad))
    bad.write_text("llegada;nada\n")
    wrong += lines_of(rig, "freight", "import", str(bad))
    assert not wrong, "\n".join(wrong)


async def test_commands_on_a_running_site_speak_spanish(rig: Rig) -> None:
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    await rig.start()
    rig.yard_reader.present(18, 5550100)
    rig.gate_reader.present(18, 5550999)
    await rig.until(lambda s: len([v for v in s["last"].values() if v]) == 2)
    wrong: list[str] = []
    for command in (
        ("status",),
        ("muster",),
        ("log", "tail"),
        ("door", "waiting"),
        ("door", "confirm", "gate"),
        ("door", "out-of-service", "gate", "--reason", "x"),
        ("status",),
        ("explain", "e1", "gate"),
        ("door", "in-service", "gate"),
        ("area", "list"),
        ("threat", "show"),
        ("threat", "set", "alert", "--reason", "x"),
        ("reader", "list"),
        ("reader", "show", "gate-in"),
        ("camera", "list"),
        ("camera", "accept", "nada", "--reason", "x"),
        ("clock", "accept"),
        ("lock", "rest"),
        ("log", "verify"),
        ("log", "tail"),
    ):
        wrong += lines_of(rig, *command)
    events = await rig.acli("log", "export")
    seqs = [n for n, line in enumerate(events.stdout.splitlines(), 1) if "access." in line]
    for seq in seqs:
        wrong += lines_of(rig, "log", "show", str(seq))
        wrong += lines_of(rig, "replay", str(seq))
    assert seqs and not wrong, "\n".join(wrong)


async def test_planted_english_in_a_command_is_found(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = locale.catalogue("es")
    plain = words.gettext
    planted = "nobody on the list has the id {person}"

    def forgetful(message: str) -> str:
        return message if message == planted else plain(message)

    monkeypatch.setattr(words, "gettext", forgetful)
    assert lines_of(rig, "people", "show", "e9")


def test_the_language_is_known_before_help(tmp_path: Path) -> None:
    from gateway.cli.language import chosen

    spanish = tmp_path / "es.toml"
    spanish.write_text('[site]\nlanguage = "es"\n')
    broken = tmp_path / "broken.toml"
    broken.write_text("[site\n")
    mexico = {"LANG": "es_MX.UTF-8"}
    assert chosen(["status", "-c", str(spanish)], {}) == "es"
    assert chosen(["-c", str(spanish), "status"], {}) == "es"
    assert chosen([f"--config={spanish}", "-h"], {}) == "es"
    assert chosen(["status"], {"GARITA_CONFIG": str(spanish)}) == "es"
    assert chosen(["status", "-c", str(spanish)], {"GARITA_LANG": "en"}) == "en"
    assert chosen(["status", "-c", str(broken)], mexico) == "es"
    assert chosen(["status", "-c", str(tmp_path / "none")], mexico) == "es"
    assert chosen(["status", "-c"], {"LC_ALL": "C", "LANG": "es_MX"}) == "en"
    assert chosen(["status", "-c", "/dev/zero"], {}) == "en"
    assert chosen(["x", "--", "-c", str(spanish)], {}) == "en"
