"""The topics of people: who may come in, who did, and who said so."""

from __future__ import annotations

from gateway.evidence.model import Topic
from gateway.evidence.topics.access import Access
from gateway.evidence.topics.accounts import Accounts
from gateway.evidence.topics.badges import Badges
from gateway.evidence.topics.lists import Lists
from gateway.evidence.topics.loghealth import LogHealth
from gateway.evidence.topics.pictures import Pictures
from gateway.evidence.topics.requirements import Requirements
from gateway.evidence.topics.revocations import Revocations
from gateway.evidence.topics.visitors import Visitors

PEOPLE: tuple[type[Topic], ...] = (
    Access,
    Visitors,
    Badges,
    Revocations,
    Lists,
    Requirements,
    Accounts,
    Pictures,
    LogHealth,
)
