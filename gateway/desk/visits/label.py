"""A visitor's label as PDF: for a printer with a roll of 62 mm, or on A6.

`of` makes the words of a label, in the language in use.  `pdf` draws them in a process of its own
(`python -m gateway.desk.visits.label`), because fpdf2 and its fonts take more than 50 MB of memory.
A text that is too long for its place gets a smaller font, and its end is cut off at the smallest.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from gateway.desk.act import local
from gateway.desk.errors import DeskError
from gateway.desk.visits.visit import Visit
from gateway.locale import _

if TYPE_CHECKING:
    from fpdf import FPDF

SIZES = {"62": (62.0, 100.0), "a6": (105.0, 148.0)}
"""Width and height of each paper, in millimetres."""

_LONGEST_S = 30.0
_MARGIN = 4.0
# The first family that has all letters of the label is taken; the last one stands in the PDF
# reader itself and has those of western Europe.
_FONTS = (
    ("DejaVuSans", "/usr/share/fonts/truetype/dejavu", "DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
    (
        "LiberationSans",
        "/usr/share/fonts/truetype/liberation",
        "LiberationSans-Regular.ttf",
        "LiberationSans-Bold.ttf",
    ),
)
_one = threading.Lock()  # one drawing process at a time


@dataclass(frozen=True, slots=True)
class Label:
    """The words of a label; `lines` are the smaller ones, each a heading and a text."""

    heading: str
    under: str
    name: str
    company: str
    until: str
    lines: tuple[tuple[str, str], ...]
    foot: str


def of(visit: Visit, *, site: str, zone: ZoneInfo) -> Label:
    """The label of a visit at the gateway `site`, with times in `zone`."""
    day = local(visit.arrived_at or visit.expected_from, zone, "%Y-%m-%d")
    end = local(visit.expected_until, zone)
    lines = [(_("visits"), visit.host), (_("date"), day)]
    if visit.badge_out:
        lines.append((_("badge"), visit.badge))
    return Label(
        heading=_("VISITOR"),
        under=_("only with an escort") if visit.escort else "",
        name=visit.name,
        company=visit.company,
        until=_("until {time}").format(time=end.removeprefix(f"{day} ")),
        lines=tuple(lines),
        foot=_("{site} · visit {number}").format(site=site, number=visit.id),
    )


def pdf(label: Label, size: str) -> bytes:
    """The label as a PDF of one page; `size` is one of SIZES.  Raises DeskError."""
    if size not in SIZES:
        raise DeskError("unknown_word", "paper: one of {names}", names=", ".join(SIZES))
    asked = json.dumps({"size": size, **asdict(label)})
    command = [sys.executable, "-m", "gateway.desk.visits.label"]
    try:
        with _one:
            done = subprocess.run(
                command, input=asked.encode(), capture_output=True, timeout=_LONGEST_S, check=True
            )
    except (OSError, subprocess.SubprocessError) as error:
        raise DeskError("no_label", "the label could not be made; write one by hand") from error
    return done.stdout


def drawn(label: Label, size: str) -> bytes:
    """As `pdf`, in this process."""
    from fpdf import FPDF  # noqa: PLC0415 - takes more memory than the console has

    width, height = SIZES[size]
    paper = FPDF(unit="mm", format=(width, height))
    paper.set_title(f"{label.heading} {label.name}")
    paper.set_creator("garita")
    paper.set_margin(0)
    paper.set_auto_page_break(False)
    paper.add_page()
    _Drawing(paper, width, height).draw(label)
    return bytes(paper.output())


class _Drawing:
    """Draws from the top down; sizes are those of the roll, larger by `scale` on other paper."""

    def __init__(self, paper: FPDF, width: float, height: float) -> None:
        self._paper, self._width, self._height = paper, width, height
        self._scale = width / SIZES["62"][0]
        self._at = 0.0
        self._family = "Helvetica"

    def draw(self, label: Label) -> None:
        paper, scale = self._paper, self._scale
        self._choose_font(label)
        band = 20.0 * scale if label.under else 15.0 * scale
        paper.set_fill_color(0)
        paper.rect(0, 0, self._width, band, style="F")
        paper.set_text_color(255)
        self._at = 2.5 * scale
        self._text(label.heading, most=26, rows=1, height=10.0 * scale)
        self._text(label.under, most=11, rows=1, height=5.0 * scale)
        paper.set_text_color(0)
        self._at = band + 3.0 * scale
        self._text(label.name, most=26, rows=6, height=28.0 * scale)
        self._text(label.company, most=13, rows=2, height=10.0 * scale, bold=False)
        self._at += 1.0 * scale
        for heading, text in label.lines:
            self._text(f"{heading}: {text}", most=12, rows=2, height=9.0 * scale, bold=False)
        self._at = self._height - 16.0 * scale
        self._text(label.until, most=20, rows=1, height=9.0 * scale)
        self._at = self._height - 6.0 * scale
        self._text(label.foot, most=8, rows=1, height=4.0 * scale, bold=False)

    def _choose_font(self, label: Label) -> None:
        text = "".join(_texts(asdict(label)))
        try:
            text.encode("windows-1252")
        except UnicodeEncodeError:
            for family, folder, regular, bold in _FONTS:
                if (Path(folder) / bold).is_file() and (Path(folder) / regular).is_file():
                    self._paper.add_font(family, "", Path(folder) / regular)
                    self._paper.add_font(family, "B", Path(folder) / bold)
                    self._family = family
                    return
        self._paper.core_fonts_encoding = "windows-1252"

    def _text(self, text: str, *, most: float, rows: int, height: float, bold: bool = True) -> None:
        """Write `text` centred, in the largest font (points) with which it fits `rows` lines and
        `height` (mm)."""
        if not text:
            return
        paper, size = self._paper, most * self._scale
        shown = self._writable(text)
        width = self._width - 2 * _MARGIN * self._scale
        while True:
            paper.set_font(self._family, "B" if bold else "", size)
            line = size * 0.42  # a line's height in mm for a font in points
            parts = _wrapped(paper, shown, width)
            if len(parts) <= rows and line * len(parts) <= height:
                break
            if size <= 6.0:  # nobody reads smaller print
                parts = parts[: max(1, min(rows, int(height / line)))]
                break
            size -= 0.5
        for part in parts:
            paper.set_xy(_MARGIN * self._scale, self._at)
            paper.cell(width, line, part, align="C")
            self._at += line

    def _writable(self, text: str) -> str:
        """`text` with a question mark for each letter that no font at hand has."""
        if self._family != "Helvetica":
            return text
        return text.encode("windows-1252", "replace").decode("windows-1252")


def _wrapped(paper: FPDF, text: str, width: float) -> list[str]:
    """`text` in lines of at most `width`; a word that is longer is parted."""

    def fits(part: str) -> bool:
        return paper.get_string_width(part) <= width

    lines, line = [], ""
    for word in text.split():
        if fits(f"{line} {word}".strip()):
            line = f"{line} {word}".strip()
            continue
        if line:
            lines.append(line)
        line = ""
        for letter in word:
            if line and not fits(line + letter):
                lines.append(line)
                line = ""
            line += letter
    return [*lines, line] if line else lines


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value
    return [text for part in parts for text in _texts(part)]


def main() -> int:
    """Read a label as JSON from stdin and write its PDF to stdout."""
    asked = json.loads(sys.stdin.read())
    size = asked.pop("size")
    asked["lines"] = tuple((heading, text) for heading, text in asked["lines"])
    sys.stdout.buffer.write(drawn(Label(**asked), size))
    return 0


if __name__ == "__main__":
    sys.exit(main())
