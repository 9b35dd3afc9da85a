"""What browsers are given."""

from __future__ import annotations

import hashlib
import re

from gateway.console.words import STATIC


def test_what_is_not_ours_is_what_its_page_says() -> None:
    table = (STATIC / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(js/\S+\.js)` .*`([0-9a-f]{64})` \|$", table, re.MULTILINE)
    assert [name for name, _ in rows] == ["js/htmx-2.0.11.min.js"]
    for name, digest in rows:
        assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == digest


def test_nothing_of_ours_loads_from_elsewhere() -> None:
    ours = [p for p in STATIC.parent.rglob("*.*") if p.suffix in (".html", ".css", ".js")]
    assert len(ours) > 5
    for path in ours:
        if "htmx" in path.name:
            continue
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(https?:)?//[a-z0-9-]+\.[a-z]", text), path
        assert not re.search(r"\son[a-z]+=|style=|javascript:|hx-on|\beval\(", text), path
