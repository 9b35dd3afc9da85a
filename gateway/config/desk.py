"""The tables [visits], [partners] and [freight]: what the guard's desk asks for and holds.

gateway/desk/visits and gateway/desk/freight use these values.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gateway.locale import worded

Verdict = Literal["hold", "deny"]
Action = Literal["refuse", "hold", "note"]


def _pattern(value: str) -> str:
    if len(value) > 200:
        raise ValueError(worded("longer than 200 characters"))
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(worded("not a regular expression: {error}", error=error)) from error
    return value


def _kind_name(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", value):
        raise ValueError(worded("use small letters, digits and '-', at most 40"))
    return value


KindName = Annotated[str, AfterValidator(_kind_name)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class IdKindTable(_Table):
    """The name of a kind of photo ID in both languages."""

    en: str = Field(min_length=1, max_length=60)
    """Its name in English."""
    es: str = Field(min_length=1, max_length=60)
    """Its name in Spanish."""


ID_KINDS = {
    "licence": IdKindTable(en="driver's licence", es="licencia de conducir"),
    "ine": IdKindTable(en="INE voter card", es="credencial INE"),
    "passport": IdKindTable(en="passport", es="pasaporte"),
    "national-id": IdKindTable(en="national ID", es="identificación nacional"),
    "residence": IdKindTable(en="residence card", es="tarjeta de residente"),
    "visa": IdKindTable(en="border crossing card or visa", es="visa o tarjeta de cruce"),
    "carrier-id": IdKindTable(en="carrier's photo ID", es="gafete con foto del transportista"),
}


class VisitsTable(_Table):
    """Visitors and vendors.  With an empty list of access levels the desk issues no badge."""

    id_kinds: dict[KindName, IdKindTable] = ID_KINDS
    keep_id_number: bool = False
    regulars_without_id: bool = False
    walk_ins: bool = True
    company_needed: bool = False
    max_days: Annotated[int, Field(ge=1, le=366)] = 31
    access_levels: list[str] = []
    escorted_access_levels: list[str] = []
    badge_grace_min: Annotated[int, Field(ge=0, le=1440)] = 30


class PartnersTable(_Table):
    """What the desk does with companies that are not cleared: hold them for a second person, or
    deny them.  `requirement` is the kind that a company has while it is cleared."""

    unknown: Verdict = "hold"
    """A company that nobody registered."""
    lapsed: Verdict = "hold"
    suspended: Verdict = "deny"
    """A company that was suspended."""
    questionnaire_months: Annotated[int, Field(ge=1, le=60)] = 12
    warn_days: Annotated[int, Field(ge=0, le=365)] = 30
    requirement: str = ""


class FreightPolicyTable(_Table):
    """What the desk does for each finding: refuse until somebody puts it right, hold for a
    supervisor, or note it.  The keys are the reason codes of gateway/desk/freight/findings.py."""

    arrival_unexpected: Action = "hold"
    arrival_off_time: Action = "note"
    driver_unexpected: Action = "hold"
    driver_id_missing: Action = "refuse"
    driver_id_of_other_name: Action = "hold"
    carrier_unexpected: Action = "hold"
    carrier_not_cleared: Action = "hold"
    carrier_denied: Action = "refuse"
    tractor_unexpected: Action = "hold"
    unit_unexpected: Action = "hold"
    unit_number_wrong: Action = "hold"
    seal_missing: Action = "hold"
    seal_differs: Action = "hold"
    seal_broken: Action = "hold"
    seal_not_verified: Action = "refuse"
    affixed_not_verified: Action = "refuse"
    checklist_missing: Action = "refuse"
    checklist_unfinished: Action = "refuse"
    checklist_failed: Action = "hold"
    checklist_unsigned: Action = "refuse"
    checklist_hasty: Action = "note"
    pests_found: Action = "hold"
    loading_unfinished: Action = "refuse"
    documents_missing: Action = "hold"
    seal_not_affixed: Action = "refuse"
    seal_class_low: Action = "refuse"
    seal_format: Action = "hold"
    seal_not_in_inventory: Action = "hold"
    seal_used_twice: Action = "refuse"
    seal_not_on_documents: Action = "hold"
    spot_check_open: Action = "refuse"
    spot_check_failed: Action = "hold"
    clock_odd: Action = "hold"


class FreightTable(_Table):
    """Trucks at the gate; config/garita.toml explains each key."""

    seal_pattern: Annotated[str, AfterValidator(_pattern)] = "[A-Z]{0,4}[0-9]{5,12}"
    seal_classes: list[Literal["H", "S", "I"]] = Field(default=["H"], min_length=1)
    early_min: Annotated[int, Field(ge=0, le=10080)] = 120
    late_min: Annotated[int, Field(ge=0, le=10080)] = 120
    documents: list[str] = ["bill_of_lading"]
    supervisor_signs: bool = True
    point_s: Annotated[float, Field(ge=0, le=600, allow_inf_nan=False)] = 3.0
    pests: bool = True
    spot_check_percent: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = 5.0
    supervisors: list[str] = []
    checklist_set: KindName = "msc-2020"
    checklists: Path | None = None
    pictures_dir: Path | None = None
    policy: FreightPolicyTable = FreightPolicyTable()
