import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np

from station.exercises import load_profile
from station.sim.devices.sensors import Sensors
from station.sim.session import simulate_set

USED_LATER = """
import sys
from edge.node.lean_imports import lean_imports
lean_imports()
import edge.node.node, edge.node.acquisition, numpy, numpy.typing
needless = {"_ssl", "_hashlib", "http.client", "urllib.error", "dataclasses", "statistics"}
import paho.mqtt.client
try:
    raise BlockingIOError
except paho.mqtt.client.ssl.SSLWantReadError:
    print("TLS")
except BlockingIOError:
    pass
print(*sorted(needless & set(sys.modules)))
import ssl, hashlib, urllib.request
from ssl import SSLError
context = ssl.create_default_context()
print(issubclass(paho.mqtt.client.ssl.SSLWantReadError, SSLError))
print(context.verify_mode is ssl.CERT_REQUIRED, issubclass(SSLError, OSError), SSLError is ssl.SSLError)
print(hashlib.sha256(b"").hexdigest()[:8], urllib.request.Request("http://localhost/a").selector)
print(numpy.linalg.inv(numpy.eye(2))[0, 0], numpy.typing.NDArray[numpy.float64] is not None)
"""


def test_what_a_node_has_no_use_for_is_loaded_when_it_is_asked_for_and_works_as_ever() -> None:
    command = [sys.executable, "-c", USED_LATER]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert said.stdout.splitlines() == ["", "True", "True True True", "e3b0c442 /a", "1.0 True"], said.stderr


ALREADY = """
import sys, ssl, numpy.typing
before = dict(sys.modules)
from edge.node.lean_imports import lean_imports
lean_imports()
print(all(sys.modules[name] is before[name] for name in before))
"""


def test_what_is_imported_already_stays_as_it_is() -> None:
    command = [sys.executable, "-c", ALREADY]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert said.stdout == "True\n", said.stderr


COUNTS = """
import pickle, sys
from edge.node.lean_imports import lean_imports
lean_imports()
from edge.counting.pipeline import StationPipeline
from edge.link.drivers import Samples
from station.exercises import load_profile
with open(sys.argv[1], "rb") as file:
    station, recording = pickle.load(file)
before = set(sys.modules)
pipeline = StationPipeline(station, load_profile("rdl"))
events = pipeline.feed([Samples(name, *signal) for name, signal in recording.items()]) + pipeline.finish()
pipeline.cell.tare()
weighed = any(event.rep.load_measured_kg for event in events if hasattr(event, "rep"))
print(weighed, *sorted(name for name in set(sys.modules) - before if "numpy" in name))
"""


def test_counting_a_set_with_a_cell_loads_nothing_more_of_numpy(tmp_path: Path) -> None:
    simulated = simulate_set(
        load_profile("rdl"), reps=2, rng=np.random.default_rng(5), sensors=Sensors(force_hz=80.0)
    )
    path = tmp_path / "set"
    path.write_bytes(pickle.dumps((simulated.station, simulated.recording)))
    command = [sys.executable, "-c", COUNTS, str(path)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert said.stdout == "True\n", said.stderr
