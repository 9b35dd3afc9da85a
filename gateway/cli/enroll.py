"""`garita people enroll`: photographs, a folder of them, or the gate's camera."""

from __future__ import annotations

import base64
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import common, people, privacy
from gateway.config import Settings
from gateway.face.vault import Vault, VaultError
from gateway.keys import KeyFileError, SiteKey
from gateway.roster import faces

if TYPE_CHECKING:  # heavy: loaded when the command runs, not for every `garita`
    from gateway.enrolment import Look


ATTEMPTS = 3  # at each picture, before it is given up
NO_CONSENT = "no consent in force (garita face consent ID --date DAY)"
PAUSE_S = 0.4  # so that one picture is not the last one again


def enroll(
    person: Annotated[str, typer.Argument(help="Their id; not with --folder.")] = "",
    photos: Annotated[list[Path] | None, typer.Argument(help="Photographs of them.")] = None,
    camera: Annotated[str, typer.Option(help="Take the pictures with this camera.")] = "",
    shots: Annotated[int, typer.Option(help="How many pictures to take.", min=1, max=10)] = 3,
    folder: Annotated[
        Path | None, typer.Option(help="Many people: sub-folders named by id, or ID_1.jpg.")
    ] = None,
    add: Annotated[bool, typer.Option("--add", help="Keep what was enrolled before.")] = False,
    config: common.ConfigOption = common.DEFAULT_CONFIG,
    json: common.JsonOption = False,
) -> None:
    """Enrol faces.  Three good photographs a person or more; each refusal says why."""
    settings = common.settings(config)
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
        looks = _from_files({person: photos} if photos else _folder(folder))
    _store(settings, vault, looks, add, json)


def _must_agree(settings: Settings, person: str) -> None:
    db = people.open_list(settings)
    agreed = faces.has_consent(db.conn, person, privacy.today(settings))
    db.close()
    if not agreed:
        common.fail(f"{person}: {NO_CONSENT}", common.REFUSED)


def _folder(folder: Path | None) -> dict[str, list[Path]]:
    from gateway import enrolment  # noqa: PLC0415

    found = enrolment.photos_by_person(folder) if folder else {}
    if not found:
        common.fail(f"{folder}: no pictures there", common.REFUSED)
    return found


def _from_files(files: dict[str, list[Path]]) -> dict[str, list[Look]]:
    from gateway import enrolment  # noqa: PLC0415

    engine = enrolment.make_engine()
    result: dict[str, list[Look]] = {}
    with common.progress() as bars:
        bar = bars.add_task("looking at faces", total=sum(map(len, files.values())))
        for person, paths in files.items():
            looks = []
            for path in paths:
                looks.append(enrolment.look(engine, path))
                bars.advance(bar)
            result[person] = enrolment.agree(looks)
    return result


def _from_camera(settings: Settings, camera: str, shots: int) -> list[Look]:
    """Pictures through the running gateway, which holds the camera."""
    from gateway import enrolment  # noqa: PLC0415
    from gateway.face.quality import Refusal  # noqa: PLC0415

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
            look = enrolment.from_capture(name, template, answer["quality"])
        elif answer["refused"] in Refusal:
            look = enrolment.Look(name, None, {}, Refusal(answer["refused"]))
        else:
            common.fail(f"camera {camera}: {answer['refused']}", common.UNREACHABLE)
        looks = enrolment.agree([*looks, look])
    return looks


def _store(
    settings: Settings, vault: Vault, looks: dict[str, list[Look]], add: bool, json: bool
) -> None:
    from gateway import enrolment  # noqa: PLC0415
    from gateway.face.quality import SENTENCES  # noqa: PLC0415

    db = people.open_list(settings)
    # Faces from before each person had a key: taken over by whoever first has the site key.
    faces.reseal(db.conn, vault, VaultError)
    wanted = settings.tables.face.min_templates
    report, failed = [], False
    for person, items in looks.items():
        error = ""
        total = 0
        try:
            if settings.tables.face.require_consent and not faces.has_consent(
                db.conn, person, privacy.today(settings)
            ):
                raise LookupError(f"{person}: {NO_CONSENT}")
            total = enrolment.store(db, vault, person, items, by=common.operator(), replace=not add)
        except (LookupError, VaultError) as missing:
            error = str(missing)
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
        language = 1 if settings.tables.site.language == "es" else 0
        for item in items:
            why = f"refused: {SENTENCES[item.refusal][language]}" if item.refusal else "good"
            common.out.print(f"  {item.name}: {why}", markup=False)
        verdict = error or f"{person}: {total} template(s)"
        short = "" if error or total >= wanted else f", {wanted} are needed: add more photographs"
        common.out.print(verdict + short, markup=False)
    db.close()
    common.nudge(settings)
    if json:
        common.print_json(report)
    if failed:
        raise typer.Exit(common.REFUSED)
