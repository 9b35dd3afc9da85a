"""The pages of symptoms, and the pages of people, in both languages.

What stands in quotation marks on a page of symptoms is what the program says: each must be in the
catalogue of the page's language, where `…` stands for what differs.  A gate in trouble shows
that some of them come as they stand there.  A Spanish edition has the headings, codes and commands
of the English one, in the same order.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from datetime import UTC
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from babel.messages.pofile import read_po

from demo.rig import Rig
from gateway.cli.status import PARTS
from gateway.ledger.event import EventType
from gateway.locale import Message
from gateway.people.sync.file import read_people
from gateway.wording.text import REASONS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
CATALOGUE = ROOT / "gateway/locale/es/LC_MESSAGES/garita.po"
SYMPTOMS = {"en": "troubleshooting.md", "es": "problemas.md"}
EDITIONS = [("troubleshooting.md", "problemas.md"), ("people.md", "personas.md")]
FENCE = re.compile(r"```\w*\n(.*?)```", re.DOTALL)
MARKUP = re.compile(r"\[/?[a-z]+\]")
CODE = re.compile(r"`([^`]+)`")
FILE = re.compile(r"[\w-]+\.db")
JOINED = re.compile(r"; |, |: |\. | \((?=.*\)$)")


def prose(page: str) -> str:
    return FENCE.sub("", (DOCS / page).read_text("utf-8"))


def quoted(page: str) -> list[str]:
    """What stands in quotation marks, one space for each break of a line."""
    text = CODE.sub("", prose(page))
    return [re.sub(r"\s+", " ", found) for found in re.findall(r'"([^"]+)"', text)]


def plain(said: str) -> str:
    said = re.sub(r"\{[^}]*\}", "…", MARKUP.sub("", said))
    return re.sub(r"\s+", " ", said).strip().removesuffix(".")


@cache
def words(language: str) -> frozenset[str]:
    """Everything that the program says to people in `language`."""
    with CATALOGUE.open("rb") as file:
        catalogue = read_po(file)
    told = {plain(line) for line in re.findall(r'echo "(.*?)"', _maintainer())}
    for message in catalogue:
        known = message.id if language == "en" else message.string
        for one in known if isinstance(known, list | tuple) else [known]:
            told |= {plain(str(one)), *map(plain, str(one).split(". "))}
    return frozenset(told - {"", "…"})


def _maintainer() -> str:
    text = (ROOT / "deploy/debian/garita.postinst").read_text("utf-8")
    return text.replace("$new", "…")


def says(quote: str, language: str) -> bool:
    """Whether the program says this: a sentence of the catalogue, or several that it joins."""
    quote, known = quote.strip().removesuffix(".").strip(), words(language)
    if quote == "…" or quote in known or FILE.fullmatch(quote):
        return True
    if quote.endswith(" …") and quote.removesuffix(" …") in known:  # a kind, and a name
        return True
    for cut in JOINED.finditer(quote):
        first, rest = quote[: cut.start()], quote[cut.end() :]
        if cut[0] == " (":
            rest = rest.removesuffix(")")
        begins = says(first, language) or f"{first}{cut[0]}…" in known
        if begins and says(rest, language):
            return True
    # A sentence that begins with something that the program says, or with a file's name.
    return any(
        f"…{quote[cut.start() :]}" in known and says(quote[: cut.start()], language)
        for cut in re.finditer(" ", quote)
    )


def test_what_no_program_says_is_not_taken_for_its_words() -> None:
    assert says("reader …: offline, hung up", "en")
    assert not says("reader …: offline, hung down", "en")
    assert not says("the disk is nearly full", "en")


@pytest.mark.parametrize("language", SYMPTOMS)
def test_each_sentence_in_quotation_marks_is_one_of_the_program(language: str) -> None:
    quotes = quoted(SYMPTOMS[language])
    assert len(quotes) > 60
    assert [quote for quote in quotes if not says(quote, language)] == []


@pytest.mark.parametrize("language", SYMPTOMS)
def test_each_reason_stands_beside_its_own_words(language: str) -> None:
    rows = re.findall(r'^\| `(denied_\w+)` \| "([^"]+)" \|', prose(SYMPTOMS[language]), re.M)
    assert len(rows) > 10
    assert rows == [(code, Message(REASONS[code]).words(language)) for code, _said in rows]


@pytest.mark.parametrize("page", SYMPTOMS.values())
def test_each_code_on_the_page_exists(page: str) -> None:
    spans = CODE.findall(prose(page))
    reasons = {span for span in spans if re.fullmatch(r"(denied|granted)\w*", span)}
    events = {span for span in spans if re.fullmatch(r"(alarm|door|state|reader)\.\w+", span)}
    assert reasons and reasons <= set(REASONS)
    assert events and events <= set(EventType)
    parts = {span.split()[2] for span in spans if re.fullmatch(r"garita status \w+", span)}
    assert parts and parts <= set(PARTS)


class Symptom(NamedTuple):
    title: str
    body: str


def symptoms(page: str) -> list[Symptom]:
    parts = re.split(r"^### (.+)\n", prose(page), flags=re.MULTILINE)[1:]
    bodies = (re.split(r"^## ", body, flags=re.MULTILINE)[0] for body in parts[1::2])
    return [Symptom(*both) for both in zip(parts[::2], bodies, strict=True)]


@pytest.mark.parametrize("language", SYMPTOMS)
def test_each_symptom_says_what_is_seen_what_to_do_what_tells_more_and_where(language: str) -> None:
    seen, more, page = {
        "en": ("**You see**", "**More:** `", "**Page:** ["),
        "es": ("**Se ve**", "**Más:** `", "**Página:** ["),
    }[language]
    found = symptoms(SYMPTOMS[language])
    assert len(found) > 20
    for symptom in found:
        assert symptom.body.strip().startswith(seen), symptom.title
        assert re.search(r"^1\. ", symptom.body, re.MULTILINE), symptom.title
        body = re.sub(r"\s+", " ", symptom.body)
        assert more in body and page in body, symptom.title


def shape(page: str) -> list[str]:
    """The headings' levels, the commands and the codes of a page, in order; not its words."""
    shown = []
    text = (DOCS / page).read_text("utf-8")
    for heading, span in re.findall(
        r"^(#+) |`(garita\s[^`]+|denied_\w+)`", FENCE.sub("", text), re.M
    ):
        # Words in capitals stand for names, and what a person types may be in their language.
        shown.append(heading or " ".join(w for w in re.split(r"\s+", span) if w.islower()))
    return shown


@pytest.mark.parametrize(("english", "spanish"), EDITIONS)
def test_the_spanish_edition_has_the_same_parts_in_the_same_order(
    english: str, spanish: str
) -> None:
    ours, theirs = shape(english), shape(spanish)
    assert len(ours) > 20
    assert theirs == ours
    tables = [
        re.findall(r"^\|", (DOCS / page).read_text("utf-8"), re.M) for page in (english, spanish)
    ]
    assert len(tables[0]) == len(tables[1])


@pytest.mark.parametrize("page", ["people.md", "personas.md"])
def test_the_delta_on_the_page_is_read(page: str, tmp_path: Path) -> None:
    shown = re.search(r"```csv\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)
    assert shown is not None
    (tmp_path / "delta.csv").write_text(shown[1], encoding="utf-8")
    read = read_people(tmp_path / "delta.csv", levels=["plant"], zone=UTC, delta=True)
    assert read.errors == []
    assert (read.ops, read.removals) == ({"e77": "add"}, ["e12"])


SHOWN = {  # of the page of each language: refused at the door, broker, reader, gateway stopped
    "en": (
        "(secure channel: ",
        "broker: ",
        "reader …: offline",
        "the gateway is not running",
    ),
    "es": ("(canal seguro: ", "broker: ", "lector …: fuera", "el gateway está detenido"),
}


HUNG_UP = {"en": "hung up", "es": "se desconectó"}  # or another reason, a moment later


@pytest.mark.parametrize("language", SYMPTOMS)
async def test_a_gate_in_trouble_says_what_the_page_quotes(
    language: str, make_rig: Callable[..., Rig]
) -> None:
    refused, broker, reader, stopped = (
        next(quote for quote in quoted(SYMPTOMS[language]) if part in quote)
        for part in SHOWN[language]
    )
    rig = make_rig(
        site=f'language = "{language}"',
        policy='[degraded]\nchannel = "deny"\n',
        mqtt='host = "127.0.0.1"\nport = 9\n',  # nobody listens there
    )
    person = {"id": "e1", "name": "Ana", "credentials": "em4100:18:7", "access_levels": "plant"}
    await rig.acli("people", "sync", str(rig.write_people([person])), "--apply")
    await rig.start()
    rig.yard_reader.present(18, 7)
    await rig.until(lambda s: s["last"].get("yard"))
    assert shows(await rig.acli("log", "tail"), refused)
    rig.yard_reader.unplug()
    await rig.until(lambda s: "yard-in" in [d["name"] for d in s["devices"] if not d["online"]])
    said = await rig.acli("status")
    assert shows(said, broker) and shows(said, reader.replace(HUNG_UP[language], "…"))
    await rig.stop_daemon()
    assert shows(await rig.acli("status", check=False), stopped)


def shows(done: subprocess.CompletedProcess[str], quote: str) -> bool:
    """Whether the output has each sentence of the quote (the status sets what is wrong and what to
    do on two lines if one is too short); `…` stands for something in the same sentence."""
    said = re.sub(r"\s+", " ", done.stdout + done.stderr)
    parts = (re.escape(part).replace("…", "[^.;]+") for part in quote.split(". "))
    return all(re.search(part, said) for part in parts)
