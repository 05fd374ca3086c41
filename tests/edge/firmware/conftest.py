"""Sets as a board's pins and sensors show them, and the firmware that is fed with them."""

import fcntl
import json
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from platformdirs import user_cache_path

from edge.board.build import avr_hex
from edge.board.configuration import BoardFile, ChannelTable, block
from edge.board.image import uf2
from edge.link.drivers import Driver, Samples, make_driver
from station.config import Port, StationFile, StationTable
from station.exercises import load_profile
from station.sim import Sensors, SimulatedSet, simulate_set, with_seed
from station.sim.devices.board import LOAD_CELL_COUNTS_PER_N, LOAD_CELL_ZERO
from station.sim.devices.readings import lengths
from tests.edge.board.boot_rom import copied
from tests.edge.firmware.stimulus import Encoder, Sensor, Tilt, stimuli

COUNTS_PER_M = 10_000.0  # 600 lines an encoder's turn, a spool of 240 mm round
START_S = 0.1
RP2040JS = "1.4.1"
HARNESS = Path(__file__).parent / "rp2040.mjs"

# What each channel is connected to on a Pico; on an Arduino the encoder stays and the cell is on 4 and 5.
PINS = {
    "position_m": ("encoder", [2, 3]),
    "position_2_m": ("encoder", [8, 9]),
    "tether_angle_rad": ("as5600", [4, 5]),
    "force_n": ("hx711", [10, 11]),
    "pulley_x_n": ("hx711", [12, 13]),
    "pulley_y_n": ("hx711", [14, 15]),
}


@dataclass(frozen=True)
class Case:
    """A simulated set, the board it is measured with, and its stimuli."""

    simulated: SimulatedSet
    board: BoardFile
    records: NDArray[np.void]

    def write(self, folder: Path) -> tuple[Path, Path]:
        """The two files that every target takes."""
        configuration, stimulus = folder / "configuration.bin", folder / "stimuli.bin"
        configuration.write_bytes(block(self.board, self.board.serial or "test"))
        stimulus.write_bytes(self.records.tobytes())
        return configuration, stimulus


def board_file(
    names: Mapping[str, Sensor], zeros: Mapping[str, float], target: str = "rp2040", **changes: Any
) -> BoardFile:
    """The board that measures these channels."""
    tables = []
    for name in names:
        sensor, pins = PINS[name]
        scale, zero = (LOAD_CELL_COUNTS_PER_N, LOAD_CELL_ZERO) if sensor == "hx711" else (None, None)
        if sensor == "encoder":
            scale, zero = COUNTS_PER_M, zeros[name]
        if target == "avr" and sensor == "hx711":
            pins = [4, 5]
        tables.append(ChannelTable(name, sensor, pins, None, scale, zero))  # type: ignore[arg-type]
    fields = {"name": "test board", "baud": 460_800, "serial": "test", "target": target} | changes
    return BoardFile(tables, **fields)


@pytest.fixture(scope="session")
def make_case() -> Callable[..., Case]:
    """A case of an exercise with these channels."""

    def make(
        exercise: str, *channels: str, reps: int = 3, seed: int = 7, target: str = "rp2040", **changes: Any
    ) -> Case:
        cells = 80.0
        sensors = Sensors(
            position_hz=1000.0,
            second_tether="position_2_m" in channels,
            tilt_hz=100.0 if "tether_angle_rad" in channels else None,
            force_hz=cells if "force_n" in channels else None,
            pulley_hz=cells if "pulley_x_n" in channels else None,
        )
        board_changes = {key: changes.pop(key) for key in ("baud",) if key in changes}
        simulated = simulate_set(
            load_profile(exercise), reps=reps, rng=with_seed(seed), sensors=sensors, **changes
        )
        wanted: dict[str, Sensor] = {
            name: Encoder(COUNTS_PER_M)
            if name.startswith("position")
            else Tilt()
            if "angle" in name
            else None
            for name in channels
        }
        records, zeros = stimuli(simulated, wanted, START_S)
        return Case(simulated, board_file(wanted, zeros, target, **board_changes), records)

    return make


@pytest.fixture(scope="session")
def rp2040js() -> Path:
    """The emulator, from npm, kept outside the tree; skip where there is no Node.js."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node or npm is not installed")
    folder = user_cache_path("plumbline-tests") / f"rp2040js-{RP2040JS}"
    package = folder / "node_modules" / "rp2040js"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one of the test processes brings it
        if not (package / "dist" / "esm" / "index.js").exists():
            command = ["npm", "install", "--silent", "--prefix", str(folder), f"rp2040js@{RP2040JS}"]
            subprocess.run(command, check=True)
    return package


@pytest.fixture
def on_host(host_board: Path, tmp_path: Path) -> Callable[..., bytes]:
    """What the board says of a case, as fast as it goes."""

    def run(case: Case, *args: int) -> bytes:
        configuration, stimulus = case.write(tmp_path)
        command = [str(host_board), str(configuration), str(stimulus), "0", *map(str, args)]
        return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout

    return run


@pytest.fixture(scope="session")
def read_board(joined: Any) -> Callable[..., tuple[Driver, dict[str, Samples]]]:
    """Bytes through the node's own driver. away_s: from its last frame to its first after a restart."""

    def read(data: bytes, away_s: float = 0.0) -> tuple[Driver, dict[str, Samples]]:
        driver = make_driver(Port("/dev/null"), StationFile(station=StationTable("rack-1", "barbell")))
        # A board that starts anew sends a lone zero byte; what it says then comes when it is there again.
        first, *rest = data.split(b"\0\0")
        given = driver.feed(first + b"\0" if rest else first, 0.0)
        for part in rest:
            given += driver.feed(part, away_s)
        return driver, joined(given)

    return read


@pytest.fixture(scope="session")
def true_length() -> Callable[[Case, NDArray[np.float64]], NDArray[np.float64]]:
    """The first tether at times of the board."""

    def at(case: Case, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        one = case.simulated
        profile = load_profile(one.exercise)
        dense = lengths(one.dense, profile, one.plan, one.station.geometry, one.sensors)
        return np.asarray(np.interp(time_s - START_S, one.motion.time_s, dense["position_m"]))

    return at


@pytest.fixture(scope="session")
def rp2040_image(build: Callable[..., Path]) -> bytes:
    """What a board has in flash after the file was copied to it, without its configuration."""
    linked = (build("rp2040") / "plumbline-rp2040.bin").read_bytes()
    return copied(uf2(linked, None))[: len(linked)]


@pytest.fixture
def on_rp2040(rp2040_image: bytes, rp2040js: Path, tmp_path: Path) -> Callable[..., Any]:
    """Run the image with a case's configuration and stimuli: what happened, its serial pins, its USB."""

    def run(
        case: Any, *args: str, seed: int = 5, image: bytes = rp2040_image, configured: bool = True
    ) -> tuple[dict[str, Any], bytes, bytes]:
        configuration, stimulus = case.write(tmp_path)
        at, uart, usb = tmp_path / "image.bin", tmp_path / "uart", tmp_path / "usb"
        at.write_bytes(image)
        if not configured:
            raw = configuration.read_bytes()
            configuration.write_bytes(raw[:-1] + b"\xff")  # half written
        command = ["node", HARNESS, rp2040js, at, configuration, stimulus, uart, usb, str(seed), *args]
        said = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
        ended = json.loads(said.stdout)
        return ended, *(path.read_bytes() if path.exists() else b"" for path in (uart, usb))

    return run


@pytest.fixture(scope="session")
def simavr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that runs an image in simavr."""
    program = tmp_path_factory.mktemp("simavr") / "simavr_board"
    source = Path(__file__).parent / "simavr_board.c"
    if shutil.which("cc") is None or not Path("/usr/include/simavr/sim_avr.h").exists():
        pytest.skip("libsimavr-dev is not installed")
    subprocess.run(["cc", "-O2", "-o", str(program), str(source), "-lsimavr", "-lelf"], check=True)
    return program


@pytest.fixture(scope="session")
def avr_image(build: Callable[..., Path]) -> bytes:
    return (build("avr") / "plumbline-avr.hex").read_bytes()


@pytest.fixture
def on_avr(avr_image: bytes, simavr: Path, tmp_path: Path) -> Callable[..., Any]:
    """Run the image with a case's configuration and stimuli: what happened, and its serial line."""

    def run(case: Any, damaged: bool = False, loader: Sequence[int] = ()) -> tuple[dict[str, Any], bytes]:
        _, stimulus = case.write(tmp_path)
        configuration = block(case.board, "nano")
        if damaged:
            configuration = configuration[:-1] + bytes((configuration[-1] ^ 1,))
        at, out = tmp_path / "board.hex", tmp_path / "line"
        at.write_bytes(avr_hex(avr_image, configuration))
        command = [simavr, at, stimulus, out, 4, 5, *loader]
        said = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
        return json.loads(said.stdout), out.read_bytes()

    return run
