"""PINs of cardholders: digits in, argon2id hashes out, and never the digits again.

A PIN is peppered with the site key and bound to its person before it is hashed, so a hash
opens nothing for another person or at another site.  A person may have a second PIN to type
under threat.  No PIN is kept, logged or repeated in an error.
"""

from __future__ import annotations

import hashlib
import hmac
from itertools import pairwise
from pathlib import Path

from argon2 import Parameters, PasswordHasher, Type, extract_parameters
from argon2.exceptions import Argon2Error

from gateway.decide.model import PinOutcome
from gateway.locale import worded
from gateway.people import Roster, RosterUnavailable, SealedPin
from gateway.vault.sitekey import SiteKey

SHORTEST, LONGEST = 4, 8

# RFC 9106 section 4, the second recommendation: 64 MiB, which a small box can spare for the
# tenth of a second that it takes.
PARAMETERS = Parameters(
    type=Type.ID,
    version=19,
    salt_len=16,
    hash_len=32,
    time_cost=3,
    memory_cost=64 * 1024,
    parallelism=4,
)


class Pins:
    """Hashes and verifies PINs with the key of one site.

    Both block for about 100 ms a hash and take 64 MiB meanwhile: call them in a thread, never
    in the event loop.  Nothing changes after it is built, so any thread may use it.
    """

    __slots__ = ("_hasher", "_pepper")

    def __init__(self, key: SiteKey) -> None:
        self._pepper = key.subkey("pin")
        self._hasher = PasswordHasher.from_parameters(PARAMETERS)

    def hash(self, person_id: str, pin: str) -> str:
        """What goes into the database.  Takes any text: `check_new` is the caller's."""
        return self._hasher.hash(self._peppered(person_id, pin))

    def verify(self, person_id: str, pin: str, sealed: SealedPin) -> PinOutcome:
        """What `pin` is to this person.  Any text may be handed in and none raises; a hash that
        is damaged, or was made for another person or with another site key, is WRONG."""
        peppered = self._peppered(person_id, pin)
        # Always both, whatever the first one says: the time it takes must not tell somebody who
        # stands beside the cardholder which of the two PINs was typed.
        correct = self._matches(sealed.hash, peppered)
        duress = sealed.duress_hash is not None and self._matches(sealed.duress_hash, peppered)
        if duress:  # first: of two PINs that are one, an alarm too many does the lesser harm
            return PinOutcome.DURESS
        return PinOutcome.CORRECT if correct else PinOutcome.WRONG

    def _peppered(self, person_id: str, pin: str) -> str:
        # There are only some hundred million PINs.  argon2 alone would slow down a search of a
        # stolen database, and no more than that; under a key that is not in the database there
        # is nothing to search.  Lengths in front, so that no two pairs look alike; halves of
        # characters pass, so that nothing typed raises.
        parts = [part.encode("utf-8", "surrogatepass") for part in (person_id, pin)]
        bound = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return hmac.digest(self._pepper, bound, hashlib.sha256).hex()

    def _matches(self, sealed: str, peppered: str) -> bool:
        try:
            asked = extract_parameters(sealed)
            # A hash says itself what it costs: one flipped digit must not take all memory, or
            # the door's thread for an hour.
            if (
                asked.memory_cost > PARAMETERS.memory_cost
                or asked.time_cost > PARAMETERS.time_cost
                or asked.parallelism > PARAMETERS.parallelism
            ):
                return False
            return self._hasher.verify(sealed, peppered)
        except (Argon2Error, ValueError, TypeError):
            # Another PIN; or no hash at all (text of another form, or a blob in its column); or
            # no memory to be had.  Whatever it is, it opens nothing.
            return False


def outcome(people: Path, pins: Pins, person_id: str, pin: str) -> PinOutcome:
    """What `pin` is to a person of the list at `people`; UNAVAILABLE if they have none, or if the
    list can't be read.  Blocks, as `Pins.verify` does."""
    roster = Roster(people)
    try:
        sealed = roster.pin(person_id)
    except RosterUnavailable:
        return PinOutcome.UNAVAILABLE
    finally:
        roster.close()
    return PinOutcome.UNAVAILABLE if sealed is None else pins.verify(person_id, pin, sealed)


def check_new(pin: str) -> None:
    """Whether `pin` may become somebody's PIN; raises ValueError with a reason a person can
    use, which never repeats it."""
    if not (pin.isascii() and pin.isdigit() and SHORTEST <= len(pin) <= LONGEST):
        raise ValueError(
            worded(
                "a PIN has {shortest} to {longest} digits and nothing else",
                shortest=SHORTEST,
                longest=LONGEST,
            )
        )
    steps = {int(b) - int(a) for a, b in pairwise(pin)}
    if steps == {0}:
        raise ValueError(worded("a PIN of one digit repeated is the first to be guessed"))
    if steps in ({1}, {-1}):
        raise ValueError(worded("a PIN that counts up or down is the first to be guessed"))
