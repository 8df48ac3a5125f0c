"""What the write path tells Prometheus."""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

COMMANDS = Counter("backoffice_commands_total", "Commands by outcome.", ["ledger", "outcome"])
COMMIT_SIZE = Histogram(
    "backoffice_commit_commands",
    "Commands in one commit.",
    buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2000),
)
COMMIT_SECONDS = Histogram(
    "backoffice_commit_seconds",
    "Seconds of one commit by step: lock, look_up, decide, write (events, rows, head), commit.",
    ["step"],
    buckets=_SECONDS,
)
COMMIT_STEPS = {
    step: COMMIT_SECONDS.labels(step) for step in ("lock", "look_up", "decide", "write", "commit")
}
"""The children, looked up once: a commit observes each."""

QUEUE_DEPTH = Gauge("backoffice_queue_commands", "Commands that wait for the writer.", ["ledger"])
OLDEST_SNAPSHOT_SECONDS = Gauge(
    "backoffice_oldest_snapshot_seconds",
    "Age of the oldest snapshot that a session of the database holds.",
)
