"""`garita face evaluate`: how well faces are told apart, on labelled pictures."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from gateway.cli import common
from gateway.config import FaceTable
from gateway.config.checks import MAX_THRESHOLD
from gateway.locale import _, ngettext, system

if TYPE_CHECKING:  # heavy: loaded when the command runs, not for every `garita`
    from gateway.face.accuracy.evaluate import Plan
    from gateway.face.accuracy.statistics import Rate, Trials

THRESHOLDS = tuple(step / 1000 for step in range(350, 601, 25))
RECOMMENDED = 0.40  # gateway.face.vision.score's, which a test compares: that module needs NumPy


def evaluate(
    path: Annotated[
        Path,
        typer.Argument(
            help="A folder (a sub-folder a person, or ID_1.jpg), or a list of pairs: "
            "CSV picture_a,picture_b,same or the form of LFW."
        ),
    ],
    templates: Annotated[int, typer.Option(help="Enrolled pictures a person.", min=1)] = 3,
    frames: Annotated[int, typer.Option(help="Pictures a tap.", min=1, max=20)] = 1,
    splits: Annotated[int, typer.Option(help="Random enrolments.", min=1, max=1000)] = 10,
    seed: Annotated[int, typer.Option(help="The same seed gives the same figures.")] = 1,
    upscale: Annotated[
        float, typer.Option(help="Enlarge pictures below 200 px this many times.", min=1, max=8)
    ] = 1.0,
    threshold: Annotated[
        float, typer.Option(help="The threshold to judge.", min=0, max=2)
    ] = RECOMMENDED,
    want_far: Annotated[float, typer.Option(help="The FAR to find a threshold for.")] = 0.0001,
    gates: Annotated[
        bool, typer.Option(help="Enrol only pictures that enrolment would take.")
    ] = True,
    images: Annotated[
        Path | None, typer.Option(help="Where the pictures of a list of pairs are.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Write the DET curve as PNG.")] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="Its face model, if not dlib's.")
    ] = None,
    json: common.JsonOption = False,
) -> None:
    """False accepts, false rejects and failures to acquire on labelled pictures.

    Nothing is enrolled or kept.  Terms and method: ISO/IEC 19795-1, and docs/face.md.
    """
    from gateway.face.accuracy import evaluate as evaluation  # noqa: PLC0415

    if not 0 < want_far < 1:
        common.fail(_("--want-far is a share between 0 and 1, such as 0.0001"), common.USAGE)
    if not path.exists():
        common.fail(_("{path}: there is no such file or folder").format(path=path), common.REFUSED)
    plan = evaluation.Plan(templates, frames, splits, seed, gates)
    try:
        made, left_out, refused = _try(path, images, upscale, plan, _model(config))
    except evaluation.BadData as error:
        common.fail(str(error), common.REFUSED)
    except BrokenExecutor:
        common.fail(
            _("a process that looks at faces died (no memory, or no models)"), common.REFUSED
        )
    if plot is not None:
        _plot(made, plot, f"{path.name}: {_method(path, plan)}", threshold)
    if json:
        common.print_json(_document(made, plan, threshold, want_far, left_out, refused))
        return
    _print(made, path, plan, threshold, want_far)
    for name, count in sorted(refused.items()):
        common.out.print(
            _("{count} pictures would be refused at enrolment: {name}").format(
                count=count, name=name
            ),
            markup=False,
        )
    if left_out:
        named = ", ".join(left_out[:10]) + (" ..." if len(left_out) > 10 else "")
        common.out.print(
            _("left out, too few good pictures: {named}").format(named=named),
            markup=False,
            soft_wrap=True,
        )


def _model(config: Path | None) -> tuple[str, dict[str, Any]]:
    face = common.settings(config).tables.face if config is not None else FaceTable()
    return face.embedder, face.embedder_options


def _try(
    path: Path,
    images: Path | None,
    upscale: float,
    plan: Plan,
    model: tuple[str, dict[str, Any]],
) -> tuple[Trials, list[str], dict[str, int]]:
    from gateway.face.accuracy import evaluate as evaluation  # noqa: PLC0415

    folder = evaluation.people(path) if path.is_dir() else {}
    listed = [] if folder else evaluation.pairs(path, images)
    pictures = [item for found in folder.values() for item in found] or list(
        evaluation.pictures_of(listed)
    )
    with common.progress() as bars:
        bar = bars.add_task(_("looking at faces"), total=len(pictures))
        seen = evaluation.look(pictures, upscale, lambda: bars.advance(bar), model)
        refused: dict[str, int] = {}
        for item in seen.values():
            if item.refusal is not None:
                refused[item.refusal] = refused.get(item.refusal, 0) + 1
        if listed:
            return evaluation.pair_trials(listed, seen), [], refused
        bar = bars.add_task(_("comparing"), total=plan.splits)
        by_person = {name: [seen[item] for item in found] for name, found in folder.items()}
        made, left_out = evaluation.trials(by_person, plan, lambda: bars.advance(bar))
    return made, left_out, refused


def _plot(made: Trials, path: Path, title: str, threshold: float) -> None:
    from gateway.face.accuracy.plot import NoPlotting, det  # noqa: PLC0415

    try:
        det(made, path, title, threshold)
    except NoPlotting as error:
        common.fail(str(error), common.REFUSED)
    except OSError as error:
        common.fail(f"{path}: {system(error.strerror)}", common.REFUSED)


def _method(path: Path, plan: Plan) -> str:
    if path.is_file():
        return _("pairs, one template")
    taps = ngettext("one picture a tap", "{n} pictures a tap", plan.frames).format(n=plan.frames)
    return _("{n} templates, {taps}").format(n=plan.templates, taps=taps)


def _print(made: Trials, path: Path, plan: Plan, threshold: float, want_far: float) -> None:
    from gateway.face.accuracy.statistics import Rate  # noqa: PLC0415

    show = common.out.print
    comparisons = _("{same:.0f} comparisons of the same person and {others:.0f} of others").format(
        same=len(made.genuine) / made.splits, others=len(made.impostor) / made.splits
    )
    again = ""
    if made.splits > 1:
        again = _(", divided {n} times at random").format(n=made.splits)
    method = _method(path, plan)
    if made.people > 1:
        method = (
            ngettext("{n} person", "{n} people", made.people).format(n=made.people) + f", {method}"
        )
    show(f"{path.name}: {method}", markup=False)
    show(f"{comparisons}{again}", markup=False, soft_wrap=True)
    table = Table(_("threshold"), "FAR", "95 %", "FRR", "95 %", box=None)
    for value in sorted({*THRESHOLDS, threshold}):
        far, frr = made.far(value), made.frr(value)
        style = "bold" if value == threshold else ""
        cells = (f"{value:.3f}", _share(far), _bounds(far), _share(frr), _bounds(frr))
        table.add_row(*cells, style=style)
    show(table)
    fmr, fnmr, fta = made.fmr(threshold), made.fnmr(threshold), made.fta
    show(
        _("at {threshold:.3f}: FMR {fmr} ({fmr_bounds}), FNMR {fnmr} ({fnmr_bounds})").format(
            threshold=threshold,
            fmr=_share(fmr),
            fmr_bounds=_bounds(fmr),
            fnmr=_share(fnmr),
            fnmr_bounds=_bounds(fnmr),
        ),
        markup=False,
        soft_wrap=True,
    )
    show(
        _("failure to acquire: {share} of taps ({bounds})").format(
            share=_share(fta), bounds=_bounds(fta)
        ),
        markup=False,
    )
    rate, at = made.eer()
    show(
        _("equal error rate: {rate} at {at:.3f}").format(rate=common.percent(rate), at=at),
        markup=False,
    )
    seen = made.threshold_for(want_far, proven=False)
    shown = made.threshold_for(want_far, proven=True)
    if seen is not None:
        found = made.fmr(seen)
        lax = _("; above 0.5, which `garita check` refuses") if seen > MAX_THRESHOLD else ""
        show(
            _("threshold for a FAR of {want_far}: {seen:.3f} as seen here ({found}){lax}").format(
                want_far=common.percent(want_far), seen=seen, found=_bounds(found), lax=lax
            ),
            markup=False,
            soft_wrap=True,
        )
    if shown is None:
        least = common.percent(made.fmr(0).bounds[1])
        show(
            _(
                "  no threshold can be shown to have it: so few comparisons show {least} at best"
            ).format(least=least),
            markup=False,
            soft_wrap=True,
        )
    else:
        show(_("  shown at 95 % confidence: {shown:.3f}").format(shown=shown), markup=False)
    person = made.by_person(threshold, plan.seed)
    if person is None:
        show(
            _(
                "These bounds take attempts to be independent. The list does not say who is who "
                "(all pictures lie in one folder), so there are no figures by person."
            ),
            soft_wrap=True,
        )
        return
    show(
        _(
            "These bounds take attempts to be independent. Attempts of one person are not, so the "
            "truth may lie outside. By person, resampled:"
        ),
        soft_wrap=True,
    )
    show(
        _("  FMR {far}, FNMR {frr}").format(far=_resampled(person.far), frr=_resampled(person.frr)),
        markup=False,
    )
    mistaken = Rate(person.mistaken, person.people)
    refused = Rate(person.refused, person.asked)
    show(
        _(
            "  {mistaken} of {people} people took part in a false match ({mistaken2}), "
            "{refused} of {asked} were refused at least once ({refused2})"
        ).format(
            mistaken=person.mistaken,
            people=person.people,
            mistaken2=_bounds(mistaken),
            refused=person.refused,
            asked=person.asked,
            refused2=_bounds(refused),
        ),
        markup=False,
        soft_wrap=True,
    )


def _document(
    made: Trials,
    plan: Plan,
    threshold: float,
    want_far: float,
    left_out: list[str],
    refused: dict[str, int],
) -> dict[str, Any]:
    def rates(value: float) -> dict[str, Any]:
        return {
            "threshold": value,
            "far": made.far(value).as_dict(),
            "frr": made.frr(value).as_dict(),
            "fmr": made.fmr(value).as_dict(),
            "fnmr": made.fnmr(value).as_dict(),
        }

    rate, at = made.eer()
    person = made.by_person(threshold, plan.seed)
    return {
        "people": made.people if person is not None else None,
        "left_out": left_out,
        "refused_at_enrolment": refused,
        "templates": plan.templates,
        "frames": plan.frames,
        "splits": made.splits,
        "seed": plan.seed,
        "failure_to_acquire": made.fta.as_dict(),
        "at": rates(threshold),
        "table": [rates(value) for value in THRESHOLDS],
        "eer": {"rate": rate, "threshold": at},
        "by_person": person.as_dict() if person is not None else None,
        "wanted": {
            "far": want_far,
            "threshold_seen": made.threshold_for(want_far, proven=False),
            "threshold_shown": made.threshold_for(want_far, proven=True),
            "smallest_rate_shown": made.fmr(0).bounds[1],
        },
    }


def _share(rate: Rate) -> str:
    return _("no trials") if not rate.trials else common.percent(rate.value) if rate.errors else "0"


def _bounds(rate: Rate) -> str:
    low, high = rate.bounds
    return (
        _("at most {high}").format(high=common.percent(high))
        if not rate.errors
        else _span((low, high))
    )


def _resampled(bounds: tuple[float, float]) -> str:
    return _span(bounds) if bounds[1] else _("no error to resample")


def _span(bounds: tuple[float, float]) -> str:
    return _("{low} to {high}").format(
        low=common.percent(bounds[0]), high=common.percent(bounds[1])
    )
