"""Doors that an operator took out of service."""

from __future__ import annotations

import json
from pathlib import Path


def read_service(path: Path) -> dict[str, str]:
    """Doors out of service, with the reason; what can't be read is said, not guessed."""
    try:
        return {str(k): str(v) for k, v in json.loads(path.read_text("utf-8")).items()}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError) as error:
        raise OSError(f"{path}: {error}") from error
