"""How many requests the web server answers, and how fast, by route.

A web server is several processes. Where PROMETHEUS_MULTIPROC_DIR names a folder (a tmpfs: it holds numbers of
no lasting worth), each keeps its figures in a file there, and one process more adds them up for Prometheus:
`python -m registry.web_metrics`, which registry.serving starts beside the web server. Elsewhere nothing is
counted.
"""

import os
import signal
import sys

from prometheus_client import CollectorRegistry, Histogram, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's own name for it, read when it is imported
BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

_seconds = (
    Histogram(
        "registry_http_request_duration_seconds",
        "From a request's arrival to the end of its answer",
        ("method", "route", "status"),
        buckets=BUCKETS,
        registry=None,
    )
    if os.environ.get(FOLDER)
    else None
)


def observe(method: str, route: str, status: int, seconds: float) -> None:
    if _seconds is not None:
        _seconds.labels(method, route, f"{status // 100}xx").observe(seconds)


def main(host: str, port: int) -> None:
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    start_http_server(port, addr=host, registry=registry)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})  # before any thread starts
    main(sys.argv[1], int(sys.argv[2]))
