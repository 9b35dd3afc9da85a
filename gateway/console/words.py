"""The templates: Jinja2 with the catalogues of gateway/locale, and how times and codes are said."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gateway import __version__, locale
from gateway.config.operators import ROLES
from gateway.locale import _
from gateway.wording import alarms, text, words

HERE = Path(__file__).parent
STATIC = HERE / "static"


@cache
def environment() -> Environment:
    """The templates' environment: everything is escaped, and what is missing is an error."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(
        _=locale._,
        ngettext=locale.ngettext,
        pgettext=locale.pgettext,
        choose=locale.choose,
        asset=asset,
        version=__version__,
    )
    made.filters.update(
        word=words.word,
        role=role,
        reason=text.reason,
        rule=text.rule,
        duration=text.duration,
        day=words.day,
        number=words.number,
        alarm_title=alarms.title,
        alarm_priority=alarms.priority,
        alarm_sentence=alarms.sentence,
        alarm_state=alarms.state,
    )
    return made


def role(name: str) -> str:
    """A role of operators in words."""
    return _(ROLES.get(name, name))


@cache
def asset(name: str) -> str:
    """The address of a file in static/, with a mark that changes with its content."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def clock(moment: str | datetime | None, form: str = "%H:%M", *, zone: ZoneInfo) -> str:
    """A time in the site's zone, by `form` (strftime); "" for None."""
    if not moment:
        return ""
    found = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return found.astimezone(zone).strftime(form)


def rendered(template: str, facts: Mapping[str, Any]) -> str:
    """A template with `facts`."""
    return environment().get_template(template).render(facts)


def part(template: str, *, zone: ZoneInfo, **facts: Any) -> str:
    """A part of a page for many browsers: it knows no request, so its forms carry the token in a
    header alone (base.html)."""
    return rendered(template, {"clock": partial(clock, zone=zone), "csrf": "", **facts})
