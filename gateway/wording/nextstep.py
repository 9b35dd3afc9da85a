"""What a guard does next after a decision at a door: one or two short sentences for each reason.

`gateway.wording.text.reason` says why; this says what to do.  Every refusal has words, which a
test checks.  None of them tells a guard to open: who may pass is the policy's business.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.locale import N_, _

_AGAIN = N_("Ask the person to present the badge again.")
_ADMINISTRATOR = N_("Call the administrator. Nobody passes until it is repaired.")
_SECURITY = N_("Keep the door shut. Call your supervisor.")
_HR = N_("Keep the door shut. Send the person to human resources.")

NEXT: Mapping[str, str] = {
    "granted": N_("Nothing to do."),
    "denied_unknown_door": _ADMINISTRATOR,
    "denied_bad_read": _AGAIN,
    "denied_busy": N_("Ask people to wait a moment and to present their badges one by one."),
    "denied_stale_badge": _AGAIN,
    "denied_list_unavailable": _ADMINISTRATOR,
    "denied_unknown_credential": N_(
        "Keep the door shut. Ask who the person is, keep the badge if you can, and call your "
        "supervisor."
    ),
    "denied_revoked": _SECURITY,
    "denied_suspended": _SECURITY,
    "denied_clock_untrusted": _ADMINISTRATOR,
    "denied_not_yet_valid": _HR,
    "denied_expired": _HR,
    "denied_no_access_level": N_(
        "Keep the door shut. The person uses another door, or the supervisor gives a grant."
    ),
    "denied_out_of_schedule": N_(
        "Keep the door shut. The person comes back at their hours, or the supervisor gives a grant."
    ),
    "denied_first_person": N_("The person waits until the one named has entered."),
    "denied_threat_level": N_("Keep the door shut until the threat level changes."),
    "denied_requirement_missing": _HR,
    "denied_requirement_lapsed": _HR,
    "denied_degraded": N_("Report what does not work. Nobody passes here until it is repaired."),
    "denied_passback": N_(
        "Look at the person and the badge: it may be lent. If it is right, the supervisor forgives "
        "the passback."
    ),
    "denied_area_full": N_("The person waits until somebody leaves the area."),
    "denied_no_escort": N_("The visitor and the escort come to the reader together."),
    "denied_no_second_person": N_("Two people come to the reader together."),
    "denied_not_confirmed": N_(
        "Nobody answered. The person presents the badge again, and you answer."
    ),
    "denied_lock_unavailable": _ADMINISTRATOR,
    "denied_out_of_service": N_("Send the person to another door."),
    "denied_tampered": N_("Go and look at the reader. Then call the administrator."),
    "denied_interlock": N_("Have the other door shut, then the badge is presented again."),
    "denied_pin_not_set": _HR,
    "denied_pin_locked": N_("Ask who typed the PIN. The person waits some minutes."),
    "denied_no_pin": N_("The person presents the badge again and types the PIN, then #."),
    "denied_wrong_pin": N_("The person presents the badge again and types the right PIN, then #."),
    "denied_face_not_enrolled": N_("Keep the door shut. The person has photographs taken first."),
    "denied_face_unavailable": N_("Wait some seconds and try again. Then call the administrator."),
    "denied_camera_fault": N_(
        "Look at the camera: cable, lens, light. Then call the administrator."
    ),
    "denied_no_face": N_("The person stands in front of the camera and presents the badge again."),
    "denied_face_mismatch": N_(
        "Compare the person with the badge. Without cap and mask they try again; if it is not "
        "their badge, keep it and call your supervisor."
    ),
    "denied_not_live": N_(
        "Go and look: it may be a picture. If not, the person tries again and does what the reader "
        "says."
    ),
    "denied_not_identified": N_("The person shows their badge."),
    "denied_identify_limit": N_("The person shows their badge."),
    "denied_remote_off": N_("Somebody has to go to the door."),
    "denied_ledger_unavailable": _ADMINISTRATOR,
    "denied_internal_error": _ADMINISTRATOR,
}

_NO_ENTRY = N_("Nobody went in. If the person still waits, the badge is presented again.")
_OPENED_FROM_AFAR = N_("Look who goes in.")
UNKNOWN = N_("Call your supervisor.")

STATES: Mapping[str, str] = {
    "forced": N_("Go and look. Nobody was let in here."),
    "held": N_("Go and shut the door."),
    "tampered": N_("Go and look at the device that was opened."),
    "out_of_service": N_("Send people to another door."),
    "waiting": N_("Somebody stands at the reader and is asked for something."),
}
"""What to do about the state of a door; the others need nothing."""


def after(reason: str, *, entered: bool | None = None, afar: bool = False) -> str:
    """What to do next after a decision.

    Args:
        reason: The reason code of the record.
        entered: After a grant: whether somebody went in, as the door's contact says; None if that
            is not known.
        afar: An operator opened the door by a command.
    """
    if afar:
        return _(_OPENED_FROM_AFAR)
    if reason == "granted" and entered is False:
        return _(_NO_ENTRY)
    return _(NEXT.get(reason, UNKNOWN))


def at_state(state: str) -> str:
    """What to do about a door's state; "" where nothing is to be done."""
    return _(STATES.get(state, ""))
