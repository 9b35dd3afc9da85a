"""The gateway's health on the broker, retained, and what Home Assistant needs to show it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from gateway.uplink import homeassistant
from gateway.uplink.connection import Connection, NotTaken
from gateway.uplink.oversize import Sizes

log = logging.getLogger("garita.uplink.statetopic")

STATE_EVERY_S = 2.0
NUMBER = 0  # stands for the state message where records have their number


class StateTopic:
    """`state()` is what is published, as a JSON object; `prefix` is Home Assistant's discovery
    prefix, "" for a site without it."""

    def __init__(
        self, topic: str, gateway: str, state: Callable[[], Mapping[str, Any]], prefix: str
    ) -> None:
        self._topic = topic
        self._gateway = gateway
        self._state = state
        self._prefix = prefix

    async def publish(self, client: Connection, sizes: Sizes) -> None:
        """After each connect, and when it changes, for ever; `sizes` is what the broker takes."""
        last, discovered, topic = "", "", f"{self._topic}/state"
        while True:
            state = self._state()
            if self._prefix:
                discovered = await self._be_discovered(client, state, discovered)
            text = json.dumps(state, ensure_ascii=False, sort_keys=True)
            if text != last:
                last, payload = text, text.encode()
                if sizes.too_large(topic, len(payload)):
                    log.warning(
                        "the state (%d bytes) is larger than the broker takes", len(payload)
                    )
                else:
                    sizes.sending(NUMBER, len(payload))
                    await client.publish(topic, payload, retain=True)
                    sizes.taken(NUMBER)
            await asyncio.sleep(STATE_EVERY_S)

    async def _be_discovered(self, client: Connection, state: Mapping[str, Any], last: str) -> str:
        """Tell Home Assistant what there is to see, if it differs from `last`; returns it."""
        text = homeassistant.discovery(self._topic, self._gateway, state)
        if text != last:
            topic = homeassistant.topic(self._prefix, self._gateway)
            try:
                await client.publish(topic, text, retain=True)
            except NotTaken as error:
                log.warning("%s: %s", topic, error)
        return text
