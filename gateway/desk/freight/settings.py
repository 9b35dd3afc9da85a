"""Makes the policy for trucks from the site's configuration."""

from __future__ import annotations

from gateway.config import Settings
from gateway.desk.freight.checklists import load
from gateway.desk.freight.findings import FreightPolicy
from gateway.desk.visits.settings import partner_policy


def freight_policy(settings: Settings) -> FreightPolicy:
    """The policy of `[freight]`; raises DeskError for a file of checklists that can't be used."""
    table = settings.tables.freight
    return FreightPolicy(
        zone=settings.site.zone,
        checklists=load(table.checklists, table.checklist_set),
        actions=table.policy.model_dump(),
        seal_pattern=table.seal_pattern,
        seal_classes=tuple(table.seal_classes),
        early_min=table.early_min,
        late_min=table.late_min,
        documents=tuple(table.documents),
        supervisor_signs=table.supervisor_signs,
        point_s=table.point_s,
        pests=table.pests,
        spot_check_percent=table.spot_check_percent,
        partners=partner_policy(settings),
        criteria=settings.criteria,
    )
