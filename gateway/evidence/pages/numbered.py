"""Numbers for deviations: the same deviation counts for several criteria and is told once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.evidence.model import Deviation
from gateway.evidence.packet import Section


@dataclass(slots=True)
class One:
    """A deviation with its label (``D3``) and the ids of the criteria that it counts for."""

    label: str
    deviation: Deviation
    criteria: list[str] = field(default_factory=list)


class Numbered:
    """The deviations of all sections, in the order in which they are first met."""

    def __init__(self, sections: Iterable[Section]) -> None:
        found: dict[tuple[str, str, tuple[int, ...]], One] = {}
        for section in sections:
            for deviation in section.deviations:
                key = (deviation.rule, deviation.at, deviation.records)
                one = found.setdefault(key, One(f"D{len(found) + 1}", deviation))
                if section.criterion.id not in one.criteria:
                    one.criteria.append(section.criterion.id)
        self._found = found
        self.all = list(found.values())

    def of(self, deviation: Deviation) -> One:
        """The numbered one of a deviation.  Raises KeyError for one of no section."""
        return self._found[deviation.rule, deviation.at, deviation.records]
