"""Questions at a terminal, a line each: they work on a serial console of 80 by 24 too.

No cursor is moved and no colour is needed.  The answer is a line; an empty one takes what stands in
brackets.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence

import typer

from gateway.cli import common
from gateway.locale import _
from gateway.locale.text import tidy

MOST = 300  # characters of an answer


class Talk:
    """Asks whoever sits at the terminal."""

    def say(self, text: str = "") -> None:
        """A line or a paragraph, wrapped at the width of the terminal.  A path stays whole, so that
        it can be copied."""
        indent = " " * (len(text) - len(text.lstrip()))
        wrapped = textwrap.fill(
            text,
            width=common.out.width,
            subsequent_indent=indent + "   " if indent else "",
            break_long_words=False,
            break_on_hyphens=False,
        )
        common.out.print(wrapped, markup=False, soft_wrap=True)

    def title(self, text: str) -> None:
        """The head of a group of questions."""
        common.out.print(f"\n[bold]{text}[/bold]")

    def text(
        self, question: str, default: str = "", check: Callable[[str], str] | None = None
    ) -> str:
        """A line of text.  `check` says what is wrong with it, "" if nothing is; then the question
        comes again.  Ends the command when the terminal is gone."""
        while True:
            typed = self._line(f"{question} [{default}]: " if default else f"{question}: ")
            answer = typed or default
            why = check(answer) if check is not None else ""
            if not why:
                return answer
            self.say(f"  {why}")

    def choose(
        self,
        question: str,
        options: Sequence[tuple[str, str]],
        default: str = "",
        *,
        free: bool = False,
    ) -> str:
        """One of several values, by its number.  `free`: or anything else that somebody types."""
        for number, (_value, label) in enumerate(options, 1):
            self.say(f"  {number}  {label}")
        values = [value for value, _label in options]
        at = str(values.index(default) + 1) if default in values else ""
        shown = at or (default if free else "")
        while True:
            typed = self._line(f"{question} [{shown}]: " if shown else f"{question}: ") or shown
            if typed.isascii() and typed.isdigit() and 1 <= int(typed) <= len(values):
                return values[int(typed) - 1]
            if free and typed and not typed.isdigit():
                return typed
            self.say("  " + _("Type a number from 1 to {most}.").format(most=len(values)))

    def yes(self, question: str, default: bool = True) -> bool:
        """Yes or no."""
        choice = _("[Y/n]") if default else _("[y/N]")
        while True:
            typed = self._line(f"{question} {choice}: ").casefold()
            if not typed:
                return default
            if typed in {"y", "yes", *_("y yes").split()}:
                return True
            if typed in {"n", "no"}:
                return False

    def _line(self, prompt: str) -> str:
        while True:
            try:
                typed = input(prompt)
                typed.encode()
            except EOFError as error:
                raise typer.Abort from error
            except UnicodeError:  # a terminal of another encoding
                self.say("  " + _("That can't be read; type it without accents."))
                continue
            return tidy(typed, MOST)
