"""`garita face report`: the face match's errors at this gate, from its own log, and advice."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.table import Table

from gateway.cli import common
from gateway.cli.context import Context
from gateway.config import Settings
from gateway.ledger import LedgerReader, LedgerUnavailable
from gateway.locale import N_, _
from gateway.people import RosterUnavailable
from gateway.people.enrolled import enrolled
from gateway.wording import words

if TYPE_CHECKING:  # needs NumPy: loaded when the command runs
    from gateway.face.accuracy.report import Drift, Report

WORDS = {
    "none": N_("no face was compared yet"),
    "span": N_("face checks from {since} to {until}"),
    "skipped": N_("{n} records could not be read"),
    "outcomes": N_("outcomes"),
    "match": N_("matched"),
    "mismatch": N_("another's face"),
    "no_face": N_("no face seen"),
    "unavailable": N_("not available"),
    "camera_fault": N_("camera fault"),
    "unscored": N_(
        "accepted faces were not scored against others, so this log shows no false-accept rate"
    ),
    "scored": N_(
        "{faces} accepted faces of {people} people were scored against others: {comparisons} "
        "comparisons, {errors} false matches"
    ),
    "bound": N_(
        "false match rate: {rate}, at most {high} with 95 % confidence, if the comparisons were "
        "independent; they are not"
    ),
    "people": N_(
        "by person: {errors} of {people} also matched another (at most {high} of all people)"
    ),
    "lent": N_("{lent} of {faces} refused faces matched another person: look for lent badges"),
    "distances": N_(
        "distances of {n} accepted faces (cut off at the threshold {threshold}): {values}"
    ),
    "camera": N_("camera"),
    "hour": N_("hour"),
    "first": N_("first {weeks} weeks"),
    "newest": N_("last {weeks} weeks"),
    "change": N_("change"),
    "worse": N_("look at the camera and its light"),
    "renew": N_("new photographs are advised for"),
    "renew_none": N_("nobody needs new photographs"),
    "person": N_("person"),
    "why": N_("why"),
    "distance": N_("near the threshold: median {median} of {n} matches"),
    "age": N_("pictures since {oldest}"),
    "model": N_("made with another model"),
    "advice": N_("This only advises; thresholds never move by themselves."),
}
OUTCOMES = ("match", "mismatch", "no_face", "unavailable", "camera_fault")
SHOWN_PEOPLE = 50


def report(
    ctx: Context,
    weeks: Annotated[
        int, typer.Option(help="Compare the newest weeks with the first ones.", min=1, max=52)
    ] = 4,
    share: Annotated[
        float, typer.Option(help="Advise new pictures above this share of the threshold.")
    ] = 0.8,
    months: Annotated[int, typer.Option(help="And when templates are older.", min=1)] = 24,
    json: common.JsonOption = False,
) -> None:
    """Error rates at this gate, drift by camera and hour, and whose pictures to renew.

    Reads the log and the list; changes neither, and no threshold.
    """
    from gateway.face.accuracy.report import Advice, Enrolled  # noqa: PLC0415
    from gateway.face.accuracy.report import report as make  # noqa: PLC0415

    settings = ctx.settings
    site = settings.tables.site
    ledger = LedgerReader(settings.ledger_path)
    try:
        people = [
            Enrolled(person, name, model, _time(created))
            for person, name, model, created in enrolled(settings.people_path)
        ]
        with common.progress() as bars:
            bar = bars.add_task(_("reading the log"), total=ledger.last_seq)
            events = ledger.search(
                type_prefix="access.", progress=lambda seq: bars.update(bar, completed=seq)
            )
            advice = Advice(weeks, share, months * 365 // 12)
            made = make(events, people, datetime.now(UTC), ZoneInfo(site.timezone), advice)
    except (LedgerUnavailable, RosterUnavailable) as error:
        common.fail(str(error), common.UNREACHABLE)
    finally:
        ledger.close()
    if json:
        common.print_json(_document(made))
        return
    _print(made, settings, weeks)


def _time(text: str) -> datetime:
    """A time of people.db; one that can't be read is taken as long ago, so it is looked at."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _document(made: Report) -> dict[str, Any]:
    document = asdict(made)
    document["false_match_rate"] = made.false_match_rate.as_dict()
    document["people_in_a_false_match"] = made.mistaken_rate.as_dict()
    for name in ("cameras", "hours"):
        for key, drift in getattr(made, name).items():
            document[name][key]["worse"] = drift.worse
    return document


def _print(made: Report, settings: Settings, weeks: int) -> None:
    def say(key: str, **values: Any) -> str:
        return _(WORDS[key]).format(**values)

    def shown(at: str) -> str:
        return words.moment(at, settings.site.zone, named=True)

    def show(text: str) -> None:
        common.out.print(text, markup=False, soft_wrap=True)

    if not made.outcomes:
        show(say("none"))
    else:
        show(say("span", since=shown(made.since), until=shown(made.until)))
        counts = [
            f"{say(key) if key in OUTCOMES else key} {count}"
            for key, count in sorted(made.outcomes.items(), key=lambda item: -item[1])
        ]
        show(f"{say('outcomes')}: {', '.join(counts)}")
        _print_errors(made, say, show)
        for title, drifts in (("camera", made.cameras), ("hour", made.hours)):
            if drifts:
                common.out.print(_drifts(say, title, drifts, weeks))
    if made.skipped:
        show(say("skipped", n=made.skipped))
    _print_renewals(made, say, show)
    show(say("advice"))


def _print_errors(made: Report, say: Any, show: Any) -> None:
    if not made.comparisons:
        show(say("unscored"))
    else:
        rate, by_person = made.false_match_rate, made.mistaken_rate
        show(
            say(
                "scored",
                faces=made.faces,
                people=made.sampled_people,
                comparisons=made.comparisons,
                errors=made.false_matches,
            )
        )
        shown = common.percent(rate.value)
        show(say("bound", rate=shown, high=common.percent(rate.bounds[1])))
        high = common.percent(by_person.bounds[1])
        show(say("people", errors=made.mistaken_people, people=made.sampled_people, high=high))
    if made.lent:
        show(say("lent", lent=made.lent, faces=made.refused_faces))
    if made.quantiles:
        names = ("5 %", "25 %", "50 %", "75 %", "95 %")
        values = ", ".join(
            f"{name} {value:.3f}" for name, value in zip(names, made.quantiles, strict=True)
        )
        thresholds = ", ".join(made.thresholds)
        show(say("distances", n=made.matches, threshold=thresholds, values=values))


def _drifts(say: Any, title: str, drifts: dict[Any, Drift], weeks: int) -> Table:
    table = Table(
        say(title),
        say("first", weeks=weeks),
        say("newest", weeks=weeks),
        say("change"),
        "",
        box=None,
    )
    for key, drift in drifts.items():
        change = "-"
        if drift.first is not None and drift.newest is not None:
            change = f"{drift.newest - drift.first:+.3f}"
        table.add_row(
            f"{key:02d} h" if isinstance(key, int) else escape(key),
            _middle(drift.first, drift.first_count),
            _middle(drift.newest, drift.newest_count),
            change,
            f"[yellow]{say('worse')}[/yellow]" if drift.worse else "",
        )
    return table


def _middle(value: float | None, count: int) -> str:
    return "-" if value is None else f"{value:.3f} ({count})"


def _print_renewals(made: Report, say: Any, show: Any) -> None:
    if not made.renewals:
        show(say("renew_none"))
        return
    show(f"{say('renew')}:")
    table = Table(say("person"), "", say("why"), box=None)
    for item in made.renewals[:SHOWN_PEOPLE]:
        median = "-" if item.median is None else f"{item.median:.3f}"
        oldest = words.day(item.oldest.date()) if item.oldest else "-"
        why = [say(key, median=median, n=item.matches, oldest=oldest) for key in item.reasons]
        table.add_row(escape(item.person_id), escape(item.name), "; ".join(why))
    common.out.print(table)
    if len(made.renewals) > SHOWN_PEOPLE:
        show(f"... {len(made.renewals)}")
