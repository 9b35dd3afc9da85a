"""The one rule for text from outside."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.locale.text import TextError, clean, flaw, fold, id_flaw, name_key, tidy

UNSEEN = {
    "zero-width space": "\u200b",
    "zero-width joiner": "\u200d",
    "byte order mark": "\ufeff",
    "soft hyphen": "\u00ad",
    "right-to-left override": "\u202e",
    "left-to-right mark": "\u200e",
    "isolate": "\u2068",
    "tag": "\U000e0041",
    "variation selector": "\ufe0f",
    "variation selector of ideographs": "\U000e0100",
    "grapheme joiner": "\u034f",
    "Hangul filler": "\u3164",
    "empty Braille cell": "\u2800",
    "line separator": "\u2028",
    "line feed": "\n",
    "escape": "\x1b",
    "half of a character": "\ud800",
    "private use": "\ue000",
    "not assigned": "\u0378",
}


@pytest.mark.parametrize("char", UNSEEN.values(), ids=UNSEEN)
def test_an_id_with_a_character_that_cannot_be_seen_is_another_person(char: str) -> None:
    for found in (flaw(f"e1{char}00"), id_flaw(f"e1{char}00")):
        assert found is not None
        assert found.say("en").startswith(f"character 3 can't be seen (U+{ord(char):04X})")
    with pytest.raises(TextError, match="character 3") as caught:
        clean(f"An{char}a")
    assert caught.value.code == "bad_text"
    assert tidy(f"An{char}a") == "An?a"


def test_an_accent_without_a_letter_is_refused() -> None:
    assert str(flaw("\u0301a")).startswith("character 1 is an accent without a letter (U+0301)")
    assert flaw("a \u0301b") is not None
    assert flaw("Mun\u0303oz") is None  # one that a letter carries


def test_a_name_of_any_script_is_taken_and_an_id_reads_from_left_to_right() -> None:
    for name in ("Ana Muñoz", "Łukasz", "Ольга", "山田 太郎", "שרה", "Nguyễn", "O'Neil-Díaz, Jr."):
        assert flaw(name) is None and clean(name) == name
    assert str(id_flaw("e\u05d01")).startswith("character 2 is written from right to left")
    assert id_flaw("Núñez-01") is None


def test_text_comes_out_in_one_form() -> None:
    assert clean("Mun\u0303oz  \u00a0 Pen\u0303a ") == "Muñoz Peña"
    assert clean("", needed=False) == ""
    with pytest.raises(TextError, match="is empty"):
        clean("  ")
    with pytest.raises(TextError, match="longer than 5"):
        clean("abcdef", most=5)


@pytest.mark.parametrize(
    "spelled",
    [
        "Transportes Águila, S.A. de C.V.",
        "TRANSPORTES AGUILA SA DE CV",
        "transportes  águila S. A. de C. V.",
        unicodedata.normalize("NFD", "Transportes Águila SA de CV"),
    ],
)
def test_a_company_is_one_however_it_is_spelled(spelled: str) -> None:
    assert name_key(spelled) == "transportes aguila sa de cv"


def test_other_companies_have_other_keys() -> None:
    for one, other in (
        ("A y B SA", "AyB SA"),
        ("Fletes S.A.", "Fletes S. de R.L."),
        ("Aguila 1", "Aguila 11"),
        ("Aguila", "Aguilas"),
    ):
        assert name_key(one) != name_key(other)
    assert name_key(".") == name_key("") == ""


@given(st.text())
def test_what_is_clean_stays_so_and_its_key_does_not_change(text: str) -> None:
    try:
        once = clean(text, needed=False)
    except TextError:
        return
    assert clean(once, needed=False) == once and flaw(once) is None
    assert name_key(once) == name_key(text) == name_key(unicodedata.normalize("NFD", once))
    assert fold(fold(text)) == fold(text) and name_key(name_key(text)) == name_key(text)
    assert len(tidy(text, 10)) <= 10 and "\n" not in tidy(text)
