"""A job for tests: it starts a process of its own, writes half a file, and goes on."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.config import Settings
from gateway.console import work
from gateway.locale import GaritaError


def _stand(_settings: Settings, order: Mapping[str, Any]) -> dict[str, Any]:
    child = subprocess.Popen(["sleep", "60"])
    Path(order["folder"], "half").write_text(str(child.pid))
    work.say(at=1, of=4, stage="half way")
    time.sleep(60)
    return {}


def _refuse(_settings: Settings, _order: Mapping[str, Any]) -> dict[str, Any]:
    raise GaritaError("not today")


def _full(_settings: Settings, _order: Mapping[str, Any]) -> dict[str, Any]:
    raise OSError(28, "No space left on device")


def _die(_settings: Settings, _order: Mapping[str, Any]) -> dict[str, Any]:
    raise SystemExit(3)


if __name__ == "__main__":
    acts: dict[str, work.Act] = {"stand": _stand, "refuse": _refuse, "full": _full, "die": _die}
    raise SystemExit(work.main(acts))
