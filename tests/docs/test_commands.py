"""Every `garita` command that the pages show: it exists with its options, and it runs as shown.

A page's fenced blocks are run in their order on one gate of virtual devices.  Where the page is
about the example configuration, `NAMES` gives the name that stands for it at this gate.  A block
that can't be run here stands behind `<!-- not run: why -->` in the page.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer.main

from demo.rig import Rig
from gateway.cli.main import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"(?:<!-- not run: (?P<why>[^>]+) -->\n)?```\w*\n(?P<body>.*?)```", re.DOTALL)
SPAN = re.compile(r"`(garita [^`]+)`")
PLACE = re.compile(r"^(?:[A-Z][A-Z_0-9]*|<.*>|\.\.\.|…)$")


@dataclass(frozen=True)
class Shown:
    """One command of a page; `why` says why it is not run."""

    page: str
    text: str
    why: str = ""

    @property
    def words(self) -> list[str]:
        line = re.sub(r"\s#.*$", "", self.text)
        return [w for w in shlex.split(line) if w not in ("...", "…")][1:]


def _commands(body: str) -> Iterator[str]:
    joined = re.sub(r"\\\n\s*", "", body)
    for line in joined.splitlines():
        for part in re.split(r" && | \| ", line.strip().removeprefix("$ ")):
            if part.startswith("garita "):
                yield part


def shown(page: Path) -> list[Shown]:
    text = page.read_text("utf-8")
    return [
        Shown(page.name, command, match["why"] or "")
        for match in FENCE.finditer(text)
        for command in _commands(match["body"])
    ]


def spans(page: Path) -> list[str]:
    prose = FENCE.sub("", page.read_text("utf-8"))
    return [re.sub(r"\s+", " ", span) for span in SPAN.findall(prose)]


def _find(words: list[str]) -> tuple[Any, list[str]]:
    command: Any = typer.main.get_command(app)  # of the Click that Typer carries
    while hasattr(command, "get_command") and words:
        context = command.context_class(command)
        found = command.get_command(context, words[0])
        if found is None:
            break
        command, words = found, words[1:]
    return command, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_on_a_page_exists_with_its_options(page: Path) -> None:
    for text in [*(item.text for item in shown(page)), *spans(page)]:
        if PLACE.match(text.split()[1]) or text.startswith("garita -"):
            continue
        try:
            words = Shown(page.name, text).words
        except ValueError:  # an apostrophe in a sentence that begins with the command's name
            words = text.split()[1:]
        command, rest = _find([word for word in words if not PLACE.match(word)])
        if hasattr(command, "get_command") and not command.invoke_without_command:
            assert not rest, f"{page.name}: {text}: there is no such command"
        known = {
            option for param in command.params for option in (*param.opts, *param.secondary_opts)
        }
        known |= {"-c", "--config", "-h", "--help", "--version"}
        wrong = [w for w in rest if w.startswith("-") and w.partition("=")[0] not in known]
        assert not wrong, f"{page.name}: {text}: no option {wrong}"


# As shown

SITE = """
[freight]
spot_check_percent = 0.0   # chance would stop one truck in twenty
early_min = 1440           # the page's hours are not those of the test
late_min = 1440

[visits]
access_levels = ["plant"]
escorted_access_levels = ["plant"]

[operators.laura]
person = "e9"
roles = ["supervisor"]

[requirements.background-check]
title = { en = "Background check", es = "Antecedentes" }
of = "person"

[requirements.partner-status]
title = { en = "Partner", es = "Socio" }
of = "company"

[threat_levels.normal]
title = { en = "Every day", es = "Normal" }
rank = 0

[threat_levels.lockdown]
title = { en = "Lockdown", es = "Cierre" }
rank = 9
"""
NAMES = {
    "main-in": "gate-in",
    "warehouse-in": "vault-in",
    "warehouse": "yard",
    "NAME": "vault-in",
    "e100": "e17",
}
NOT_RUN = {
    "garita run": "it is the gateway of this test",
    "garita log tail -f": "it runs until it is stopped",
    "garita reader watch": "it runs until it is stopped; tests/gateway/cli/test_cli.py has one",
    "garita key new": "the gate has its key; test_install.py makes one",
    "garita people enroll": "tests/gateway/face enrols faces from photographs",
    "garita people map": "asks at a terminal; tests/gateway/people/test_hr_lists.py types there",
    "garita people sync lista.xlsx": "tests/gateway/people/test_hr_lists.py has such a workbook",
    "garita bundle publish": "needs a broker; tests/gateway/daemon/test_pulls.py has one",
    "garita threat sign": "needs a control room's key; tests/gateway/daemon/test_commands.py",
}
PEOPLE = [
    {"id": "e17", "name": "Luis Vega", "credentials": "em4100:1:17", "access_levels": "plant"},
    {"id": "e9", "name": "Laura Gil"},
]
PIN = "4715\n"  # of Laura, who types it where a second person is asked for


async def test_the_readmes_and_the_installers_commands_run(
    make_rig: Callable[..., Rig], tmp_path: Path
) -> None:
    rig = make_rig(osdp=True, policy=SITE)
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    rig.ledger_path.parent.chmod(0o750)  # as the unit makes it
    await rig.start()
    await rig.acli("reader", "install", "vault-out")
    for page in ("README.md", "operations.md", "osdp.md", "drivers.md"):
        await _run(rig, page, {})


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("freight.md", {"7": "1"}),
        ("visitors.md", {"12": "1"}),
        ("rules.md", {}),
        ("people.md", {}),
        ("personas.md", {}),
    ],
)
async def test_the_desks_commands_run(
    page: str, names: dict[str, str], make_rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = make_rig(policy=SITE)
    config = rig.config.read_text(encoding="utf-8")
    rig.config.write_text(config.replace("America/Tijuana", where_it_is_ten()), encoding="utf-8")
    monkeypatch.chdir(rig.folder)  # some commands write files where they are run
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    await rig.acli("people", "pin", "e9", stdin=PIN)
    await rig.acli("partner", "add", "Transportes Norte", *PARTNER)
    await rig.acli("partner", "add", "Acme México", *PARTNER)
    await rig.acli("freight", "seals", "receive", "AB100000..AB100009", "--certificate", "T-1")
    (rig.folder / "floor.jpg").write_bytes(b"\xff\xd8\xff\xe0 a picture by its hash")
    await _run(rig, page, names)


def where_it_is_ten() -> str:
    """A time zone in which it is past ten now: the pages show a morning."""
    behind = (datetime.now(UTC).hour - 10 + 12) % 24 - 12
    return f"Etc/GMT{behind:+d}" if behind else "Etc/GMT"


PARTNER = ("--programme", "ctpat", "--number", "SVI-1", "--until", "2099-12-31")


async def _run(rig: Rig, page: str, names: dict[str, str]) -> None:
    where = next(path for path in PAGES if path.name == page)
    ran = 0
    for item in shown(where):
        if item.why or any(item.text.startswith(start) for start in NOT_RUN):
            continue
        words = [names.get(word, NAMES.get(word, word)) for word in item.words]
        words = [str(rig.folder / w) if (rig.folder / w).is_file() else w for w in words]
        if words == ["diag"]:
            words.append(str(rig.folder / "diag.zip"))  # else it goes into the checkout
        done = await rig.acli(*words, check=False, config="bundle" not in words, stdin=PIN)
        assert done.returncode == 0, f"{page}: {item.text}\n{done.stdout}{done.stderr}"
        ran += 1
    assert ran, f"{page} shows nothing that runs"
