"""What tests of the daemon share: a site that has worked for a while, copied for each test."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.daemon import listkeeper
from tests.gateway.daemon.onesite import Site

MakeSite = Callable[..., Site]


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site that has worked for a while, once for all tests."""
    folder = tmp_path_factory.mktemp("lived") / "site"
    asyncio.run(Site(folder).lived())
    return folder


@pytest.fixture
async def make_site(
    lived: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[MakeSite]:
    monkeypatch.setattr(listkeeper, "QUIET_S", 0.0)
    made: list[Site] = []

    def make(**options: str) -> Site:
        folder = tmp_path / f"site{len(made)}"
        shutil.copytree(lived, folder)
        made.append(Site(folder, **options))
        return made[-1]

    yield make
    for site in made:
        if hasattr(site, "ledger"):
            site.crash()
