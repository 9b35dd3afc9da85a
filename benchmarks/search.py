"""Finding one of a quarter of a million people by what a guard types."""

from __future__ import annotations

import random
import time
from contextlib import closing
from datetime import date
from pathlib import Path

from benchmarks.figures import percentile, say, spread
from gateway.people import schema, search
from gateway.people.schema import open_admin

PEOPLE = 250_000
TODAY = date(2026, 11, 27)
GIVEN = (
    "María José Juan Luis Guadalupe Juana Francisco Rosa Pedro Miguel Ángel Jesús Verónica Leticia "
    "Alejandra Fernando Ricardo Héctor Sofía Lucía Ximena Jorge Raúl Óscar Iván Martín Ramón Sergio"
)
FAMILY = (
    "Hernández García Martínez López González Pérez Rodríguez Sánchez Ramírez Flores Cruz Gómez "
    "Morales Vázquez Jiménez Reyes Díaz Torres Gutiérrez Ruiz Mendoza Aguilar Ortiz Castillo "
    "Moreno Romero Álvarez Méndez Chávez Rivera Juárez Muñoz Núñez Domínguez Ramos Zúñiga Ibáñez"
)
SYLLABLES = (
    "ba be bo ca co cu da de do fa fe ga go la le lo ma me mo na ne no pa pe ra re ri ro ta te"
)


def people(count: int, chance: random.Random) -> list[tuple[str, ...]]:
    """Rows of the table `person`: common names, and three in ten that are rare."""
    given, syllables = GIVEN.split(), SYLLABLES.split()
    rare = ["".join(chance.choices(syllables, k=3)).title() for _ in range(8000)]

    def family() -> str:
        return chance.choice(FAMILY.split() if chance.random() < 0.7 else rare)

    return [
        (
            f"e{n}",
            f"{chance.choice(given)} {chance.choice(given)} {family()} {family()}",
            f"Transportes {rare[n % 500]}, S.A. de C.V.",
            "Operador",
            "active",
            "[]",
        )
        for n in range(count)
    ]


def typed(rows: list[tuple[str, ...]], chance: random.Random) -> str:
    """What a guard types for somebody: a part of a name, an id, two beginnings, a company, a name
    as it sounds, nobody's name."""
    key, name, company = chance.choice(rows)[:3]
    given, _, family, other = name.split()
    return chance.choice(
        (
            given[: chance.randint(1, 4)],
            f"{given[:3]} {family[:4]}",
            f"{given} {family} {other}".lower(),
            family.replace("z", "s").replace("v", "b"),
            key,
            key[1:],
            company.split()[1],
            f"{company[:5]} {family[:3]}",
            "qwxyz",
        )
    )


async def run(folder: Path) -> None:
    chance = random.Random(1)
    rows = people(PEOPLE, chance)
    path = folder / "people.db"
    step = next(file for file in schema.steps(0) if file.name.endswith("_search.sql"))
    with closing(open_admin(path)) as db, db:
        db.executemany(
            "INSERT INTO person (id, name, company, role, status, access_levels) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            rows,
        )
    with closing(open_admin(path)) as db, db:
        db.execute("DROP TABLE person_search")
    with closing(open_admin(path)) as db:
        begun = time.monotonic()
        with db:
            for statement in schema.statements(step.read_text("utf-8")):
                db.execute(statement)
        say(f"index of {PEOPLE:,} people made at an update (s)", f"{time.monotonic() - begun:.1f}")
        size = db.execute("SELECT sum(length(block)) FROM person_search_data").fetchone()[0]
        say("what the index takes (MB)", f"{size / 1e6:.0f}")
    took, worked = [], []
    for _ in range(2000):
        words = typed(rows, chance)
        begun, busy = time.perf_counter(), time.process_time()
        search.find(path, words, TODAY)
        took.append((time.perf_counter() - begun) * 1000)
        worked.append((time.process_time() - busy) * 1000)
    say("search (ms)", spread(took))
    say("search, p95 (ms)", f"{percentile(took, 0.95):.1f}", "50 ms")
    say("the same of the processor, p95 (ms)", f"{percentile(worked, 0.95):.1f}")
