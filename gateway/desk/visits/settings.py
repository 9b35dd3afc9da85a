"""Makes the policies of visits and partners from the site's configuration."""

from __future__ import annotations

from gateway.config import Settings
from gateway.desk.partners import PartnerPolicy
from gateway.desk.visits.visit import VisitPolicy


def partner_policy(settings: Settings) -> PartnerPolicy:
    """What `[partners]` says."""
    table = settings.tables.partners
    return PartnerPolicy(
        unknown=table.unknown,
        lapsed=table.lapsed,
        suspended=table.suspended,
        questionnaire_months=table.questionnaire_months,
        warn_days=table.warn_days,
        requirement=table.requirement,
        criteria=settings.criteria,
        zone=settings.site.zone,
    )


def visit_policy(settings: Settings) -> VisitPolicy:
    """What `[visits]` says."""
    table = settings.tables.visits
    return VisitPolicy(
        zone=settings.site.zone,
        id_kinds={name: (kind.en, kind.es) for name, kind in table.id_kinds.items()},
        keep_id_number=table.keep_id_number,
        regulars_without_id=table.regulars_without_id,
        walk_ins=table.walk_ins,
        company_needed=table.company_needed,
        max_days=table.max_days,
        access_levels=tuple(table.access_levels),
        escorted_access_levels=tuple(table.escorted_access_levels),
        badge_grace_min=table.badge_grace_min,
        partners=partner_policy(settings),
        criteria=settings.criteria,
    )
