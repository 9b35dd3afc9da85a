"""The criteria as an OSCAL catalog and the packet as OSCAL assessment-results (NIST, 1.0.6).

A finding is written only where a rule failed, and says ``not-satisfied``.  Nothing says
``satisfied``: whether a criterion is fulfilled is for people to judge.  All else are observations.
UUIDs are of version 5, made of what they name, so that the same packet has the same ones.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

from gateway import __version__
from gateway.config.criteria import Criterion
from gateway.evidence import machine, tables
from gateway.evidence.model import Deviation
from gateway.evidence.packet import Packet, Section, Standing
from gateway.ledger.chain import utc_text
from gateway.locale import Message

CATALOG, RESULTS = "oscal/catalog.json", "oscal/assessment-results.json"
VERSION = "1.0.6"
_NS = "https://garita.invalid/ns/oscal"
_ROOT = uuid.uuid5(uuid.NAMESPACE_URL, _NS)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z")
Json = dict[str, Any]


def control_id(criterion: str) -> str:
    """The id of a criterion in the catalog: an OSCAL token begins with a letter."""
    return f"c{criterion}"


def catalog(made: Packet) -> Json:
    """The whole set of criteria, in the words of the site's file, English first."""
    criteria = made.settings.criteria
    name = f"{criteria.label}/{criteria.edition}"
    return {
        "catalog": {
            "uuid": _uuid("catalog", name),
            "metadata": _metadata(made, f"{criteria.name}, in our words"),
            "controls": [_control(one) for one in criteria.criteria.values()],
        }
    }


def results(made: Packet) -> Json:
    """What the packet says about the criteria that it is about."""
    criteria, span = made.settings.criteria, made.span
    scope = f"{made.settings.site.gateway}/{span.first}/{span.last}/{made.seed}/{made.redacted}"
    plan = _uuid(scope, "plan")
    observations = [one for part in made.sections for one in _observations(made, part, scope)]
    findings = [
        _finding(part, scope) for part in made.sections if part.standing is Standing.DEVIATIONS
    ]
    result: Json = {
        "uuid": _uuid(scope, "result"),
        "title": f"Records of {made.settings.site.gateway}, {span.first} to {span.last}",
        "description": "What the log of the gate shows. It is for people to judge whether a "
        "criterion is fulfilled; check numbers and words against the member's own booklet.",
        "start": span.begin,
        "end": utc_text(made.as_of),
        "reviewed-controls": {
            "control-selections": [
                {
                    "include-controls": [
                        {"control-id": control_id(part.criterion.id)} for part in made.sections
                    ]
                }
            ]
        },
        "observations": observations,
    }
    if findings:
        result["findings"] = findings
    return {
        "assessment-results": {
            "uuid": _uuid(scope, "results"),
            "metadata": _metadata(made, f"Evidence of {made.settings.site.gateway}"),
            "import-ap": {"href": f"#{plan}"},
            "results": [result],
            "back-matter": {
                "resources": [
                    {
                        "uuid": plan,
                        "title": "The plan of the assessment",
                        "description": "The gateway goes through its log up to a signed head and "
                        f"applies its rules to the criteria of {criteria.label}.",
                        "rlinks": [{"href": "../packet.json"}, {"href": "catalog.json"}],
                    }
                ]
            },
        }
    }


def _metadata(made: Packet, title: str) -> Json:
    return {
        "title": title,
        "last-modified": utc_text(made.as_of),
        "version": f"garita {__version__}",
        "oscal-version": VERSION,
    }


def _control(one: Criterion) -> Json:
    key = control_id(one.id)
    parts = [
        {
            "id": f"{key}_smt.{at}",
            "name": "item",
            "props": [_prop("kind", part.kind)],
            "prose": _line(part.words["en"]),
            "parts": [
                {
                    "id": f"{key}_smt.{at}.es",
                    "name": "item",
                    "class": "es",
                    "prose": _line(part.words["es"]),
                }
            ],
        }
        for at, part in enumerate(one.parts, 1)
    ]
    return {
        "id": key,
        "title": _line(one.title["en"]),
        "props": [
            _prop("label", one.id, ns=False),
            *(_prop("portal-question", str(number)) for number in one.portal),
        ],
        "parts": [{"id": f"{key}_smt", "name": "statement", "parts": parts}],
    }


def _observations(made: Packet, part: Section, scope: str) -> Iterator[Json]:
    collected, key = utc_text(made.as_of), part.criterion.id
    figures = "; ".join(f"{_say(one.label)}: {one.value}" for one in part.figures)
    yield {
        "uuid": _uuid(scope, key, "shown"),
        "title": f"{key}: what the records show",
        "description": _line(figures or "The log shows nothing about it."),
        "props": [
            _prop("criterion", key),
            _prop("standing", str(part.standing)),
        ],
        "methods": ["EXAMINE"],
        "relevant-evidence": [
            {"href": f"../{path}", "description": about} for path, about in _files(part)
        ]
        or [{"href": f"../{machine.FILE}", "description": "the packet"}],
        "collected": collected,
    }
    for at, one in enumerate(part.deviations):
        yield {
            "uuid": _uuid(scope, key, "deviation", str(at)),
            "title": f"{key}: {one.rule}",
            "description": _line(_say(one.words)),
            "props": [
                _prop("criterion", key),
                _prop("rule", one.rule),
                _prop("open", "yes" if one.open else "no"),
                *(_prop("record", str(seq)) for seq in one.records),
            ],
            "methods": ["EXAMINE"],
            "collected": one.at if _TIME.fullmatch(one.at) else collected,
            **_remarks(one),
        }


def _files(part: Section) -> Iterator[tuple[str, str]]:
    for table in part.tables:
        yield tables.name_of(table), _line(_say(table.title))
    for document in part.documents:
        if document.path:
            yield document.path, _line(document.title)


def _finding(part: Section, scope: str) -> Json:
    key = part.criterion.id
    count = len(part.deviations)
    still = sum(one.open for one in part.deviations)
    return {
        "uuid": _uuid(scope, key, "finding"),
        "title": f"{key}: a rule failed",
        "description": f"{count} deviations, {still} of them still open.",
        "target": {
            "type": "statement-id",
            "target-id": f"{control_id(key)}_smt",
            "status": {"state": "not-satisfied"},
        },
        "related-observations": [
            {"observation-uuid": _uuid(scope, key, "deviation", str(at))} for at in range(count)
        ],
    }


def _remarks(one: Deviation) -> Json:
    told = [_say(one.handled)] if one.handled is not None else ["Nobody handled it."]
    told += [" ".join(text for text in (one.handled_by, one.handled_at) if text)]
    return {"remarks": " ".join(text for text in told if text)}


def _prop(name: str, value: str, *, ns: bool = True) -> Json:
    return {"name": name, **({"ns": _NS} if ns else {}), "value": _line(value)}


def _say(message: Message) -> str:
    return message.say("en")


def _line(text: str) -> str:
    """A text as OSCAL's strings have to be: no blank at either end, and not empty."""
    return " ".join(text.split()) or "-"


def _uuid(*names: str) -> str:
    return str(uuid.uuid5(_ROOT, "\0".join(names)))
