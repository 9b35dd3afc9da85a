"""Signing in with the company's account: OpenID Connect Core 1.0, the code flow with PKCE.

authlib makes the requests; joserfc checks the ID token.  Who needs this module loads it (30 MB).
A group at the provider gives roles here.  The provider says who it is; whether they may act today
is asked of the list of people, as for everybody.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from gateway.config.console import OidcTable
from gateway.locale import GaritaError, worded
from gateway.vault.sitekey import Sealer, SealError

with warnings.catch_warnings():  # authlib speaks of a later httpx while it loads
    warnings.simplefilter("ignore")
    from authlib.integrations.httpx_client import AsyncOAuth2Client

ALGORITHMS = ["RS256", "ES256", "PS256", "EdDSA"]
LEEWAY_S = 60
TIMEOUT_S = 10.0
LONGEST_S = 600.0
"""So long somebody may take at the provider."""


class CompanyError(GaritaError):
    """The provider did not sign somebody in; the message says why."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the provider names: the name to sign in with, the id on the list, the roles."""

    name: str
    person: str
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question to the provider, as the browser carries it, sealed, until it comes back."""

    state: str
    nonce: str
    verifier: str
    onward: str
    at: float

    def sealed(self, sealer: Sealer) -> str:
        """For a cookie."""
        held = [self.state, self.nonce, self.verifier, self.onward, self.at]
        return base64.urlsafe_b64encode(sealer.seal(json.dumps(held).encode(), "oidc")).decode()

    @classmethod
    def opened(cls, text: str, sealer: Sealer) -> Asked:
        """The same, from the cookie.  Raises CompanyError if it is none of ours or too old."""
        try:
            held = json.loads(sealer.open(base64.urlsafe_b64decode(text), "oidc"))
            state, nonce, verifier, onward, at = held
            asked = cls(str(state), str(nonce), str(verifier), str(onward), float(at))
        except (ValueError, TypeError, SealError) as error:
            raise CompanyError(worded("begin the sign-in again")) from error
        if time.time() - asked.at > LONGEST_S:
            raise CompanyError(worded("this took too long; try again"))
        return asked


class Company:
    """The provider of `table`; `back` is the address to which it sends browsers."""

    def __init__(self, table: OidcTable, back: str) -> None:
        self._table, self._back = table, back
        try:
            self._secret = table.client_secret_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise CompanyError(
                worded("the company's sign-in is not set up: {error}", error=error)
            ) from error

    async def ask(self, onward: str) -> tuple[str, Asked]:
        """Where the browser goes, and the question that it takes along."""
        found = await self._discovered()
        asked = Asked(
            secrets.token_urlsafe(24),
            secrets.token_urlsafe(24),
            secrets.token_urlsafe(48),
            onward,
            time.time(),
        )
        async with self._client() as client:
            url, _state = client.create_authorization_url(
                found["authorization_endpoint"],
                state=asked.state,
                nonce=asked.nonce,
                code_verifier=asked.verifier,
            )
        return str(url), asked

    async def answered(self, asked: Asked, state: str, code: str) -> Person:
        """Whom the provider signed in.  Raises CompanyError."""
        if not code or not secrets.compare_digest(state.encode(), asked.state.encode()):
            raise CompanyError(worded("the company's sign-in was not finished"))
        found = await self._discovered()
        try:
            async with self._client() as client:
                token = await client.fetch_token(
                    found["token_endpoint"],
                    code=code,
                    code_verifier=asked.verifier,
                    grant_type="authorization_code",
                )
                keys = await client.request("GET", found["jwks_uri"], withhold_token=True)
            claims = self._claims(str(token.get("id_token", "")), keys.json(), asked.nonce)
        except CompanyError:
            raise
        except (httpx.HTTPError, JoseError, ValueError, TypeError, KeyError) as error:
            raise CompanyError(worded("the company's sign-in failed; try again")) from error
        except Exception as error:  # authlib's own errors have no common root in public
            raise CompanyError(worded("the company's sign-in failed; try again")) from error
        return self._person(claims)

    def _claims(self, token: str, keys: Any, nonce: str) -> Mapping[str, Any]:
        """The claims of an ID token, checked by OpenID Connect Core, section 3.1.3.7."""
        decoded = jwt.decode(token, KeySet.import_key_set(keys), algorithms=ALGORITHMS)
        registry = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self._table.issuer},
            aud={"essential": True, "value": self._table.client_id},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        registry.validate(decoded.claims)
        if decoded.claims.get("azp", self._table.client_id) != self._table.client_id:
            raise ValueError("for another client")
        return decoded.claims

    def _person(self, claims: Mapping[str, Any]) -> Person:
        table = self._table
        groups = claims.get(table.groups_claim, [])
        held = {str(item) for item in groups} if isinstance(groups, list) else {str(groups)}
        roles = {role for group in held for role in table.roles.get(group, ())}
        name, person = (str(claims.get(key, "")) for key in (table.name_claim, table.person_claim))
        return Person(name.lower()[:64], person[:120], frozenset(roles))

    async def _discovered(self) -> dict[str, str]:
        url = self._table.issuer.rstrip("/") + "/.well-known/openid-configuration"
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
                found = (await client.get(url)).raise_for_status().json()
            names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            if found["issuer"] != self._table.issuer:
                raise ValueError("another issuer")
            return {name: str(found[name]) for name in names}
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise CompanyError(worded("the company's sign-in does not answer")) from error

    def _client(self) -> Any:
        return AsyncOAuth2Client(
            self._table.client_id,
            self._secret,
            scope="openid profile",
            redirect_uri=self._back,
            code_challenge_method="S256",
            timeout=TIMEOUT_S,
        )
