"""The reference of the commands, from their own help, in English and in Spanish."""

from __future__ import annotations

from collections.abc import Iterator

from gateway import locale
from gateway.cli.described import Described, Param, everything
from manual.text import code, plain, table

WORDS = {
    "en": (
        "Commands",
        "Every command with its options, made from what `-h` says. `garita -c FILE` names another "
        "configuration; so does `GARITA_CONFIG`. The same as man pages: `man garita`.",
        "on the command line",
        "what it is",
        "default: ",
        "must be given",
    ),
    "es": (
        "Las órdenes",
        "Todas las órdenes con sus opciones, tomadas de lo que dice `-h`. `garita -c ARCHIVO` usa "
        "otra configuración; `GARITA_CONFIG` también. Lo mismo está en `man garita`.",
        "en la línea de órdenes",
        "qué es",
        "si falta: ",
        "obligatorio",
    ),
}


def page(language: str) -> str:
    """The page of all commands in `language`."""
    title, opening, *_more = WORDS[language]
    before = locale.language()
    locale.use(language)
    try:
        root = everything()
    finally:
        locale.use(before)
    parts = [f"# {title}", opening]
    for one in root.commands:
        parts += _command(one, language)
    return "\n\n".join(parts) + "\n"


def _command(one: Described, language: str) -> Iterator[str]:
    yield f"{'#' * min(len(one.path), 4)} {one.name}"
    if one.runs:
        yield f"```text\n{one.name} {one.usage}\n```"
    for part in one.paragraphs:
        yield plain(part)
    told = {"--help", "--config"}
    rows = [_row(param, language) for param in one.params if not told & set(param.names)]
    if rows:
        yield table(WORDS[language][2:4], rows)
    for below in one.commands:
        yield from _command(below, language)


def _row(param: Param, language: str) -> tuple[str, str]:
    default, needed = WORDS[language][4:]
    names = ", ".join(code(name) for name in param.names)
    said = [
        plain(param.help),
        f"({default}{code(param.default)})" if param.default else "",
        f"({needed})" if param.required else "",
        f"({code(param.variable)})" if param.variable else "",
    ]
    return f"{names} {plain(param.kind)}".strip(), " ".join(part for part in said if part)
