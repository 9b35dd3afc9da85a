"""Events and reasons in words, for a guard and in two languages.

Codes are what records hold; these are what people read.  Every `Reason` and every event
type has a sentence in each language, which a test checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.model import Event

LANGUAGES = ("en", "es")

REASONS: Mapping[str, tuple[str, str]] = {
    "granted": ("may pass", "puede pasar"),
    "face_required": ("look at the camera", "mire a la cámara"),
    "denied_unknown_door": ("this door is not configured", "esta puerta no está configurada"),
    "denied_bad_read": (
        "the badge was not read properly; present it again",
        "el gafete no se leyó bien; preséntelo otra vez",
    ),
    "denied_busy": (
        "too many badges at once; wait and present it again",
        "demasiados gafetes a la vez; espere y preséntelo otra vez",
    ),
    "denied_stale_badge": (
        "the badge was read too long ago; present it again",
        "el gafete se leyó hace demasiado tiempo; preséntelo otra vez",
    ),
    "denied_list_unavailable": (
        "the personnel list can't be read; call the administrator",
        "no se puede leer la lista de personal; llame al administrador",
    ),
    "denied_unknown_credential": (
        "nobody on the list holds this badge",
        "nadie en la lista tiene este gafete",
    ),
    "denied_revoked": ("access was revoked", "el acceso fue revocado"),
    "denied_suspended": ("access is suspended", "el acceso está suspendido"),
    "denied_clock_untrusted": (
        "the gateway's clock is wrong, so validity can't be told; call the administrator",
        "el reloj del equipo está mal y no se puede saber la vigencia; llame al administrador",
    ),
    "denied_not_yet_valid": ("not valid yet", "todavía no está vigente"),
    "denied_expired": ("no longer valid", "ya no está vigente"),
    "denied_no_access_level": (
        "no access level for this door",
        "sin nivel de acceso para esta puerta",
    ),
    "denied_out_of_schedule": ("not at this hour", "fuera de horario"),
    "denied_lock_unavailable": (
        "the lock does not answer; call the administrator",
        "la cerradura no responde; llame al administrador",
    ),
    "pin_required": ("type the PIN, then #", "teclee el NIP y luego #"),
    "denied_out_of_service": (
        "the door is out of service",
        "la puerta está fuera de servicio",
    ),
    "denied_tampered": (
        "a device of this door was opened; call the administrator",
        "abrieron un equipo de esta puerta; llame al administrador",
    ),
    "denied_interlock": (
        "another door must be closed first",
        "primero hay que cerrar otra puerta",
    ),
    "denied_pin_not_set": ("no PIN was set", "no tiene NIP asignado"),
    "denied_pin_locked": (
        "too many wrong PINs; wait some minutes",
        "demasiados NIP equivocados; espere unos minutos",
    ),
    "denied_no_pin": ("no PIN was typed in time", "no se tecleó el NIP a tiempo"),
    "denied_wrong_pin": ("the PIN is wrong", "el NIP no es correcto"),
    "denied_face_not_enrolled": (
        "too few photographs are enrolled",
        "faltan fotografías registradas",
    ),
    "denied_face_unavailable": (
        "face matching is not working; call the administrator",
        "la comparación de rostro no funciona; llame al administrador",
    ),
    "denied_camera_fault": (
        "the camera shows no usable picture",
        "la cámara no da una imagen utilizable",
    ),
    "denied_no_face": (
        "no face was seen; stand in front of the camera",
        "no se vio ningún rostro; póngase frente a la cámara",
    ),
    "denied_face_mismatch": (
        "the face is not the badge holder's",
        "el rostro no es el del titular del gafete",
    ),
    "denied_ledger_unavailable": (
        "the log can't be written, so nobody passes; call the administrator",
        "no se puede escribir el registro y nadie pasa; llame al administrador",
    ),
    "denied_internal_error": (
        "the gateway made an error; call the administrator",
        "el equipo tuvo un error; llame al administrador",
    ),
}

EVENTS: Mapping[str, tuple[str, str]] = {
    "access.granted": ("{who} may pass", "{who} puede pasar"),
    "access.denied": ("{who} refused: {why}", "{who} rechazado: {why}"),
    "door.unlocked": ("unlocked", "desbloqueada"),
    "door.locked": ("locked", "asegurada"),
    "door.entered": ("opened and entered", "abrieron y entraron"),
    "door.no_entry": ("granted, and nobody entered", "se permitió el paso y nadie entró"),
    "door.exit": ("opened from inside", "abierta desde adentro"),
    "door.opened": ("opened during the fire alarm", "abierta durante la alarma de incendio"),
    "door.found_open": ("found open", "se encontró abierta"),
    "door.closed": ("closed after {open_s} s", "cerrada después de {open_s} s"),
    "door.forced": ("FORCED OPEN", "PUERTA FORZADA"),
    "door.forced_cleared": (
        "closed {open_s} s after it was forced",
        "cerrada {open_s} s después de ser forzada",
    ),
    "door.held_warning": ("open for {open_s} s: close it", "abierta {open_s} s: ciérrela"),
    "door.held": ("HELD OPEN for {open_s} s", "PUERTA SOSTENIDA ABIERTA {open_s} s"),
    "door.held_cleared": (
        "closed again after {open_s} s",
        "cerrada de nuevo después de {open_s} s",
    ),
    "door.rex": ("request to exit", "solicitud de salida"),
    "door.fire": ("FIRE ALARM", "ALARMA DE INCENDIO"),
    "door.fire_cleared": ("fire alarm over", "fin de la alarma de incendio"),
    "door.tamper": ("TAMPER: {device} was opened", "SABOTAJE: abrieron {device}"),
    "door.tamper_cleared": ("{device} is closed again", "{device} está cerrado de nuevo"),
    "door.out_of_service": ("out of service: {reason}", "fuera de servicio: {reason}"),
    "door.in_service": ("back in service", "de nuevo en servicio"),
    "alarm.duress": ("DURESS: {name} was forced to open", "AMAGO: obligaron a {name} a abrir"),
    "interlock.breached": (
        "open while {other} is not shut",
        "abierta mientras {other} no está cerrada",
    ),
    "interlock.overridden": (
        "interlock overridden for {seconds} s by {by}: {reason}",
        "esclusa anulada {seconds} s por {by}: {reason}",
    ),
    "reader.restarted": (
        "greeted anew ({count}): {detail}",
        "sesión reiniciada ({count}): {detail}",
    ),
    "reader.refused": (
        "refused what is not of its session ({count}): {detail}",
        "se rechazó lo que no es de su sesión ({count}): {detail}",
    ),
    "reader.install_opened": (
        "install window opened for {seconds} s by {by}",
        "ventana de instalación abierta {seconds} s por {by}",
    ),
    "reader.key_set": ("has a key of its own", "ya tiene llave propia"),
    "reader.key_failed": ("got no key: {detail}", "no recibió llave: {detail}"),
    "reader.comset": (
        "address and speed changed by {by}: {detail}",
        "dirección y velocidad cambiadas por {by}: {detail}",
    ),
    "door.lock_fault": ("the lock could not be driven", "no se pudo accionar la cerradura"),
    "device.online": ("{kind} online {detail}", "{kind} en línea {detail}"),
    "device.offline": ("{kind} offline: {detail}", "{kind} fuera de línea: {detail}"),
    "people.synced": (
        "list version {version}: {added} added, {changed} changed, {removed} removed",
        "lista versión {version}: {added} altas, {changed} cambios, {removed} bajas",
    ),
    "people.enrolled": ("{templates} face templates enrolled", "{templates} plantillas de rostro"),
    "people.pin_set": ("PIN set by {by}", "PIN asignado por {by}"),
    "people.pin_cleared": ("PIN removed by {by}", "PIN eliminado por {by}"),
    "people.revoked": ("access revoked: {reason}", "acceso revocado: {reason}"),
    "people.reinstated": ("access given back: {reason}", "acceso restituido: {reason}"),
    "visit.expected": ("{name} is expected by {host}", "{host} espera a {name}"),
    "visit.arrived": (
        "{name} arrived for {host}; ID seen: {id_kind}",
        "llegó {name} con {host}; identificación vista: {id_kind}",
    ),
    "visit.held": ("{name} was not let in: {reason}", "no se dejó entrar a {name}: {reason}"),
    "visit.host_contacted": ("{host} was told of {name}", "se avisó a {host} de {name}"),
    "visit.badge_issued": (
        "badge {badge} handed to {name}",
        "gafete {badge} entregado a {name}",
    ),
    "visit.badge_returned": ("badge {badge} is back", "gafete {badge} devuelto"),
    "visit.extended": ("visit of {name} until {until}", "visita de {name} hasta {until}"),
    "visit.departed": ("{name} left", "salió {name}"),
    "visit.cancelled": ("visit of {name} cancelled: {reason}", "visita cancelada: {reason}"),
    "visit.refused": ("{name} sent away: {reason}", "{name} rechazado: {reason}"),
    "visit.regular_added": (
        "{name} is a known regular visitor, by {by}",
        "{name} es visitante frecuente, por {by}",
    ),
    "visit.regular_removed": (
        "{name} is no known regular visitor any more, by {by}",
        "{name} ya no es visitante frecuente, por {by}",
    ),
    "freight.expected": (
        "{driver} of {carrier} is expected",
        "se espera a {driver} de {carrier}",
    ),
    "freight.arrived": (
        "{driver} of {carrier} arrived with {tractor}; ID seen: {id_kind}",
        "llegó {driver} de {carrier} con {tractor}; identificación vista: {id_kind}",
    ),
    "freight.identified": (
        "the driver's ID was seen: {id_kind}",
        "se vio la identificación del chofer: {id_kind}",
    ),
    "freight.hooked": ("took {units}, recorded by {by}", "enganchó {units}, registrado por {by}"),
    "freight.seal_seen": ("seal {seal} looked at by {by}", "sello {seal} revisado por {by}"),
    "freight.inspected": (
        "{checklist} answered by {inspector}",
        "{checklist} respondida por {inspector}",
    ),
    "freight.signed": ("inspections signed by {supervisor}", "inspecciones firmadas: {supervisor}"),
    "freight.unloaded": ("unloaded", "descargado"),
    "freight.loading": ("loading, recorded by {by}", "carga, registrada por {by}"),
    "freight.held": ("HELD: {codes}", "RETENIDO: {codes}"),
    "freight.refused": ("REFUSED: {codes}", "RECHAZADO: {codes}"),
    "freight.released": (
        "released by {supervisor}: {reason}",
        "liberado por {supervisor}: {reason}",
    ),
    "freight.spot_drawn": ("spot check, drawn: {drawn}", "sorteo de revisión, salió: {drawn}"),
    "freight.spot_checked": ("spot check by {checker}: {ok}", "revisión de {checker}: {ok}"),
    "freight.departed": ("{tractor} departed", "salió {tractor}"),
    "freight.turned_away": ("turned away: {reason}", "rechazado en la puerta: {reason}"),
    "seal.received": (
        "{count} seals received, class {class}",
        "{count} sellos recibidos, clase {class}",
    ),
    "seal.issued": ("{count} seals handed to {to}", "{count} sellos entregados a {to}"),
    "seal.voided": ("seal voided: {reason}", "sello anulado: {reason}"),
    "seal.affixed": ("seal {seal} put on by {by}", "sello {seal} colocado por {by}"),
    "seal.reconciled": (
        "seals compared with trucks by {by}: {count} mismatches",
        "sellos comparados con camiones por {by}: {count} diferencias",
    ),
    "partner.added": (
        "partner registered by {by}, until {valid_until}",
        "socio registrado por {by}, vigente hasta {valid_until}",
    ),
    "partner.changed": (
        "partner changed by {by}: {status}, until {valid_until}",
        "socio cambiado por {by}: {status}, vigente hasta {valid_until}",
    ),
    "gateway.started": ("gateway started", "equipo iniciado"),
    "gateway.stopped": ("gateway stopped", "equipo detenido"),
    "gateway.task_failed": ("a part failed: {detail}", "falló una parte: {detail}"),
    "ledger.created": ("the log begins", "comienza el registro"),
    "ledger.recovered": (
        "the log can be written again; {refused} events were refused",
        "el registro se puede escribir otra vez; {refused} eventos rechazados",
    ),
    "ledger.late": (
        "events {seqs} were written too late to count",
        "los eventos {seqs} se escribieron demasiado tarde para contar",
    ),
    "clock.stepped": ("the clock moved by {seconds} s", "el reloj cambió {seconds} s"),
    "clock.accepted": ("the clock was accepted by {by}", "reloj aceptado por {by}"),
}


class _Blank(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"


def reason(code: str, language: str = "en") -> str:
    """A reason code as a sentence; the code itself if it is not known."""
    return REASONS.get(code, (code,) * 2)[LANGUAGES.index(language)]


def describe(event: Event, language: str = "en") -> str:
    """One event as a sentence, without its time and place."""
    template = EVENTS.get(event.type, (event.type,) * 2)[LANGUAGES.index(language)]
    data = event.data
    person = data.get("person") or {}
    who = person.get("name") or data.get("credential", {}).get("masked") or data.get("reader", "?")
    why = reason(str(data.get("reason", "")), language)
    if rule := data.get("rule"):
        why = f"{why} ({rule})"
    return template.format_map(_Blank({**data, "who": who, "why": why})).strip()
