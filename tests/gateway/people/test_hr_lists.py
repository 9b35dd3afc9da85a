"""Lists as HR has them: workbooks that openpyxl wrote with Excel's cell types, and CSV as Excel in
Mexico writes it."""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import SourceTable
from gateway.locale import english
from gateway.people.sources import Asked, SourceError, read
from gateway.people.sources.errors import unusable
from gateway.people.sync import mapped, workbook
from gateway.people.sync.file import read_people
from gateway.people.sync.profile import Profile, ProfileError, load, make, to_toml
from gateway.people.sync.source import Source

ZONE = ZoneInfo("America/Tijuana")
LEVELS = frozenset({"plant", "shipping"})
HEADS = ("No. empleado", "Nombre completo", "Tarjeta", "Departamento", "Vence", "Teléfono")
PROFILE: dict[str, Any] = {
    "columns": {
        "id": "No. empleado",
        "name": "Nombre completo",
        "credentials": "Tarjeta",
        "valid_until": "Vence",
    },
    "dates": "day-first",
    "encoding": "windows-1252",
    "credential_prefix": "h10301:12:",
    "levels_from": "Departamento",
    "levels": {"Producción": ["plant"], "Almacén": ["plant", "shipping"], "*": []},
}
CSV = (
    "No. empleado;Nombre completo;Tarjeta;Departamento;Vence;Teléfono\r\n"
    "1001;José Núñez;345;PRODUCCIÓN;31/12/2026;664 123 4567\r\n"
    "1002;Ana López;00346;Almacén;01/02/2027;\r\n"
    "1003;Luis Peña;;Jardinería;;\r\n"
)


def profile(**change: Any) -> Profile:
    return make({**PROFILE, **change})


def csv(folder: Path, text: str, written: str = "windows-1252", /, **change: Any) -> Source:
    path = folder / "lista.csv"
    path.write_bytes(text.encode(written))
    return read_people(path, levels=LEVELS, zone=ZONE, profile=profile(**change))


def errors(source: Source) -> list[str]:
    return [str(error) for error in source.errors]


def book(*rows: tuple[Any, ...], title: str = "Hoja1") -> openpyxl.Workbook:
    made = openpyxl.Workbook()
    made.active.title = title
    for row in rows:
        made.active.append(row)
    return made


def bytes_of(made: openpyxl.Workbook) -> bytes:
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def xlsx(folder: Path, made: openpyxl.Workbook, **change: Any) -> Source:
    path = folder / "lista.xlsx"
    made.save(path)
    return read_people(path, levels=LEVELS, zone=ZONE, profile=profile(**change))


def check(source: Source) -> None:
    assert errors(source) == []
    people = {person.id: person for person in source.people}
    assert {key: person.name for key, person in people.items()} == {
        "1001": "José Núñez",
        "1002": "Ana López",
        "1003": "Luis Peña",
    }
    assert [people[key].valid_until for key in sorted(people)] == [
        date(2026, 12, 31),
        date(2027, 2, 1),
        None,
    ]
    assert [[b.key for b in people[key].credentials] for key in sorted(people)] == [
        ["h10301:12:345"],
        ["h10301:12:346"],
        [],
    ]
    assert [people[key].access_levels for key in sorted(people)] == [
        ("plant",),
        ("plant", "shipping"),
        (),
    ]


@pytest.mark.parametrize("encoding", ["windows-1252", "utf-8-sig", "utf-16"])
def test_a_list_saved_by_excel_in_mexico(tmp_path: Path, encoding: str) -> None:
    """A byte order mark wins over what the profile says."""
    check(csv(tmp_path, CSV, encoding))
    check(csv(tmp_path, "sep=;\r\n" + CSV, encoding, header_row=2))


def test_other_encodings_as_the_profile_says(tmp_path: Path) -> None:
    check(csv(tmp_path, CSV, "utf-8", encoding="utf-8"))
    check(csv(tmp_path, CSV, "utf-16-le", encoding="utf-16"))
    check(csv(tmp_path, CSV.replace(";", "\t"), delimiter="\t"))
    wrong = errors(csv(tmp_path, CSV, "windows-1252", encoding="utf-8"))
    assert len(wrong) == 1 and "line 1: not UTF-8 text" in wrong[0]
    garbled = errors(csv(tmp_path, CSV, "utf-8", encoding="windows-1252"))
    assert len(garbled) == 1 and "names would be garbled" in garbled[0]


def test_a_workbook_with_excels_own_cell_types(tmp_path: Path) -> None:
    made = book(
        HEADS,
        (1001, "José Núñez", 345, "PRODUCCIÓN", datetime(2026, 12, 31), "664 123 4567"),
        ("1002", "Ana López", "00346", "Almacén", date(2027, 2, 1), None),
        (1003.0, "Luis Peña", None, "Jardinería", None, None),
        (None, None, None, None, None, None),
    )
    check(xlsx(tmp_path, made))
    made.active["E2"] = "31/12/2026"  # text that looks like a date
    made.active["E2"].number_format = "@"
    check(xlsx(tmp_path, made))
    made.active["E2"] = datetime(2026, 12, 31, 18, 30)
    check(xlsx(tmp_path, made))


def test_a_workbook_with_our_own_columns_needs_no_profile(tmp_path: Path) -> None:
    made = book(
        ("id", "nombre", "credenciales", "niveles", "vigente hasta"),
        (7, "Ana", "h10301:12:345", "plant", date(2026, 12, 31)),
    )
    made.save(tmp_path / "l.xlsx")
    found = read_people(tmp_path / "l.xlsx", levels=LEVELS, zone=ZONE)
    assert errors(found) == [] and found.people[0].valid_until == date(2026, 12, 31)
    made.create_sheet("Otra")
    made.save(tmp_path / "l.xlsx")
    found = read_people(tmp_path / "l.xlsx", levels=LEVELS, zone=ZONE)
    assert "several sheets (Hoja1, Otra)" in errors(found)[0]


def test_ambiguous_dates_are_never_guessed(tmp_path: Path) -> None:
    for text in ("03/04/2026", "31/12/2026", "3-4-26", "03.04.2026"):
        one = CSV.splitlines()[0] + f"\r\n1;Ana;345;Almacén;{text};\r\n"
        found = errors(csv(tmp_path, one, dates=None))
        assert len(found) == 1 and "line 2, Vence" in found[0] and "day-first" in found[0]
    one = CSV.splitlines()[0] + "\r\n1;Ana;345;Almacén;03/04/2026;\r\n"
    assert csv(tmp_path, one).people[0].valid_until == date(2026, 4, 3)
    assert csv(tmp_path, one, dates="month-first").people[0].valid_until == date(2026, 3, 4)
    iso = one.replace("03/04/2026", "2026-04-03")
    assert csv(tmp_path, iso, dates=None).people[0].valid_until == date(2026, 4, 3)


@pytest.mark.parametrize(
    ("text", "order", "expected"),
    [
        ("31/12/2026", "day-first", date(2026, 12, 31)),
        ("31/12/26", "day-first", date(2026, 12, 31)),
        ("1.2.2027", "day-first", date(2027, 2, 1)),
        ("2026/12/31", "day-first", date(2026, 12, 31)),
        ("31/12/2026 00:00:00", "day-first", date(2026, 12, 31)),
        ("31-dic-26", None, date(2026, 12, 31)),
        ("31 de Diciembre de 2026", None, date(2026, 12, 31)),
        ("5-ENE-2027", None, date(2027, 1, 5)),
        ("12/31/2026", "month-first", date(2026, 12, 31)),
        ("26/12/31", "year-first", date(2026, 12, 31)),
    ],
)
def test_dates_as_people_write_them(text: str, order: str | None, expected: date) -> None:
    assert mapped.day(text, order) == expected


@pytest.mark.parametrize(
    "text", ["12/31/2026", "31/02/2026", "1/1/126", "0/0/0000", "pronto", "31"]
)
def test_what_is_no_date_is_refused(tmp_path: Path, text: str) -> None:
    one = CSV.splitlines()[0] + f"\r\n1;Ana;345;Almacén;{text};\r\n"
    assert len(errors(csv(tmp_path, one))) == 1


@given(st.text(max_size=40), st.sampled_from(["day-first", "month-first", "year-first", None]))
def test_any_text_is_a_date_or_is_not(text: str, order: str | None) -> None:
    mapped.day(text, order)


def test_what_excel_has_shortened_is_an_error_that_says_how_to_prevent_it(tmp_path: Path) -> None:
    for cell in ("5.5501E+06", "5,5501E+06", "1E+10"):
        one = CSV.splitlines()[0] + f"\r\n{cell};Ana;{cell};Almacén;;\r\n"
        found = errors(csv(tmp_path, one))
        assert any(line.startswith("line 2, No. empleado: Excel has shortened") for line in found)
        assert any(line.startswith("line 2, Tarjeta: Excel has shortened") for line in found)
        assert not any(cell in line for line in found)
    plain = tmp_path / "p.csv"
    plain.write_text("id,name,credentials,access_levels\n1.001E+03,A,h10301:1:5.5501E+06,plant\n")
    found = errors(read_people(plain, levels=LEVELS, zone=ZONE))
    assert len(found) == 2 and all("format the column as Text" in line for line in found)
    long = book(HEADS, (1, "Ana", 12345678901234567890, "Almacén", None, None))
    assert "15 digits" in errors(xlsx(tmp_path, long))[0]


def test_zeros_in_front_that_a_spreadsheet_took_away(tmp_path: Path) -> None:
    one = CSV.splitlines()[0] + "\r\n123;Ana;345;Almacén;;\r\n"
    assert csv(tmp_path, one, digits={"id": 6}).people[0].id == "000123"
    text = csv(tmp_path, one, credential_prefix="text::", digits={"credentials": 8})
    assert text.people[0].credentials[0].key == "text::00000345"
    made = book(HEADS, (123, "Ana", 345, "Almacén", None, None))
    made.active["A2"].number_format = "000000"  # Excel shows 000123
    assert xlsx(tmp_path, made).people[0].id == "000123"


def test_facility_and_number_in_one_cell(tmp_path: Path) -> None:
    one = CSV.splitlines()[0] + '\r\n1;Ana;"084,45140";Almacén;;\r\n2;Luis;12-99;Almacén;;\r\n'
    found = csv(tmp_path, one, credential_prefix="h10301:")
    assert [p.credentials[0].key for p in found.people] == ["h10301:84:45140", "h10301:12:99"]
    assert errors(csv(tmp_path, one.replace("12-99", "1299"), credential_prefix="h10301:"))


def test_a_department_without_levels_is_refused_unless_the_profile_says(tmp_path: Path) -> None:
    levels = {"Producción": ["plant"], "Almacén": ["shipping"]}
    found = errors(csv(tmp_path, CSV, levels=levels))
    assert len(found) == 1
    assert found[0].startswith("line 4, Departamento: the profile gives no levels to 'Jardinería'")
    both = csv(tmp_path, CSV, access_levels=["shipping"])
    assert [p.access_levels for p in both.people][2] == ("shipping",)


def test_cells_that_hold_no_value_are_errors_and_not_empty(tmp_path: Path) -> None:
    """An empty "Vence" would be a badge without an end."""
    made = book(HEADS, (1, "Ana", 345, "Almacén", "=TODAY()+30", None))
    found = errors(xlsx(tmp_path, made))  # openpyxl writes no value: Excel has not seen it
    assert len(found) == 1 and "line 2, Vence: a formula whose value is not in the file" in found[0]
    for cell, why in (
        ("#N/A", "an error of Excel"),
        (True, "a yes/no value"),
        (46387, "expected a date"),
        (timedelta(hours=3), "a yes/no value"),
    ):
        found = errors(xlsx(tmp_path, book(HEADS, (1, "Ana", 345, "Almacén", cell, None))))
        assert len(found) == 1 and why in found[0], (cell, found)
    turned = book(HEADS, (date(2026, 3, 1), "Ana", 345, "Almacén", None, None))
    assert "format the column as Text" in errors(xlsx(tmp_path, turned))[0]


def test_a_half_written_row_gives_nobody_a_badge_without_end(tmp_path: Path) -> None:
    whole = CSV.encode("windows-1252")
    for end in range(len(whole)):
        (tmp_path / "h.csv").write_bytes(whole[:end])
        found = read_people(tmp_path / "h.csv", levels=LEVELS, zone=ZONE, profile=profile())
        for person in () if found.errors else found.people:
            assert person.valid_until is not None or person.id == "1003"


def test_columns_that_are_missing_or_twice(tmp_path: Path) -> None:
    found = errors(csv(tmp_path, CSV.replace("Vence", "Caduca")))
    assert found == ["line 1, Vence: this column is missing"]
    found = errors(csv(tmp_path, CSV.replace("Teléfono", "VENCE")))
    assert found == ["line 1, Vence: this column is there twice"]
    assert "no header row" in errors(csv(tmp_path, ""))[0]
    check(csv(tmp_path, "Lista de personal\r\n\r\n" + CSV, header_row=3))
    check(csv(tmp_path, CSV.replace("No. empleado", "  NO.   EMPLEADO ")))


def parts(raw: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(found: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in found.items():
            archive.writestr(name, data)
    return out.getvalue()


def hostile(folder: Path, raw: bytes) -> str:
    (folder / "l.xlsx").write_bytes(raw)
    begun = datetime.now(UTC)
    found = errors(read_people(folder / "l.xlsx", levels=LEVELS, zone=ZONE, profile=profile()))
    assert datetime.now(UTC) - begun < timedelta(seconds=30)
    assert found
    return found[0]


def test_workbooks_that_are_none_or_too_large(tmp_path: Path, monkeypatch: Any) -> None:
    made = io.BytesIO()
    book(HEADS, (1, "Ana", 345, "Almacén", None, None)).save(made)
    raw = made.getvalue()
    assert "password" in hostile(tmp_path, workbook.OLE + bytes(4096))
    assert "not an Excel workbook" in hostile(tmp_path, packed({"a.txt": b"x"}))
    for end in (30, len(raw) // 2, len(raw) - 10):
        assert "not a workbook that can be read" in hostile(tmp_path, raw[:end])
    sheet = "xl/worksheets/sheet1.xml"
    bomb = packed({**parts(raw), "xl/media/a.bin": bytes(300 << 20)})
    assert len(bomb) < 1 << 20 and "unpack to more than 256 MiB" in hostile(tmp_path, bomb)
    many = packed({**parts(raw), **{f"x/{n}": b"" for n in range(2001)}})
    assert "unpack" in hostile(tmp_path, many)
    far = parts(raw)[sheet].replace(b'r="2"', b'r="99999999999"')
    assert "more than 1048576 rows" in hostile(tmp_path, packed({**parts(raw), sheet: far}))
    laugh = b'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
    body = parts(raw)[sheet].replace(b"<?xml version='1.0' encoding='UTF-8'?>", b"")
    body = laugh + body.split(b"?>", 1)[-1]
    assert "not a workbook" in hostile(tmp_path, packed({**parts(raw), sheet: body}))
    wide = book([*HEADS, *("",) * 300, "x"], (1,))
    assert "more than 200 columns" in errors(xlsx(tmp_path, wide))[0]


def test_a_size_that_lies_does_not_unpack(tmp_path: Path) -> None:
    """The directory says 10 bytes, the part holds megabytes: zipfile stops where it was told."""
    made = io.BytesIO()
    book(HEADS).save(made)
    raw = bytearray(packed({**parts(made.getvalue()), "xl/worksheets/sheet1.xml": bytes(5 << 20)}))
    at = raw.rindex(b"PK\x01\x02", 0, raw.rindex(b"xl/worksheets/sheet1.xml"))
    struct.pack_into("<I", raw, at + 24, 10)
    assert "not a workbook that can be read" in hostile(tmp_path, bytes(raw))


GOOD = bytes_of(book(HEADS, (1, "Ana", 345, "Almacén", date(2026, 1, 1), None)))


@given(st.data())
def test_a_damaged_workbook_is_an_error_and_never_a_crash(data: st.DataObject) -> None:
    raw = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 8))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(workbook.WorkbookError):
        list(workbook.rows(bytes(raw), "", ZONE))


def test_what_is_wrong_is_said_in_spanish_and_recorded_in_english(tmp_path: Path) -> None:
    one = CSV.splitlines()[0] + "\r\n1;Ana;1.0E+05;Almacén;03/04/2026;\r\n"
    found = csv(tmp_path, one, dates=None)
    spanish = [error.sentence.say("es") for error in found.errors]
    assert any("renglón 2, Tarjeta: Excel abrevió este número" in line for line in spanish)
    assert any("¿03/04 es tres de abril" in line for line in spanish)
    assert english(unusable(found.errors)).startswith("line 2, Vence: is 03/04 the third of April")


# Profiles


def test_a_profile_is_written_and_read_again(tmp_path: Path) -> None:
    made = profile(
        columns={
            **PROFILE["columns"],
            "requires:training": 'Curso "A\\B"\x7f\t',
            "role": "Puesto 🚚",
        },
        digits={"id": 5},
        delimiter="\t",
        statuses={"Baja": "revoked"},
    )
    path = tmp_path / "hr.toml"
    path.write_text(to_toml(made, "how\nHR's list is read"), encoding="utf-8")
    assert load(path, LEVELS) == made
    with pytest.raises(ProfileError, match="no level plant, shipping"):
        load(path, {"other"})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"columns": {"id": "a"}}, "columns must name name, credentials"),
        ({"columns": {**PROFILE["columns"], "colour": "x"}}, "columns.colour: known are"),
        ({"columns": {**PROFILE["columns"], "role": "VENCE"}}, "name the same header"),
        ({"dates": "dmy"}, "day-first"),
        ({"levels": {}}, "belong together"),
        ({"levels": {}, "levels_from": ""}, "nothing says who gets"),
        ({"credential_prefix": "h10301"}, "format:facility:"),
        ({"digits": {"name": 3}}, "digits"),
        ({"colour": 1}, "colour"),
    ],
)
def test_a_profile_with_a_mistake_is_refused_with_the_reason(change: Any, why: str) -> None:
    with pytest.raises(ProfileError, match=why):
        profile(**change)


def test_a_source_reads_by_a_profile(tmp_path: Path) -> None:
    (tmp_path / "lista.csv").write_bytes(CSV.encode("windows-1252"))
    (tmp_path / "hr.toml").write_text(to_toml(profile(), "HR"), encoding="utf-8")
    table = SourceTable.model_validate(
        {"kind": "file", "path": tmp_path / "lista.csv", "profile": tmp_path / "hr.toml"}
    )
    asked = Asked(LEVELS, "gate-1", ZONE)
    found = read("hr", table, asked).source
    assert found is not None
    check(found)
    (tmp_path / "hr.toml").write_text("columns = 3", encoding="utf-8")
    with pytest.raises(SourceError, match=r"profile hr\.toml: columns"):
        read("hr", table, asked)
    (tmp_path / "hr.toml").unlink()
    with pytest.raises(SourceError, match=r"profile hr\.toml: No such file"):
        read("hr", table, asked)
