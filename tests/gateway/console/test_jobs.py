"""What takes long at the console: a process that can be stopped, and whose end is always told."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from gateway.console.jobs import Busy, Job, Jobs, Work
from gateway.console.site import Site
from gateway.locale import speaking

WORKER = "tests.gateway.console.worker"


async def nothing(_found: dict[str, Any]) -> None:
    return


async def until_over(job: Job) -> None:
    async with asyncio.timeout(30):
        while job.running:
            await asyncio.sleep(0.02)


async def test_a_job_that_is_stopped_leaves_no_file_and_no_process(site: Site) -> None:
    jobs = Jobs(site.settings)
    job = jobs.begin(Work(WORKER, "stand"), "aurelio", "", nothing)
    folder = site.settings.tables.console.data_dir / "exports" / job.id
    async with asyncio.timeout(30):
        while not job.stage:
            await asyncio.sleep(0.02)
    assert (job.percent, job.stage) == (25, "half way")
    child = int((folder / "half").read_text())
    with pytest.raises(Busy):
        jobs.begin(Work(WORKER, "stand"), "samuel", "", nothing)
    await jobs.stop(job)
    assert "stopped" in job.refused and not folder.exists()
    async with asyncio.timeout(5):
        while alive(child):
            await asyncio.sleep(0.02)
    await until_over(
        jobs.begin(Work(WORKER, "refuse"), "samuel", "", nothing)
    )  # the next may begin


def alive(pid: int) -> bool:
    """Whether a process runs; one that nobody waited for does not."""
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text() and os.kill(pid, 0) is None
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize(
    ("act", "said"),
    [
        ("refuse", "not today"),
        ("full", "no queda espacio"),
        ("die", "terminó antes de tiempo"),
    ],
)
async def test_whatever_goes_wrong_is_told_to_whoever_began_it(
    site: Site, act: str, said: str
) -> None:
    with speaking("es"):
        job = Jobs(site.settings).begin(Work(WORKER, act), "aurelio", "", nothing)
        await until_over(job)
    assert said in job.refused
