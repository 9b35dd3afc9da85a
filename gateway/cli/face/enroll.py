"""`garita people enroll`: photographs, a folder of them, or the gate's camera."""

from __future__ import annotations

import base64
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from drivers.registry import UnknownDriver
from gateway.cli import common
from gateway.cli.context import Context
from gateway.cli.face import privacy
from gateway.cli.people import list as people
from gateway.config import Settings
from gateway.people import faces
from gateway.vault.sitekey import KeyFileError, SiteKey
from gateway.vault.templates import Vault, VaultError

if TYPE_CHECKING:  # heavy: loaded when the command runs, not for every `garita`
    from gateway.face.enrolment import Look


ATTEMPTS = 3  # at each picture, before it is given up
NO_CONSENT = "no consent in force (garita face consent ID --date DAY)"
DUPLICATE = (
    "this face is already enrolled as {person} ({name}); --allow-duplicate if they are twins",
    "este rostro ya está registrado como {person} ({name}); --allow-duplicate si son gemelos",
)
UNCOMPARED = (
    "not compared with {n} people, whose templates do not open or are of another model: {shown}",
    "sin comparar con {n} personas, cuyas plantillas no abren o son de otro modelo: {shown}",
)
SHOWN = 10
PAUSE_S = 0.4  # so that one picture is not the last one again


def enroll(
    ctx: Context,
    person: Annotated[str, typer.Argument(help="Their id; not with --folder.")] = "",
    photos: Annotated[list[Path] | None, typer.Argument(help="Photographs of them.")] = None,
    camera: Annotated[str, typer.Option(help="Take the pictures with this camera.")] = "",
    shots: Annotated[int, typer.Option(help="How many pictures to take.", min=1, max=10)] = 3,
    folder: Annotated[
        Path | None, typer.Option(help="Many people: sub-folders named by id, or ID_1.jpg.")
    ] = None,
    add: Annotated[bool, typer.Option("--add", help="Keep what was enrolled before.")] = False,
    allow_duplicate: Annotated[
        bool, typer.Option("--allow-duplicate", help="The face is somebody else's too: twins.")
    ] = False,
    json: common.JsonOption = False,
) -> None:
    """Enrol faces.  Three good photographs a person or more; each refusal says why."""
    settings = ctx.settings
    if sum((bool(photos), bool(camera), folder is not None)) != 1 or bool(person) == bool(folder):
        common.fail("give ID and PHOTOS, or ID and --camera NAME, or --folder DIR", common.USAGE)
    try:
        vault = Vault(SiteKey.load(settings.tables.site.key_file))
    except KeyFileError as error:
        common.fail(str(error), common.UNREACHABLE)
    if person and settings.tables.face.require_consent:
        _must_agree(settings, person)  # before anybody looks at the face
    if camera:
        looks = {person: _from_camera(settings, camera, shots)}
    else:
        looks = _from_files(settings, {person: photos} if photos else _folder(folder))
    _store(settings, vault, looks, add, allow_duplicate, json)


def _must_agree(settings: Settings, person: str) -> None:
    db = people.open_list(settings)
    agreed = faces.has_consent(db, person, privacy.today(settings))
    db.close()
    if not agreed:
        common.fail(f"{person}: {NO_CONSENT}", common.REFUSED)


def _folder(folder: Path | None) -> dict[str, list[Path]]:
    from gateway.face import enrolment  # noqa: PLC0415

    found = enrolment.photos_by_person(folder) if folder else {}
    if not found:
        common.fail(f"{folder}: no pictures there", common.REFUSED)
    return found


def _from_files(settings: Settings, files: dict[str, list[Path]]) -> dict[str, list[Look]]:
    from gateway.face import enrolment  # noqa: PLC0415
    from gateway.face.vision.embedder import ModelsMissing, Unusable  # noqa: PLC0415

    face = settings.tables.face
    try:
        engine = enrolment.make_engine(face.embedder, face.embedder_options)
    except (ModelsMissing, Unusable, UnknownDriver, ValidationError) as error:
        common.fail(f"face.embedder: {error}", common.UNREACHABLE)
    result: dict[str, list[Look]] = {}
    with common.progress() as bars:
        bar = bars.add_task("looking at faces", total=sum(map(len, files.values())))
        for person, paths in files.items():
            looks = []
            for path in paths:
                looks.append(enrolment.look(engine, path))
                bars.advance(bar)
            result[person] = enrolment.agree(looks, _usual(settings))
    return result


def _usual(settings: Settings) -> float:
    """The usual threshold of the model: a site that is strict with ours does not change its
    scale, and of another's nobody here knows better than the site."""
    from gateway.face.vision.embedder import BUILT_IN  # noqa: PLC0415
    from gateway.face.vision.score import RECOMMENDED  # noqa: PLC0415

    face = settings.tables.face
    return RECOMMENDED if face.embedder == BUILT_IN else face.threshold


def _from_camera(settings: Settings, camera: str, shots: int) -> list[Look]:
    """Pictures through the running gateway, which holds the camera."""
    from gateway.face import enrolment  # noqa: PLC0415
    from gateway.face.vision.engine import MODEL  # noqa: PLC0415
    from gateway.face.vision.quality import Refusal  # noqa: PLC0415

    looks: list[Look] = []
    for attempt in range(ATTEMPTS * shots):
        good = sum(look.embedding is not None for look in looks)
        if good == shots:
            break
        common.err.print(f"picture {good + 1} of {shots}: look at the camera")
        time.sleep(PAUSE_S)
        answer = common.ask(settings, "capture", camera=camera)
        name = f"picture {attempt + 1}"
        if "template" in answer:
            template = base64.b64decode(answer["template"])
            look = enrolment.from_capture(
                name, template, answer["quality"], str(answer.get("model") or MODEL)
            )
        elif answer["refused"] in Refusal:
            look = enrolment.Look(name, None, {}, Refusal(answer["refused"]))
        else:
            common.fail(f"camera {camera}: {answer['refused']}", common.UNREACHABLE)
        looks = enrolment.agree([*looks, look], _usual(settings))
    return looks


def _store(
    settings: Settings,
    vault: Vault,
    looks: dict[str, list[Look]],
    add: bool,
    allow_duplicate: bool,
    json: bool,
) -> None:
    from gateway.face import enrolment  # noqa: PLC0415
    from gateway.face.duplicates import DuplicateFace, Known  # noqa: PLC0415
    from gateway.face.vision.quality import SENTENCES  # noqa: PLC0415

    db = people.open_list(settings)
    # Faces from before each person had a key: taken over by whoever first has the site key.
    faces.reseal(db, vault, VaultError)
    known = Known(vault, limit=settings.tables.face.threshold, today=privacy.today(settings))
    known.follow(db)
    wanted = settings.tables.face.min_templates
    language = 1 if settings.tables.site.language == "es" else 0
    report, failed = [], False
    for person, items in looks.items():
        error = ""
        total = 0
        try:
            if settings.tables.face.require_consent and not faces.has_consent(
                db, person, privacy.today(settings)
            ):
                raise LookupError(f"{person}: {NO_CONSENT}")
            total = enrolment.store(
                db,
                vault,
                known,
                person,
                items,
                by=common.operator(),
                replace=not add,
                allow_duplicate=allow_duplicate,
            )
        except (LookupError, VaultError) as missing:
            error = str(missing)
        except DuplicateFace as twin:
            error = f"{person}: {DUPLICATE[language].format(**asdict(twin.twin))}"
        report.append(
            {
                "person": person,
                "templates": total,
                "enough": total >= wanted,
                "error": error,
                "photos": [
                    {"name": i.name, "refused": i.refusal, "quality": i.quality} for i in items
                ],
            }
        )
        failed |= bool(error) or total < wanted
        if json:
            continue
        for item in items:
            why = f"refused: {SENTENCES[item.refusal][language]}" if item.refusal else "good"
            common.out.print(f"  {item.name}: {why}", markup=False)
        verdict = error or f"{person}: {total} template(s)"
        short = "" if error or total >= wanted else f", {wanted} are needed: add more photographs"
        common.out.print(verdict + short, markup=False)
    model = next((i.model for items in looks.values() for i in items if not i.refusal), None)
    if model is not None and (left_out := sorted(known.uncompared(model) - looks.keys())):
        shown = ", ".join(left_out[:SHOWN]) + (", ..." if len(left_out) > SHOWN else "")
        common.err.print(UNCOMPARED[language].format(n=len(left_out), shown=shown), markup=False)
    db.close()
    common.nudge(settings)
    if json:
        common.print_json(report)
    if failed:
        raise typer.Exit(common.REFUSED)
