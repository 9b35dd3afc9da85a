"""Enrolment: from photographs to sealed templates on a person's row.

Command side; it loads the face models.  `photographs` examines one picture at a time,
`duplicates` looks for the face under other ids, `store` writes templates.  No picture is kept.
"""

from gateway.face.enrolment.duplicates import DuplicateFace, EnrolledFaces, Twin
from gateway.face.enrolment.photographs import (
    ExaminedPhotograph,
    agree,
    examine,
    from_capture,
    make_engine,
    photos_by_person,
)
from gateway.face.enrolment.templates import Mode, NotStored, Obstacle, Stored, store

__all__ = [
    "DuplicateFace",
    "EnrolledFaces",
    "ExaminedPhotograph",
    "Mode",
    "NotStored",
    "Obstacle",
    "Stored",
    "Twin",
    "agree",
    "examine",
    "from_capture",
    "make_engine",
    "photos_by_person",
    "store",
]
