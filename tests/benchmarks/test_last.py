"""Figures of two runs are compared by what they say, not by the machine they ran on."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import figures, last


def part(**told: str) -> last.Part:
    named = {name.replace("_", " "): value for name, value in told.items()}
    return last.Part("2026-11-27", "abc", "a machine", (0.5, 0.5), 1.0, last.scaled(named, 1.0))


def test_a_printed_figure_is_a_number_or_words() -> None:
    assert figures.numbers(figures.spread([1.0, 2.0, 3.0])) == {"median": 2.0, "p99": 3.0}
    assert figures.numbers("10,000") == {"": 10_000.0}
    assert figures.numbers("-0.970") == {"": -0.97}
    assert figures.numbers("1.4%") == {"": 1.4}
    assert figures.numbers("p50 41  p95 66") == {"p50": 41.0, "p95": 66.0}
    for words in ("yes", "500 answered in 0.23 s", "81,000, 17", ""):
        assert figures.numbers(words) == {}, words


def test_times_are_kept_as_multiples_of_the_floor_and_the_rest_as_it_is() -> None:
    told = {
        "badge to relay, 20 badges/s (ms)": "median 3.00  p99 6.00",
        "first sync (s, whole command)": "2",
        "look-up (µs)": "20",
        "backlog (events/s)": "4,000",
        "memory (MB)": "60",
        "ratio": "1.10",
        "badge to relay (ms) > times the floor": "2.01",
    }
    assert last.scaled(told, floor_ms=2.0) == {
        "badge to relay, 20 badges/s (ms)": {"median": 1.5, "p99": 3.0},
        "first sync (s, whole command)": {"": 1000.0},
        "look-up (µs)": {"": 0.01},
        "backlog (events/s)": {"": 8.0},
        "memory (MB)": {"": 60.0},
        "ratio": {"": 1.1},
        "badge to relay (ms) > times the floor": {"": 2.01},
    }


def test_what_moved_by_more_than_a_fifth_is_marked() -> None:
    before, now = part(slow="10", same="5", gone="1"), part(slow="12.1", same="5.9", new="3")
    lines = {line.split()[0]: line for line in last.table({"p": before}, {"p": now}) if line}
    assert lines["slow"].endswith("+21%  moved")
    assert lines["same"].endswith("+18%")
    assert "new" in lines["new"]
    assert "gone" not in lines


def test_a_line_below_another_has_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    figures.told.clear()
    figures.say("badge to relay (ms)", "2", "1.5")
    figures.say("  ratio of the medians", "1.1")
    assert list(figures.told) == [
        "badge to relay (ms)",
        "badge to relay (ms) > ratio of the medians",
    ]
    assert "[goal: 1.5]" in capsys.readouterr().out


def test_one_part_that_is_saved_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(last, "PATH", tmp_path / "last.json")
    assert last.load() == {}
    last.save({"a": part(x="1"), "b": part(x="2")})
    last.save({"b": part(x="3")})
    assert last.load() == {"a": part(x="1"), "b": part(x="3")}
