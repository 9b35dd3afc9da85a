"""All commands of `garita` as one tree: for the catalogue's extraction, and for tests."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

import typer
from babel.messages.extract import extract_python
from typer.core import TyperGroup

from gateway.cli import helptext
from gateway.cli.context import Context


def walk(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every group and command with its words, `garita` itself first; loads all of them."""
    if command is None:
        from gateway.cli.main import app  # noqa: PLC0415 - main imports what it names lazily

        command = typer.main.get_command(app)
    yield path, command
    if isinstance(command, TyperGroup):
        context: Any = Context(command)
        for name in command.list_commands(context):
            yield from walk(command.get_command(context, name), (*path, name))


def messages() -> Iterator[str]:
    """What the help of every command says, in English, as `helptext` looks it up."""
    for _path, command in walk():
        context: Any = Context(command)
        texts = [command.help, command.short_help, command.epilog]
        names = [command.rich_help_panel]
        for param in command.get_params(context):
            texts.append(getattr(param, "help", None))
            names.append(getattr(param, "rich_help_panel", None))
        for entry in getattr(command, "entries", {}).values():
            texts.append(entry.help)
            names.append(entry.panel)
        for text in texts:
            yield from helptext.paragraphs(text or "")
        yield from (name for name in names if name)


def extract(
    fileobj: BinaryIO, keywords: Any, comment_tags: Collection[str], options: Any
) -> Iterator[Any]:
    """Babel's extraction method for `gateway/cli/main.py`: its own words and every help text."""
    yield from extract_python(fileobj, keywords, comment_tags, options)
    for message in dict.fromkeys(messages()):
        yield 1, "_", message, []
