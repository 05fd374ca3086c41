"""`plumbline dashboard --web`: each browser gets a dashboard of its own, a child process that draws for it.

Loopback by default. On any other address it speaks TLS or does not start, because keys pressed there move a
gym's stations; and a token is asked for, once, and kept in a cookie. What another page in the same browser
might try is refused: a foreign Origin, and on loopback a Host that is not this machine's (DNS rebinding).
Nothing on the page comes from another host, and a Content-Security-Policy keeps it so.
"""

import asyncio
import re
import secrets
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import aiohttp_jinja2
import msgspec
from aiohttp import WSCloseCode, WSMsgType, web
from aiohttp.typedefs import Handler
from textual_serve.app_service import AppService
from textual_serve.server import Server

from dashboard.web.connections import BACKLOG, Connections
from station.config import is_loopback, read_secret
from station.errors import ConfigError

COOKIE = "plumbline"
LEAST_TOKEN = 16  # characters
SESSIONS = 16  # browsers at once; each is a process of some 60 MB
MOST_COLUMNS, MOST_ROWS = 500, 200  # of a browser's terminal: 4K at the smallest font there is
MOST_KEYS = 4096  # characters in one message: a paste
MOST_MESSAGE_BYTES = 32_768
HEARTBEAT_S = 15.0
STOP_POLL_S = 0.2
_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


_Keys = Annotated[str, msgspec.Meta(max_length=MOST_KEYS)]
_Stamp = Annotated[str, msgspec.Meta(max_length=64)] | int | float | None


_SAID = msgspec.json.Decoder(Annotated[list[Any], msgspec.Meta(min_length=1, max_length=2)])


class _Size(msgspec.Struct):
    """Of a browser's terminal, in characters."""

    width: Annotated[int, msgspec.Meta(ge=1)]
    height: Annotated[int, msgspec.Meta(ge=1)]


class ShellService(AppService):
    """A dashboard's process; what it says to the touch shell around its terminal goes on to the browser."""

    async def on_meta(self, data: bytes) -> None:
        """See AppService."""
        said = msgspec.json.decode(data)
        if said["type"] in ("keys", "bell"):
            await self.remote_write_str(msgspec.json.encode([said["type"], said["value"]]).decode())
            return
        if said["type"] == "exit":
            await self.remote_write_str('["ended", true]')  # it was not the network
        await super().on_meta(data)


class DashboardServer(Server):
    """textual-serve with our page and access control."""

    def __init__(self, command: str, host: str, port: int, token: str | None) -> None:
        """`token` None lets everyone in who reaches the address: for loopback alone."""
        super().__init__(
            command, host=host, port=port, title="Plumbline", templates_path=Path(__file__).parent
        )
        self._token = token
        self._open = 0
        self.connections: Connections | None = None

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
        browser = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=MOST_MESSAGE_BYTES)
        await browser.prepare(request)

        async def end() -> None:
            await browser.close()

        service = ShellService(
            self.command,
            write_bytes=browser.send_bytes,
            write_str=browser.send_str,
            close=end,
            download_manager=self.download_manager,
        )
        try:
            await service.start(
                _between(20, request.query.get("width"), MOST_COLUMNS),
                _between(5, request.query.get("height"), MOST_ROWS),
            )
            await self._process_messages(browser, service)
        finally:
            self._open -= 1
            await service.stop()
            await browser.close()
        return browser

    async def _process_messages(self, websocket: web.WebSocketResponse, app_service: AppService) -> None:
        """What a browser may say: keys, a terminal's size, and that it is there. All else ends it."""
        async for message in websocket:
            if message.type != WSMsgType.TEXT:
                continue
            try:
                what, data = [*_SAID.decode(message.data), None][:2]
                await self._obey(websocket, app_service, msgspec.convert(what, str), data)
            except (msgspec.DecodeError, msgspec.ValidationError):
                await websocket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"not a terminal")
                return

    @staticmethod
    async def _obey(websocket: web.WebSocketResponse, app_service: AppService, what: str, data: Any) -> None:
        match what:
            case "stdin":
                await app_service.send_bytes(msgspec.convert(data, _Keys).encode("utf-8", "replace"))
            case "resize":
                size = msgspec.convert(data, _Size)
                width, height = min(size.width, MOST_COLUMNS), min(size.height, MOST_ROWS)
                await app_service.set_terminal_size(width, height)
            case "ping":
                await websocket.send_json(["pong", msgspec.convert(data, _Stamp)])
            case "blur":
                await app_service.blur()
            case "focus":
                await app_service.focus()

    @web.middleware
    async def _door(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self.connections is not None:
            self.connections.asked(request.protocol)
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


def _between(least: int, word: str | None, most: int) -> int:
    """A number from an address, within bounds; the least where it is none."""
    return min(max(int(word), least), most) if word and re.fullmatch(r"[0-9]{1,7}", word) else least


def tls_of(host: str, certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """The TLS context; None for loopback.

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
    token_file: Path | None = None,
) -> None:
    """Serve until `stop` is set; `port` 0 takes a free one. Raises ConfigError for an address in use.

    token_file : holds the token; it is then not said, for what a service says is in the machine's log
    """
    token = None if is_loopback(host) else secrets.token_urlsafe(16)
    shown = f"?token={token}" if token else ""
    if token_file is not None:
        token, shown = read_secret(token_file), f"?token=… (in {token_file})"
        if len(token) < LEAST_TOKEN:
            raise ConfigError(f"{token_file}: a token of {len(token)} characters; give {LEAST_TOKEN} or more")
    try:
        asyncio.run(_serve(DashboardServer(command, host, port, token), host, port, tls, shown, stop, say))
    except OSError as error:
        raise ConfigError(
            f"cannot serve on {host}:{port}: {error.strerror}; give another --web-port"
        ) from error


async def _serve(
    server: DashboardServer,
    host: str,
    port: int,
    tls: ssl.SSLContext | None,
    shown: str,
    stop: threading.Event,
    say: Callable[[str], None],
) -> None:
    runner = web.AppRunner(await server.make_app(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    listener: socket.socket | None = None
    accepting: asyncio.Task[None] | None = None
    try:
        assert runner.server is not None
        listener = _listen(host, port)
        server.connections = Connections(runner.server, tls)
        accepting = asyncio.create_task(server.connections.accept(listener))
        port = listener.getsockname()[1]
        named = f"[{host}]" if ":" in host else host
        say(f"serving on {'http' if tls is None else 'https'}://{named}:{port}/{shown}")
        while not stop.is_set():
            await asyncio.sleep(STOP_POLL_S)
    finally:
        if accepting is not None:
            accepting.cancel()
        if listener is not None:
            listener.close()
        await runner.cleanup()


def _listen(host: str, port: int) -> socket.socket:
    """Raises OSError for an address that is no one's, or in use."""
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listener = socket.create_server(address[:2], family=family, backlog=BACKLOG)
    listener.setblocking(False)
    return listener
