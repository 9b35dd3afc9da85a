"""The process in which a PDF is made: `python -m gateway.evidence.pages.child ORDER`.

ORDER is a JSON file; its ``is`` says what to make, a document by typst or annexes by fpdf2.  What
goes wrong is the last line of stderr.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.evidence.pages.fonts import Letters, files

if TYPE_CHECKING:
    from typst import PDFStandard

STANDARDS: list[PDFStandard] = ["a-3a", "ua-1"]
"""PDF/A-3a: to be kept, tagged, with files inside.  PDF/UA-1: to be read aloud."""
_HERE = Path(__file__).parent


def document(order: Mapping[str, Any], place: Path) -> None:
    """Set the blocks of `order` with typst, in the folder `place`."""
    import typst  # noqa: PLC0415 - this process only

    fonts = place / "fonts"
    fonts.mkdir()
    found = files(order["fonts"])
    for number, font in enumerate(found):
        (fonts / f"{number}{font.suffix}").symlink_to(font)
    shown = Letters(found).all(order["document"])
    (place / "data.json").write_text(json.dumps(shown, ensure_ascii=False), encoding="utf-8")
    (place / "packet.typ").write_bytes((_HERE / "packet.typ").read_bytes())
    typst.compile(
        str(place / "packet.typ"),
        str(place / "made.pdf"),
        root=str(place),
        font_paths=[str(fonts)],
        ignore_system_fonts=True,
        format="pdf",
        pdf_standards=STANDARDS,
        timestamp=int(order["timestamp"]),
    )


def main() -> int:
    """Do what the order says."""
    told = Path(sys.argv[1])
    order = json.loads(told.read_text(encoding="utf-8"))
    try:
        if order["is"] == "annexes":
            from gateway.evidence.pages import annex_child  # noqa: PLC0415 - needs fpdf2

            for one in order["all"]:
                annex_child.make(one, told.parent)
        else:
            document(order, told.parent)
    except Exception as error:  # to the last line of stderr, whatever it is
        print(" ".join(str(error).split()) or type(error).__name__, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
