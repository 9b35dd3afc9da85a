"""A guard's word: one request, one answer."""

from __future__ import annotations

import asyncio

import pytest

from gateway.decide.model import Confirmation
from gateway.doors.confirm import Confirmations, NoSuchRequest
from tests.gateway.doors.world import ANA

pytestmark = pytest.mark.looptime


async def test_the_first_word_counts_and_a_person_who_left_is_not_asked_about() -> None:
    confirmations = Confirmations(60.0)
    request = confirmations.ask("d", "r", ANA, "camera")
    hearing = asyncio.create_task(confirmations.hear(request))
    assert [item["id"] for item in confirmations.waiting()] == [request.id]
    confirmations.give_up(request)
    assert not confirmations.answer(request, yes=True)
    confirmations.give_up(request)  # once more changes nothing
    with pytest.raises(NoSuchRequest):
        confirmations.find(request.id, "d")
    assert await hearing is Confirmation.MISSING and confirmations.waiting() == []


async def test_no_word_within_the_time_is_missing() -> None:
    confirmations = Confirmations(60.0)
    begun = asyncio.get_running_loop().time()
    request = confirmations.ask("d", "r", ANA, "camera")
    assert await confirmations.hear(request) is Confirmation.MISSING
    assert asyncio.get_running_loop().time() - begun == pytest.approx(60.0)


async def test_a_guard_may_ask_once_for_as_much_time_again() -> None:
    confirmations = Confirmations(60.0)
    begun = asyncio.get_running_loop().time()
    request = confirmations.ask("d", "r", ANA, "camera")
    assert not confirmations.extend(request)  # nobody waits yet
    hearing = asyncio.create_task(confirmations.hear(request))
    await asyncio.sleep(50)
    assert confirmations.extend(request)
    assert confirmations.waiting()[0]["extended"] is True
    assert not confirmations.extend(request)
    assert await hearing is Confirmation.MISSING
    assert asyncio.get_running_loop().time() - begun == pytest.approx(confirmations.longest_s)
    assert not confirmations.extend(request)
