"""Signing in with the company's account, against a small provider that speaks real HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from gateway.console.site import Site
from tests.gateway.console.security.test_signin import events
from tests.gateway.console.site import Desk, desk_of, make, words_of, write_site

KEY = RSAKey.generate_key(2048, {"kid": "k1", "alg": "RS256", "use": "sig"})
OTHER = RSAKey.generate_key(2048, {"kid": "k1", "alg": "RS256", "use": "sig"})


class Provider(ThreadingHTTPServer):
    """An OpenID provider: discovery, keys, and a token for the code that `authorize` gave."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server_address[1]}"
        self.asked: dict[str, str] = {}
        self.claims: dict[str, Any] = {}
        self.key = KEY

    def authorize(self, url: str) -> str:
        """What a browser does at the provider: returns the query with which it comes back."""
        self.asked = {key: value[0] for key, value in parse_qs(urlsplit(url).query).items()}
        assert self.asked["response_type"] == "code"
        assert self.asked["code_challenge_method"] == "S256"
        return f"?code=c0de&state={self.asked['state']}"

    def token(self, form: dict[str, list[str]]) -> dict[str, Any] | None:
        verifier = form.get("code_verifier", [""])[0]
        made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
        if form.get("code") != ["c0de"] or made.decode() != self.asked["code_challenge"]:
            return None
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": "garita", "sub": "1", "iat": now, "exp": now + 300,
            "nonce": self.asked["nonce"], **self.claims,
        }  # fmt: skip
        signed = jwt.encode({"alg": "RS256", "kid": "k1"}, claims, self.key)
        return {"access_token": "a", "token_type": "Bearer", "id_token": signed}


class Handler(BaseHTTPRequestHandler):
    server: Provider

    def _say(self, what: object, status: int = 200) -> None:
        body = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        at = self.server.issuer
        if self.path == "/keys":
            self._say({"keys": [KEY.as_dict(private=False)]})
        else:
            self._say(
                {"issuer": at, "authorization_endpoint": f"{at}/authorize",
                 "token_endpoint": f"{at}/token", "jwks_uri": f"{at}/keys"}
            )  # fmt: skip

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        basic = base64.b64encode(b"garita:s3cret").decode()
        good = self.headers.get("authorization") == f"Basic {basic}"
        found = self.server.token(form) if good else None
        self._say(found or {"error": "invalid_grant"}, 200 if found else 400)

    def log_message(self, *parts: object) -> None:
        """Nothing on the test's output."""


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def site(tmp_path: Path, provider: Provider) -> Iterator[Site]:
    more = (
        f'public_url = "http://localhost:8440"\n[console.oidc]\nissuer = "{provider.issuer}"\n'
        'client_id = "garita"\nclient_secret_file = "secret"\n'
        'roles = { guards = ["guard"], chiefs = ["supervisor", "administrator"] }\n'
    )
    (tmp_path / "secret").write_text("s3cret\n")
    made = make(write_site(tmp_path, more))
    yield made
    made.store.close()


@pytest.fixture
def through(site: Site, provider: Provider) -> Callable[..., tuple[Desk, str]]:
    """Sign in with the provider's `claims`; the client, and the page that it ends on."""

    def go(**claims: Any) -> tuple[Desk, str]:
        provider.claims = claims
        desk = desk_of(site)
        left = desk.get("/login/company?next=/trucks")
        assert left.status_code == 303
        came = desk.get("/login/company/back" + provider.authorize(left.headers["location"]))
        return desk, came.text

    return go


SOFIA = {"preferred_username": "Sofia", "employee_id": "e106", "groups": ["guards", "all"]}


@pytest.fixture
def sofia(site: Site) -> None:
    with site.people() as db:
        db.execute(
            "INSERT INTO person VALUES ('e106', 'Sofía', '', '', NULL, NULL, 'active', '[]')"
        )
        db.commit()


@pytest.mark.usefixtures("sofia")
def test_a_group_gives_roles_and_the_first_sign_in_makes_the_operator(
    site: Site, through: Callable[..., tuple[Desk, str]]
) -> None:
    desk, page = through(**SOFIA)
    assert 'url=/trucks"' in page
    assert desk.get("/").status_code == 200 and desk.get("/accounts").status_code == 403
    made = site.operators.named("sofia")
    assert made is not None and made.person == "e106" and made.roles == {"guard"}
    kinds = [kind for kind, _ in events(site, "operator.", "console.")]
    assert kinds == ["operator.added", "console.signed_in"]
    through(**{**SOFIA, "groups": ["chiefs"]})  # promoted at the provider
    again = site.operators.named("sofia")
    assert again is not None and again.roles == {"supervisor", "administrator"}


@pytest.mark.usefixtures("sofia")
def test_an_administrator_of_the_company_shows_a_second_factor_here(
    through: Callable[..., tuple[Desk, str]],
) -> None:
    desk, _ = through(**{**SOFIA, "groups": ["chiefs"]})
    assert desk.get("/accounts").headers["location"].startswith("/confirm")


@pytest.mark.usefixtures("sofia")
@pytest.mark.parametrize(
    "claims",
    [
        {**SOFIA, "groups": []},
        {**SOFIA, "groups": ["administrator", "guard"]},  # a role is not a group
        {**SOFIA, "employee_id": ""},
        {**SOFIA, "employee_id": "e999"},
        {**SOFIA, "employee_id": "e101"},  # Rosa is an operator already
        {**SOFIA, "preferred_username": "ada"},  # another person here
        {**SOFIA, "preferred_username": "root"},
        {**SOFIA, "preferred_username": "<b>x</b>"},
        {**SOFIA, "aud": "another"},
        {**SOFIA, "iss": "http://evil.example"},
        {**SOFIA, "exp": 1},
        {**SOFIA, "nonce": "another"},
        {**SOFIA, "azp": "another"},
    ],
)
def test_who_is_not_let_in(
    site: Site, through: Callable[..., tuple[Desk, str]], claims: dict[str, Any]
) -> None:
    desk, page = through(**claims)
    assert desk.get("/").status_code == 303 and "<b>x</b>" not in page
    assert site.store.sessions() == []


@pytest.mark.usefixtures("sofia")
def test_a_token_of_another_key_is_no_token(
    provider: Provider, through: Callable[..., tuple[Desk, str]]
) -> None:
    provider.key = OTHER
    desk, page = through(**SOFIA)
    assert "failed" in words_of(page) and desk.get("/").status_code == 303


@pytest.mark.usefixtures("sofia")
def test_an_answer_that_nobody_asked_for_signs_nobody_in(site: Site, provider: Provider) -> None:
    provider.claims = SOFIA
    left = desk_of(site).get("/login/company")
    back = "/login/company/back" + provider.authorize(left.headers["location"])
    victim = desk_of(site)
    for path in (back, "/login/company/back", "/login/company/back?error=access_denied"):
        assert victim.get(path).status_code == 409
    victim.get("/login/company")
    assert victim.get(back).status_code == 409  # the state of somebody else's question
    assert site.store.sessions() == []


def test_a_provider_that_is_away_is_a_sentence(site: Site, provider: Provider) -> None:
    provider.shutdown()
    provider.server_close()
    answer = desk_of(site).get("/login/company")
    assert answer.status_code == 409 and "does not answer" in words_of(answer.text)
