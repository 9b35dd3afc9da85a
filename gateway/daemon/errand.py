"""Acts that need the site key: mark a badge or a document, set a PIN, enrol a face, look at face
keys, take a sealed picture out.  And acts on files that the gateway's account alone writes: an
import profile, a pulled list that was held back.

A command that may do so does them itself.  For everybody else, a guard or HR with an account
of their own, the running gateway starts this module as a process (`Errands.asked` there,
gateway/daemon/errands.py): the key stays with the gateway's account, and neither the face models'
arithmetic nor argon2's memory comes into the gateway's own process.

The process reads one JSON object from stdin and prints one to stdout: that of `control`'s answers.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import secrets
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway import config, locale
from gateway.daemon.control import Refused, behalf
from gateway.daemon.errands import TEXT
from gateway.decide.model import PinOutcome
from gateway.face import facekeys
from gateway.face.evidence import EvidenceError
from gateway.ledger import LedgerReader
from gateway.ledger.operator import Operator
from gateway.locale import GaritaError, system, worded
from gateway.people import Roster, RosterUnavailable, SealedPin, faces
from gateway.people.operators import Operators
from gateway.people.pins import Pins, check_new
from gateway.people.portraits import PortraitError
from gateway.people.schema import open_admin
from gateway.people.sources import pull
from gateway.people.sync import apply as sync
from gateway.people.sync import profile
from gateway.vault.sitekey import SiteKey
from gateway.vault.templates import Vault, VaultError

if TYPE_CHECKING:  # brings NumPy, which marks and PINs do without
    from gateway.face.enrolment import EnrolledFaces, ExaminedPhotograph

MOST_MARKS = 1000
GENERATED_DIGITS = 6
LIST_KEEPERS = {"hr", "administrator"}


class Errand:
    """Does the acts with the key in hand.  Each raises Refused with the reason for people, or
    RosterUnavailable."""

    def __init__(self, settings: config.Settings, key: SiteKey) -> None:
        self._settings = settings
        self._key = key
        self._enrolled: EnrolledFaces | None = None
        self._operators = Operators(settings.tables.operators, settings.people_path)

    def do(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The act that `request` names; `by` is the operator."""
        acts = self.acts()
        act = acts.get(str(request.get("act")))
        if act is None:
            raise Refused(worded("expected one of {acts}", acts=", ".join(acts)))
        try:
            return act(request)
        except KeyError as error:
            raise Refused(worded("the request lacks {name}", name=str(error))) from error

    def acts(self) -> dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]]:
        """Every act, by its name."""
        return {
            "mark": self.mark,
            "pin": self.pin,
            "enrol": self.enrol,
            "owner": self.owner,
            "profile": self.profile,
            "forget": self.forget,
            "keys": self.keys,
            "picture": self.picture,
        }

    def _by(self, request: Mapping[str, Any]) -> Operator:
        """The operator who asks: by way of the gateway only the account came."""
        by = request.get("by", "")
        return by if isinstance(by, Operator) else self._operators.of(str(by))

    def _check_may_set(self, by: Operator, person: str) -> None:
        """Raise Refused if `by` may not set the PIN of `person`.  An operator's PIN is a second
        person's signature, so no guard gives a supervisor one."""
        if person == by.person or by == "root" or by.roles & LIST_KEEPERS:
            return
        if any(item.person == person for item in self._operators):
            raise Refused(
                worded(
                    "{person} is an operator, whose PIN is set by themselves, HR or an "
                    "administrator",
                    person=person,
                )
            )

    def mark(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The keyed fingerprints of `texts`: of badges, or of documents (`of`)."""
        make = self._key.document if request["of"] == "document" else self._key.fingerprint
        return {"marks": [make(str(text)) for text in request["texts"][:MOST_MARKS]]}

    def owner(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """`person`, who has the badge of `fingerprint` by the list in force, visitors too; "" if
        nobody or more than one has."""
        path, wanted = self._settings.people_path, str(request["fingerprint"])
        try:
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
                held = db.execute(
                    "SELECT key, person_id FROM credential c WHERE NOT EXISTS (SELECT 1 FROM "
                    "lost_badge l WHERE l.key = c.key AND l.person_id = c.person_id) "
                    "UNION ALL SELECT key, person_id FROM visit_badge"
                )
                owners = [str(who) for key, who in held if self._key.fingerprint(key) == wanted]
        except sqlite3.Error as error:
            raise RosterUnavailable(f"{path.name}: {error}") from error
        return {"person": owners[0] if len(owners) == 1 else ""}

    def profile(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Write the import profile `name` of `values` into the gateway's own folder; the answer has
        its `path`.  It never stands before one of root's.  Where the site names operators, HR and
        administrators alone may, since a profile says who gets which access levels."""
        by = self._by(request)
        if self._operators and by != "root" and not by.roles & LIST_KEEPERS:
            raise Refused(worded("a profile is written by HR or an administrator"))
        name, levels = str(request["name"]), self._settings.site.access_levels
        roots, ours = self._settings.profile_folders
        try:
            made, path = profile.make(dict(request["values"])), profile.path_in(ours, name)
        except profile.ProfileError as error:
            raise Refused(*error.args) from error
        if unknown := made.unknown_levels(levels):
            raise Refused(
                worded("the configuration has no level {levels}", levels=", ".join(unknown))
            )
        replace, source = request["replace"] is True, str(request["source"])
        if profile.path_in(roots, name).exists() or (path.exists() and not replace):
            raise Refused(worded("{path} is there already; --replace replaces it", path=path))
        try:
            profile.write(path, made, source=source, by=by, replace=replace)
        except OSError as error:
            raise Refused(worded("{path}: {why}", path=path, why=system(error.strerror))) from error
        return {"path": str(path)}

    def forget(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Remove the file of a list of `source` that was held back, unless it still waits."""
        with closing(open_admin(self._settings.people_path)) as db:
            pull.remove(db, self._settings.pending_path, str(request["source"]))
        return {}

    def keys(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Who has a face key and whether it `opens`, as `keys`; templates from before there were
        keys get one."""
        vault = Vault(self._key)
        with closing(open_admin(self._settings.people_path)) as db:
            return {"keys": facekeys.held(db, vault)}

    def picture(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The sealed picture of the event `seq`, as a `jpeg` (base64).  Who asked for it is in the
        outbox, and so on record, before it is given."""
        seq, by = int(request["seq"]), self._by(request)
        with closing(LedgerReader(self._settings.ledger_path)) as reader:
            event = reader.get(seq)
        if event is None:
            raise Refused(worded("there is no event {seq}", seq=seq))
        with closing(open_admin(self._settings.people_path)) as db:
            try:
                jpeg = facekeys.open_picture(db, self._key, self._settings, event)
            except (EvidenceError, VaultError) as error:
                raise Refused(*error.args) from error
            faces.viewed(db, seq=seq, event_id=event.id, by=by)
        return {"jpeg": base64.b64encode(jpeg).decode()}

    def pin(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Set the PIN of `person`, or with `duress` the one to type under threat; without `pin`
        one is made.  The answer has the PIN that was made, else "", and `lost`: whether there was
        a duress PIN that is gone."""
        person, given = str(request["person"]), request.get("pin")
        by = self._by(request)
        self._check_may_set(by, person)
        duress = request.get("duress") is True
        with closing(Roster(self._settings.people_path)) as roster:
            stored = roster.pin(person)
        if duress and stored is None:
            raise Refused(worded("{person} has no PIN yet; set that one first", person=person))
        pins = Pins(self._key)

        def is_the_pin(digits: str) -> bool:  # the duress PIN before it may come again
            taken = SealedPin(stored.hash) if duress and stored is not None else None
            return taken is not None and pins.verify(person, digits, taken) is not PinOutcome.WRONG

        if given is None:
            new = next(made for made in _generated() if not is_the_pin(made))
        else:
            new = str(given)
            try:
                check_new(new)
            except ValueError as error:
                raise Refused(*error.args) from error
            if is_the_pin(new):
                raise Refused(worded("the duress PIN must not be the PIN itself"))
        hashed = pins.hash(person, new)
        with closing(open_admin(self._settings.people_path)) as db:
            try:
                done = sync.set_pin(db, person, hashed=hashed, duress=duress, by=by)
            except sync.SyncError as error:
                raise Refused(*error.args) from error
        if not done:
            raise Refused(worded("{person} was changed in the meantime; try again", person=person))
        lost = not duress and stored is not None and stored.duress_hash is not None
        return {"pin": new if given is None else "", "lost": lost}

    def enrol(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Store the good ones of `photos` as templates of `person`, and `portrait` (a JPEG in
        base64) where the site keeps portraits.

        The answer has `total` and `added` templates, `uncompared` people, and `refused` with its
        facts if people.db is as it was: gateway/cli/face/enroll.py says it in words.
        """
        from gateway.face import enrolment  # noqa: PLC0415

        face = self._settings.tables.face
        person = str(request["person"])
        today = datetime.now(UTC).astimezone(self._settings.site.zone).date()
        items = [_photograph(item) for item in request["photos"]]
        portrait = base64.b64decode(str(request.get("portrait", ""))) if face.portraits else b""
        vault = Vault(self._key)
        if self._enrolled is None:
            self._enrolled = enrolment.EnrolledFaces(vault, limit=face.threshold, today=today)
        answer: dict[str, Any] = {"total": 0, "added": 0, "refused": "", "facts": {}}
        with closing(open_admin(self._settings.people_path)) as db:
            # Templates from before version 3 of people.db get a key for each person.
            faces.reseal(db, vault, VaultError)
            try:
                if face.require_consent and not faces.has_consent(db, person, today):
                    return {**answer, "refused": "no_consent", "uncompared": []}
                stored = enrolment.store(
                    db,
                    vault,
                    self._enrolled,
                    person,
                    items,
                    by=self._by(request),
                    needed=face.min_templates,
                    mode=enrolment.Mode(str(request["mode"])),
                    allow_duplicate=request.get("allow_duplicate") is True,
                    portrait=portrait,
                )
                answer |= {"total": stored.total, "added": stored.added}
            except (LookupError, VaultError, PortraitError, ValueError) as error:
                answer |= {"refused": "error", "facts": {"error": str(error)}}
            except enrolment.NotStored as refusal:
                facts = {"good": refusal.good, "distance": refusal.distance}
                answer |= {"total": refusal.kept, "refused": refusal.obstacle.value}
                answer["facts"] = facts
            except enrolment.DuplicateFace as error:
                twin = error.twin
                answer |= {"refused": "duplicate"}
                answer["facts"] = {"other": twin.person, "name": twin.name}
        models = {item.model for item in items if item.embedding is not None}
        left_out = {who for model in models for who in self._enrolled.uncompared(model)}
        return {**answer, "uncompared": sorted(left_out - {person})}


def _generated() -> Iterator[str]:
    """Random PINs that may become somebody's."""
    while True:
        made = f"{secrets.randbelow(10**GENERATED_DIGITS):0{GENERATED_DIGITS}d}"
        with contextlib.suppress(ValueError):
            check_new(made)
            yield made


def photograph_as_json(item: ExaminedPhotograph) -> dict[str, Any]:
    """What `enrol` takes for one examined photograph: little-endian float32 in base64."""
    plain = b"" if item.embedding is None else item.embedding.astype("<f4").tobytes()
    return {
        "name": item.name,
        "template": base64.b64encode(plain).decode(),
        "quality": item.quality,
        "model": item.model,
    }


def _photograph(data: Mapping[str, Any]) -> ExaminedPhotograph:
    from gateway.face import enrolment  # noqa: PLC0415
    from gateway.face.refusal import Refusal  # noqa: PLC0415

    name, model = str(data["name"]), str(data["model"])
    quality = {str(key): float(value) for key, value in data["quality"].items()}
    template = base64.b64decode(str(data["template"]))
    if not template:
        return enrolment.ExaminedPhotograph(name, None, quality, Refusal.NO_FACE, model)
    return enrolment.from_capture(name, template, quality, model)


def main() -> int:
    """Do one errand; exit code 0 also for a refusal, which the answer says."""
    parser = argparse.ArgumentParser(prog="gateway.daemon.errand")
    parser.add_argument("-c", "--config", type=Path, required=True)
    path = parser.parse_args().config
    answer: dict[str, Any]
    try:
        request = json.loads(sys.stdin.readline())
        text = str(request.pop(TEXT, ""))
        settings = config.load_text(path, text.encode()) if text else config.load(path)
        locale.use(settings.tables.site.language)
        if request.get("language") in locale.LANGUAGES:
            locale.use(request["language"])
        if isinstance(request.get("by"), dict):
            request["by"] = behalf(request["by"])  # the gateway wrote it, whoever asked
        key = SiteKey.load(settings.tables.site.key_file)
        answer = {"ok": True, **Errand(settings, key).do(request)}
    except Refused as refusal:
        answer = {"ok": False, "error": str(refusal), "refused": True}
    except (GaritaError, ValueError, TypeError, AttributeError) as error:
        answer = {"ok": False, "error": str(error)}
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
