"""The dashboard in a real browser, driven over the DevTools protocol; nothing may leave for another host."""

import asyncio
import base64
import json
import re
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import aiohttp
import pytest

from edge.broker.mosquitto import Broker
from station.cli import main

pytestmark = pytest.mark.long


def test_a_browser_shows_the_floor_takes_keys_and_asks_no_other_host(
    served: Callable[..., str], in_a_browser: Any, edge: Any, words: Any, tmp_path: Path
) -> None:
    say = words()
    edge.say("rack-1", say.state(), say.info(athlete="ana", target_reps=8), say.live(1.0))
    url = served()

    async def drive(browser: Any) -> None:
        await browser.until(lambda: "Romanian" in browser.received and "ana" in browser.received)
        await browser.poll("document.activeElement.tagName === 'TEXTAREA'")  # nothing is clicked before
        await browser.press("t")
        deadline_s = time.monotonic() + 10.0
        while not edge.heard:
            assert time.monotonic() < deadline_s, "the key did not arrive"
            await asyncio.sleep(0.02)
        assert b'"tare"' in edge.heard[0].payload
        fonts = await browser.ask(
            "Runtime.evaluate",
            expression="document.fonts.ready.then(() => document.fonts.check('16px \"Roboto Mono\"'))",
            awaitPromise=True,
        )
        assert fonts["result"]["value"] is True
        picture = await browser.ask("Page.captureScreenshot")
        (tmp_path / "floor.png").write_bytes(base64.b64decode(picture["data"]))
        assert len(picture["data"]) > 20_000  # an empty page is a tenth of it
        place = url.removeprefix("http://").rstrip("/")
        named = [one for one in browser.urls if not one.startswith(("about:", "data:"))]
        assert any(one.startswith("ws://") for one in named)
        assert {re.sub(r"^\w+://([^/]+).*", r"\1", one) for one in named} == {place}

    in_a_browser(url, drive)


def test_beyond_this_machine_a_browser_is_served_over_tls_by_its_token(
    served: Callable[..., str], in_a_browser: Any, certificate: tuple[str, str], edge: Any, words: Any
) -> None:
    edge.say("rack-1", words().state(), words().info(athlete="ana"), words().live(1.0))
    url = served("--web-host", "0.0.0.0", *certificate).replace("0.0.0.0", "127.0.0.1")

    async def drive(browser: Any) -> None:
        await browser.until(lambda: "Romanian" in browser.received and "ana" in browser.received)
        assert any(one.startswith("wss://") for one in browser.urls)
        assert not any(one.startswith(("http:", "ws:")) for one in browser.urls)
        address = await browser.ask("Runtime.evaluate", expression="window.location.href")
        assert "token" not in address["result"]["value"]
        cookies = await browser.ask("Network.getCookies")
        (cookie,) = cookies["cookies"]
        assert cookie["secure"] and cookie["httpOnly"] and cookie["sameSite"] == "Strict"

    in_a_browser(url, drive)


def test_in_the_clear_it_serves_this_machine_alone(
    certificate: tuple[str, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.pem"
    other.write_text("no certificate")
    for options, wrong in (
        (("--web-host", "0.0.0.0"), "without TLS"),
        (("--web-host", "0.0.0.0", certificate[0]), "belong together"),
        ((f"--web-cert={other}", certificate[1]), "certificate in PEM"),
        ((certificate[0], f"--web-key={tmp_path / 'none.key'}"), "No such file"),
    ):
        assert main(["dashboard", "--web", "--web-port", "0", "--no-record", *options]) == 1
        said = capfd.readouterr()
        assert wrong in said.err and "Traceback" not in said.err and not said.out


def test_the_server_says_on_its_own_terminal_that_there_is_no_history(
    served: Callable[..., str], tmp_path: Path, capfd: pytest.CaptureFixture[str], until: Any
) -> None:
    (tmp_path / "history.db").write_bytes(b"no database at all" * 100)
    assert get(served())[0] == 200
    said: list[str] = []

    def heard() -> bool:
        said.append(capfd.readouterr().err)
        return "plumbline dashboard: no history: " in "".join(said)

    until(heard)


def get(url: str, **headers: str) -> tuple[int, str]:
    """Status and text of a page, redirects followed; a certificate is not looked at."""

    async def run() -> tuple[int, str]:
        jar = aiohttp.CookieJar(unsafe=True)  # cookies of an address without a name, too
        async with (
            aiohttp.ClientSession(cookie_jar=jar) as session,
            session.get(url, headers=headers, ssl=False) as answer,
        ):
            return answer.status, await answer.text()

    return asyncio.run(run())


def test_another_page_and_another_name_for_this_machine_are_refused(served: Callable[..., str]) -> None:
    url = served()
    assert get(url)[0] == 200
    assert get(url, Origin="http://evil.example")[0] == 403
    assert get(url, Host="evil.example")[0] == 403
    page = get(url)[1]
    assert "http:" not in page.replace('"https:"', "") and "//fonts" not in page


def test_beyond_this_machine_a_token_is_asked_for(
    served: Callable[..., str], certificate: tuple[str, str]
) -> None:
    url = served("--web-host", "0.0.0.0", *certificate).replace("0.0.0.0", "127.0.0.1")
    bare, token = url.split("?token=")
    assert len(token) >= 20
    assert get(bare)[0] == 403
    assert get(f"{bare}ws")[0] == 403
    assert get(f"{bare}?token={token[:-1]}x")[0] == 403
    assert get(url)[0] == 200


@pytest.fixture(scope="module")
def served_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page that several tests talk to one after another."""
    with Broker() as broker:
        folder = tmp_path_factory.mktemp("served")
        command = [sys.executable, "-P", "-m", "station.cli", "dashboard", "--web", "--web-port", "0"]
        command += ["--port", str(broker.port), "--db", str(folder / "history.db")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            found = re.match(r"serving on (https?://\S+)", process.stdout.readline())
            assert found is not None
            yield found[1]
            process.terminate()


def talk(
    url: str, *said: Any, size: str = "width=80&height=24", after: bytes = b""
) -> tuple[bytes, int | None]:
    """Speak to the page's websocket without a browser: what came until it was closed, or until `after`."""

    async def run() -> tuple[bytes, int | None]:
        heard = b""
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{url}ws?{size}") as spoken,
        ):
            for one in said:
                await (spoken.send_str(one) if isinstance(one, str) else spoken.send_json(one))
            await spoken.send_json(["ping", "end"])
            answered = False
            async for message in spoken:
                if message.type == aiohttp.WSMsgType.TEXT:
                    answered = answered or json.loads(message.data) == ["pong", "end"]
                else:
                    heard += message.data
                if answered and after in heard:
                    return heard, None
            return heard, spoken.close_code

    return asyncio.run(run())


def test_a_token_from_a_file_is_asked_for_and_said_nowhere(
    served: Callable[..., str], certificate: tuple[str, str], tmp_path: Path
) -> None:
    token = tmp_path / "web.token"
    token.write_text("a-token-of-twenty-letters\n")
    token.chmod(0o600)
    said = served("--web-host", "0.0.0.0", *certificate, "--web-token", str(token))
    assert "twenty" not in said
    url = said.partition("?")[0].replace("0.0.0.0", "127.0.0.1")
    assert get(f"{url}?token=%E2%80%A6")[0] == 403
    assert get(f"{url}?token=a-token-of-twenty-letters")[0] == 200


def test_idle_connections_shut_nobody_out(served: Callable[..., str]) -> None:
    url = served()
    resource.prlimit(served.process.pid, resource.RLIMIT_NOFILE, (200, 200))  # sooner than the usual 1024
    host, port = url.removeprefix("http://").rstrip("/").split(":")
    idle = [socket.create_connection((host, int(port))) for _ in range(300)]
    try:
        with urlopen(url, timeout=30.0) as page:
            assert page.status == 200
        assert talk(url)[1] is None
    finally:
        for one in idle:
            one.close()


def test_a_terminal_is_never_larger_than_a_wall_of_screens(served: Callable[..., str]) -> None:
    large = ["resize", {"width": 20_000, "height": 20_000}]
    url = served()
    assert talk(url, large, size="width=99999999999&height=-3")[1] is None
    # The size to begin with is in the address: a resize that comes before the child listens is lost.
    heard, closed = talk(url, large, ["stdin", "i"], size="width=20000&height=20000", after=b"\x1b[200;")
    assert closed is None
    places = [(int(row), int(column)) for row, column in re.findall(rb"\x1b\[(\d+);(\d+)H", heard)]
    assert max(row for row, _ in places) == 200
    assert max(column for _, column in places) <= 500


@pytest.mark.parametrize(
    "said",
    ["no json", "[]", '{"a": 1}', '["stdin"]', '["stdin", 7]', '["resize", {"width": "x"}]', "[1, 2]"],
)
def test_what_is_no_terminals_message_ends_that_browser_alone(served_url: str, said: str) -> None:
    assert talk(served_url, said)[1] == 1008
    assert talk(served_url)[1] is None
