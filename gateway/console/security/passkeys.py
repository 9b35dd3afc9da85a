"""Passkeys: WebAuthn by the library `webauthn`.  Who needs this module loads it then: 20 MB.

A passkey belongs to a name.  A console whose `public_url` has no name but an address of the network
can't have passkeys (WebAuthn, level 2, section 5.1.3): operators then use an app's codes.  The
device must ask for its own PIN or finger (user verification).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import bytes_to_base64url
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from gateway.console.security.credentials import Passkey
from gateway.locale import GaritaError, worded

LARGEST = 16 * 1024


class PasskeyError(GaritaError):
    """A passkey is not taken; the message says why."""


def _name_of(origin: str) -> str:
    return urlsplit(origin).hostname or ""


def new_options(origin: str, site: str, operator: str, known: Iterable[Passkey]) -> tuple[str, str]:
    """What a browser needs to make a passkey (JSON), and the challenge."""
    options = generate_registration_options(
        rp_id=_name_of(origin),
        rp_name=f"Garita {site}",
        user_id=operator.encode(),
        user_name=operator,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(id=base64url_to_bytes(key.id)) for key in known
        ],
    )
    return options_to_json(options), bytes_to_base64url(options.challenge)


def made(origin: str, challenge: str, answer: str, operator: str, label: str) -> Passkey:
    """The passkey that a browser made.  Raises PasskeyError."""
    credential = _read(answer)
    try:
        found = verify_registration_response(
            credential=credential,
            expected_challenge=base64url_to_bytes(_there(challenge)),
            expected_rp_id=_name_of(origin),
            expected_origin=origin,
            require_user_verification=True,
        )
    except PasskeyError:
        raise
    except Exception as error:  # the library raises what its parsers do
        raise PasskeyError(worded("the passkey could not be set up; try again")) from error
    return Passkey(
        bytes_to_base64url(found.credential_id),
        operator,
        found.credential_public_key,
        found.sign_count,
        label,
        time.time(),
    )


def ask_options(origin: str, known: Iterable[Passkey]) -> tuple[str, str]:
    """What a browser needs to ask for a passkey (JSON), and the challenge."""
    options = generate_authentication_options(
        rp_id=_name_of(origin),
        allow_credentials=[
            PublicKeyCredentialDescriptor(id=base64url_to_bytes(key.id)) for key in known
        ],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options), bytes_to_base64url(options.challenge)


def shown(origin: str, challenge: str, answer: str, known: Iterable[Passkey]) -> tuple[str, int]:
    """(id, new count of signatures) of the passkey of `known` that signed the challenge.  Raises
    PasskeyError."""
    credential = _read(answer)
    key = next((item for item in known if item.id == credential.get("id")), None)
    if key is None:
        raise PasskeyError(worded("this passkey is not known here"))
    try:
        found = verify_authentication_response(
            credential=credential,
            expected_challenge=base64url_to_bytes(_there(challenge)),
            expected_rp_id=_name_of(origin),
            expected_origin=origin,
            credential_public_key=key.public_key,
            credential_current_sign_count=key.sign_count,
            require_user_verification=True,
        )
    except PasskeyError:
        raise
    except Exception as error:  # the library raises what its parsers do
        raise PasskeyError(worded("the passkey was not accepted; try again")) from error
    return key.id, found.new_sign_count


def _there(challenge: str) -> str:
    if not challenge:
        raise PasskeyError(worded("this took too long; try again"))
    return challenge


def _read(answer: str) -> dict[str, Any]:
    try:
        if len(answer) > LARGEST:
            raise ValueError("too long")
        found = json.loads(answer)
        if isinstance(found, dict):
            return found
        raise ValueError("no object")
    except (ValueError, RecursionError) as error:
        raise PasskeyError(worded("the passkey was not accepted; try again")) from error
