"""How gunicorn runs: `gunicorn --config python:registry.serving registry.wsgi`. Options given to it win.

How many processes: WEB_CONCURRENCY (gunicorn's own variable), otherwise two. Each has eight threads, and a
request holds one until its answer is out: put a proxy in front that takes in slow uploads
(docs/operations.md).
"""

import os
import sys
from pathlib import Path
from typing import Any

from registry import children, logs, web_metrics
from registry import environment as env

_port = env.integer("METRICS_PORT", 0, least=0, most=65535)
_folder = os.environ.get(web_metrics.FOLDER, "")
_local = env.boolean("REGISTRY_DEMO", False) or not env.is_set("DATABASE_URL")

worker_class = "gthread"
workers = env.integer("WEB_CONCURRENCY", 2, least=1, most=64)
threads = 8
timeout = 60
graceful_timeout = 30
keepalive = 75  # longer than the proxy keeps its connections, so that it is the one that closes them
control_socket_disable = True
logconfig_dict = logs.configuration(
    env.choice("LOG_FORMAT", "text" if _local else "json", logs.FORMATS),
    "WARNING",
)
logconfig_dict["loggers"]["gunicorn.error"] = {
    "handlers": ["stderr"],
    "level": "WARNING",
    "propagate": False,
}


def on_starting(server: Any) -> None:
    """Figures of an earlier run go: their processes are gone, and their numbers may come again."""
    if _folder:
        Path(_folder).mkdir(parents=True, exist_ok=True)
        for file in Path(_folder).glob("*.db"):
            file.unlink()


def when_ready(server: Any) -> None:
    if _folder and _port:
        host = env.text("METRICS_HOST", "127.0.0.1")
        command = (sys.executable, "-m", "registry.web_metrics", host, str(_port))
        children.spawn(command, cwd=env.BASE_DIR)
