"""The origin that browsers use for this console, as passkeys and the company's sign-in need it."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def origin_of(public_url: str, host: str, *, secure: bool) -> str:
    """The origin that browsers use: that of `public_url`, else `localhost` on this machine; "" if
    passkeys are not possible there.  `host` is what the browser asked for."""
    url = (
        urlsplit(public_url)
        if public_url
        else urlsplit(f"{'https' if secure else 'http'}://{host}")
    )
    name = url.hostname or ""
    if not public_url and name != "localhost":
        return ""  # a header of the request names no site
    try:
        ipaddress.ip_address(name)
        return ""
    except ValueError:
        pass
    usable = url.scheme == "https" or name == "localhost"
    return f"{url.scheme}://{url.netloc}" if name and usable else ""
