"""Words by catalogue: the language in use, plurals, facts, and catalogues that are complete."""

from __future__ import annotations

import pytest
from babel.messages.catalog import Message as Entry

from gateway import locale
from gateway.locale import HERE, Message, _, __main__


def test_the_catalogues_are_complete(capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.check() == 0, capsys.readouterr().out


def test_what_is_compiled_is_what_is_written() -> None:
    for path in __main__.catalogues():
        written = __main__.read(path)
        compiled = locale.catalogue(path.parent.parent.name)
        for message in written:
            if isinstance(message.id, str) and message.id and not message.context:
                assert compiled.gettext(message.id) == message.string, "run make locale"


def test_a_language_without_a_catalogue_is_english() -> None:
    locale.use("fr")
    assert _("no such words") == "no such words"


def test_a_message_says_its_facts_in_the_language_that_is_asked_for() -> None:
    inner = Message("door {door}", {"door": "gate"})
    assert Message("{where}: {n}", {"where": inner, "n": 3}).say("es").endswith(": 3")
    assert str(Message("{where}: {n}", {"where": inner, "n": 3})) == "door gate: 3"


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        (Entry("a {b}", "un {b}"), None),
        (Entry("a {b}", ""), "not translated"),
        (Entry("a {b}", "un {c}"), "placeholders"),
        (Entry("a {b}", "un"), "placeholders"),
        (Entry("a {b}", "un {b"), "placeholders"),
        (Entry("a", "un", flags=["fuzzy"]), "fuzzy"),
        (Entry(("one {n}", "many {n}"), ("una", "{n} cosas")), None),
        (Entry(("one {n}", "many {n}"), ("una {n}", "")), "not translated"),
    ],
)
def test_a_catalogue_that_lies_is_found(entry: Entry, fault: str | None) -> None:
    found = __main__.faults(entry)
    assert not found if fault is None else found and found[0].startswith(fault)


def test_every_language_has_its_folder() -> None:
    assert locale.LANGUAGES == ("en", "es")
    assert all((HERE / name / "LC_MESSAGES" / "garita.po").is_file() for name in ("es",))


def test_what_the_system_says_is_said_in_the_language_in_use() -> None:
    locale.use("es")
    told = locale.worded("{name} can't be read: {error}", name="x", error="Permission denied")
    assert str(told) == "no se puede leer x: sin permiso"
    assert locale.english(OSError(told)) == "x can't be read: Permission denied"
    assert locale.system("Connection reset by a peer") == "Connection reset by a peer"
