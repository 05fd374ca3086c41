"""`plumbline replay`: a recording or a capture through a node, as if it were live."""

import argparse
import contextlib
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from edge.broker.mosquitto import Broker
from edge.delivery.outbox import Outbox
from edge.link.capture import Capture, is_capture
from edge.link.recording import Recording, read_recording
from edge.link.sources import ReplaySource
from edge.node.acquisition import Acquisition, PlayedCapture, PlayedSamples
from edge.node.node import Node
from edge.node.session import Session
from edge.tools.analysis import check_channels
from station.config import Mqtt, StationFile, is_loopback
from station.errors import ConfigError, StoreError
from station.exercises import Profile
from station.messages import Sensor
from station.program.distribution import dashboard_installed, install_with
from station.program.process import end_with_parent

DRAIN_S = 10.0
QUIET_S = 0.5  # nothing more is coming
SCREEN_READY_S = 15.0
BLOCK_S = 0.02  # of the host's time


def acquisition(
    path: Path, station: StationFile, profile: Profile, exercises_dir: Path | None, speed: float
) -> Acquisition:
    """An acquisition that plays a recording or a capture. Raises RecordingError, ConfigError."""
    if not speed > 0.0:
        raise ConfigError(f"--speed is {speed:g}; it must be above 0, 1 is as fast as it was")
    session = Session(station, profile, exercises_dir)
    if not is_capture(path):
        recording = read_recording(path)
        check_channels(recording, station, path)
        blocks = recording.samples(min(1.0, BLOCK_S * speed))
        return PlayedSamples(session, blocks, speed, _sensors(recording))
    capture = Capture(path)
    port = msgspec.structs.replace(capture.port(station), url=f"capture {path}")
    source = ReplaySource(capture, speed=speed, clock=time.monotonic, sleep=time.sleep)
    return PlayedCapture(session, port, source)


def replay(args: argparse.Namespace, station: StationFile, profile: Profile, own: Path | None) -> int:
    """Run it; the arguments are those of edge.cli.replay."""
    playing = acquisition(args.recording, station, profile, own, args.speed)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="plumbline-replay-")))
        if args.host is None:
            mqtt = stack.enter_context(_own_gym(folder))
        else:
            tls = not is_loopback(args.host)
            where = {"host": args.host, "port": args.port or (8883 if tls else 1883), "tls": tls}
            mqtt = msgspec.structs.replace(station.mqtt or Mqtt(), **where, home_assistant=None)
        outbox = stack.enter_context(Outbox(args.outbox or folder / "outbox.db"))
        node = Node([playing], outbox, {station.station.id: mqtt})
        status = node.run(DRAIN_S)
        left = outbox.depth()
        if left:
            raise StoreError(
                f"{left} events were not confirmed within {DRAIN_S:g} s;"
                f" is a `plumbline record` or a dashboard running on {mqtt.host}:{mqtt.port}?"
            )
    return status


@contextlib.contextmanager
def _own_gym(folder: Path) -> Iterator[Mqtt]:
    """A private broker and a dashboard in plain lines, whose lines are passed on to our stdout."""
    if not dashboard_installed():
        todo = f"name a broker with --host, or {install_with('dashboard')}"
        raise ConfigError(f"no screen is installed here to show it; {todo}")
    with Broker() as broker:
        command = [sys.executable, "-m", "station.cli", "dashboard", "--plain", "--no-tls"]
        where = ["--host", "127.0.0.1", "--port", str(broker.port), "--db", str(folder / "history.db")]
        screen = subprocess.Popen(
            [*command, *where],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=end_with_parent(),  # noqa: PLW1509 - calls prctl and nothing else
        )
        ready = threading.Event()
        said = threading.Event()

        def pass_on() -> None:
            assert screen.stdout is not None
            for line in screen.stdout:
                said.set()
                if re.search(rf"\b{broker.port}\b", line):
                    ready.set()
                print(line, end="", flush=True)

        reader = threading.Thread(target=pass_on, daemon=True)
        reader.start()
        try:
            ready.wait(SCREEN_READY_S)  # reps are shown from here on; the outbox holds them until then
            yield Mqtt(host="127.0.0.1", port=broker.port, tls=False)
            said.clear()
            while said.wait(QUIET_S):  # its last lines
                said.clear()
        finally:
            screen.terminate()
            screen.wait()
            reader.join(1.0)


def _sensors(recording: Recording) -> list[Sensor]:
    """The channels of a recording and their mean rates."""
    found = []
    for channel, values in recording.columns.items():
        there = int(np.count_nonzero(~np.isnan(values)))
        rate_hz = (there - 1) / recording.duration_s if there > 1 and recording.duration_s > 0 else None
        found.append(Sensor(channel=channel, rate_hz=rate_hz))
    return found
