"""Sets a long table as PDF with fpdf2, row by row: in a process of its own (`child`).

The rows come from a file of JSON lines, so 10,000 of them cost their pages and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fpdf import FPDF, XPos, YPos

from gateway.evidence.pages.fonts import Letters, files

_LEFT, _RIGHT, _TOP, _BOTTOM = 12.0, 12.0, 24.0, 16.0
_INK, _SOFT, _ACCENT, _LINE = (27, 39, 51), (90, 103, 117), (31, 78, 121), (197, 204, 211)
_SIZE, _LINE_MM = 6.6, 3.0
_MOST_KNOWN = 20_000  # widths of words that are kept
_MOST_LINES = 5  # of a cell; the CSV has all of it


class _Sheet(FPDF):
    """Letter paper, lying, with a head and a foot on each page."""

    def __init__(self, order: Mapping[str, Any], shown: Letters) -> None:
        super().__init__(orientation="landscape", unit="mm", format="letter")
        self._order, self._shown = order, shown
        self._widths: dict[tuple[str, str], float] = {}
        self.set_margins(_LEFT, _TOP, _RIGHT)
        self.set_auto_page_break(False)
        self.set_compression(True)
        self.set_line_width(0.1)
        fonts = files(order["fonts"])
        self.add_font("D", "", fonts[0])
        self.add_font("D", "B", fonts[1])
        for number, font in enumerate(fonts[3:]):
            self.add_font(f"S{number}", "", font)
        self.set_fallback_fonts([f"S{n}" for n in range(len(fonts) - 3)], exact_match=False)
        total = sum(order["widths"])
        self.room = self.w - _LEFT - _RIGHT
        self.columns = [self.room * width / total for width in order["widths"]]

    def header(self) -> None:
        """The title, the days, and the names of the columns."""
        self.set_y(9)
        self._line("B", 11, _ACCENT, self._order["title"])
        self._line("", 7, _SOFT, self._order["subtitle"])
        self.set_y(_TOP - 3)
        self.set_font("D", "B", _SIZE)
        self.set_text_color(*_ACCENT)
        self.cells([self._shown.shown(title) for title in self._order["titles"]])
        self.set_draw_color(*_ACCENT)
        self.line(_LEFT, self.get_y(), self.w - _RIGHT, self.get_y())
        self.set_font("D", "", _SIZE)
        self.set_text_color(*_INK)

    def footer(self) -> None:
        """As of when, and the page."""
        self.set_y(-10)
        self.set_font("D", "", 7)
        self.set_text_color(*_SOFT)
        self.cell(self.room / 2, 4, self._order["foot"])
        told = str(self._order["page-of"])
        told = told.replace("{page}", str(self.page_no())).replace("{pages}", "{nb}")
        self.cell(self.room / 2, 4, told, align="R")

    def cells(self, texts: Sequence[str]) -> None:
        """A row at the present place, as high as its highest cell."""
        lines = [
            self._wrapped(text, width - 2 * self.c_margin)
            for text, width in zip(texts, self.columns, strict=True)
        ]
        height = _LINE_MM * max((len(one) for one in lines), default=1) + 1.0
        if self.get_y() + height > self.h - _BOTTOM:
            self.add_page()
        top, left = self.get_y(), _LEFT
        for one, width in zip(lines, self.columns, strict=True):
            for at, text in enumerate(one):
                # Lighter than `cell`: half the time of a page.
                self.text(left + self.c_margin, top + 0.5 + (at + 0.75) * _LINE_MM, text)
            left += width
        self.set_y(top + height)
        self.set_draw_color(*_LINE)
        self.line(_LEFT, top + height, self.w - _RIGHT, top + height)

    def _wrapped(self, text: str, room: float) -> list[str]:
        """The lines of a cell `room` mm wide; a word that is wider is broken."""
        lines, line, used, blank = [], "", 0.0, self._width(" ")
        for word in text.split():
            wide = self._width(word)
            if line and used + blank + wide <= room:
                line, used = f"{line} {word}", used + blank + wide
                continue
            if line:
                lines.append(line)
            line, used = word, wide
            while used > room and len(line) > 1:
                fits = self._fitting(line, room)
                lines.append(line[:fits])
                line = line[fits:]
                used = self._width(line)
        if line:
            lines.append(line)
        return lines if len(lines) <= _MOST_LINES else [*lines[: _MOST_LINES - 1], "…"]

    def _width(self, word: str) -> float:
        """The width of a word in mm; most words of a table come again."""
        key = f"{self.font_style}{self.font_size_pt}", word
        if (found := self._widths.get(key)) is None:
            if len(self._widths) > _MOST_KNOWN:
                self._widths.clear()
            found = self._widths[key] = self.get_string_width(word)
        return found

    def _fitting(self, word: str, room: float) -> int:
        """How many letters of a word go into `room` mm, at least one."""
        low, high = 1, len(word)
        while low < high:
            middle = (low + high + 1) // 2
            if self.get_string_width(word[:middle]) <= room:
                low = middle
            else:
                high = middle - 1
        return low

    def _line(self, style: str, size: float, color: tuple[int, int, int], text: str) -> None:
        self.set_font("D", style, size)
        self.set_text_color(*color)
        text = self._shown.shown(text)
        while len(text) > 1 and self.get_string_width(text) > self.room:
            text = text[: max(1, len(text) * 9 // 10)]
        self.cell(self.room, size * 0.5, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def make(order: Mapping[str, Any], place: Path) -> None:
    """Set an annex in the folder `place`, where ``KEY.jsonl`` has its rows, as ``KEY.pdf``."""
    shown = Letters(files(order["fonts"]))
    sheet = _Sheet(order, shown)
    sheet.set_creation_date(datetime.fromtimestamp(order["timestamp"], UTC))
    sheet.set_title(order["title"])
    sheet.set_author(order["author"])
    sheet.set_lang(order["language"])
    sheet.set_text_shaping(False)
    sheet.add_page()
    for texts in _rows(place / f"{order['key']}.jsonl"):
        sheet.cells([shown.shown(text) for text in texts])
    sheet.output(str(place / f"{order['key']}.pdf"))


def _rows(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
