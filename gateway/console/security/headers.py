"""What every answer carries: nothing from elsewhere, nothing inline, nothing that is kept."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "font-src 'self'",
        "connect-src 'self'",
        "media-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types garita default",
    )
)
"""Content Security Policy, level 3.  Trusted Types: no text becomes a script or the address of one
in browsers that know them (static/js/trusted.js and markup.js make the two policies)."""

FIXED = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), geolocation=(), microphone=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
ASSET_S = 31536000


class SafeHeaders:
    """Middleware that puts the headers on each answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def safe(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in FIXED.items():
                    headers[name] = value
                marked = scope["path"].startswith("/static/") and b"v=" in scope["query_string"]
                # A module that another imports has no mark: the browser asks whether it changed.
                kept = f"public, max-age={ASSET_S}, immutable" if marked else "no-cache"
                asset = scope["path"].startswith("/static/")
                headers["cache-control"] = kept if asset else "no-store"
                if scope["scheme"] == "https":
                    headers["strict-transport-security"] = f"max-age={ASSET_S}"
            await send(message)

        await self._app(scope, receive, safe)
