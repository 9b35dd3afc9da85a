"""The auditor in a real browser: figures that lead to records, a verification, an export."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zipfile import ZipFile

from playwright.async_api import expect

from gateway.ledger.export import check
from tests.gateway.console.booth import Booth, bars

LONG_MS = 60_000  # a process of its own, on a busy machine


async def test_an_auditor_counts_verifies_and_takes_records_along(
    booth: Callable[..., Booth], tmp_path: Path
) -> None:
    gate = booth()
    await gate.start()
    gate.rig.gate_reader.present(18, 4242)
    page = await gate.sign_in("aurelio", "es")
    today = datetime.now(gate.settings.site.zone).date()
    await page.goto(f"{gate.url}/records?from={today}&kind=access.")
    number = page.locator(".figures-grid tr", has_text="gate").locator("a").last
    await expect(number).to_have_text("1")
    assert await bars(page) == []
    await number.click()
    await expect(page.locator("table.records tbody tr")).to_have_count(1)
    await page.locator("table.records a").first.click()
    await expect(page.locator("pre.code")).to_contain_text("denied_unknown_credential")
    assert await bars(page) == []

    await page.goto(f"{gate.url}/records")
    await page.get_by_text("Llevarse estos registros").click()
    await page.get_by_role("button", name="Verificar toda la bitácora").click()
    await expect(page.locator("#job")).to_contain_text("La bitácora está bien", timeout=LONG_MS)
    assert await bars(page) == []

    await page.goto(f"{gate.url}/records?kind=access.denied")
    await page.get_by_text("Llevarse estos registros").click()
    await page.get_by_role("button", name="Con prueba (ZIP)").click()
    taking = page.get_by_role("link", name="Bajar el archivo")
    await taking.wait_for(timeout=LONG_MS)
    async with page.expect_download() as download:
        await taking.click()
    await (await download.value).save_as(tmp_path / "records.zip")

    with ZipFile(tmp_path / "records.zip") as packed:
        plain = next(name for name in packed.namelist() if name.endswith(".jsonl"))
        lines = packed.read(plain).decode().splitlines()
        proof = packed.read(f"{plain}.proof").decode().splitlines()
    found = check(lines, proof)
    assert found.shown == 1 and found.covered.good > 0  # the running gateway signed it first
