"""Lists as a spreadsheet leaves them, without a profile: what is understood, and how the rest is
answered, by the sheet's own header, with what was read and an example."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from gateway.decide.model import PersonStatus
from gateway.locale import english
from gateway.people.sync.file import parse, read_people
from gateway.people.sync.profile import make
from gateway.people.sync.source import Source

ZONE = ZoneInfo("America/Tijuana")
LEVELS = frozenset({"plant"})
HEAD = "id;nombre;credenciales;niveles;empresa;vigente_hasta;estado"
ANA = "1;Ana López;h10301:12:345;plant;Acme;2026-12-31;activo"


def read(folder: Path, text: str, encoding: str = "utf-8") -> Source:
    (folder / "l.csv").write_bytes(text.encode(encoding))
    return read_people(folder / "l.csv", levels=LEVELS, zone=ZONE)


def errors(source: Source) -> list[str]:
    return [str(error) for error in source.errors]


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}\r\n{ANA}\r\n",
        f"\ufeff{HEAD}\r\n{ANA}\r\n",
        f"sep=;\r\n{HEAD}\r\n{ANA}\r\n",
        f"\ufeffsep=;\r\n{HEAD}\r\n{ANA}\r\n",
        f'"sep=,"\n{HEAD}\n{ANA}\n'.replace(";", ","),
        f"{HEAD}\r{ANA}\r",
        f"{HEAD}\r{ANA}",
        f"{HEAD};;;\r\n{ANA};;\r\n;;;;;;;;;\r\n",
        f"{HEAD}\r\n{ANA};;;;;\r\n",
        f"id;;nombre;;credenciales;niveles;empresa;vigente_hasta;estado\r\n{ANA}\r\n".replace(
            "1;Ana López", "1;;Ana López;"
        ),
    ],
    ids=[
        "plain",
        "bom",
        "sep",
        "bom-sep",
        "sep-quoted",
        "cr",
        "cr-unended",
        "more",
        "rest",
        "unnamed",
    ],
)
def test_what_excel_leaves_around_a_list_does_not_change_it(tmp_path: Path, text: str) -> None:
    found = read(tmp_path, text)
    assert errors(found) == []
    (ana,) = found.people
    assert (ana.id, ana.name, ana.valid_until) == ("1", "Ana López", date(2026, 12, 31))
    assert (ana.company, ana.status, ana.access_levels) == ("Acme", PersonStatus.ACTIVE, ("plant",))


def test_cells_that_are_missing_at_the_end_are_empty(tmp_path: Path) -> None:
    found = read(tmp_path, f"{HEAD}\r\n{ANA}\r\n2;Luis\r\n3;Eva;;plant\r\n")
    assert errors(found) == []
    assert [(p.id, p.access_levels, p.company) for p in found.people[1:]] == [
        ("2", (), ""),
        ("3", ("plant",), ""),
    ]


def test_a_value_without_a_header_is_an_error(tmp_path: Path) -> None:
    over = read(tmp_path, f"{HEAD}\r\n{ANA};;x\r\n")
    assert errors(over) == ["line 2: the cell of column 9 has no header above it"]
    inside = read(tmp_path, "id;;nombre;credenciales;niveles\r\n1;x;Ana;;plant\r\n")
    assert errors(inside) == ["line 2: the cell of column 2 has no header above it"]


def test_a_file_cut_off_in_a_line_gives_nobody_access_without_end(tmp_path: Path) -> None:
    """Missing cells at the end are empty, but not where the file was cut off."""
    head = "id;nombre;credenciales;niveles;vigente_hasta"
    whole = f"{head}\r\n1;Ana;h10301:12:345;plant;2026-12-31\r\n2;Luis;;plant;2026-11-30\r\n"
    for end in range(len(whole)):
        found = read(tmp_path, whole[:end])
        for person in () if found.errors else found.people:
            assert person.valid_until is not None, whole[:end]
    cut = errors(read(tmp_path, whole[: whole.rindex(";") + 1]))
    assert cut == [
        "line 3: the file ends in the middle of this line; if it is whole, end the line with Enter"
    ]


def test_a_profile_reads_lines_of_any_length_too(tmp_path: Path) -> None:
    profile = make(
        {
            "columns": {"id": "No. empleado", "name": "Nombre", "credentials": "Tarjeta"},
            "credential_prefix": "h10301:12:",
            "access_levels": ["plant"],
        }
    )
    text = "No. empleado;Nombre;Tarjeta;;Tel;;\r\n1;Ana;345\r\n2;Luis;346;x;664;;;;\r\n3;Eva\r\n"
    (tmp_path / "l.csv").write_text(text)
    found = read_people(tmp_path / "l.csv", levels=LEVELS, zone=ZONE, profile=profile)
    assert errors(found) == []
    assert [len(person.credentials) for person in found.people] == [1, 1, 0]


def test_headers_as_hr_writes_them_are_understood(tmp_path: Path) -> None:
    head = "No. empleado;Nombre completo;Tarjeta;Niveles;Compañía;Vence;Estatus;Cargo"
    found = read(tmp_path, f"{head}\r\n{ANA};Soldadora\r\n")
    assert errors(found) == []
    (ana,) = found.people
    assert (ana.id, ana.role, ana.company, ana.valid_until) == (
        "1",
        "Soldadora",
        "Acme",
        date(2026, 12, 31),
    )
    twice = read(tmp_path, "id;No. empleado;nombre;credenciales;niveles\r\n")
    assert "this column is there twice" in errors(twice)[0]
    unknown = read(tmp_path, "id;nombre;credenciales;niveles;Teléfono\r\n")
    assert errors(unknown)[0].startswith("line 1, Teléfono: unknown column; known are id, name (n")


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Baja", "revoked"),
        ("BAJA ", "revoked"),
        ("revocada", "revoked"),
        ("Inactivo", "suspended"),
        ("suspendida", "suspended"),
        ("alta", "active"),
        ("Activa", "active"),
        ("", "active"),
    ],
)
def test_a_status_in_the_words_of_hr(tmp_path: Path, word: str, status: str) -> None:
    found = read(tmp_path, f"{HEAD}\r\n{ANA.replace('activo', word)}\r\n")
    assert errors(found) == [] and found.people[0].status.value == status


def test_an_error_names_the_sheets_header_and_what_was_read(tmp_path: Path) -> None:
    found = read(
        tmp_path, f"{HEAD};requisito:curso\r\n1;Ana;;planta;A;31/12/2026;despedido;pronto\r\n"
    )
    assert [str(english(error.sentence)) for error in found.errors] == [
        "line 2, vigente_hasta: '31/12/2026': expected a date such as 2026-11-30; a profile says "
        "which number is the day (garita people map)",
        "line 2, estado: 'despedido': expected active (activo), suspended (suspendido), revoked "
        "(revocado, baja)",
        "line 2, niveles: the configuration has no level 'planta'",
        "line 2, requisito:curso: 'pronto': expected a date such as 2026-11-30",
    ]
    missing = errors(read(tmp_path, "id;nombre;credenciales\r\n"))
    assert missing == ["line 1, access_levels (niveles): this column is missing"]


def test_an_error_repeats_no_badge_number_that_stands_in_another_column(tmp_path: Path) -> None:
    badge = "h10301:12:34567"
    for cells in (f"1;A;;plant;;{badge};", f"1;A;;plant;;;{badge}", "1;A;34567;plant;;0005550100;"):
        found = errors(read(tmp_path, f"{HEAD}\r\n{cells}\r\n"))
        assert found and not any("34567" in e or "5550100" in e for e in found), found
    head = errors(read(tmp_path, f"{badge};nombre;credenciales;niveles\r\n"))
    assert not any("34567" in error for error in head)


@pytest.mark.parametrize(
    ("card", "why"),
    [
        ("018,34567", "a card as it is printed, facility and number"),
        ("18-34567", "a card as it is printed, facility and number"),
        ("0005550100", "a card's number alone"),
        ("34567", "a card's number alone"),
    ],
)
def test_a_card_as_printed_is_answered_with_an_example(tmp_path: Path, card: str, why: str) -> None:
    found = errors(read(tmp_path, f"{HEAD}\r\n1;Ana;{card};plant\r\n"))
    assert len(found) == 1 and why in found[0] and "h10301:12:345" in found[0]
    assert "garita people map" in found[0] and card not in found[0]


@pytest.mark.parametrize(
    ("prefix", "card", "badge"),
    [
        ("h10301:", "018,34567", "h10301:18:34567"),
        ("h10301:", "0001214215", "h10301:18:34567"),  # the same card: 18 * 65536 + 34567
        ("h10301:18:", "018,34567", "h10301:18:34567"),
        ("h10301:18:", "34567", "h10301:18:34567"),
        ("em4100:18:", "0005550100", "em4100:18:5550100"),
        ("h10301:12:", "018,34567", None),
        ("em4100:18:", "018,34567", None),
        ("text::", "#N/A", None),
    ],
)
def test_a_profile_understands_a_card_as_printed(
    tmp_path: Path, prefix: str, card: str, badge: str | None
) -> None:
    profile = make(
        {
            "columns": {"id": "id", "name": "nombre", "credentials": "Tarjeta"},
            "credential_prefix": prefix,
            "access_levels": ["plant"],
        }
    )
    (tmp_path / "l.csv").write_text(f"id;nombre;Tarjeta\r\n1;Ana;{card}\r\n")
    found = read_people(tmp_path / "l.csv", levels=LEVELS, zone=ZONE, profile=profile)
    if badge is None:
        assert len(found.errors) == 1 and found.errors[0].column == "Tarjeta"
        assert "34567" not in errors(found)[0]
    else:
        assert errors(found) == []
        assert [item.key for item in found.people[0].credentials] == [badge]


ONLY_A_SPREADSHEET = (
    "#N/A",
    "#N/D",
    "#n/a",
    "#REF!",
    "#¡REF!",
    "#NAME?",
    "#¿NOMBRE?",
    "#VALUE!",
    "#VALOR!",
    "#¡VALOR!",
    "#DIV/0!",
    "#¡DIV/0!",
    "#NUM!",
    "#NULL!",
    "#¡NULO!",
    "#GETTING_DATA",
    "#######",
)


@pytest.mark.parametrize("value", ONLY_A_SPREADSHEET)
def test_what_only_a_spreadsheet_writes_is_refused_in_every_column(
    tmp_path: Path, value: str
) -> None:
    cells = ANA.split(";")
    for at, head in enumerate(HEAD.split(";")):
        line = ";".join([*cells[:at], value, *cells[at + 1 :]])
        found = errors(read(tmp_path, f"{HEAD}\r\n{line}\r\n"))
        assert len(found) >= 1 and found[0].startswith(f"line 2, {head}: an error of Excel"), found


@pytest.mark.parametrize("value", ["1.23457E+11", "1,23457E+11", "1.2e+5", "1E+11", "12345.0"])
def test_an_id_that_a_spreadsheet_has_spoiled_is_refused(tmp_path: Path, value: str) -> None:
    found = errors(read(tmp_path, f"{HEAD}\r\n{ANA.replace('1;Ana', f'{value};Ana')}\r\n"))
    assert len(found) == 1 and found[0].startswith("line 2, id: ")
    people = f'[{{"id": "{value}", "name": "A", "credentials": [], "access_levels": []}}]'
    source = Source("l")
    parse(people.encode(), source, json=True, levels=LEVELS, zone=ZONE)
    assert len(source.errors) == 1


@pytest.mark.parametrize("value", ["#12", "E+", "1E5", "A1.0", "7E-01", "No. #4", "#1!x"])
def test_ids_and_names_that_look_a_little_alike_are_taken(tmp_path: Path, value: str) -> None:
    row = ANA.replace("1;Ana López", f"{value};{value}")
    assert errors(read(tmp_path, f"{HEAD}\r\n{row}\r\n")) == []


def test_an_error_of_excel_gets_no_levels_of_all_others(tmp_path: Path) -> None:
    profile = make(
        {
            "columns": {"id": "id", "name": "nombre", "credentials": "Tarjeta"},
            "levels_from": "Depto",
            "levels": {"*": ["plant"]},
        }
    )
    (tmp_path / "l.csv").write_text("id;nombre;Tarjeta;Depto\r\n1;Ana;;#N/A\r\n")
    found = read_people(tmp_path / "l.csv", levels=LEVELS, zone=ZONE, profile=profile)
    assert errors(found)[0].startswith("line 2, Depto: an error of Excel")
    book = openpyxl.Workbook()
    book.active.append(("id", "nombre", "credenciales", "niveles"))
    book.active.append(("#N/A", "Ana", None, "plant"))
    book.save(tmp_path / "l.xlsx")
    found = read_people(tmp_path / "l.xlsx", levels=LEVELS, zone=ZONE)
    assert errors(found)[0].startswith("line 2, id: an error of Excel")
