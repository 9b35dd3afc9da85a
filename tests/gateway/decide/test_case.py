"""The table at the top of gateway/decide/rules/case.py, held against what the rules do."""

from __future__ import annotations

import copy
import re
from dataclasses import replace
from typing import Any

from hypothesis import given

from gateway.decide import RULES
from gateway.decide.model import FaceOutcome, FaceResult, Request
from gateway.decide.policy import Action, Site, Subsystem, ThreatLevel
from gateway.decide.rules import case as module
from gateway.decide.rules.case import Case
from tests.gateway.decide.policy_world import NOW, SITE, requests
from tests.gateway.decide.test_decide import CASES, CONFIRMS, GOOD, NOON
from tests.gateway.decide.test_decide import CONFIRM as CONFIRM_SITE
from tests.gateway.decide.test_decide import SITE as OTHER_SITE

ROW = re.compile(r"^    (\w+)\s+([a-z_ ]+?)\s{2,}\S", re.MULTILINE)
TABLE = {rule: set(slots.split()) for rule, slots in ROW.findall(module.__doc__ or "")}
TABLE.pop("rule")  # the header


def snapshot(case: Case) -> dict[str, Any]:
    return {name: copy.copy(getattr(case, name, None)) for name in Case.__slots__}


def what_rules_set(request: Request, site: Site, now: Any) -> dict[str, set[str]]:
    case, found = Case(request, site, now), {}
    for name, rule in RULES:
        before = snapshot(case)
        end = rule(case)
        after = snapshot(case)
        # By what they show: a request may hold a NaN, which does not equal itself.
        found[name] = {slot for slot in before if repr(before[slot]) != repr(after[slot])}
        for flag in ("pin", "face", "needs_escort", "needs_second", "needs_confirm"):
            assert after[flag] or not before[flag], f"{name} takes {flag} back"
        if end is not None:
            break
    return found


@given(requests)
def test_no_rule_sets_what_the_table_does_not_say(request: Request) -> None:
    for rule, slots in what_rules_set(request, SITE, NOW).items():
        assert slots <= TABLE.get(rule, set()), rule


def test_each_rule_sets_all_that_the_table_says() -> None:
    seen: dict[str, set[str]] = {}
    tried = [(request, OTHER_SITE, now) for request, now, _ in CASES]
    tried += [(request, CONFIRM_SITE, NOON) for request, _ in CONFIRMS]
    camera = replace(GOOD, face=FaceResult(FaceOutcome.CAMERA_FAULT))
    for action in (Action.CONFIRM, Action.BADGE_PIN):
        site = replace(
            OTHER_SITE,
            degraded=dict.fromkeys(Subsystem, action),
            threat_levels={"normal": ThreatLevel("normal", face=True)},
        )
        untrusted = replace(GOOD, clock_trusted=False)
        full = replace(GOOD, failing={Subsystem.DISK: "full"})
        tried += [(request, site, NOON) for request in (camera, untrusted, full)]
    for request, site, now in tried:
        for rule, slots in what_rules_set(request, site, now).items():
            seen.setdefault(rule, set()).update(slots)
    assert set(TABLE) <= {name for name, _ in RULES}
    assert {rule: slots for rule, slots in seen.items() if slots} == TABLE
