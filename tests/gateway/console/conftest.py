"""The console in tests: a client without a server, and a booth with everything real."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from demo.rig import Rig
from gateway.console.site import Site
from tests.gateway.console.booth import Booth
from tests.gateway.console.site import Desk, desk_of, make, write_site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site with two doors and an operator of each role; no gateway runs."""
    made = make(write_site(tmp_path))
    yield made
    made.store.close()


@pytest.fixture
def desk(site: Site) -> Callable[..., Desk]:
    """``desk("rosa")``: a client that is signed in as that operator; ``desk("")``: nobody;
    ``desk("rosa", stepped=True)``: with a second factor shown just now."""
    return partial(desk_of, site)


@pytest.fixture
async def booth(make_rig: Callable[..., Rig]) -> AsyncIterator[Callable[..., Booth]]:
    """``booth(more="...", osdp=True, ...)``: a gate with its console and a browser; `start` it.
    `more` is added to the configuration, other options go to the rig."""
    made: list[Booth] = []

    def of(more: str = "", **options: object) -> Booth:
        made.append(Booth(make_rig(**options), more))
        return made[-1]

    yield of
    for one in made:
        await one.stop()
