"""Every refusal says what a guard does next."""

from __future__ import annotations

from gateway.decide.model import Reason
from gateway.doors.machine import DoorState
from gateway.locale import use
from gateway.wording import nextstep


def test_every_refusal_has_a_next_step() -> None:
    refusals = {reason.value for reason in Reason if reason.value.startswith("denied_")}
    assert refusals | {"granted"} == set(nextstep.NEXT)


def test_states_that_need_something_say_what() -> None:
    assert set(nextstep.STATES) < {state.value for state in DoorState}
    assert nextstep.at_state("forced")
    assert nextstep.at_state("locked") == ""


def test_after_a_grant_it_matters_whether_somebody_went_in() -> None:
    assert nextstep.after("granted", entered=True) == nextstep.after("granted")
    assert nextstep.after("granted", entered=False) != nextstep.after("granted")
    assert nextstep.after("granted", afar=True) != nextstep.after("granted")
    assert nextstep.after("denied_of_tomorrow") == nextstep.UNKNOWN


def test_no_word_tells_a_guard_to_open() -> None:
    try:
        for language in ("en", "es"):
            use(language)
            for code in nextstep.NEXT:
                said = nextstep.after(code).lower()
                assert "open the door" not in said
                assert "abra" not in said.replace("no abra", "").split()
    finally:
        use("en")
