"""Figures as text for Prometheus, on the loopback address only."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from station.errors import ConfigError


class MetricsServer:
    """Answers GET /metrics at 127.0.0.1; a context manager.

    port : 0 for a free one, then see `port`
    text : gives the figures in Prometheus' text format 0.0.4
    """

    def __init__(self, port: int, text: Callable[[], str]) -> None:
        """Raises ConfigError for a port that is taken."""

        class Answer(BaseHTTPRequestHandler):
            timeout = 5.0

            def do_GET(self) -> None:
                found = self.path.split("?")[0] == "/metrics"
                body = (text() if found else "see /metrics\n").encode()
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

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
