"""The criteria's file is the only place that says which record serves which criterion, and every
number that is named anywhere is in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.config import criteria
from gateway.config.criteria import CriteriaError, editions
from gateway.config.criteria.editions import Named
from gateway.decide.model import Reason
from gateway.desk.freight import checklists
from gateway.desk.freight.findings import CODES
from gateway.ledger.event import EventType

ROOT = Path(__file__).parents[3]
CTPAT = criteria.standard()

# The forms in which a page, a comment or a data file names criteria.
ID = r"(?:[1-9]|1[0-2])\.[1-9][0-9]?(?![0-9.]*[0-9])"
IDS = rf"{ID}(?:(?:,| and| y| to| a|, and) {ID})*"
FORMS = (
    rf"\b(?:[Cc]riteri(?:on|a|o|os)|CTPAT|MSC),?'?s? ({IDS})",  # criterion 10.2, criteria 5.3, 5.5
    rf"\(({IDS})\)",  # Arrival (10.3, 10.4)
    rf"\[[a-z_]+; ({IDS})\]",  # [checklist_missing; 5.3, 5.5]
    r"\"?criteria\"? ?[:=] ?\[([^\]]*)\]",  # criteria = ["11.1"]
    rf"^\| `[a-z_]+` \|.*\| ({IDS}) \|",  # a row of a table of codes
    rf"criteria\.\"({ID})\"",  # [criteria."10.9"]
)
ABOUT_CRITERIA = ("freight.md", "visitors.md", "reasons.md", "rules.md", "checklists.toml")
"""In these files every number of the form of a criterion is one."""
SKIPPED = {
    # Measurements, and a screen that was recorded; no criteria.
    *(f"docs/{name}" for name in ("performance.md", "face.md", "spoofing.md", "faults.md")),
}
NOT_CRITERIA = {
    ("demo/photos.py", "3.11"),
    ("gateway/evidence/pages/blocks.py", "8.4"),  # points
    ("gateway/uplink/messages.py", "1.0"),
}


def named_in(
    text: str, *, python: bool = False, all_are: bool = False
) -> Iterator[tuple[int, str]]:
    """(line, criterion) for each criterion that a text names; `all_are`: every such number is."""
    for form in (*FORMS, *([rf"(?<![0-9.])({ID})"] if all_are else [])):
        for found in re.finditer(form, text, re.MULTILINE):
            line = text.count("\n", 0, found.start()) + 1
            for item in re.findall(rf"(?<![0-9.]){ID}|(?<=\")[0-9]+\.[0-9]+(?=\")", found[1]):
                yield line, item
    if python:
        for node in ast.walk(ast.parse(text)):
            value = node.value if isinstance(node, ast.Constant) else None
            if isinstance(value, str) and re.fullmatch(ID, value):
                yield getattr(node, "lineno", 0), value


def files() -> list[Path]:
    found = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]
    for folder in ("gateway", "drivers", "demo", "config"):
        for ending in ("py", "toml", "json", "po", "sql"):
            found += (ROOT / folder).rglob(f"*.{ending}")
    return sorted(path for path in found if path.relative_to(ROOT).as_posix() not in SKIPPED)


def test_every_criterion_that_is_named_anywhere_is_in_the_file() -> None:
    wrong, seen = [], set()
    for path in files():
        name = path.relative_to(ROOT).as_posix()
        text = path.read_text("utf-8")
        for line, item in named_in(
            text, python=path.suffix == ".py", all_are=path.name in ABOUT_CRITERIA
        ):
            if (name, item) in NOT_CRITERIA:
                continue
            seen.add(item)
            if item not in CTPAT.criteria:
                wrong.append(f"{name}:{line}: {item}")
    assert not wrong, wrong
    assert {"5.3", "5.5", "5.8", "10.2", "10.4", "11.1"} <= seen  # the forms find something


@pytest.mark.parametrize(
    ("planted", "python"),
    [
        ('error = DeskError("x", "y", "z", ("5.99",))', True),
        ('act(db, "freight.spot_checked", ["7.3"])', True),
        ('"""Visitors: what CTPAT\'s criterion 9.3 asks for."""', True),
        ("Numbers of criteria 5.3, 5.99 are ours.", False),
        ("the pickup log of CTPAT 10.5.", False),
        ('yield word("Spot check (5.99)", "Revisión sorteada (5.99)")', False),
        ("refuse: an inspection was not begun [checklist_missing; 5.3, 5.99]", False),
        ('criteria = ["11.1", "11.99"]', False),
        ('    "criteria": ["9.4", "13.1"], "facts": {}', False),
        ('[criteria."10.19"]', False),
        ("| `spot_check_open` | refuse | drawn | 5.99 | depart |", False),
    ],
)
def test_a_wrong_number_is_found_wherever_it_is_planted(planted: str, python: bool) -> None:
    found = {item for _, item in named_in(planted, python=python)}
    assert found - set(CTPAT.criteria), (planted, found)


def test_a_bare_number_is_found_on_a_page_about_criteria() -> None:
    found = list(named_in("one line\nand 5.99 asks to keep 365 of 1.5.3 days", all_are=True))
    assert found == [(2, "5.99")]


def test_no_number_of_a_criterion_is_in_the_code() -> None:
    """The program names event types and codes; the file has the numbers.  Docstrings may."""
    for path in (ROOT / "gateway").rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        said = {
            id(node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
                if id(node) in said or text == "1.0":
                    continue
                found = re.search(rf"^{ID}$|\({IDS}\)", text)
                assert found is None, f"{path}:{node.lineno}: {text}"


def test_every_key_of_the_evidence_is_something_that_the_program_says() -> None:
    desk = "\n".join(path.read_text() for path in (ROOT / "gateway/desk").rglob("*.py"))
    known = {item.value for item in Reason} | {item.value for item in EventType} | set(CODES)
    for key in (name.partition("/")[0] for name in CTPAT.evidence):
        assert key in known or f'"{key}"' in desk, key
    by_findings = {"freight.held", "freight.refused", "freight.released"}
    no_evidence = {*by_findings, "freight.picture_viewed"}  # whoever looks shows nothing of a truck
    for kind in EventType:
        if kind.split(".")[0] in ("visit", "freight", "seal", "partner"):
            assert bool(CTPAT.of(kind)) != (kind in no_evidence), kind
    assert set(CODES) <= set(CTPAT.evidence)


def test_the_criteria_of_the_corrected_table() -> None:
    table = CTPAT.criteria
    added = "3.8, 4.5, 4.7, 4.12, 5.8, 5.15, 5.16, 5.24, 7.5, 7.24, 7.29, 7.30, 9.14, 10.9, 12.9"
    assert set(added.split(", ")) <= set(table)
    assert len(table) == 97 and CTPAT.label == "ctpat-msc-2020/2"
    assert table["5.8"].kind == "should" and table["10.2"].kind == "must, should"
    assert [part.kind for part in table["10.2"].parts] == ["must", "should", "must"]
    assert table["5.7"].keep_days == 365 and table["7.1"].not_for == ("highway-carrier",)
    portal = [number for item in table.values() for number in item.portal]
    assert len(set(portal)) == len(portal) and max(portal) <= 211
    assert table["10.4"].portal == (151, 152)
    for item in table.values():
        for words in (item.title, *(part.words for part in item.parts)):
            assert len(set(words.values())) == 2, item.id
    lists = {item for one in checklists.load().lists.values() for item in one.criteria}
    assert lists <= set(table)


def test_criteria_are_in_order_of_number() -> None:
    assert criteria.in_order(["10.2", "5.14", "OEA-7.2", "5.8", "5.14"]) == (
        "OEA-7.2",
        "5.8",
        "5.14",
        "10.2",
    )
    odd = ("5.²", "5." + "9" * 5000, "", "...", "5.8")
    assert set(criteria.in_order(odd)) == set(odd)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"#" * 1_000_001, "larger than 1 MB"),
        (b"x = " + b"[" * 100_000, "not valid TOML"),
        (b"\xff\xfe", "not valid TOML"),
        (b"[criteria", "not valid TOML"),
        (b"revision = -1", "expected a whole number"),
        (b"criteria = 3", "expected a table"),
    ],
)
def test_a_file_that_is_huge_damaged_or_half_written_is_refused(
    tmp_path: Path, raw: bytes, why: str
) -> None:
    own = tmp_path / "criteria.toml"
    own.write_bytes(raw)
    with pytest.raises(CriteriaError, match=why):
        criteria.load("ctpat-msc-2020", own)
    with pytest.raises(CriteriaError, match="can't be read"):
        criteria.load("ctpat-msc-2020", tmp_path / "none.toml")


def test_a_file_of_the_version_before_still_loads(tmp_path: Path) -> None:
    own = tmp_path / "criteria.toml"
    own.write_text(
        'edition = "Ours"\n[criteria]\n"5.2" = { kind = "must, should", members = ["importer"], '
        'title = { en = "a", es = "b" } }\n[evidence]\n"door.forced" = ["5.2"]\nspot_check_open = '
        '["5.8", "5.2"]\n'
    )
    found = criteria.load("ctpat-msc-2020", own)
    assert found.criteria["5.2"].kind == "must, should" and found.edition == "Ours"
    assert found.of("door.forced", "spot_check_open") == ("5.2", "5.8")
    assert found.marks("freight.signed")["criteria"] == ["5.5"]
    alone = criteria.load("", tmp_path / "criteria.toml") if _fits(own) else None
    assert alone is not None and alone.label == "criteria/0"


def _fits(own: Path) -> bool:
    """Alone, a file may name its own criteria only."""
    with pytest.raises(CriteriaError, match=r"there is no criterion 5\.8"):
        criteria.load("", own)
    own.write_text(own.read_text().replace('"5.8", ', ""))
    return True


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('parts = [{ kind = "may", en = "a", es = "b" }]', "expected must or should"),
        ('parts = [{ kind = "must", en = "a" }]', "in en and in es"),
        ("parts = 3", "expected a list of tables"),
        ('kind = "must"\nportal = ["7"]', "expected a list of numbers"),
        ('kind = "must"\nportal = [true]', "expected a list of numbers"),
        ('kind = "must"\nkeep_days = "a year"', "expected a list of numbers"),
        ("", "expected must, should"),
        ("kind = 3", "expected must, should"),
    ],
)
def test_what_is_wrong_with_a_criterion_is_said(tmp_path: Path, text: str, why: str) -> None:
    own = tmp_path / "criteria.toml"
    own.write_text(f'[criteria."1.1"]\ntitle = {{ en = "a", es = "b" }}\n{text}\n')
    with pytest.raises(CriteriaError, match=why):
        criteria.load("ctpat-msc-2020", own)


# Records of the table before


@pytest.mark.parametrize(
    ("kind", "data", "now"),
    [
        ("freight.spot_drawn", {"criteria": ["5.29"]}, [("5.29", "5.8")]),
        ("freight.hooked", {"criteria": ["5.2", "10.4"]}, [("5.2", "5.3"), ("10.4", "10.4")]),
        (
            "freight.loading",
            {"criteria": ["5.2", "7.1"]},
            [("5.2", "5.3 7.4"), ("7.1", "7.6 7.8 7.30")],
        ),
        (
            "freight.inspected",
            {"criteria": ["5.2", "5.3", "5.7"], "checklist": "pests"},
            [("5.2", "5.3"), ("5.3", "5.3"), ("5.7", "5.7")],
        ),
        (
            "freight.held",
            {
                "criteria": ["5.2", "5.29", "5.7"],
                "findings": [{"code": "loading_unfinished"}, {"code": "spot_check_failed"}],
            },
            [("5.2", "7.4"), ("5.29", "5.8"), ("5.7", "5.8")],
        ),
        (
            "freight.released",
            {"criteria": ["5.7", "6.1"], "released": ["pests_found:pests #2: insects"]},
            [("5.7", "5.7"), ("6.1", "6.1")],
        ),
        (
            "access.denied",
            {"criteria": ["9.4", "9.7", "9.12"], "reason": "denied_camera_fault"},
            [("9.4", "9.4"), ("9.7", "9.8"), ("9.12", "9.14")],
        ),
        ("visit.arrived", {"criteria": ["10.2"]}, [("10.2", "10.2")]),
        ("door.opened", {}, []),
        ("freight.held", {"criteria": "5.2"}, []),
        (
            "freight.held",
            {"criteria": [7, "5.2"], "findings": [None, {"code": 3}], "released": 4, "reason": []},
            [("5.2", "5.3")],
        ),
    ],
)
def test_what_old_numbers_stand_for(
    kind: str, data: dict[str, object], now: list[tuple[str, str]]
) -> None:
    found = editions.named(kind, data)
    assert [(item.id, " ".join(item.now)) for item in found] == now
    assert all(item.old and item.moved == ((item.id,) != item.now) for item in found)


def test_numbers_of_today_are_not_read_as_old_ones() -> None:
    data = CTPAT.marks("freight.inspected", more=["5.2"])
    assert editions.named("freight.inspected", data) == [
        Named("5.2", ("5.2",)),
        Named("5.3", ("5.3",)),
        Named("5.5", ("5.5",)),
    ]


def test_all_that_old_numbers_stand_for_is_in_the_file() -> None:
    anywhere, by = editions._moves()
    for moves in (anywhere, *by.values()):
        for old, new in moves.items():
            assert old in CTPAT.criteria and set(new) <= set(CTPAT.criteria) and new
    known = {item.value for item in Reason} | {item.value for item in EventType} | set(CODES)
    assert set(by) <= known | set(checklists.load().lists)
