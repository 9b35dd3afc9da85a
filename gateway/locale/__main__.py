"""Keep the catalogues: `python -m gateway.locale extract | compile | check`.

extract   read the code, bring new messages into every catalogue, drop what the code lost
compile   make the .mo files that the program reads
check     exit 1 unless every catalogue is complete: nothing missing, untranslated or fuzzy,
          placeholders the same as in English
"""

from __future__ import annotations

import ast
import io
import string
import sys
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from gateway.locale import HERE

KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "N_": None,
    "worded": None,
    "ngettext": (1, 2),
    "in_context": ((1, "c"), 2),
    "pgettext": ((1, "c"), 2),
    # Refusals: the second argument is the sentence.
    "DeskError": (2,),
    "NotFound": (2,),
    "Conflict": (2,),
    "Held": (2,),
    "Unwritable": (2,),
    "Message": None,
}
HEADER = """msgid ""
msgstr ""
"Project-Id-Version: garita\\n"
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {plural}\\n"

"""
ROOT = HERE.parents[1]


def template() -> Catalog:
    """All messages of the code."""
    with (HERE / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    found = Catalog(project="garita", charset="utf-8")
    for path, line, message, _, context in extract_from_dir(ROOT, methods, options, KEYWORDS):
        found.add(message, None, [(path, line)], context=context)
    return found


def catalogues() -> list[Path]:
    return sorted(HERE.glob("*/LC_MESSAGES/garita.po"))


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name, domain="garita")


def write(path: Path, catalogue: Catalog) -> None:
    """Sorted, without line numbers and dates, so that two people's additions merge."""
    body = io.BytesIO()
    write_po(body, catalogue, width=100, sort_output=True, no_location=True, omit_header=True)
    head = HEADER.format(language=path.parent.parent.name, plural=catalogue.plural_forms)
    path.write_bytes(head.encode() + body.getvalue())


def extract() -> int:
    code = template()
    for path in catalogues():
        catalogue = read(path)
        catalogue.update(code, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        write(path, catalogue)
    return 0


def compile_() -> int:
    for path in catalogues():
        with path.with_suffix(".mo").open("wb") as file:
            write_mo(file, read(path))
    return 0


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def _texts(value: object) -> list[str]:
    return [str(text or "") for text in (value if isinstance(value, list | tuple) else [value])]


def faults(message: Message) -> list[str]:
    """What is wrong with one message of a catalogue."""
    ids, words = _texts(message.id), _texts(message.string)
    if not all(words):
        return ["not translated"]
    if message.fuzzy:
        return ["fuzzy"]
    try:
        wanted: set[str] = set().union(*(_fields(text) for text in ids))
        # A plural form may leave the number out ("one person").
        told = [_fields(text) for text in words]
    except ValueError as error:
        return [f"placeholders: {error}"]
    if any(names - wanted for names in told) or set().union(*told) != wanted:
        return [f"placeholders differ: {sorted(wanted)}"]
    return []


def hidden() -> list[str]:
    """Calls of `_()` inside an f-string: the extraction does not see them (Python 3.11)."""
    found = []
    for path in sorted((ROOT / "gateway").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if not isinstance(node, ast.JoinedStr):
                continue
            calls = [part for part in ast.walk(node) if isinstance(part, ast.Call)]
            if any(isinstance(c.func, ast.Name) and c.func.id in KEYWORDS for c in calls):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}: a message in an f-string")
    return found


def check() -> int:
    code, wrong = template(), 0
    for line in hidden():
        print(line)
        wrong += 1
    for path in catalogues():
        catalogue = read(path)
        known = {(m.context, m.id if isinstance(m.id, str) else m.id[0]): m for m in catalogue}
        for message in code:
            if not message.id:
                continue
            key = (message.context, message.id if isinstance(message.id, str) else message.id[0])
            mine = known.get(key)
            for fault in ["not in the catalogue"] if mine is None else faults(mine):
                where = ":".join(map(str, message.locations[0])) if message.locations else ""
                print(f"{path.parent.parent.name}: {where}: {key[1]!r}: {fault}")
                wrong += 1
    return 1 if wrong else 0


def main() -> int:
    acts = {"extract": extract, "compile": compile_, "check": check}
    if len(sys.argv) != 2 or sys.argv[1] not in acts:
        print(__doc__, file=sys.stderr)
        return 2
    return acts[sys.argv[1]]()


if __name__ == "__main__":
    sys.exit(main())
