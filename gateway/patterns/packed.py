"""Candidates and findings as JSON, so that a week that is not over outlasts a restart."""

from __future__ import annotations

from datetime import date
from typing import Any

from gateway.locale import Message
from gateway.patterns.model import Candidate, Finding, Shares


def pack_message(message: Message) -> list[Any]:
    """A message as JSON: its English, its facts, its context."""
    facts = {
        key: {"message": pack_message(fact)} if isinstance(fact, Message) else fact
        for key, fact in message.facts.items()
    }
    return [message.text, facts, message.context]


def unpack_message(packed: list[Any]) -> Message:
    """The message again."""
    text, facts, context = packed
    return Message(
        text,
        {
            key: unpack_message(fact["message"]) if isinstance(fact, dict) else fact
            for key, fact in facts.items()
        },
        context,
    )


def pack(item: Candidate) -> dict[str, Any]:
    """A candidate as JSON."""
    return {
        "detector": item.detector,
        "day": item.day.isoformat(),
        "raw": item.raw,
        "words": pack_message(item.words),
        "shares": _pack_shares(item.shares),
        "about": dict(item.about),
        "records": list(item.records),
        "physical": item.physical,
    }


def unpack(packed: dict[str, Any]) -> Candidate:
    """The candidate again."""
    return Candidate(
        packed["detector"],
        date.fromisoformat(packed["day"]),
        packed["raw"],
        unpack_message(packed["words"]),
        _unpack_shares(packed["shares"]),
        packed["about"],
        tuple(packed["records"]),
        packed["physical"],
    )


def pack_finding(item: Finding) -> dict[str, Any]:
    """A finding as JSON."""
    return {
        "id": item.id,
        "detector": item.detector,
        "day": item.day.isoformat(),
        "score_bits": item.score_bits,
        "words": pack_message(item.words),
        "shares": _pack_shares(item.shares),
        "about": dict(item.about),
        "records": list(item.records),
    }


def unpack_finding(packed: dict[str, Any]) -> Finding:
    """The finding again."""
    return Finding(
        packed["id"],
        packed["detector"],
        date.fromisoformat(packed["day"]),
        packed["score_bits"],
        unpack_message(packed["words"]),
        _unpack_shares(packed["shares"]),
        packed["about"],
        tuple(packed["records"]),
    )


def _pack_shares(shares: Shares) -> list[Any]:
    return [[pack_message(words), round(bits, 2)] for words, bits in shares]


def _unpack_shares(packed: list[Any]) -> Shares:
    return tuple((unpack_message(words), bits) for words, bits in packed)
