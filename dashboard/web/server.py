"""`plumbline dashboard --web`: each browser gets a dashboard of its own, a child process that draws for it.

Loopback by default. On any other address it speaks TLS or does not start, because keys pressed there move a
gym's stations; and a token is asked for, once, and kept in a cookie. What another page in the same browser
might try is refused: a foreign Origin, and on loopback a Host that is not this machine's (DNS rebinding).
Nothing on the page comes from another host, and a Content-Security-Policy keeps it so.
"""

import asyncio
import secrets
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp_jinja2
from aiohttp import web
from aiohttp.typedefs import Handler
from textual_serve.server import Server

from station.config import is_loopback
from station.errors import ConfigError

COOKIE = "plumbline"
SESSIONS = 16  # browsers at once; each is a process of some 60 MB
STOP_POLL_S = 0.2
_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


class DashboardServer(Server):
    """textual-serve with our page, and a door."""

    def __init__(self, command: str, host: str, port: int, token: str | None) -> None:
        """`token` None lets everyone in who reaches the address: for loopback alone."""
        super().__init__(
            command, host=host, port=port, title="Plumbline", templates_path=Path(__file__).parent
        )
        self._token = token
        self._open = 0

    async def make_app(self) -> web.Application:
        """The application, its door first."""
        app = await self._make_app()
        app.middlewares.append(self._door)
        return app

    async def on_startup(self, app: web.Application) -> None:
        """Say nothing: the command line says where it serves."""

    @aiohttp_jinja2.template("index.html")
    async def handle_index(self, request: web.Request) -> dict[str, Any]:
        """The page; every address on it is relative."""
        return {}

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """One browser's dashboard, while there is room."""
        if self._open >= SESSIONS:
            raise web.HTTPServiceUnavailable(text=f"{SESSIONS} browsers are connected; close one")
        self._open += 1
        try:
            return await super().handle_websocket(request)
        finally:
            self._open -= 1

    @web.middleware
    async def _door(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        host = urlsplit(f"//{request.host}").hostname or ""
        if self._token is None and not is_loopback(host):
            raise web.HTTPForbidden(text="this dashboard is for this machine alone")
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            raise web.HTTPForbidden(text="not from another page")
        if self._token is not None:
            given = request.query.get("token")
            if given is not None and secrets.compare_digest(given.encode(), self._token.encode()):
                answer = web.HTTPFound("/")  # takes the token out of the address and the history
                answer.set_cookie(COOKIE, self._token, httponly=True, samesite="Strict", secure=True)
                return answer
            kept = request.cookies.get(COOKIE, "")
            if not secrets.compare_digest(kept.encode(), self._token.encode()):
                raise web.HTTPForbidden(
                    text="open the address with its token, as the command line printed it"
                )
        response = await handler(request)
        if not response.prepared:
            response.headers["Content-Security-Policy"] = _POLICY
            response.headers["Referrer-Policy"] = "no-referrer"
        return response


def tls_of(host: str, certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """How to encrypt; None for this machine alone, where nobody listens on the way.

    Raises ConfigError where that is asked for any other address, or for files that do not serve.
    """
    if certificate is None or key is None:
        if certificate is not None or key is not None:
            raise ConfigError("--web-cert and --web-key belong together; give both files")
        if not is_loopback(host):
            raise ConfigError(
                f"--web-host {host} without TLS: token, names and keys would cross the network in clear;"
                " give --web-cert and --web-key, or stay on 127.0.0.1 and come by ssh -L"
            )
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # A key behind a password would have somebody asked on a terminal that there may not be.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except OSError as error:  # an SSLError is one
        why = error.reason if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigError(
            f"{certificate}, {key}: {why or 'not usable'};"
            " give a certificate in PEM and the key that belongs to it, without a password"
        ) from error
    return context


def serve(
    command: str,
    host: str,
    port: int,
    tls: ssl.SSLContext | None,
    stop: threading.Event,
    say: Callable[[str], None],
) -> None:
    """Serve until `stop` is set; `port` 0 takes a free one. Raises ConfigError for an address in use."""
    token = None if is_loopback(host) else secrets.token_urlsafe(16)
    try:
        asyncio.run(_serve(DashboardServer(command, host, port, token), host, port, tls, token, stop, say))
    except OSError as error:
        raise ConfigError(
            f"cannot serve on {host}:{port}: {error.strerror}; give another --web-port"
        ) from error


async def _serve(
    server: DashboardServer,
    host: str,
    port: int,
    tls: ssl.SSLContext | None,
    token: str | None,
    stop: threading.Event,
    say: Callable[[str], None],
) -> None:
    runner = web.AppRunner(await server.make_app(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
        port = runner.addresses[0][1]
        named = f"[{host}]" if ":" in host else host
        say(
            f"serving on {'http' if tls is None else 'https'}://{named}:{port}/"
            + (f"?token={token}" if token else "")
        )
        while not stop.is_set():
            await asyncio.sleep(STOP_POLL_S)
    finally:
        await runner.cleanup()
