"""A scrape over a Unix socket, as an agent does it, and what it says."""

from __future__ import annotations

import re
import socket
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from gateway.metrics.names import BY_NAME, LABELS


def scrape(path: Path) -> str:
    """The text of /metrics; raises OSError while nobody listens."""
    with socket.socket(socket.AF_UNIX) as made:
        made.settimeout(10)
        made.connect(str(path))
        made.sendall(b"GET /metrics HTTP/1.1\r\nHost: gate\r\n\r\n")
        answer = b""
        while chunk := made.recv(65536):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), answer[:200]
    return body.decode()


def values(body: str) -> dict[tuple[str, ...], float]:
    """Each sample's value by its name and the values of its labels, in the order of their names."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }


def check_known(body: str) -> None:
    """No metric and no label that docs/watch.md does not have."""
    families = list(text_string_to_metric_families(body))
    ours = [family for family in families if family.name.startswith("garita")]
    labels = {label for f in ours for sample in f.samples for label in sample.labels}
    assert labels <= LABELS | {"le"}
    assert {f.name for f in ours} <= {name.removesuffix("_total") for name in BY_NAME}
    assert not re.search(r"/(var|tmp|home)/", body)
