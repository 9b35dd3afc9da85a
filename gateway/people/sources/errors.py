"""What goes wrong with a source, and secrets that stay out of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gateway.locale import GaritaError, worded
from gateway.people.sync.source import RowError


class SourceError(GaritaError):
    """There is no list from this source; the message says why, without a secret."""


def secret(path: Path) -> str:
    """The one line of a secret's file; raises SourceError.  Others must not be able to read it."""
    try:
        mode = path.stat().st_mode
        text = path.read_text("utf-8-sig").strip()  # some editors begin with a byte order mark
    except OSError as error:
        raise SourceError(worded("{name} can't be read", name=path.name)) from error
    except UnicodeDecodeError as error:
        raise SourceError(
            worded("{name} is not UTF-8: save it as UTF-8 (not Latin-1, UTF-16)", name=path.name)
        ) from error
    if mode & 0o077:
        raise SourceError(worded("others may read {name}; chmod 600 it", name=path.name))
    if not text or "\n" in text:
        raise SourceError(worded("{name} must hold one line", name=path.name))
    return text


def unusable(errors: Sequence[RowError]) -> SourceError:
    """A list with errors, as one sentence."""
    first = errors[0].sentence
    if len(errors) == 1:
        return SourceError(first)
    return SourceError(worded("{error} and {n} more", error=first, n=len(errors) - 1))
