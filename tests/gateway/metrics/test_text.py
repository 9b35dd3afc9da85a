"""Samples become what Prometheus reads, and nothing that is not in the table of metrics."""

from __future__ import annotations

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.decide.model import Reason
from gateway.metrics.names import BY_NAME, COLLECTOR, CONSOLE, LABELS, METRICS
from gateway.metrics.tally import BOUNDS_S, MOST_DECISIONS, OTHER, Histogram, Tally
from gateway.metrics.text import Samples, text


def test_names_are_as_prometheus_wants_them() -> None:
    assert len(BY_NAME) == len(METRICS) + len(COLLECTOR) + len(CONSOLE)
    for metric in BY_NAME.values():
        assert re.fullmatch(r"garita_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind == "counter"), metric.name
    assert {"door", "reason", "stage"} <= LABELS
    known = {"door", "reason", "stage", "kind", "device", "reader", "state", "version"}
    assert known | {"gate", "code"} >= LABELS


def test_a_histogram_counts_what_is_at_or_below_each_bound() -> None:
    histogram, samples = Histogram(), Samples()
    for seconds in (0.0, BOUNDS_S[0], 0.0011, 31.0):
        histogram.observe(seconds)
    samples.put_histogram("garita_commit_seconds", histogram)
    found = {f.name: f for f in text_string_to_metric_families(text(samples).decode())}
    buckets = {
        s.labels.get("le"): s.value
        for s in found["garita_commit_seconds"].samples
        if s.name.endswith("_bucket")
    }
    assert (buckets["0.001"], buckets["0.002"], buckets["30.0"], buckets["+Inf"]) == (2, 3, 3, 4)
    assert "process_resident_memory_bytes" in found


def test_a_name_of_nobody_and_a_label_too_few_are_refused() -> None:
    with pytest.raises(KeyError):
        Samples().put("garita_people_by_name", 1)
    with pytest.raises(AssertionError):
        Samples().put("garita_badges_waiting", 1)


def test_decisions_are_bounded_however_many_doors_and_reasons_there_are() -> None:
    tally = Tally()
    for number in range(60):
        for reason in Reason:
            tally.decided(f"door-{number}", {"reason": reason.value})
    tally.decided("door-0", {"reason": Reason.DENIED_BUSY.value, "count": 500})
    assert sum(tally.decisions.values()) == 60 * len(Reason) + 500
    assert len(tally.decisions) <= MOST_DECISIONS + 60
    assert tally.decisions["door-59", OTHER] == len(Reason)


def test_a_door_may_have_any_name() -> None:
    samples = Samples()
    samples.put("garita_badges_waiting", 1, 'a "door"\n\\ñ')
    (sample,) = [
        sample
        for family in text_string_to_metric_families(text(samples).decode())
        for sample in family.samples
        if sample.name == "garita_badges_waiting"
    ]
    assert sample.labels["door"] == 'a "door"\n\\ñ'
