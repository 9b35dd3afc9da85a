"""What `garita setup` asks, in groups; each knows what is said already and asks the rest.

Every answer is kept in a file beside the configuration while the set-up goes on, but for the badge,
so that somebody who is interrupted finds their answers as proposals.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from gateway.cli.firstrun.ask import Talk
from gateway.locale import _, ngettext
from gateway.people import account
from gateway.setup import box, broker, found
from gateway.setup.answers import LISTEN, OF_DRAFT, plain_name
from gateway.setup.draft import Draft, Places, wrong
from gateway.setup.found import FoundPort
from gateway.setup.listening import SPEEDS, Heard, hear
from gateway.setup.snapshot import picture
from gateway.setup.steps import host_names
from gateway.setup.virtual import VirtualGateThread
from gateway.wording.details import detail

OTHER = "-"  # another port than those that are listed
_ZONE_FILE = Path("/etc/timezone")


@dataclass
class Questions:
    """`said` are the answers so far, by key; `before` what a configuration says that is there;
    `proposed` what an earlier run was told."""

    talk: Talk
    places: Places
    said: dict[str, Any]
    before: Draft | None = None
    proposed: Mapping[str, Any] = field(default_factory=dict)
    virtual: VirtualGateThread | None = None
    keep: Callable[[Mapping[str, Any]], None] = lambda said: None

    @property
    def draft(self) -> Draft:
        """As far as it is known."""
        mine = {key: value for key, value in self.said.items() if key in OF_DRAFT}
        mine = {key: value for key, value in mine.items() if value != LISTEN}
        return replace(self.before or Draft(), **mine).tidied()

    def all(self) -> None:
        """Everything that a new gate needs."""
        for ask in (self.site, self.reader, self.lock, self.camera, self.person):
            ask()
        for ask in (self.broker, self.accounts, self.credential, self.service):
            ask()

    def some(self) -> None:
        """Of a gate that is there: what somebody wants to change."""
        groups = {
            "site": (_("name, time zone"), self.site),
            "reader": (_("the reader"), self.reader),
            "lock": (_("the lock"), self.lock),
            "camera": (_("the camera"), self.camera),
            "door": (_("another door"), self.another_door),
            "broker": (_("a broker on this box"), self.broker),
            "accounts": (_("accounts of administrators and guards"), self.accounts),
            "credential": (_("the site key as a credential"), self.credential),
            "service": (_("start with the box"), self.service),
            "": (_("nothing more: go on"), None),
        }
        while True:
            self.talk.title(_("What shall change?"))
            options = [(name, label) for name, (label, _ask) in groups.items()]
            chosen = groups[self.talk.choose(_("Number"), options, "")][1]
            if chosen is None:
                return
            again = set(self.said)
            chosen()
            if again == set(self.said):
                return

    def site(self) -> None:
        self.talk.title(_("This gate"))
        self._name("gateway", _("Name of this box, in every record"), plain_name(host_names()[0]))
        self._text("timezone", _("Time zone"), _zone(), self._wrong("timezone"))

    def reader(self) -> None:
        if {"reader_port", "reader_driver", "badge"} <= set(self.said):
            return
        self.talk.title(_("Reader"))
        free = self._free("reader_port")
        if free and self.said.get("reader_port") in (None, LISTEN):
            self._listen(free)
        if "reader_port" not in self.said:
            self._port("reader_port", _("Port of the reader"))
        if "reader_driver" not in self.said:
            kinds = [
                ("rdm6300", _("RDM6300 and others of its frame (EM4100, 125 kHz)")),
                ("line", _("any that sends a line of text per badge")),
            ]
            self._choose("reader_driver", _("Kind of reader"), kinds)
            speeds = [(str(speed), str(speed)) for speed in SPEEDS]
            self.said.setdefault(
                "reader_baudrate", int(self.talk.choose(_("Speed"), speeds, str(SPEEDS[0])))
            )
        if self.before is None and self.said.get("badge") in (None, LISTEN):
            self.said.pop("badge", None)
            self._text("badge", _("Badge of the first person, as format:facility:number"))

    def lock(self) -> None:
        self.talk.title(_("Lock"))
        self._port("lock_port", _("Port of the relay board (LCUS)"))
        self._number("channels", _("Relays on the board"), 16)
        self._number("channel", _("Relay of this door"), self.draft.channels)
        kinds = [
            ("secure", _("it stays locked (a strike)")),
            ("safe", _("it opens (a magnet)")),
        ]
        self._choose("fail", _("Without power"), kinds)
        if self.before is None:
            self._name("door", _("Name of the door"), "main-gate")

    def camera(self) -> None:
        if "camera" in self.said:
            return
        self.talk.title(_("Camera"))
        cameras = list(found.cameras())
        options = [(camera.source, camera.about) for camera in cameras]
        if not cameras:
            self.talk.say(_("No camera is attached."))
        none = "" if not self._default("camera") else "none"
        options.append((none, _("none")))
        while True:
            question = _("Number, or an address (rtsp://...)")
            source = self.talk.choose(question, options, self._default("camera"), free=True)
            if source in ("", "none"):
                source = ""
                break
            if "://" not in source and not source.isdigit():
                self.talk.say("  " + _("An address begins with rtsp:// or http://."))
                continue
            self.talk.say(_("I ask it for a picture ..."))
            if asyncio.run(picture(source)) is not None:
                self.talk.say(_("It gives a picture."))
                break
            if self.talk.yes(_("It gives no picture. Take it all the same?"), default=False):
                break
        self._put("camera", source)

    def another_door(self) -> None:
        """A further door, with its own reader."""
        for key in ("door", "reader_port", "reader_driver", "reader_baudrate", "camera"):
            self.said.pop(key, None)
        self.before = replace(self.before or Draft(), door="", reader_port="", camera="")
        self.talk.title(_("Another door"))
        self._name("door", _("Name of the door"), "")
        self.reader()
        self.lock()
        self.camera()

    def person(self) -> None:
        if self.before is not None:
            return
        self.talk.title(_("The first person"))
        self._text("person", _("Whose badge it is"), "", self._wrong("person"))
        first = plain_name(self.draft.person.partition(" ")[0])
        self._name("operator", _("The name with which they sign in at the console"), first)

    def broker(self) -> None:
        self.talk.title(_("Broker"))
        options = [("none", _("none")), ("own", _("mosquitto on this box, with certificates"))]
        self._choose("broker", _("Who gets the events over MQTT"), options, "none")
        if self.said["broker"] != "own":
            return
        if broker.program() is None:
            self.talk.say(_("mosquitto is not installed: apt install mosquitto"))
        if "broker_names" not in self.said:
            proposed = ", ".join(self.proposed.get("broker_names", host_names()))
            names = self.talk.text(_("Names by which others reach it"), proposed)
            self._put("broker_names", _parts(names))
        if "broker_clients" not in self.said:
            proposed = ", ".join(self.proposed.get("broker_clients", ()))
            who = self.talk.text(_("Others who log in there, such as collector"), proposed)
            self._put("broker_clients", _parts(who))

    def accounts(self) -> None:
        self.talk.title(_("Accounts of this box"))
        for key, question in (
            ("admins", _("Who administers the gate (with commas)")),
            ("desk", _("Guards and HR who use the commands")),
        ):
            if key not in self.said:
                names = self.talk.text(question, ", ".join(self.proposed.get(key, ())), _unknown)
                self._put(key, _parts(names))

    def credential(self) -> None:
        if "credential" in self.said or not self.places.of_service:
            return
        if (why := box.no_credential()) is not None:
            self.talk.say(
                _("The site key stays a file: systemd can't keep it ({why}).").format(why=why)
            )
            return
        question = _("Give the site key to systemd, encrypted for this box?")
        self._put("credential", self.talk.yes(question))

    def service(self) -> None:
        if "enable" not in self.said and self.places.of_service:
            self._put("enable", self.talk.yes(_("Start the gateway with the box?")))

    def _listen(self, free: list[FoundPort]) -> None:
        """Find the reader by a badge that somebody holds to it."""
        count = len(free)
        self.talk.say(
            ngettext(
                "Hold a badge to the reader now. I listen at {count} port; Enter goes on without.",
                "Hold a badge to the reader now. I listen at {count} ports; Enter goes on without.",
                count,
            ).format(count=count)
        )
        if self.virtual is not None:
            self.talk.say(_("Enter holds the simulated badge."))
        answer = asyncio.run(self._heard([port.path for port in free]))
        if answer is None:
            return
        path, heard = answer
        told = _("{driver} at {path}, {speed} baud; a badge that ends with {last}")
        last = heard.card[-2:]
        self.talk.say(told.format(driver=heard.driver, path=path, speed=heard.baudrate, last=last))
        self.said.pop("reader_port", None)
        self._put("reader_port", path)
        self._put("reader_driver", heard.driver)
        self._put("reader_baudrate", heard.baudrate)
        if self.before is None and self.said.get("badge") in (None, LISTEN):
            self.said["badge"] = heard.card

    async def _heard(self, paths: list[str]) -> tuple[str, Heard] | None:
        entered, told = asyncio.Event(), set[str]()
        loop = asyncio.get_running_loop()

        def line() -> None:
            sys.stdin.readline()
            entered.set()

        def until(heard: list[Heard]) -> bool:
            for path, found_now in zip(paths, heard, strict=True):
                if found_now.why and path not in told:
                    told.add(path)
                    self.talk.say(f"  {path}: {detail(found_now.why)}")
            if self.virtual is not None and entered.is_set():
                if any(one.open for one in heard):
                    self.virtual.hold_badge()
                return False
            return entered.is_set()

        loop.add_reader(sys.stdin, line)
        try:
            return await hear(paths, until)
        finally:
            loop.remove_reader(sys.stdin)

    def _ports(self) -> list[FoundPort]:
        return [*(self.virtual.ports if self.virtual else ()), *found.ports()]

    def _free(self, key: str) -> list[FoundPort]:
        """The ports that nobody uses, as far as this account sees."""
        taken = {self.draft.lock_port if key == "reader_port" else self.draft.reader_port}
        return [p for p in self._ports() if not p.held_by and not taken & {p.path, p.device}]

    def _port(self, key: str, question: str) -> None:
        """Choose a port.  One that is gone meanwhile, or that a program uses, is asked again."""
        while key not in self.said:
            ports = self._ports()
            taken = {self.draft.lock_port if key == "reader_port" else self.draft.reader_port}
            ports = [port for port in ports if not taken & {port.path, port.device}]
            if not ports:
                self.talk.say(_("No serial port is here. Plug it in, or type its path."))
            options = [(port.path, _shown(port)) for port in ports]
            options.append((OTHER, _("look again")))
            default = self._default(key) or _only_adapter(ports)
            path = self.talk.choose(question, options, default, free=True)
            if path == OTHER:
                continue
            chosen = next((port for port in self._ports() if port.path == path), None)
            if chosen is not None and chosen.held_by:
                told = _("{path} is in use by {who}.").format(path=path, who=chosen.held_by)
                self.talk.say("  " + told)
            gone = not Path(path).exists()
            if gone:
                self.talk.say("  " + _("{path} is not there now.").format(path=path))
            if (gone or (chosen is not None and chosen.held_by)) and not self.talk.yes(
                _("Take it all the same?"), default=False
            ):
                continue
            self._put(key, path)

    def _default(self, key: str) -> str:
        """What is proposed: of the configuration, or of an earlier run."""
        if self.before is not None:
            return str(getattr(self.before, key, ""))
        return str(self.proposed.get(key, ""))

    def _text(
        self,
        key: str,
        question: str,
        default: str = "",
        check: Callable[[str], str] | None = None,
    ) -> None:
        if key not in self.said:
            self._put(
                key, self.talk.text(question, self._default(key) or default, check or _needed)
            )

    def _name(self, key: str, question: str, default: str) -> None:
        """A name; for one with spaces or accents, one without is proposed."""
        if key in self.said:
            return
        proposal, check = self._default(key) or default, self._wrong(key)
        while True:
            typed = self.talk.text(question, proposal)
            why = check(typed)
            if not why:
                self._put(key, typed)
                return
            self.talk.say(f"  {why}")
            proposal = plain_name(typed) or proposal

    def _number(self, key: str, question: str, most: int) -> None:
        if key in self.said:
            return
        told = _("Type a number from 1 to {most}.").format(most=most)

        def check(typed: str) -> str:
            return "" if typed.isascii() and typed.isdigit() and 1 <= int(typed) <= most else told

        self._put(key, int(self.talk.text(question, self._default(key) or "1", check)))

    def _choose(
        self, key: str, question: str, options: list[tuple[str, str]], default: str = ""
    ) -> None:
        if key not in self.said:
            self._put(key, self.talk.choose(question, options, self._default(key) or default))

    def _wrong(self, key: str) -> Callable[[str], str]:
        """What the configuration's own checks say of an answer."""

        def check(typed: str) -> str:
            changed: dict[str, Any] = {key: typed}
            return wrong(replace(self.draft, **changed), self.places, key).get(key, "")

        return check

    def _put(self, key: str, value: object) -> None:
        self.said[key] = value
        self.keep({key: value for key, value in self.said.items() if key != "badge"})


def _needed(typed: str) -> str:
    return "" if typed else _("This is needed.")


def _unknown(typed: str) -> str:
    for name in _parts(typed):
        if not account.exists(name):
            return _("this machine has no account {name}").format(name=name)
    return ""


def _parts(typed: str) -> list[str]:
    return [part.strip() for part in typed.split(",") if part.strip()]


def _only_adapter(ports: Sequence[FoundPort]) -> str:
    """The path of the one adapter that is attached and free; "" if none or several are."""
    attached = [port.path for port in ports if port.about and not port.held_by]
    return attached[0] if len(attached) == 1 else ""


def _shown(port: FoundPort) -> str:
    about = " ".join(part for part in (port.path, port.about) if part)
    if port.held_by:
        about += " - " + _("in use by {who}").format(who=port.held_by)
    return about


def _zone() -> str:
    """The time zone of this box."""
    with contextlib.suppress(OSError):
        name = _ZONE_FILE.read_text("ascii", "replace").strip()
        if name in available_timezones() and not name.startswith("Etc/"):
            return name
    with contextlib.suppress(OSError):
        name = str(Path("/etc/localtime").resolve()).partition("zoneinfo/")[2]
        if name in available_timezones() and not name.startswith("Etc/"):
            return name
    return Draft().timezone
