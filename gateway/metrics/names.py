"""Every metric that the gateway, the collector and the console show.  docs/watch.md has the same
tables, which a test checks.

Names and labels follow Prometheus: base units, `_total` for what only grows.  Labels are names of
doors, readers and devices as the configuration has them, and codes; so their number is that of the
site's devices, however many people it has; at headquarters it is that of the gates, to a limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: `text` says what it is, for whoever writes an alert."""

    name: str
    kind: Kind
    text: str
    labels: tuple[str, ...] = ()


METRICS: tuple[Metric, ...] = (  # the gateway's
    Metric("garita_build_info", "gauge", "1, with the version of the gateway", ("version",)),
    Metric("garita_uptime_seconds", "gauge", "How long this run of the gateway has lasted"),
    # Doors
    Metric(
        "garita_decisions_total",
        "counter",
        "Decisions on record, by door and reason code",
        ("door", "reason"),
    ),
    Metric(
        "garita_unrecorded_total",
        "counter",
        "Answers at doors that the log could not take, so that nobody passed",
    ),
    Metric(
        "garita_badges_waiting", "gauge", "Badges that wait at the readers of a door", ("door",)
    ),
    Metric("garita_doors", "gauge", "Doors in each state that is not everyday", ("state",)),
    Metric(
        "garita_stage_seconds",
        "histogram",
        "How long a badge took: decided (read to decision, nobody asked for more), asked (the same "
        "with a PIN, a face, a guard or a second person), durable (decision to disk), released "
        "(disk to the order at the relay), total (read to relay, nobody asked for more)",
        ("stage",),
    ),
    # The log
    Metric("garita_log_records", "gauge", "The newest record's number"),
    Metric("garita_log_refused", "gauge", "Events that the log refused since it last took one"),
    Metric("garita_commit_seconds", "histogram", "How long the disk took for a commit (fsync)"),
    Metric("garita_alarms_open", "gauge", "Alarms that are open"),
    Metric("garita_state_damaged_total", "counter", "Own files found damaged since the start"),
    Metric("garita_task_failures_total", "counter", "Parts that failed and were started again"),
    Metric(
        "garita_text_lines_left_out_total",
        "counter",
        "Lines of the text log that were counted instead of written, or lost",
    ),
    # The list
    Metric("garita_list_usable", "gauge", "Whether the personnel list can be read (0, 1)"),
    Metric("garita_list_age_seconds", "gauge", "How long ago the list in force was applied"),
    Metric("garita_list_people", "gauge", "People on the list in force"),
    # Links
    Metric("garita_mqtt_connected", "gauge", "Whether the broker is connected (0, 1)"),
    Metric("garita_mqtt_lag_records", "gauge", "Records that the broker does not have yet"),
    Metric("garita_device_online", "gauge", "Whether a device is there (0, 1)", ("kind", "device")),
    Metric("garita_link_polls_total", "counter", "Polls of a reader on a bus", ("reader",)),
    Metric(
        "garita_link_errors_total",
        "counter",
        "What went wrong on a reader's line: check, nak, retry, timeout",
        ("reader", "reason"),
    ),
    Metric(
        "garita_link_worst_seconds",
        "gauge",
        "A reader's slowest answer since the start",
        ("reader",),
    ),
    Metric(
        "garita_link_secure",
        "gauge",
        "Whether a reader talks in a secure channel (0, 1)",
        ("reader",),
    ),
    # Faces
    Metric("garita_face_ready", "gauge", "Whether the face process can be asked (0, 1)"),
    Metric("garita_face_starts_total", "counter", "Starts of the face process"),
    Metric("garita_faces_enrolled", "gauge", "People with a face to compare"),
    # The box
    Metric("garita_disk_free_bytes", "gauge", "Free space where the data folder is"),
    Metric("garita_disk_size_bytes", "gauge", "Size of the disk where the data folder is"),
    Metric("garita_clock_trusted", "gauge", "0: the clock is behind the log and nobody passes"),
    Metric("garita_clock_sure", "gauge", "0: nothing is destroyed until the clock is synchronised"),
    Metric("garita_clock_behind_seconds", "gauge", "How far the clock is behind the log"),
    Metric("garita_clock_ahead_seconds", "gauge", "How far the clock leapt ahead"),
    Metric(
        "garita_certificate_days_left",
        "gauge",
        "Days until a certificate ends: mqtt, mqtt_ca, console",
        ("kind",),
    ),
)

# Beside these a collector and a console show build_info, uptime and the disk as the gateway does.
COLLECTOR: tuple[Metric, ...] = (
    Metric("garita_collector_database_up", "gauge", "Whether the database answers (0, 1)"),
    Metric(
        "garita_collector_write_seconds",
        "histogram",
        "How long the database took for a transaction, from its first statement to its commit",
    ),
    Metric("garita_collector_database_bytes", "gauge", "Size of the database"),
    Metric("garita_collector_records_total", "counter", "Records stored since the start"),
    Metric(
        "garita_collector_refused_total",
        "counter",
        "Messages that were not taken as a record or a signed head, by why",
        ("reason",),
    ),
    Metric(
        "garita_collector_alarms_total",
        "counter",
        "Alarms since the start, by kind, as `garita collect status` has them; log_anew and "
        "log_lost: a gate's log is another one than before",
        ("kind",),
    ),
    Metric("garita_collector_brokers_connected", "gauge", "Brokers that there is a connection to"),
    Metric("garita_collector_brokers", "gauge", "Brokers of the configuration"),
    Metric(
        "garita_collector_gates",
        "gauge",
        "Gates, by what they said last: online, offline, or nothing for 65 minutes: silent",
        ("state",),
    ),
    Metric(
        "garita_collector_lag_seconds",
        "gauge",
        "How old the newest record of a gate is that is stored, while newer ones are known",
        ("gate",),
    ),
)
CONSOLE: tuple[Metric, ...] = (
    Metric("garita_console_sessions", "gauge", "People who are signed in, counted by session"),
    Metric("garita_console_streams", "gauge", "Browsers that listen for what changes"),
    Metric(
        "garita_console_requests_total",
        "counter",
        "Answers, by kind (page, part, act, asset, stream) and class of their status (2xx to 5xx)",
        ("kind", "code"),
    ),
    Metric(
        "garita_console_page_seconds",
        "histogram",
        "From a request to the end of its answer, by kind (page, part, act)",
        ("kind",),
    ),
    Metric("garita_console_gateway_answers", "gauge", "Whether the gateway answered last (0, 1)"),
)
MOST_GATES = 200
"""So many gates have a series of their own at headquarters: those that are furthest behind."""

BY_NAME = {metric.name: metric for metric in (*METRICS, *COLLECTOR, *CONSOLE)}
LABELS = frozenset(label for metric in BY_NAME.values() for label in metric.labels)
