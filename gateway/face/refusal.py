"""Why a picture of a face is not enrolled, as codes and as sentences for the person at the camera.

Light: whoever only tells people loads no model.
"""

from __future__ import annotations

from enum import StrEnum

from gateway.locale import N_, _


class Refusal(StrEnum):
    """Why a picture is not enrolled.  Stable codes; the first four are also those of
    gateway.people.pictures.PictureFault."""

    UNREADABLE = "unreadable"
    FORMAT = "format_not_read"
    TOO_MANY_PIXELS = "too_many_pixels"
    FILE_TOO_LARGE = "file_too_large"
    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    TOO_SMALL = "too_small"
    TOO_BLURRED = "too_blurred"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    SIDE_LIGHT = "side_light"
    TURNED_AWAY = "turned_away"
    TILTED = "tilted"
    ANOTHER_PERSON = "another_person"
    SAME_PICTURE = "same_picture"


SENTENCES = {
    Refusal.UNREADABLE: N_("not a picture that can be read"),
    Refusal.FORMAT: N_("a picture format that is not read here; save it as JPEG"),
    Refusal.TOO_MANY_PIXELS: N_("too many pixels; scale the picture down"),
    Refusal.FILE_TOO_LARGE: N_("the file is too large; scale the picture down"),
    Refusal.NO_FACE: N_("no face found; look straight ahead"),
    Refusal.SEVERAL_FACES: N_("more than one face"),
    Refusal.TOO_SMALL: N_("the face is too small; come closer"),
    Refusal.TOO_BLURRED: N_("the face is blurred; hold still"),
    Refusal.TOO_DARK: N_("the face is too dark"),
    Refusal.TOO_BRIGHT: N_("the face is too bright"),
    Refusal.SIDE_LIGHT: N_("the light comes from one side; face the light"),
    Refusal.TURNED_AWAY: N_("the face is turned away; look straight at the camera"),
    Refusal.TILTED: N_("the head is tilted; hold it upright"),
    Refusal.ANOTHER_PERSON: N_("not the same face as the other pictures"),
    Refusal.SAME_PICTURE: N_("the same picture again; take another one"),
}


def sentence(refusal: Refusal) -> str:
    """What to tell the person, in the language in use."""
    return _(SENTENCES[refusal])
