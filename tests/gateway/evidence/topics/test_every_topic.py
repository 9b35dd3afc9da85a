"""What holds for every topic: an empty log, odd and hostile records, words in both languages."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway import locale
from gateway.evidence.model import Topic
from gateway.evidence.topics import TOPICS
from gateway.ledger import chain
from gateway.ledger.event import EventType, NewEvent
from tests.gateway.evidence.topics.written import NOON, Seen, Written, see, stamp

ODD: tuple[Any, ...] = (None, True, -1, 2**70, 1e308, "", "x" * 2000, [], [[]], {}, {"id": []})
KEYS = (
    *("visit", "name", "reason", "person", "credential", "fallback", "by", "at", "seconds", "how"),
    *("version", "people", "kind", "subject", "valid_until", "roles", "why", "count", "badge"),
    *("released_by", "held", "escort", "confirmed", "until", "grant", "source", "record", "alarm"),
    *("freight", "units", "seals", "seal", "unit", "documents", "findings", "second", "eta"),
    *("inspection", "answers", "notes", "took_s", "finished", "drawn", "percent", "loaded"),
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log with every type that a topic reads: with no data, with each key as each odd value, and
    with texts that a page might take for its own, or that can't be written as UTF-8."""
    log = Written(tmp_path_factory.mktemp("hostile"))
    types = sorted({kind for topic in TOPICS for kind in topic.reads | topic.before})
    texts = {key: f'<b>{{{key}}}</b> "\u202e" שלום \x00' for key in KEYS}
    events = [NewEvent(kind, "{x}<i>", {}, time=NOON) for kind in types]
    events += [NewEvent(kind, "", texts, time=NOON) for kind in types]
    for n, odd in enumerate(ODD):
        events += [
            NewEvent(EventType(kind), "s", dict.fromkeys(KEYS[n % 3 :: 3], odd), time=NOON)
            for kind in types
        ]
        events += [NewEvent(kind, "s", dict.fromkeys(KEYS, odd), time=NOON) for kind in types]
    log.all(events)
    _surrogate(log.path)
    return log.path


def _surrogate(path: Path) -> None:
    """A record whose text JSON can hold and UTF-8 can't, written past the gateway."""
    with closing(sqlite3.connect(path)) as db, db:
        seq, prev = db.execute("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        data = {"visit": 9, "name": "?", "reason": "?", "door": "main"}
        for kind in ("visit.arrived", "access.denied"):
            seq += 1
            item = {"data": data, "id": f"x{seq}", "subject": "?", "time": stamp(NOON)}
            body = json.dumps({**item, "type": kind}, separators=(",", ":"))
            body = body.replace("?", "\\ud800")
            prev = chain.link(prev, seq, chain.digest_of(body))
            db.execute("INSERT INTO events VALUES (?, NULL, ?, ?)", (seq, body, prev))


def everything(found: Seen) -> list[str]:
    """Every word that a page may say of what was found."""
    said = [found.found.title.say(), *(note.say() for note in found.found.notes)]
    said += [figure.label.say() for figure in found.found.figures]
    for one in found.found.deviations:
        said += [one.words.say(), one.handled.say() if one.handled else "", one.handled_by]
    for table in found.found.tables:
        said += [table.title.say(), *(locale._(column.title) for column in table.columns)]
        for row in found.tables[table.key]:
            assert set(row.cells) == {column.key for column in table.columns}, table.key
            said += [str(column.words(row.cells[column.key])) for column in table.columns]
    return said


@pytest.mark.parametrize("language", locale.LANGUAGES)
def test_nothing_that_a_log_can_hold_ends_a_packet(hostile: Path, language: str) -> None:
    locale.use(language)
    for found in see(hostile, Written.example(), TOPICS):
        assert found.unreadable == []
        for text in everything(found):
            text.encode()
            assert len(text) < 2000


def test_codes_are_used_once_and_every_deviation_has_a_rule(hostile: Path) -> None:
    seen = see(hostile, Written.example(), TOPICS)
    figures = [figure.key for one in seen for figure in one.found.figures]
    tables = [table.key for one in seen for table in one.found.tables]
    rules = [rule for topic in TOPICS for rule in topic.rules]
    for keys in (figures, tables, rules, [topic.key for topic in TOPICS]):
        assert len(keys) == len(set(keys))
    for topic, one in zip(TOPICS, seen, strict=True):
        assert one.found.key == topic.key
        assert set(one.rules()) <= set(topic.rules)
        assert {item.table for item in one.found.populations} <= {t.key for t in one.found.tables}
        for deviation in one.found.deviations:
            assert deviation.records, deviation.rule


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.key)
def test_an_empty_month_has_all_figures_and_tables_with_nothing_in_them(
    topic: type[Topic], hostile: Path, tmp_path: Path
) -> None:
    log = Written(tmp_path)
    log.put("ledger.checkpoint", NOON.replace(month=9))
    empty, full = log.seen(topic), see(hostile, Written.example(), [topic])[0]
    assert empty.found.deviations == [] and not any(empty.tables.values())
    assert not any(figure.value for figure in empty.found.figures)
    assert set(empty.figures) == set(full.figures) and set(empty.tables) == set(full.tables)


def test_words_are_in_both_languages(hostile: Path) -> None:
    spanish = locale.catalogue("es")
    for topic, one in zip(TOPICS, see(hostile, Written.example(), TOPICS), strict=True):
        texts = [one.found.title.text, *topic.rules.values()]
        texts += [figure.label.text for figure in one.found.figures]
        texts += [table.title.text for table in one.found.tables]
        texts += [column.title for table in one.found.tables for column in table.columns]
        assert [text for text in texts if spanish.gettext(text) == text and text not in SAME] == []


SAME = frozenset({"Bits", "Error", "No", "Total"})
