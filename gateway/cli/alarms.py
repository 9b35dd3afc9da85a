"""`garita alarms ...`: which alarms are open, what was done about them, and how many there were."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from gateway.cli import common
from gateway.cli.app import App
from gateway.cli.context import Context
from gateway.cli.desk import common as desk
from gateway.desk import alarms
from gateway.desk.alarms import Policy
from gateway.ledger import LedgerUnavailable
from gateway.locale import _
from gateway.state.alarms import measures
from gateway.state.alarms.book import Book
from gateway.state.alarms.follow import AlarmLog, rules_of
from gateway.state.alarms.kinds import KINDS, OUTCOMES
from gateway.state.alarms.model import Alarm
from gateway.wording import alarms as said
from gateway.wording import text, words

app = App()

Number = Annotated[int, typer.Argument(help="The alarm's number, as `garita alarms list` shows.")]
Note = Annotated[
    str,
    typer.Option(
        "--note", callback=common.typed, help="What you saw or did; it goes into the log."
    ),
]


@app.command("list")
def list_(
    ctx: Context,
    closed: Annotated[bool, typer.Option("--closed", help="Those closed lately.")] = False,
    json: common.JsonOption = False,
) -> None:
    """Open alarms, the most urgent first."""
    settings, now = ctx.settings, datetime.now(UTC)
    secret = _policy(ctx).sees_secret(ctx.operator)
    with _books(ctx) as (db, books):
        book = alarms.current(db, books)
    found = list(book.closed(secret)) if closed else book.open(now, secret)
    if json:
        common.print_json([_public(one, book, now) for one in found])
        return
    table = desk.table(
        _("no."), _("priority"), _("what"), _("where"), _("since"), _("how often"), _("now"),
        _("seen"),
    )  # fmt: skip
    zone = settings.site.zone
    for one in found:
        shelf = book.shelf(one, now)
        state = said.state(one, now)
        if shelf is not None:
            state = _("shelved until {until}").format(until=words.moment(shelf.until, zone))
        desk.add(
            table,
            one.id,
            said.priority(one.priority),
            said.title(one.kind.name),
            one.subject,
            words.moment(one.raised_at, zone),
            one.count,
            state,
            one.seen.name if one.seen else "-",
        )
    common.out.print(table)
    if book.more:
        common.say(_("more alarms are in the log alone: {count}").format(count=book.more))


@app.command()
def show(ctx: Context, number: Number) -> None:
    """One alarm: what happened, what to do, and what was done."""
    settings, now = ctx.settings, datetime.now(UTC)
    zone = settings.site.zone
    with desk.saying(settings), _books(ctx) as (db, books):
        policy = _policy(ctx)
        one = alarms.find(alarms.current(db, books), number, policy, ctx.operator)
    common.say(f"{one.id}  {said.title(one.kind.name)}, {one.subject}: {said.sentence(one, zone)}")
    effect = _(one.kind.effect)
    common.say(f"    {said.priority(one.priority)}, {said.state(one, now)}: {effect}")
    steps, _required = alarms.steps_of(one, policy.table)
    for index, step in enumerate(steps, 1):
        done = one.ticked.get(step.key)
        common.say(
            f" {'x' if done else ' '} {index}. {step.text}{f' ({done.name})' if done else ''}"
        )
    for mark in one.history:
        what = _("seen") if mark.outcome == "seen" else said.outcome(mark.outcome)
        at = words.moment(mark.at, zone, seconds=True)
        common.say(f"    {at}  {mark.name}: {what}{f', {mark.note}' if mark.note else ''}")


@app.command()
def seen(ctx: Context, number: Number, note: Note = "") -> None:
    """Say that you have seen an alarm: it stops sounding, and stays open."""
    _do(ctx, number, lambda one: (alarms.see, (one.seq,), {"note": note}))
    common.say(_("alarm {number}: seen").format(number=number))


@app.command()
def step(
    ctx: Context,
    number: Number,
    which: Annotated[int, typer.Argument(min=1, help="The step's number.")],
    undo: Annotated[bool, typer.Option("--undo", help="It was not done after all.")] = False,
) -> None:
    """Tick a step of what to do about an alarm."""

    def tick(one: Alarm) -> _Act:
        steps, _required = alarms.steps_of(one, _policy(ctx).table)
        key = steps[which - 1].key if which <= len(steps) else ""
        return alarms.tick, (key,), {"done": not undo}

    _do(ctx, number, tick)
    common.say(_("alarm {number}: step {step}").format(number=number, step=which))


@app.command()
def resolved(
    ctx: Context,
    number: Number,
    outcome: Annotated[
        str, typer.Option("--outcome", help="fixed, false_alarm, passed_on or work.")
    ],
    note: Note = "",
) -> None:
    """Say what became of an alarm, and close it."""
    if outcome not in OUTCOMES:
        common.fail(_("--outcome: one of {names}").format(names=", ".join(OUTCOMES)), common.USAGE)
    _do(ctx, number, lambda one: (alarms.resolve, (one.seq, outcome), {"note": note}))
    common.say(_("alarm {number}: closed").format(number=number))


@app.command()
def shelve(
    ctx: Context,
    number: Number,
    hours: Annotated[float, typer.Option("--hours", help="For how long.")],
    reason: common.ReasonOption,
) -> None:
    """Have the source of an alarm call nobody for a time; for supervisors."""
    span = timedelta(hours=min(max(hours, 0.0), 10_000.0))
    _do(ctx, number, lambda one: (alarms.shelve, (span, reason), {}))
    common.say(_("alarm {number}: shelved").format(number=number))


@app.command()
def unshelve(
    ctx: Context,
    kind: Annotated[str, typer.Argument(help="The kind, as `garita alarms kinds` lists it.")],
    subject: Annotated[str, typer.Argument(help="The door or device.")],
) -> None:
    """Have a source call again before its time on the shelf is over."""
    with desk.opened(ctx.settings) as db, closing(_log(ctx)) as log:
        now = datetime.now(UTC)
        alarms.unshelve(db, log.now_book, kind, subject, _policy(ctx), by=ctx.operator, now=now)


@app.command()
def kinds(ctx: Context, json: common.JsonOption = False) -> None:
    """Every kind of alarm: how urgent, what comes about, within what time somebody answers."""
    rules = rules_of(ctx.settings)
    if json:
        public = [
            {
                "kind": one.name,
                "priority": rules.priority(one),
                "consequence": one.consequence,
                "respond_s": one.respond_s,
                "answer": one.answer,
                "shelvable": one.shelvable,
            }
            for one in KINDS.values()
        ]
        common.print_json(public)
        return
    table = desk.table(_("kind"), _("what"), _("priority"), _("answer within"), _("otherwise"))
    for one in KINDS.values():
        time = text.duration(one.respond_s)
        told = (one.name, _(one.title), said.priority(rules.priority(one)), time, _(one.effect))
        desk.add(table, *told)
    common.out.print(table)


@app.command()
def figures(
    ctx: Context,
    days: Annotated[int, typer.Option("--days", min=1, max=31, help="Of how many days.")] = 7,
    json: common.JsonOption = False,
) -> None:
    """How many alarms people got, by the measures of ISA-18.2."""
    now = datetime.now(UTC)
    since = now - timedelta(days=days)
    with _books(ctx) as (_db, books):
        calls = books().raises(since, _policy(ctx).sees_secret(ctx.operator))
    found = measures.figures(calls, since, now)
    if json:
        common.print_json(asdict(found))
        return
    for line in said.figures(found):
        common.say(line)
    table = desk.table(_("worst sources"), _("where"), _("alarms"), _("share"), "")
    for source in found.worst:
        chatters = _("chatters") if source.chatters else ""
        share = common.percent(source.share)
        desk.add(table, said.title(source.kind), source.subject, source.count, share, chatters)
    common.out.print(table)


_Act = tuple[Callable[..., None], tuple[Any, ...], dict[str, Any]]


def _do(ctx: Context, number: int, what: Callable[[Alarm], _Act]) -> None:
    """One act on an open alarm by whoever gives the command."""
    policy, now = _policy(ctx), datetime.now(UTC)
    with desk.opened(ctx.settings) as db, closing(_log(ctx)) as log, _readable():
        one = alarms.find(alarms.current(db, log.now_book), number, policy, ctx.operator)
        do, given, more = what(one)
        do(db, log.now_book, number, *given, policy, by=ctx.operator, now=now, **more)


@contextmanager
def _books(ctx: Context) -> Iterator[tuple[sqlite3.Connection, Callable[[], Book]]]:
    with desk.opened(ctx.settings, act=False) as db, closing(_log(ctx)) as log, _readable():
        yield db, log.now_book


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except LedgerUnavailable as error:
        common.fail(str(error), common.UNREACHABLE)


def _log(ctx: Context) -> AlarmLog:
    return AlarmLog(ctx.settings.ledger_path, rules_of(ctx.settings))


def _policy(ctx: Context) -> Policy:
    tables = ctx.settings.tables
    return Policy(tables.alarms, bool(tables.operators))


def _public(one: Alarm, book: Book, now: datetime) -> dict[str, Any]:
    shelf = book.shelf(one, now)
    return {
        "alarm": one.id,
        "upto": one.seq,
        "kind": one.kind.name,
        "subject": one.subject,
        "priority": one.priority,
        "raised_at": one.raised_at,
        "last_at": one.last_at,
        "count": one.count,
        "stands": one.stands,
        "seen": asdict(one.seen) if one.seen else None,
        "resolved": asdict(one.resolved) if one.resolved else None,
        "steps": {key: mark.name for key, mark in one.ticked.items()},
        "escalated": [asdict(mark) for mark in one.escalated],
        "shelved_until": shelf.until if shelf else None,
    }
