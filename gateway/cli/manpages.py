"""Man pages from the commands' own help: `python -m gateway.cli.manpages FOLDER`.

Writes `garita.1`, and `garita-NAME.1` for each group and command of `garita --help`; beside each
`garita.es.1`, `garita-NAME.es.1` in Spanish (dh_installman puts these into man/es/man1).  The date
at the foot is that of SOURCE_DATE_EPOCH if it is set, so that a build can be repeated.
"""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from gateway import __version__, locale
from gateway.cli.described import Described, Param, everything
from gateway.locale import N_, _

# The headings of man pages, as man-pages(7) has them and as its Spanish edition does.
NAME, SYNOPSIS, DESCRIPTION = N_("NAME"), N_("SYNOPSIS"), N_("DESCRIPTION")
COMMANDS, ARGUMENTS, OPTIONS = N_("COMMANDS"), N_("ARGUMENTS"), N_("OPTIONS")
ENVIRONMENT, FILES, SEE_ALSO = N_("ENVIRONMENT"), N_("FILES"), N_("SEE ALSO")
MANUAL = N_("Garita's commands")

VARIABLES = (
    ("GARITA_CONFIG", N_("The site's configuration file, where no -c names one.")),
    ("GARITA_LANG", N_("The language of what is printed, en or es; else the site's, or LANG.")),
    ("GARITA_DEBUG", N_("Set, an unexpected error shows where it happened.")),
)
PLACES = (
    ("/etc/garita/garita.toml", N_("The configuration of the site: doors, devices, rules.")),
    ("/etc/garita/site.key", N_("The key that protects faces, PINs and badge numbers.")),
    ("/var/lib/garita", N_("The list of people, the log, and the state of the gate.")),
    ("/run/garita/garita.sock", N_("The socket on which the running gateway answers commands.")),
)


def pages() -> Iterator[tuple[str, str]]:
    """Name (without section) and text of every page, in the language in use."""
    root = everything()
    names = [f"garita-{one.path[1]}" for one in root.commands]
    yield "garita", _page(root, _overview(root), names)
    for one in root.commands:
        body = _body(one)
        yield f"garita-{one.path[1]}", _page(one, body, ["garita"])


def _page(of: Described, body: Iterator[str], see: list[str]) -> str:
    day = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH") or _now()), UTC).date()
    name, manual = "-".join(of.path), _text(_(MANUAL))
    lines = [
        ".\\\" Made by python -m gateway.cli.manpages from the command's own help.",
        f'.TH "{_text(name.upper())}" 1 {day} "garita {__version__}" "{manual}"',
        _heading(NAME),
        f"{_text(name)} \\- {_text(of.listed.rstrip('.'))}",
        *body,
        _heading(SEE_ALSO),
        " ,\n".join(f".BR {_text(one)} (1)" for one in see),
    ]
    return "\n".join(lines) + "\n"


def _heading(words: str) -> str:
    return " ".join((".SH", _text(_(words))))


def _now() -> float:
    return datetime.now(UTC).timestamp()


def _overview(root: Described) -> Iterator[str]:
    """`garita.1`: what there is, by the headings of `garita --help`."""
    yield _heading(SYNOPSIS)
    yield from _usage(root)
    yield from _prose(root, whole=True)
    yield _heading(COMMANDS)
    for panel in dict.fromkeys(one.panel for one in root.commands):
        yield f".SS {_text(panel)}"
        for one in root.commands:
            if one.panel == panel:
                yield f".TP\n.BR {_text('-'.join(one.path))} (1)\n{_text(one.listed)}"
    yield from _params(root, whole=True)
    for heading, table in ((ENVIRONMENT, VARIABLES), (FILES, PLACES)):
        yield _heading(heading)
        for name, words in table:
            yield "\n".join((".TP", f".B {_text(name)}", _text(_(words))))


def _body(of: Described) -> Iterator[str]:
    """A command, or a group with all that is below it."""
    yield _heading(SYNOPSIS)
    for n, one in enumerate(_runnable(of)):
        yield from ((".br",) if n else ())
        yield from _usage(one)
    yield from _prose(of, whole=True)
    yield from _params(of, whole=True)
    if of.commands:
        yield _heading(COMMANDS)
    for one in _below(of):
        yield f".SS {_text(one.name)}"
        yield from _usage(one)
        yield from _prose(one, whole=False)
        yield from _params(one, whole=False)


def _below(of: Described) -> Iterator[Described]:
    for one in of.commands:
        yield one
        yield from _below(one)


def _runnable(of: Described) -> Iterator[Described]:
    return (one for one in (of, *_below(of)) if one.runs)


def _usage(of: Described) -> Iterator[str]:
    words = " ".join(rf"\fI{_text(word)}\fR" for word in of.usage.split())
    yield f"\\fB{_text(of.name)}\\fR {words}"


def _prose(of: Described, whole: bool) -> Iterator[str]:
    if not of.paragraphs or (whole and of.paragraphs == (of.listed,)):
        return  # a heading alone, or what NAME says already
    if whole:
        yield _heading(DESCRIPTION)
    for n, part in enumerate(of.paragraphs):
        if n or not whole:
            yield ".PP"
        yield _text(part)


def _params(of: Described, whole: bool) -> Iterator[str]:
    """Arguments, then options; `-h` and `-c` are told once, on the page of `garita`."""
    told = ("--help", "--config") if len(of.path) > 1 else ()
    shown = [one for one in of.params if not set(told) & set(one.names)]
    for title, argument in ((ARGUMENTS, True), (OPTIONS, False)):
        some = [one for one in shown if one.argument is argument]
        if some and whole:
            yield _heading(title)
        for one in some:
            yield f".TP\n{_names(one)}\n{_text(_help(one)) or chr(92) + '&'}"


def _names(param: Param) -> str:
    names = ", ".join(rf"\fB{_text(name)}\fR" for name in param.names)
    return f"{names} \\fI{_text(param.kind)}\\fR" if param.kind else names


def _help(param: Param) -> str:
    """The help with its default, variable and whether it must be given, as `-h` says them."""
    more = [
        _("[env var: {}]").format(param.variable) if param.variable else "",
        _("[default: {}]").format(param.default) if param.default else "",
        _("[required]") if param.required else "",
    ]
    return " ".join(part for part in (param.help, *more) if part)


def _text(text: str) -> str:
    """Safe in roff: no escape, no request at the start of a line, quotes and hyphens as typed."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq").replace("`", "\\(ga")
    lines = textwrap.wrap(
        text.replace("'", "\\(aq"), 78, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(f"\\&{line}" if line.startswith(".") else line for line in lines)


def write(folder: Path) -> list[Path]:
    """Write every page in every language that there is; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for language in locale.LANGUAGES:
        locale.use(language)
        suffix = "" if language == "en" else f".{language}"
        for name, text in pages():
            path = folder / f"{name}{suffix}.1"
            path.write_text(text, encoding="utf-8")
            made.append(path)
    return made


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    print(f"{len(write(Path(arguments[0])))} pages")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
