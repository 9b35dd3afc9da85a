"""The topics, one file each: a topic reads the records of one subject and says what it found."""

from __future__ import annotations

from gateway.evidence.model import Topic
from gateway.evidence.registered import RegisteredTopic
from gateway.evidence.topics.findings import Findings
from gateway.evidence.topics.people import PEOPLE
from gateway.evidence.topics.yard import YARD

TOPICS: tuple[type[Topic], ...] = (
    RegisteredTopic,
    *PEOPLE,
    *YARD,
    Findings,
)
