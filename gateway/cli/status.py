"""`garita status`: first what needs a person and what to do, then the gate in a few lines.

It fits one screen.  `--all` shows every part, and a part's name that part alone.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape

from gateway.cli import common
from gateway.cli.context import Context
from gateway.locale import _, ngettext
from gateway.wording import health, loghealth, text, words
from gateway.wording.details import detail
from gateway.wording.needs import Need, needs

PARTS = ("people", "log", "clock", "mqtt", "faces", "devices", "doors", "areas")
_RED = ("forced", "held", "tampered", "out_of_service")
NARROW = 60  # columns; a narrower screen wraps


class Row(NamedTuple):
    """A line of the status: its part, what stands in front, the text, and whether it is red."""

    part: str
    head: str
    said: str
    wrong: bool = False


def status(
    ctx: Context,
    part: Annotated[
        str,
        typer.Argument(help="One part in full, such as devices."),
    ] = "",
    every: Annotated[bool, typer.Option("--all", help="Every part in full.")] = False,
    json: common.JsonOption = False,
) -> None:
    """What needs you, and how the gate is; exit code 5 if the gateway is not running."""
    settings = ctx.settings
    if part and part not in PARTS:
        common.fail(
            _("there is no part {part}; there are {parts}").format(
                part=part, parts=", ".join(PARTS)
            ),
            common.USAGE,
        )
    answer = common.ask(settings, "status")
    zone = settings.site.zone
    wanted = needs(answer, zone)
    if json:
        common.print_json({**answer, "needs": [need._asdict() for need in wanted]})
        return
    width = max(NARROW, common.out.width)
    if part:
        lines = list(_table([row for row in _rows(answer, zone) if row.part == part], width))
    else:
        # Where nobody has a screen to fit, as in a pipe, nothing is left out.
        whole = every or not common.out.is_terminal
        lines = screen(answer, zone, width, 10**6 if whole else common.out.height, every=every)
    for line in lines:
        common.out.print(line, soft_wrap=True)


def screen(
    answer: Mapping[str, Any], zone: ZoneInfo, width: int, height: int, *, every: bool = False
) -> list[str]:
    """The status in lines of markup, at most `height` less one for the next prompt."""
    head = _("{gateway}  {version}, up {up}, pid {pid}").format(
        gateway=escape(answer["gateway"]),
        version=answer["version"],
        up=text.duration(answer["uptime_s"]),
        pid=answer["pid"],
    )
    rows = _rows(answer, zone) if every else _short(answer)
    table = list(_table(rows, width))
    wanted = needs(answer, zone)
    shown, left = _fitting(wanted, width, height - len(table) - 5)
    lines = [head]
    if wanted:
        count = ngettext("{n} thing needs you:", "{n} things need you:", len(wanted))
        lines.append(f"[bold red]{count.format(n=len(wanted))}[/bold red]")
        lines += shown
        if left:
            lines.append("  " + _("and {n} more: garita status --all").format(n=left))
    else:
        lines.append("[green]" + _("Nothing needs you.") + "[/green]")
    return [*lines, "", *table]


def _fitting(wanted: list[Need], width: int, room: int) -> tuple[list[str], int]:
    """The needs that fit `room` lines, and how many do not; at least the first is shown."""
    lines: list[str] = []
    for number, need in enumerate(wanted):
        more = _of_need(need, width)
        if lines and len(lines) + len(more) > room:
            return lines, len(wanted) - number
        lines += more
    return lines, 0


def _of_need(need: Need, width: int) -> list[str]:
    """What is wrong in red, and what to do: on one line if that has room."""
    mark = "!!" if need.grave else "! "
    whole = f"{mark} {need.text}. {need.todo}".rstrip()
    if need.todo and len(whole) <= width:
        return [f"[red]{mark} {escape(need.text)}.[/red] {escape(need.todo)}"]
    lines = [f"[red]{line}[/red]" for line in _wrapped(f"{mark} {need.text}", width, "   ")]
    return lines + (_wrapped(f"   {need.todo}", width, "   ") if need.todo else [])


def _wrapped(line: str, width: int, indent: str) -> list[str]:
    made = textwrap.wrap(line, width, subsequent_indent=indent, drop_whitespace=True)
    return [escape(one) for one in made]


def _table(rows: list[Row], width: int) -> Iterator[str]:
    """Rows with their heads in one column; long ones go on below."""
    first = max((len(row.head) for row in rows), default=0)
    before = ""
    for row in rows:
        head = "" if row.head == before and row.part not in ("devices", "doors") else row.head
        before = row.head
        lines = textwrap.wrap(row.said, width - first - 2) or [""]
        for number, line in enumerate(lines):
            shown = escape(line)
            column = head if number == 0 else ""
            yield f"{column:<{first}}  " + (f"[red]{shown}[/red]" if row.wrong else shown)


def _short(answer: Mapping[str, Any]) -> list[Row]:
    """The gate in a few lines."""
    rows = [_people(answer), _log(answer), Row("clock", _("clock"), *health.clock(answer))]
    if mqtt := answer["mqtt"]:
        rows.append(Row("mqtt", "mqtt", *health.broker(mqtt)))
    states = Counter(door["state"] for door in answer["doors"].values())
    said = ", ".join(f"{words.word(state)} {count}" for state, count in states.most_common())
    rows.append(Row("doors", _("doors"), said, any(state in _RED for state in states)))
    online = sum(device["state"] == "online" for device in answer["devices"])
    count = len(answer["devices"])
    said = _("{n} of {count} online").format(n=online, count=count)
    rows.append(Row("devices", _("devices"), said, online < count))
    rows += _faces(answer)
    if areas := answer["areas"]:
        said = ", ".join(f"{name} {_count(area)}" for name, area in areas.items())
        rows.append(Row("areas", _("inside"), said))
    if threat := answer["threat"]:
        rows.append(Row("", _("threat"), str(threat["level"])))
    return rows


def _rows(answer: Mapping[str, Any], zone: ZoneInfo) -> list[Row]:
    """Every part in full."""
    rows = [_people(answer)]
    rows += [Row("", _("damage"), said, True) for said in health.damage(answer.get("damage", []))]
    rows.append(_log(answer))
    rows += [Row("log", _("log"), said, wrong) for said, wrong in loghealth.lines(answer, zone)]
    if threat := answer["threat"]:
        rows.append(Row("", _("threat"), str(threat["level"])))
    rows.append(Row("clock", _("clock"), *health.clock(answer)))
    if mqtt := answer["mqtt"]:
        rows.append(Row("mqtt", "mqtt", *health.broker(mqtt)))
        rows += [Row("mqtt", "mqtt", *note) for note in health.broker_notes(mqtt)]
    rows += _faces(answer)
    for device in answer["devices"]:
        state = device["state"]
        said = f"{device['name']}: {words.word(state)} {detail(device['detail'])}".strip()
        rows.append(Row("devices", words.word(device["kind"]), said, state != "online"))
    for name, door in answer["doors"].items():
        reason = (answer["last"].get(name) or {}).get("reason", "")
        said = f"{name}: {words.word(door['state'])}"
        if reason:
            said += f"; {text.reason(reason)}"
        rows.append(Row("doors", _("door"), said, door["state"] in _RED))
    for name, area in answer["areas"].items():
        rows.append(Row("areas", _("area"), f"{name}: {_inside(area)}"))
    return rows


def _people(answer: Mapping[str, Any]) -> Row:
    people = answer["people"] or {}
    if error := people.get("error"):
        return Row("people", _("people"), str(error), True)
    said = _("{total} (list version {version})").format(
        total=people.get("total", 0), version=people.get("version") or _("none")
    )
    if applied := people.get("applied_at"):
        age = (datetime.now(UTC) - datetime.fromisoformat(applied)).total_seconds()
        said = _("{list}, since {age}").format(list=said, age=text.duration(age))
    return Row("people", _("people"), said, not people)


def _log(answer: Mapping[str, Any]) -> Row:
    if not answer["ledger"]["ok"]:
        return Row("log", _("log"), _("can't be written"), True)
    return Row("log", _("log"), _("{last_seq} events").format(last_seq=answer["last_seq"]))


def _faces(answer: Mapping[str, Any]) -> list[Row]:
    face = answer.get("face")
    if not face or not face.get("embedder"):
        return []
    people = ngettext("{n} person", "{n} people", face["enrolled"]).format(n=face["enrolled"])
    return [Row("faces", _("faces"), f"{face['embedder']} ({face['model']}), {people}")]


def _count(area: Mapping[str, Any]) -> str:
    if area["maximum"]:
        return _("{n} of {limit}").format(n=area["inside"], limit=area["maximum"])
    return str(area["inside"])


def _inside(area: Mapping[str, Any]) -> str:
    if area["maximum"]:
        said = _("{inside} of {most} inside")
        return said.format(inside=area["inside"], most=area["maximum"])
    return _("{inside} inside").format(inside=area["inside"])
