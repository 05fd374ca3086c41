"""The touch shell, by touch in a real browser: buttons, sound, and back after a lost connection."""

import asyncio
import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashboard.record.store import Arrived, open_store
from tests.dashboard.sizes import BROWSERS

pytestmark = pytest.mark.long

# What the terminal says of its size is kept.
# A player that records stands in for the browser's: what would have sounded is counted.
PLAYER = """
window.happened = [];  // for a test that fails
for (const kind of ["pointerdown", "pointerup", "pointercancel", "click"]) {
  const note = ({ target, x, y }) => happened.push(
    `${Math.round(performance.now())} ${kind} ${target.textContent?.slice(0, 20)} ${x},${y}`
  );
  window.addEventListener(kind, note, true);
}
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) {
  const [what, size] = JSON.parse(data);
  if (what === "resize") window.columns_rows = `${size.width}x${size.height}`;
  happened.push(`${Math.round(performance.now())} send ${data}`);
  send.call(this, data);
};
window.sounded = 0;
window.AudioContext = class {
  currentTime = 0; destination = {};
  resume() {}
  createGain() { return { gain: {}, connect: () => ({}) }; }
  createOscillator() {
    return { frequency: {}, connect: (next) => next, start: () => window.sounded++, stop: () => {} };
  }
};
"""
BUTTON = "[...document.querySelectorAll('#keys button')].find((one) => one.textContent === %r)"


def a_tablet(size: tuple[int, int]) -> Callable[[Any], Any]:
    """A touch screen of this size, with a player that records."""

    async def prepare(browser: Any) -> None:
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size[0] < 600}
        await browser.ask("Emulation.setDeviceMetricsOverride", **metrics)
        await browser.ask("Emulation.setTouchEmulationEnabled", enabled=True)
        await browser.ask("Page.addScriptToEvaluateOnNewDocument", source=PLAYER)

    return prepare


async def place(browser: Any, words: str) -> list[float]:
    """Where a button of the shell stands, once it is there and has been scrolled to."""
    button = BUTTON % words
    # Until the buttons are there nothing stands where it stays.
    await browser.poll(f"document.querySelectorAll('.key').length > 1 && !!({button})")
    at: list[float] = await browser.value(
        f"(() => {{ const one = {button}; one.scrollIntoView(); const at = one.getBoundingClientRect();"
        " return [at.x + at.width / 2, at.y + at.height / 2]; })()"
    )
    return at


async def tap(browser: Any, words: str) -> None:
    """Tap a button of the shell."""
    await browser.tap(*await place(browser, words))


@pytest.mark.parametrize("size", BROWSERS, ids=lambda size: f"{size[0]}x{size[1]}")
def test_every_key_is_a_button_for_a_finger_and_does_what_the_key_does(
    served: Callable[..., str],
    in_a_browser: Any,
    edge: Any,
    words: Any,
    tmp_path: Path,
    size: tuple[int, int],
) -> None:
    say = words()
    edge.say("rack-1", say.state(), say.info(athlete="ana", target_reps=8), say.live(1.0))

    async def hears(what: bytes) -> None:
        deadline_s = time.monotonic() + 30.0
        while not any(what in one.payload for one in edge.heard):
            assert time.monotonic() < deadline_s, f"the edge heard no {what!r}"
            await asyncio.sleep(0.02)

    async def drive(browser: Any) -> None:
        await browser.until(lambda: "ana" in browser.received, 60.0)
        columns, rows = BROWSERS[size]
        await browser.poll(f"window.columns_rows === '{columns}x{rows}'")
        await tap(browser, "Tare")
        await hears(b'"tare"')
        await tap(browser, "Load")
        await tap(browser, "Back")  # the buttons are those of the dialog
        await tap(browser, "Station")
        await tap(browser, "Floor")
        await browser.poll(f"!!({BUTTON % 'Station'})")
        await tap(browser, "Health")
        await browser.poll(f"!({BUTTON % 'Tare'})")
        await browser.value(f"({BUTTON % 'Back'}).click(), ({BUTTON % 'History'}).click()")  # in one piece
        await browser.poll(f"!!({BUTTON % 'Board'})")
        await tap(browser, "Back")
        await browser.poll(f"!!({BUTTON % 'Station'})")
        small = await browser.value(
            "[...document.querySelectorAll('#keys button')].map((one) => one.getBoundingClientRect())"
            ".filter((at) => at.width < 44 || at.height < 44 || at.right > window.innerWidth).length"
        )
        assert small == 0
        page = "document.documentElement"
        assert await browser.value(f"{page}.scrollWidth <= {size[0]} && {page}.scrollHeight <= {size[1]}")
        terminal = await browser.value("document.getElementById('terminal').getBoundingClientRect().height")
        assert terminal > size[1] / 2  # the screen is what is looked at
        picture = await browser.ask("Page.captureScreenshot")
        (tmp_path / "touch.png").write_bytes(base64.b64decode(picture["data"]))

    in_a_browser(served(), drive, a_tablet(size))


def test_a_tap_counts_though_the_buttons_change_while_the_finger_is_down(
    served: Callable[..., str], in_a_browser: Any, edge: Any, words: Any
) -> None:
    say = words()
    edge.say("rack-1", say.state(), say.info(athlete="ana", target_reps=8), say.live(1.0))

    async def drive(browser: Any) -> None:
        await browser.until(lambda: "ana" in browser.received)
        x, y = await place(browser, "All")
        await browser.ask("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        edge.say("rack-2", words().state(), site="other-gym")  # now a gym can be chosen
        await browser.until(lambda: '["Gym","j"]' in browser.received)
        await browser.ask("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        await browser.until(lambda: "Search for commands" in browser.received)

    in_a_browser(served(), drive, a_tablet((1280, 800)))


def test_after_one_tap_the_bell_sounds_in_the_browser(
    served: Callable[..., str], in_a_browser: Any, edge: Any, words: Any
) -> None:
    say = words()
    edge.say("rack-1", say.state(), say.info(athlete="ana"), say.live(1.0))

    async def drive(browser: Any) -> None:
        await browser.until(lambda: "ana" in browser.received, 60.0)
        assert await browser.value("window.sounded") == 0
        await tap(browser, "sound on")
        await browser.poll("window.sounded === 1")  # so that one hears that it does
        edge.say("rack-1", say.state("lost"))
        await browser.poll("window.sounded === 2")

    in_a_browser(served(), drive, a_tablet((1024, 768)))


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_lost_connection_is_said_and_found_again_within_three_seconds(
    broker: Any, in_a_browser: Any, edge: Any, words: Any, tmp_path: Path
) -> None:
    say = words()
    edge.say("rack-1", say.state(), say.info(athlete="ana"), say.live(1.0))
    command = [sys.executable, "-P", "-m", "station.cli", "dashboard", "--web", "--port", str(broker.port)]
    command += ["--db", str(tmp_path / "history.db"), "--web-port"]

    def start(port: str) -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen([*command, port], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        return process, process.stdout.readline().split()[-1]

    process, url = start("0")

    async def drive(browser: Any) -> None:
        nonlocal process
        await browser.until(lambda: "ana" in browser.received, 60.0)
        (screen,) = children(process.pid)
        os.kill(screen, signal.SIGSTOP)  # it comes round to nothing
        process.kill()
        process.wait()
        await browser.until(lambda: not Path(f"/proc/{screen}").exists())  # nobody would look at it any more
        await browser.poll("document.body.classList.contains('-lost')")
        browser.received = ""
        process, _ = await asyncio.to_thread(start, url.rstrip("/").rpartition(":")[2])
        # It asks twice a second: at the server's first answer the page begins anew.
        assert await browser.value("AGAIN_MS") <= 500
        await browser.until(lambda: "ana" in browser.received, 60.0)
        assert not await browser.value("document.body.classList.contains('-lost')")

    try:
        in_a_browser(url, drive, a_tablet((1024, 768)))
    finally:
        process.terminate()
        process.wait(10.0)
        assert process.stdout is not None
        process.stdout.close()


def test_reps_of_the_record_come_as_a_file_into_the_browser(
    served: Callable[..., str], in_a_browser: Any, words: Any, tmp_path: Path
) -> None:
    with open_store(tmp_path / "history.db") as store:
        store.ingest([Arrived("gym", "rack-1", words().rep(1, athlete="ana"))])
    folder = tmp_path / "downloads"

    async def drive(browser: Any) -> None:
        await browser.ask("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
        await tap(browser, "History")
        await browser.until(lambda: "Romanian" in browser.received)
        await tap(browser, "Export")
        await browser.until(lambda: list(folder.glob("ana-romanian-deadlift.csv")))
        assert b"mean_concentric_velocity_mps" in next(folder.iterdir()).read_bytes()

    in_a_browser(served(), drive, a_tablet((1024, 768)))
