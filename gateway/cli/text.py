"""Events and reasons in words, for a guard and in two languages.

Codes are what records hold; these are what people read.  Every `Reason` and every event
type has a sentence in each language, which a test checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.ledger.event import Event

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
    "denied_first_person": (
        "somebody else has to enter first today",
        "hoy primero tiene que entrar otra persona",
    ),
    "denied_threat_level": (
        "closed at the present threat level",
        "cerrado por el nivel de amenaza actual",
    ),
    "denied_requirement_missing": (
        "something this area requires is not on record",
        "falta un requisito de esta área",
    ),
    "denied_requirement_lapsed": (
        "something this area requires has lapsed",
        "venció un requisito de esta área",
    ),
    "denied_degraded": (
        "something does not work, and until it does nobody passes here",
        "algo no funciona y mientras tanto nadie pasa por aquí",
    ),
    "denied_passback": (
        "the badge is already inside, or did not come through the door before",
        "el gafete ya está adentro o no pasó por la puerta anterior",
    ),
    "denied_area_full": ("the area is full", "el área está llena"),
    "escort_required": ("the escort's badge, please", "falta el gafete del acompañante"),
    "denied_no_escort": (
        "no escort showed their badge in time",
        "ningún acompañante mostró su gafete a tiempo",
    ),
    "second_required": ("a second person's badge, please", "falta el gafete de otra persona"),
    "denied_no_second_person": (
        "nobody enters alone, and no second badge was shown in time",
        "nadie entra solo y no se mostró a tiempo otro gafete",
    ),
    "confirm_required": ("wait for the guard", "espere al guardia"),
    "denied_not_confirmed": ("the guard did not confirm", "el guardia no confirmó"),
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
    "denied_not_live": (
        "the face did not turn as it was told, or looks like a picture",
        "el rostro no giró como se le pidió, o parece una imagen",
    ),
    "denied_not_identified": (
        "nobody enrolled has this face; show your badge",
        "nadie registrado tiene este rostro; muestre su gafete",
    ),
    "denied_identify_limit": (
        "too many people are enrolled to open to a face alone; show your badge",
        "hay demasiados registrados para abrir solo con el rostro; muestre su gafete",
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
    "door.input_chatter": (
        "input {input} ({device}) chatters: {count} times",
        "la entrada {input} ({device}) rebota: {count} veces",
    ),
    "door.fire": ("FIRE ALARM", "ALARMA DE INCENDIO"),
    "door.fire_cleared": ("fire alarm over", "fin de la alarma de incendio"),
    "door.tamper": ("TAMPER: {device} was opened", "SABOTAJE: abrieron {device}"),
    "door.tamper_cleared": ("{device} is closed again", "{device} está cerrado de nuevo"),
    "door.out_of_service": ("out of service: {reason}", "fuera de servicio: {reason}"),
    "door.in_service": ("back in service", "de nuevo en servicio"),
    "alarm.duress": ("DURESS: {name} was forced to open", "AMAGO: obligaron a {name} a abrir"),
    "alarm.lent_badge": (
        "LENT BADGE: the badge of {who}, the face of {face_name}",
        "GAFETE PRESTADO: gafete de {who}, rostro de {face_name}",
    ),
    "area.passback": ("PASSBACK: {who}, {detail}", "DOBLE PASO: {who}, {detail}"),
    "area.alone": (
        "{name} is alone in {area}",
        "{name} está a solas en {area}",
    ),
    "area.forgiven": (
        "passback forgiven by {by}: {reason}",
        "doble paso perdonado por {by}: {reason}",
    ),
    "grant.given": (
        "may pass {kind} {target} until {until}, by {by}: {reason}",
        "puede pasar por {kind} {target} hasta {until}, por {by}: {reason}",
    ),
    "grant.ended": (
        "grant of {kind} {target} ended by {by}",
        "permiso de {kind} {target} terminado por {by}",
    ),
    "requirement.set": (
        "{kind} of {subject}, until {valid_until}, by {by}",
        "{kind} de {subject}, hasta {valid_until}, por {by}",
    ),
    "requirement.removed": (
        "{kind} of {subject} removed by {by}",
        "{kind} de {subject} eliminado por {by}",
    ),
    "requirement.expiring": (
        "{kind} of {subject} lapses after {valid_until}",
        "{kind} de {subject} vence después del {valid_until}",
    ),
    "escort.set": ("passes with an escort alone, by {by}", "solo pasa acompañado, por {by}"),
    "escort.cleared": ("needs no escort any more, by {by}", "ya no necesita acompañante, por {by}"),
    "threat.changed": (
        "THREAT LEVEL {level} (was {was}) by {by}: {reason}",
        "NIVEL DE AMENAZA {level} (era {was}) por {by}: {reason}",
    ),
    "command.accepted": ("command {command} of {by}", "orden {command} de {by}"),
    "command.refused": (
        "a command over MQTT was refused ({count}): {why}",
        "se rechazó una orden por MQTT ({count}): {why}",
    ),
    "door.confirm_asked": (
        "GUARD: may {name} pass? ({why})",
        "GUARDIA: ¿puede pasar {name}? ({why})",
    ),
    "door.confirmed": ("{by} lets {name} pass", "{by} deja pasar a {name}"),
    "door.confirm_refused": ("{by} does not let {name} pass", "{by} no deja pasar a {name}"),
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
    "device.unstable": (
        "{kind} unstable, changed {count} time(s); now: {detail}",
        "{kind} inestable, cambió {count} veces; ahora: {detail}",
    ),
    "uplink.name_taken": (
        "another gateway has this name on the broker: {detail}",
        "otra pasarela tiene este nombre en el broker: {detail}",
    ),
    "uplink.name_free": (
        "no other gateway has this name on the broker any more",
        "ya ninguna otra pasarela tiene este nombre en el broker",
    ),
    "uplink.message_skipped": (
        "the broker does not take event {event} ({bytes} bytes), it is skipped: {detail}",
        "el broker no acepta el evento {event} ({bytes} bytes), se omite: {detail}",
    ),
    "camera.accepted": (
        "what the camera sees now was accepted by {by}: {reason}",
        "lo que la cámara ve ahora fue aceptado por {by}: {reason}",
    ),
    "people.synced": (
        "list version {version}: {added} added, {changed} changed, {removed} removed",
        "lista versión {version}: {added} altas, {changed} cambios, {removed} bajas",
    ),
    "people.rolled_back": (
        "list version {version}: the list of version {to} again, by {by}",
        "lista versión {version}: otra vez la lista de la versión {to}, por {by}",
    ),
    "people.revocation_effective": (
        "{who} is denied here {seconds} s after the source revoked",
        "{who} ya no pasa aquí, {seconds} s después de la baja en el origen",
    ),
    "people.sync_failed": (
        "{source} gave no list: {detail}",
        "{source} no dio una lista: {detail}",
    ),
    "people.sync_recovered": ("{source} gives lists again", "{source} vuelve a dar listas"),
    "people.sync_waiting": (
        "a list of {source} waits to be confirmed: {names}",
        "una lista de {source} espera confirmación: {names}",
    ),
    "people.sync_dropped": (
        "a list of {source} that waited was dropped by {by}",
        "{by} descartó una lista de {source} que esperaba",
    ),
    "people.bundle_refused": (
        "a signed list was refused: {detail}",
        "se rechazó una lista firmada: {detail}",
    ),
    "people.enrolled": ("{templates} face templates enrolled", "{templates} plantillas de rostro"),
    "face.key_destroyed": (
        "face key and {templates} templates destroyed by {by}: {why}",
        "llave de rostro y {templates} plantillas destruidas por {by}: {why}",
    ),
    "face.consent_set": (
        "agreed to the face match on {given_at}, until {until}",
        "consintió la comparación de rostro el {given_at}, hasta {until}",
    ),
    "face.picture_viewed": (
        "{by} looked at the picture of event {seq}",
        "{by} vio la imagen del evento {seq}",
    ),
    "face.pictures_purged": (
        "{count} pictures deleted after {days} days",
        "{count} imágenes borradas después de {days} días",
    ),
    "face.forgotten": ("face forgotten by {by}: {reason}", "rostro olvidado por {by}: {reason}"),
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
    "visit.overdue": (
        "{name} should have left by {until}; company contact: {host}",
        "{name} debió salir a las {until}; contacto: {host}",
    ),
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


RULES: Mapping[str, tuple[str, str]] = {
    "door": ("the door is in the policy", "la puerta está en la política"),
    "busy": ("not too many badges wait", "no esperan demasiados gafetes"),
    "age": ("the badge was read just now", "el gafete se acaba de leer"),
    "reading": ("a valid card was read", "se leyó una tarjeta válida"),
    "listed": ("somebody on the list holds it", "alguien de la lista lo tiene"),
    "status": ("neither suspended nor revoked", "ni suspendido ni revocado"),
    "clock": ("the clock is to be trusted", "el reloj es confiable"),
    "validity": ("today is a valid day", "hoy es día vigente"),
    "access": ("a level or grant opens it now", "un nivel o permiso lo abre ahora"),
    "threat": ("the threat level lets pass", "el nivel de amenaza lo permite"),
    "required": ("what the area requires is on record", "los requisitos del área existen"),
    "lapsed": ("and has not lapsed", "y están vigentes"),
    "lock": ("the lock answers", "la cerradura responde"),
    "service": ("the door is in service", "la puerta está en servicio"),
    "tampered": ("no device was opened", "ningún equipo fue abierto"),
    "interlock": (
        "no other door of its interlock is open",
        "ninguna otra puerta de la esclusa abierta",
    ),
    "degraded": ("what does not work is provided for", "lo que falla está previsto"),
    "passback": ("not inside already", "no está ya adentro"),
    "full": ("the area is not full", "el área no está llena"),
    "pin": ("PIN, where it is asked for", "NIP, donde se pide"),
    "enrolled": ("face enrolled, where it is asked for", "rostro registrado, donde se pide"),
    "face": ("face, where it is asked for", "rostro, donde se pide"),
    "escort": ("with an escort, if one is needed", "con acompañante, si lo necesita"),
    "second": ("not alone, where nobody may be", "no a solas, donde nadie puede"),
    "confirmed": (
        "a guard's word, where it is asked for",
        "confirmación del guardia, donde se pide",
    ),
    "error": ("an error of the program", "un error del programa"),
}
"""What each rule of `decide()` looks at, as it is when the rule lets pass."""


def rule(name: str, language: str = "en") -> str:
    """A rule of `decide()` as a sentence."""
    return RULES.get(name, (name,) * 2)[LANGUAGES.index(language)]


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
