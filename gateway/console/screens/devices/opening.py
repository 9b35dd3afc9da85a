"""Opens a door from afar, with a key that only the operator's browser has.

The console makes the order and has the operator's second factor; the browser signs it; the daemon
checks the signature, and all that it checks of a command from a control room.  So neither a console
that was taken over nor a browser that was left open can open a door alone.  The key never leaves
the browser; its public half is a line of garita.toml, which the console can't write.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.responses import JSONResponse, Response

from gateway.config import Settings
from gateway.console.page import Page
from gateway.console.roles import GUARDS
from gateway.console.routes import Pages
from gateway.console.screens.devices import view
from gateway.console.screens.devices.common import render, status_of
from gateway.daemon.signed import CONSOLE, MESSAGE_LIMIT, RULES
from gateway.desk.errors import DeskError
from gateway.ledger.chain import canonical
from gateway.ledger.operator import Operator
from gateway.locale import worded
from gateway.locale.text import tidy
from gateway.wording import text
from gateway.wording.details import detail

pages = Pages()
COMMAND = "door_open"


def keys_of(settings: Settings, operator: str, door: str) -> dict[str, str]:
    """Which keys of browsers `operator` (the name in [operators]) has for a door: the name of the
    key by its public half."""
    return {
        key.public_key: name
        for name, key in settings.tables.command_keys.items()
        if key.through == CONSOLE
        and key.operator == operator
        and (not key.doors or door in key.doors)
    }


def order(
    gateway: str, boot: str, door: str, reason: str, by: Operator, now: datetime
) -> Mapping[str, Any]:
    """What the browser signs: one opening of one door, of this run of the gateway, for 30 s."""
    return {
        "gateway": gateway,
        "command": COMMAND,
        "door": door,
        "reason": reason,
        "by": str(by),
        "boot": boot,
        "nonce": secrets.token_hex(16),
        "counter": int(now.timestamp() * 1000),
        "issued": now.isoformat(timespec="milliseconds"),
        "expires": (now + RULES[COMMAND].longest).isoformat(timespec="milliseconds"),
    }


@pages.get("/devices/doors/{door}/open", roles=GUARDS, fresh=True)
async def show(page: Page) -> Response:
    """Why a door opens from here, or why not yet."""
    door = _door(page)
    settings = page.site.settings
    status = await status_of(page)
    (found,) = view.doors(settings, status, [door])
    known = keys_of(settings, _name(page), door)
    return render(
        page,
        "open.html",
        "/devices/doors",
        door=found,
        known=json.dumps(sorted(known)),
        operator=_name(page),
        opened=page.query("record") if page.query("record").isdigit() else "",
        running=status is not None,
    )


@pages.post("/devices/doors/{door}/order", roles=GUARDS, fresh=True)
async def ordered(page: Page) -> Response:
    """The order for the browser to sign, as canonical JSON.  `public` is the browser's key."""
    door, reason = _door(page), tidy(page.field("reason"), 200)
    if not reason:
        return _no(worded("say who comes in and why: it goes on record"))
    name = keys_of(page.site.settings, _name(page), door).get(page.field("public"))
    if name is None:
        return _no(worded("the gate does not know the key of this browser"))
    status = await page.ask("status")
    gateway, boot = page.site.settings.site.gateway, str(status["boot"])
    body = order(gateway, boot, door, reason, page.operator, datetime.now(UTC))
    return JSONResponse({"key": name, "text": canonical(body)})


@pages.post("/devices/doors/{door}/open", roles=GUARDS, fresh=True)
async def opened(page: Page) -> Response:
    """Pass on what the browser signed; the daemon decides."""
    door = _door(page)
    message = page.field("message")
    if not message or len(message.encode()) > MESSAGE_LIMIT or not _for(message, door):
        return _no(worded("this is not an order for this door"))
    answer = await page.ask("command", message=message)
    if not answer["done"]:
        why = str(answer["why"])
        return _no(text.reason(why) if why in text.REASONS else detail(why))
    return JSONResponse({"record": answer["seq"]})


def _for(message: str, door: str) -> bool:
    """Whether a message says that it opens this door: the address that the operator's browser
    asked must be the door that it opens."""
    try:
        body = json.loads(message)["body"]
        return bool(body["command"] == COMMAND and body["door"] == door)
    except (ValueError, TypeError, KeyError, RecursionError):
        return False


def _no(why: object) -> Response:
    return JSONResponse({"why": str(why)}, 409)


def _door(page: Page) -> str:
    door = page.path("door")
    table = page.site.settings.tables.doors.get(door)
    if table is None or not page.may_door(door):
        raise DeskError("unknown_door", worded("there is no door {door}", door=door))
    if not table.remote_open:
        raise DeskError("remote_off", worded("this door does not open from afar"))
    return door


def _name(page: Page) -> str:
    assert page.session is not None
    return page.session.operator
