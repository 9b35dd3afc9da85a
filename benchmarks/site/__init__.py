"""A simulated site: people, visitors, trucks and guards, deterministic by seed.

    world = make(Shape(seed=3, people=500))
    site = Site(world)
    for raw in site.day(date(2026, 10, 1)): ...       # records in order, with numbers
    write(path, days=31)                              # a signed ledger.db of them

The records have the form of those that the gate writes; tests/benchmarks holds their keys against
records of the real acts.  Two things are left out: the marks of rows of people.db (`rows`), because
there is no people.db, and faces.
"""

from benchmarks.site.log import Written, write
from benchmarks.site.raw import Raw, event
from benchmarks.site.site import Site
from benchmarks.site.world import Shape, World, make

__all__ = ["Raw", "Shape", "Site", "World", "Written", "event", "make", "write"]
