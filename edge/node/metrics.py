"""Health as text for Prometheus, on the loopback address only."""

import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

import msgspec

from station.errors import ConfigError
from station.messages import HealthMessage

COUNTED = (
    "frames",
    "frames_lost",
    "frames_corrupt",
    "samples_rejected",
    "bytes_discarded",
    "reconnects",
    "movements_rejected",
    "messages_refused",
    "overruns",
    "rezeros",
    "board_resets",
    "watchdog_restarts",
    "board_dropped",
)
MEASURED = ("link_up", "clock_drift_ppm", "outbox_depth", "last_sample_age_s", "zero_moved_n")


def exposition(healths: Mapping[str, HealthMessage]) -> str:
    """The newest health of each station in Prometheus' text format 0.0.4; what is not known is left out."""
    lines = []
    for names, kind, suffix in ((COUNTED, "counter", "_total"), (MEASURED, "gauge", "")):
        for name in names:
            lines.append(f"# TYPE plumbline_{name}{suffix} {kind}")
            for station, health in sorted(healths.items()):
                value = msgspec.structs.asdict(health)[name]
                if value is not None:
                    lines.append(f'plumbline_{name}{suffix}{{station="{station}"}} {float(value):.10g}')
    lines.append("# TYPE plumbline_missed_total counter")
    lines += [
        f'plumbline_missed_total{{station="{station}",channel="{channel}"}} {count}'
        for station, health in sorted(healths.items())
        for channel, count in sorted(health.missed.items())
    ]
    lines.append("# TYPE plumbline_sensor_fault gauge")
    lines += [
        f'plumbline_sensor_fault{{station="{station}",channel="{channel}",fault="{fault}"}} 1'
        for station, health in sorted(healths.items())
        for channel, fault in sorted(health.sensor_faults.items())
    ]
    return "\n".join(lines) + "\n"


class MetricsServer:
    """Answers GET /metrics at 127.0.0.1; a context manager.

    port : 0 for a free one, then see `port`
    healths : gives the newest health of each station
    """

    def __init__(self, port: int, healths: Callable[[], Mapping[str, HealthMessage]]) -> None:
        """Raises ConfigError for a port that is taken."""

        class Answer(BaseHTTPRequestHandler):
            timeout = 5.0

            def do_GET(self) -> None:
                found = self.path.split("?")[0] == "/metrics"
                body = (exposition(healths()) if found else "see /metrics\n").encode()
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """A scrape every few seconds is no news."""

        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), Answer)
        except (OSError, OverflowError) as error:
            raise ConfigError(
                f"--metrics {port}: cannot be listened on ({error}); give another port"
            ) from error
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
