"""`garita check --online`: what the broker of the configuration says to us."""

from __future__ import annotations

from gateway.cli import common
from gateway.config import BrokerAddress, MqttSettings, Settings
from gateway.daemon import control
from gateway.locale import _
from gateway.uplink.check import check_broker


def look_online(settings: Settings) -> tuple[list[str], int]:
    """Connect to each broker with the configured account; returns lines for people, and the worst
    exit code that they amount to.  A gateway that is connected is not disturbed; this one says
    itself whether it is the one."""
    mqtt = settings.tables.mqtt
    if mqtt is None:
        return [_("mqtt: not configured")], common.OK
    looks = [_look_at(settings, mqtt, address) for address in mqtt.addresses]
    return [line for lines, _code in looks for line in lines], max(code for _lines, code in looks)


def _look_at(
    settings: Settings, mqtt: MqttSettings, address: BrokerAddress
) -> tuple[list[str], int]:
    where = str(address)
    result = check_broker(mqtt, settings.site.gateway, address)
    if result.error:
        failed = _("mqtt: no connection to {where}: {error}").format(
            where=where, error=result.error
        )
        return [failed], common.UNREACHABLE
    lines = [
        _("mqtt: connected to {where}, MQTT {version}").format(where=where, version=result.version)
    ]
    found = result.found
    if found is None or not found.looked:
        lines.append(
            _("mqtt: the broker does not let us ask who is connected under our name (instance)")
        )
        return lines, common.OK
    if found.answered is None:
        lines.append(_("mqtt: no gateway is connected under our name"))
        return lines, common.OK
    if found.answered.id == _our_instance(settings):
        lines.append(_("mqtt: this gateway is connected"))
        return lines, common.OK
    taken = _(
        "mqtt: ANOTHER gateway is connected under the name {name}: host {host}, started {since}"
    ).format(name=settings.site.gateway, host=found.answered.host, since=found.answered.since)
    return [*lines, taken], common.CHECK_FAILED


def _our_instance(settings: Settings) -> str:
    """Which run the gateway of this box is, if it runs."""
    try:
        answer = control.ask(settings.socket_path, "status")
    except control.ControlError:
        return ""
    return str((answer.get("mqtt") or {}).get("instance", ""))
