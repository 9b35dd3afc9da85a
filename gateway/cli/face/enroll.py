"""`garita people enroll`: photographs, a folder of them, or the gate's camera."""

from __future__ import annotations

import base64
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError

from drivers.registry import UnknownDriver
from gateway.cli import common, personnel
from gateway.cli.context import Context
from gateway.cli.face import privacy
from gateway.cli.keyed import Keyed
from gateway.config import Settings
from gateway.daemon.errand import photograph_as_json
from gateway.locale import _, ngettext
from gateway.people import faces

if TYPE_CHECKING:  # heavy: loaded when the command runs, not for every `garita`
    from gateway.face.enrolment import ExaminedPhotograph, Mode


ATTEMPTS = 3  # at each picture, before the command gives up
SHOWN = 10
PAUSE_S = 0.4  # between two pictures, so that they differ


def enroll(
    ctx: Context,
    person: Annotated[str, typer.Argument(help="Their id; not with --folder.")] = "",
    photos: Annotated[list[Path] | None, typer.Argument(help="Photographs of them.")] = None,
    camera: Annotated[str, typer.Option(help="Take the pictures with this camera.")] = "",
    shots: Annotated[
        int | None,
        typer.Option(
            help="How many pictures to take, by default as many as the doors ask for.",
            min=1,
            max=20,
        ),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Many people: sub-folders named by id, or ID_1.jpg.")
    ] = None,
    add: Annotated[bool, typer.Option("--add", help="Keep what was enrolled before.")] = False,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Drop what was enrolled before, though the new pictures are too few or show "
            "another face.",
        ),
    ] = False,
    allow_duplicate: Annotated[
        bool, typer.Option("--allow-duplicate", help="The face is somebody else's too: twins.")
    ] = False,
    json: common.JsonOption = False,
) -> None:
    """Enrol faces.  Three good photographs a person or more; each refusal says why.

    What was enrolled before stays until the new enrolment is complete and shows the same face.
    """
    from gateway.face.enrolment import Mode  # noqa: PLC0415

    settings = ctx.settings
    if sum((bool(photos), bool(camera), folder is not None)) != 1 or bool(person) == bool(folder):
        common.fail(_("give ID and PHOTOS, or ID and --camera NAME, or --folder DIR"), common.USAGE)
    if add and replace:
        common.fail(_("give --add or --replace, not both"), common.USAGE)
    mode = Mode.ADD if add else Mode.REPLACE if replace else Mode.RENEW
    keyed = Keyed(settings)
    if person and settings.tables.face.require_consent:
        _must_agree(settings, person)  # before anybody looks at the face
    if camera:
        shots = shots or settings.tables.face.min_templates
        examined = {person: _from_camera(settings, camera, shots)}
    else:
        examined = _from_files(settings, {person: photos} if photos else _folder(folder))
    _store_all(settings, keyed, examined, mode, allow_duplicate, json)


def _no_consent() -> str:
    return _("no consent in force (garita face consent ID --date DAY)")


def _must_agree(settings: Settings, person: str) -> None:
    db = personnel.open_list(settings)
    agreed = faces.has_consent(db, person, privacy.today(settings))
    db.close()
    if not agreed:
        common.fail(f"{person}: {_no_consent()}", common.REFUSED)


def _folder(folder: Path | None) -> dict[str, list[Path]]:
    from gateway.face import enrolment  # noqa: PLC0415

    found = enrolment.photos_by_person(folder) if folder else {}
    if not found:
        common.fail(_("{folder}: no pictures there").format(folder=folder), common.REFUSED)
    return found


def _from_files(
    settings: Settings, files: dict[str, list[Path]]
) -> dict[str, list[ExaminedPhotograph]]:
    from gateway.face import enrolment  # noqa: PLC0415
    from gateway.face.vision.embedder import ModelsMissing, Unusable  # noqa: PLC0415

    face = settings.tables.face
    try:
        engine = enrolment.make_engine(face.embedder, face.embedder_options)
    except (ModelsMissing, Unusable, UnknownDriver, ValidationError) as error:
        common.fail(_("face.embedder: {error}").format(error=error), common.UNREACHABLE)
    result: dict[str, list[ExaminedPhotograph]] = {}
    with common.progress() as bars:
        bar = bars.add_task(_("looking at faces"), total=sum(map(len, files.values())))
        for person, paths in files.items():
            examined = []
            for path in paths:
                examined.append(enrolment.examine(engine, path))
                bars.advance(bar)
            result[person] = enrolment.agree(examined, _usual(settings))
    return result


def _usual(settings: Settings) -> float:
    """The usual threshold of the model, which gives the scale of its distances.

    A stricter `face.threshold` does not change the scale of dlib's model.  For another model the
    site's threshold is the only figure that is known.
    """
    from gateway.face.vision.embedder import BUILT_IN  # noqa: PLC0415
    from gateway.face.vision.score import RECOMMENDED  # noqa: PLC0415

    face = settings.tables.face
    return RECOMMENDED if face.embedder == BUILT_IN else face.threshold


def _from_camera(settings: Settings, camera: str, shots: int) -> list[ExaminedPhotograph]:
    """Pictures through the running gateway, which has the camera open."""
    from gateway.face import enrolment  # noqa: PLC0415
    from gateway.face.refusal import Refusal  # noqa: PLC0415
    from gateway.face.vision.engine import MODEL  # noqa: PLC0415

    examined: list[ExaminedPhotograph] = []
    for attempt in range(ATTEMPTS * shots):
        good = sum(item.embedding is not None for item in examined)
        if good == shots:
            break
        common.err.print(
            _("picture {number} of {shots}: look at the camera").format(
                number=good + 1, shots=shots
            )
        )
        time.sleep(PAUSE_S)
        answer = common.ask(settings, "capture", camera=camera)
        name = _("picture {number}").format(number=attempt + 1)
        if "template" in answer:
            template = base64.b64decode(answer["template"])
            item = enrolment.from_capture(
                name, template, answer["quality"], str(answer.get("model") or MODEL)
            )
        elif answer["refused"] in {refusal.value for refusal in Refusal}:
            item = enrolment.ExaminedPhotograph(name, None, {}, Refusal(answer["refused"]))
        else:
            common.fail(
                _("camera {camera}: {why}").format(camera=camera, why=answer["refused"]),
                common.UNREACHABLE,
            )
        examined = enrolment.agree([*examined, item], _usual(settings))
    return examined


def _store_all(
    settings: Settings,
    keyed: Keyed,
    examined: dict[str, list[ExaminedPhotograph]],
    mode: Mode,
    allow_duplicate: bool,
    json: bool,
) -> None:
    report = []
    uncompared: set[str] = set()
    for person, items in examined.items():
        done = keyed.do(
            "enrol",
            person=person,
            photos=[photograph_as_json(item) for item in items],
            mode=mode.value,
            allow_duplicate=allow_duplicate,
        )
        uncompared |= set(done["uncompared"])
        report.append(_entry(settings, person, items, done))
        if not json:
            _show(report[-1], items, settings.tables.face.min_templates)
    _tell_uncompared(uncompared - examined.keys())
    common.nudge(settings)
    if json:
        common.print_json(report)
    if not all(item["enough"] and not item["error"] for item in report):
        raise typer.Exit(common.REFUSED)


def _entry(
    settings: Settings, person: str, items: list[ExaminedPhotograph], done: dict[str, Any]
) -> dict[str, Any]:
    """One person's part of the report."""
    needed = settings.tables.face.min_templates
    total = done["total"]
    return {
        "person": person,
        "templates": total,
        "added": done["added"],
        "enough": total >= needed,
        "error": _refusal(person, done, needed) if done["refused"] else "",
        "photos": [
            {
                "name": item.name,
                "refused": item.refusal,
                "detail": str(item.detail or ""),
                "quality": item.quality,
            }
            for item in items
        ],
    }


def _refusal(person: str, done: dict[str, Any], needed: int) -> str:
    """Why nothing was stored, and what the operator can do."""
    from gateway.face.enrolment import Obstacle  # noqa: PLC0415

    facts, code = done["facts"], done["refused"]
    if code == "no_consent":
        return f"{person}: {_no_consent()}"
    if code == "error":
        return str(facts["error"])
    if code == "duplicate":
        return _(
            "{person}: this face is already enrolled as {other} ({name}); "
            "--allow-duplicate if they are twins"
        ).format(person=person, **facts)
    kept = ngettext(
        "{person}: nothing changed, the {n} template from before stays",
        "{person}: nothing changed, the {n} templates from before stay",
        done["total"],
    ).format(person=person, n=done["total"])
    why = {
        Obstacle.INCOMPLETE: _(
            "{good} of the {needed} good photographs that a new enrolment needs; give more, or "
            "--add keeps both, or --replace takes these alone"
        ).format(good=facts["good"], needed=needed),
        Obstacle.ANOTHER_FACE: _(
            "the new face differs from the enrolled one (distance {distance}); if it is the same "
            "person, --replace takes the new one"
        ).format(distance=facts["distance"]),
        Obstacle.UNCOMPARABLE: _(
            "the enrolled face can't be compared with the new one (another face model or another "
            "site key); --replace takes the new one"
        ),
    }
    return f"{kept}: {why[Obstacle(code)]}"


def _show(entry: dict[str, Any], items: list[ExaminedPhotograph], needed: int) -> None:
    from gateway.face.refusal import sentence  # noqa: PLC0415

    for item in items:
        why = _("good")
        if item.refusal:
            why = _("refused: {why}").format(why=item.detail or sentence(item.refusal))
        common.out.print(f"  {item.name}: {why}", markup=False, soft_wrap=True)
    person, total = entry["person"], entry["templates"]
    verdict = entry["error"] or ngettext(
        "{person}: {n} template", "{person}: {n} templates", total
    ).format(person=person, n=total)
    if not entry["error"] and total < needed:
        verdict += ", " + _("{needed} are needed: add more photographs").format(needed=needed)
    common.out.print(verdict, markup=False, soft_wrap=True)


def _tell_uncompared(people: set[str]) -> None:
    left_out = sorted(people)
    if left_out:
        shown = ", ".join(left_out[:SHOWN]) + (", ..." if len(left_out) > SHOWN else "")
        text = ngettext(
            "not compared with {n} person, whose templates do not open or are of another model: "
            "{shown}",
            "not compared with {n} people, whose templates do not open or are of another model: "
            "{shown}",
            len(left_out),
        )
        common.err.print(text.format(n=len(left_out), shown=shown), markup=False, soft_wrap=True)
