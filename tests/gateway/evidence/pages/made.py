"""A made-up packet with everything that a page can show, hostile names among it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway.config import Settings, load
from gateway.evidence import lottery
from gateway.evidence.model import (
    Column,
    Deviation,
    Figure,
    Found,
    Frequency,
    Personal,
    Population,
    Span,
    Table,
    Unit,
)
from gateway.evidence.packet import (
    Answer,
    Change,
    Document,
    LogState,
    Packet,
    Review,
    Sample,
    Section,
    Standing,
)
from gateway.evidence.spool import Spool
from gateway.ledger.heads import Signed
from gateway.locale import N_, Message, worded
from gateway.proof.checkpoint import Checkpoint
from gateway.proof.note import Note, VerifierKey

ZONE = ZoneInfo("America/Mexico_City")
SPAN = Span(date(2026, 10, 1), date(2026, 10, 31), ZONE)
AS_OF = datetime(2026, 11, 2, 14, 5, 9, tzinfo=UTC)
HOSTILE = (
    "María *José* #strong[x] $x^2$ <script>alert(1)</script> & @ref // \\ `raw`",
    "X" * 190,
    "مرحبا بالعالم",
    "王小明",
    "שלום עולם \u202eevil\u202c",
    "Ñandú\x00\x07 – “comillas” … €",
)

VISITORS = Table(
    "visitors",
    worded("Visitor log"),
    (
        Column("visit", N_("Visit"), width=0.5),
        Column("name", N_("Visitor's name"), personal=True, width=2),
        Column("company", N_("Company"), width=1.5),
        Column("host", N_("Company contact"), personal=True, width=1.5),
        Column("id_kind", N_("Photo ID verified")),
        Column("arrived_at", N_("Time of arrival")),
        Column("departed_at", N_("Time of departure")),
    ),
)


def settings() -> Settings:
    """The example's."""
    return load(Path("config/garita.toml"))


def fill(spool: Spool, count: int = 300) -> None:
    """Rows of the visitor log; the first ones have hostile names."""
    begin = datetime(2026, 10, 1, 14, tzinfo=UTC)
    for at in range(count):
        arrived = begin + timedelta(minutes=47 * at)
        cells = {
            "visit": at + 1,
            "name": HOSTILE[at] if at < len(HOSTILE) else f"Visitante {at} Gutiérrez Hernández",
            "company": "Empaques y Tarimas del Norte, S.A. de C.V." if at % 3 else "",
            "host": "Rosa Ibarra",
            "id_kind": "INE",
            "arrived_at": f"{arrived:%Y-%m-%dT%H:%M:%S}.000Z",
            "departed_at": f"{arrived + timedelta(hours=1):%Y-%m-%dT%H:%M:%S}.000Z",
        }
        spool.add("visitors", cells, (1000 + 2 * at, 1001 + 2 * at))


def deviations(count: int) -> list[Deviation]:
    """Deviations, every second one closed; the first ones have hostile names."""
    made = []
    for at in range(count):
        name = HOSTILE[at % len(HOSTILE)] if at < 6 else f"Visitante {at}"
        made.append(
            Deviation(
                "visit_not_left",
                worded("{name} has no departure on record", name=Personal(name)),
                f"2026-10-{at % 28 + 1:02}T18:22:00.000Z",
                tuple(range(2000 + at, 2001 + at + at % 7)),
                None if at % 2 else worded("Visitor log"),
                "" if at % 2 else "Rosa Ibarra",
                "" if at % 2 else "2026-10-29T18:22:00.000Z",
                open=bool(at % 2),
            )
        )
    return made


def document(key: str = "P-07", missing: Message | None = None) -> Document:
    """A registered document."""
    return Document(
        key,
        "Procedimiento de control de visitantes y proveedores, revisión 7",
        ("10.2",),
        "9f" * 32,
        183_442,
        "Ing. Laura Peña, Gerente de Seguridad Patrimonial",
        "2026-02-03",
        "2026-10-15",
        "rosa",
        "2026-02-03T18:00:00.000Z",
        412,
        "" if missing else "documents/P-07.pdf",
        missing,
    )


def review() -> Review:
    """A review on record."""
    return Review(
        "log",
        "2026-10-01",
        "2026-10-07",
        "Dos visitas sin salida; se habló con vigilancia.",
        "Se repitió la capacitación del turno nocturno.",
        "2026-10-15",
        "rosa",
        "2026-10-08T15:00:00.000Z",
        2999,
    )


def packet(
    spool: Spool,
    *,
    rows: int = 300,
    wrong: int = 12,
    redacted: bool = False,
    log: LogState | None = None,
    only: Sequence[str] = (),
    word: str = "manzana",
) -> Packet:
    """A packet about all criteria of the example's set, with visitors under some of them."""
    site = settings()
    fill(spool, rows)
    checkpoint = Checkpoint("garita/norte-1", 48_211, bytes.fromhex("5c" * 32))
    seed = lottery.seed_of(checkpoint.root, word)
    found = Found("visitors", worded("Visitor log"), tables=[VISITORS])
    found.figures = [
        Figure("visits", worded("visits that began"), rows),
        Figure("left", worded("with a departure on record"), rows - wrong, of=rows),
        Figure("share", worded("with a departure on record"), 0.9634, Unit.SHARE),
        Figure("time", worded("median length of a visit"), 4210.0, Unit.SECONDS),
        Figure("fast", worded("from the decision to the denial at the gate"), 0.412, Unit.SECONDS),
        Figure("none", worded("days without a review"), None, Unit.DAYS),
    ]
    found.deviations = deviations(wrong)
    drawn = tuple(lottery.draw(seed, "visitors", rows, lottery.DAILY_SAMPLE))
    sample = Sample(
        Population("visitors", VISITORS.title, Frequency.DAILY),
        rows,
        drawn,
        tuple(spool.row("visitors", at) for at in drawn),
    )
    packet = Packet(
        site,
        SPAN,
        AS_OF,
        Signed(1, checkpoint, Note(checkpoint.body() if hasattr(checkpoint, "body") else "x\n")),
        48_211,
        (VerifierKey("garita/norte-1", bytes(range(32))),),
        log or LogState(signed=True, cosigned=("sede-monterrey", "auditor-externo")),
        word,
        seed.hex(),
        redacted,
        found={"visitors": found},
        records={"before": 20_100, "inside": 27_511, "after": 600},
    )
    for key, criterion in site.criteria.criteria.items():
        if only and key not in only:
            continue
        section = Section(criterion, Standing.NOT_SHOWN, {}, {}, {})
        if key in {"10.2", "10.4"}:
            section = Section(
                criterion,
                Standing.DEVIATIONS if wrong else Standing.SHOWN,
                {
                    "en": "A visit can't begin without a photo ID, a company contact and a badge.",
                    "es": "Una visita no puede empezar sin identificación, contacto y gafete.",
                },
                {
                    "en": "Arrival, departure, escort and the badge's return.",
                    "es": "Llegada, salida, acompañante y devolución del gafete.",
                },
                {
                    "en": "Whether the badge was worn where it can be seen.",
                    "es": "Si el gafete se llevó a la vista.",
                },
                ("visitors",),
                tuple(found.figures),
                tuple(found.deviations[:8] if key == "10.2" else found.deviations[4:]),
                (VISITORS,),
                (sample,),
                (document(),),
                (review(),),
                {"oea": ("3.2.1",), "basc-v6": ("5.1",)},
            )
        packet.sections.append(section)
    packet.answers = [
        Answer(195, "4.8", "supported", worded("Visitor log")),
        Answer(58, "5.3", "not_gate", worded("Visitor log")),
        Answer(63, "5.3", "document", worded("Visitor log"), ("P-07",)),
        Answer(65, "5.5", "open", worded("Visitor log")),
    ]
    packet.compared = {"first": "2025-10-01", "last": "2025-10-31", "manifest": "ab" * 32}
    packet.changes = [Change("10.2", worded("visits that began"), 271, rows)]
    packet.old_numbers = {"5.29": ("5.8",), "7.1": ("7.6", "7.7", "7.8")}
    return packet


def broken() -> LogState:
    """A log with everything wrong."""
    return replace(
        LogState(signed=True),
        problems=((31_007, "the record before it is another one"), (31_009, "its hash is wrong")),
        missing=((1, 4096, "archive 00000001.zst: No such file or directory"),),
        clock_back=((20_455, 3720),),
        unreadable=(25_001,),
        redacted=3,
    )
