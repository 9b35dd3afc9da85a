"""Samples as the text that Prometheus reads (exposition format 0.0.4).

The library is loaded when text is first made: a gateway without [metrics] does not carry its three
megabytes, and one with it loads them in the thread that serves.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from gateway.metrics.names import BY_NAME, Metric
from gateway.metrics.tally import BOUNDS_S, Histogram

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(slots=True)
class Samples:
    """Values at one moment.  A name that is not in names.py is a KeyError."""

    values: dict[str, dict[tuple[str, ...], float]] = field(default_factory=dict)
    histograms: dict[str, dict[tuple[str, ...], Histogram]] = field(default_factory=dict)

    def put(self, name: str, value: float | None, *labels: str) -> None:
        """One value; None is left out, as something that is not known."""
        if value is not None:
            assert len(labels) == len(BY_NAME[name].labels), name
            self.values.setdefault(name, {})[labels] = float(value)

    def put_histogram(self, name: str, histogram: Histogram, *labels: str) -> None:
        """One histogram, as it is now."""
        copy = Histogram()
        copy.counts, copy.sum_s = list(histogram.counts), histogram.sum_s
        self.histograms.setdefault(name, {})[labels] = copy

    def join(self, other: Samples) -> None:
        """Add those of `other`."""
        self.values.update(other.values)
        self.histograms.update(other.histograms)


def text(samples: Samples) -> bytes:
    """The samples, and the process's own (memory, CPU, descriptors)."""
    from prometheus_client import CollectorRegistry, ProcessCollector  # noqa: PLC0415
    from prometheus_client.exposition import generate_latest  # noqa: PLC0415

    class _All:
        def collect(self) -> Iterator[Any]:
            yield from _families(samples)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_All())
    ProcessCollector(registry=registry)
    return generate_latest(registry)


def _families(samples: Samples) -> Iterator[Any]:
    for name, rows in samples.values.items():
        family = _family(BY_NAME[name])
        for labels, value in rows.items():
            family.add_metric(list(labels), value)
        yield family
    for name, histograms in samples.histograms.items():
        family = _family(BY_NAME[name])
        for labels, histogram in histograms.items():
            ends = [*map(str, BOUNDS_S), "+Inf"]
            buckets = list(zip(ends, itertools.accumulate(histogram.counts), strict=True))
            family.add_metric(list(labels), buckets, sum_value=histogram.sum_s)
        yield family


def _family(metric: Metric) -> Any:
    from prometheus_client import metrics_core  # noqa: PLC0415

    made = {
        "counter": metrics_core.CounterMetricFamily,
        "gauge": metrics_core.GaugeMetricFamily,
        "histogram": metrics_core.HistogramMetricFamily,
    }[metric.kind]
    return made(metric.name, metric.text, labels=metric.labels)
