"""The dashboard served, a certificate, and a headless Chromium to look at it with."""

import asyncio
import base64
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SERVING = re.compile(r"serving on (https?://\S+)")


class Browser:
    """One page of a headless Chromium."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._asked = 0
        self.urls: list[str] = []
        self.received = ""  # what the page's own websocket brought, decoded

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result, taking in the events before it."""
        self._asked += 1
        asked = self._asked
        await self._socket.send_json({"id": asked, "method": method, "params": params})
        while (answer := await self._take(60.0)).get("id") != asked:
            pass
        return answer.get("result", {})

    async def until(self, true: Callable[[], object], timeout_s: float = 60.0) -> None:
        """Take in events until something is so."""
        deadline_s = time.monotonic() + timeout_s
        while not true():
            try:
                await self._take(max(deadline_s - time.monotonic(), 0.0))
            except TimeoutError:
                pytest.fail(f"it did not become true in time; {await self._shown()}")

    async def press(self, key: str) -> None:
        """Press a key that types itself."""
        await self.ask("Input.dispatchKeyEvent", type="keyDown", key=key, text=key)
        await self.ask("Input.dispatchKeyEvent", type="keyUp", key=key)

    async def value(self, expression: str) -> Any:
        """What an expression of the page's is, once it is there."""
        given = await self.ask(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        return given.get("result", {}).get("value")

    async def poll(self, expression: str, timeout_s: float = 60.0) -> Any:
        """Wait until an expression of the page's is true."""
        deadline_s = time.monotonic() + timeout_s
        while not (found := await self.value(expression)):
            assert time.monotonic() < deadline_s, f"{expression} did not become true; {await self._shown()}"
            await asyncio.sleep(0.05)
        return found

    async def _shown(self) -> str:
        """What a person would see of the page now, for a test that fails."""
        page = await self.value(
            "[document.body.className, document.getElementById('keys')?.innerText,"
            " window.happened?.slice(-30)]"
        )
        picture = Path(tempfile.mkstemp(prefix="plumbline-page-", suffix=".png")[1])
        picture.write_bytes(base64.b64decode((await self.ask("Page.captureScreenshot"))["data"]))
        return f"the page shows {page!r} ({picture}) and last received {self.received[-2000:]!r}"

    async def tap(self, x: float, y: float) -> None:
        """A finger, put down and taken off."""
        await self.ask("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        await self.ask("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    async def _take(self, timeout_s: float) -> dict[str, Any]:
        event: dict[str, Any] = await self._socket.receive_json(timeout=timeout_s)
        params = event.get("params", {})
        match event.get("method"):
            case "Network.requestWillBeSent":
                self.urls.append(params["request"]["url"])
            case "Network.webSocketCreated":
                self.urls.append(params["url"])
            case "Network.webSocketFrameReceived":
                data = params["response"]["payloadData"]
                binary = params["response"]["opcode"] == 2
                self.received += base64.b64decode(data).decode(errors="replace") if binary else data
        return event


@pytest.fixture
def served(broker: Any, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Start `plumbline dashboard --web`; gives its address."""
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> str:
        command = [sys.executable, "-P", "-m", "station.cli", "dashboard", "--web", "--web-port", "0"]
        command += ["--port", str(broker.port), "--db", str(tmp_path / "history.db"), *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        start.process = process
        assert process.stdout is not None
        found = SERVING.match(process.stdout.readline())
        assert found is not None
        return found[1]

    yield start
    for process in started:
        process.terminate()
        assert process.wait(10.0) == 143
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A certificate of our own for this machine, and its key, as options."""
    folder = tmp_path_factory.mktemp("tls")
    names = ["-subj", "/CN=gym", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(folder / "gym.key"), "-out", str(folder / "gym.pem")]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    subprocess.run([*command, "-nodes", *files, *names], check=True, capture_output=True)
    return f"--web-cert={folder / 'gym.pem'}", f"--web-key={folder / 'gym.key'}"


@pytest.fixture
def in_a_browser(tmp_path: Path) -> Callable[..., None]:
    """Open a page in Chromium and drive it."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    return lambda url, drive, prepare=_nothing: _browse(tmp_path / "chromium", url, drive, prepare)


async def _nothing(_: Browser) -> None: ...


def _browse(
    folder: Path,
    url: str,
    drive: Callable[[Browser], Awaitable[None]],
    prepare: Callable[[Browser], Awaitable[None]],
) -> None:

    async def run() -> None:
        chromium = subprocess.Popen(
            [
                str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--disable-background-networking", "--no-first-run", "--window-size=1280,800",
                "--ignore-certificate-errors",
                "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank",
            ],
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            port_file = folder / "DevToolsActivePort"
            deadline_s = time.monotonic() + 60.0
            while not (port_file.exists() and len(port_file.read_text().splitlines()) == 2):
                assert time.monotonic() < deadline_s, "chromium did not start"
                await asyncio.sleep(0.05)
            port = port_file.read_text().splitlines()[0]
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                    pages = json.loads(await answer.text())
                page = next(one for one in pages if one["type"] == "page")
                address = page["webSocketDebuggerUrl"]
                async with session.ws_connect(address, max_msg_size=0) as socket:
                    browser = Browser(socket)
                    for domain in ("Network", "Page", "Runtime"):
                        await browser.ask(f"{domain}.enable")
                    await prepare(browser)
                    await browser.ask("Page.navigate", url=url)
                    await drive(browser)
        finally:
            chromium.terminate()
            chromium.wait(10.0)

    asyncio.run(run())
