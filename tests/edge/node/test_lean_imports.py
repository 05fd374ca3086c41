import pickle
import platform
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
import edge.node.launch
needless = {"_ssl", "_hashlib", "http.client", "urllib.error", "dataclasses", "statistics"}
needless |= {"_pickle", "traceback", "numpy.linalg._linalg"}
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
import gettext, inspect, logging, pickle, platform, textwrap, msgspec.inspect
print(numpy.polyfit([0.0, 1.0, 2.0], [1.0, 3.0, 5.0], 1).round(6).tolist(), inspect.signature(len))
print(pickle.loads(pickle.dumps(numpy.arange(2))).tolist(), textwrap.dedent(" a"), platform.python_version())
print(type(msgspec.inspect.type_info(int)).__name__, gettext.NullTranslations().gettext("b"))
logging.getLogger("paho").error("said")
"""


def test_what_a_node_has_no_use_for_is_loaded_when_it_is_asked_for_and_works_as_ever() -> None:
    command = [sys.executable, "-c", USED_LATER]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert said.stdout.splitlines() == [
        "",
        "True",
        "True True True",
        "e3b0c442 /a",
        "1.0 True",
        "[2.0, 1.0] (obj, /)",
        f"[0, 1] a {platform.python_version()}",
        "IntType b",
    ], said.stderr
    assert said.stderr == "said\n"


MEANWHILE = """
import sys
from edge.node.lean_imports import POSTPONED, lean_imports
lean_imports()
from sys import modules
import numpy
for name in POSTPONED:
    for asked, said in dict(getattr(modules.get(name), "meanwhile", {})).items():
        del modules[name]
        true = getattr(__import__(name, fromlist=["x"]), asked)
        known = {"SSLWantReadError", "SSLWantWriteError", "eigvals", "inv", "lstsq", "matrix_power"}
        told = said() == true() if asked == "system" else said == true
        told = told or asked == "gettext" and said("a") == true("a")
        told = told or asked == "ngettext" and said("a", "b", 1) + said("a", "b", 2) == "ab"
        print(name, asked, end="; ") if not told and asked not in known else None
"""


def test_what_a_postponed_module_says_meanwhile_is_what_it_would_say() -> None:
    command = [sys.executable, "-c", MEANWHILE]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (said.stdout, said.stderr) == ("", "")


AT_ONCE = """
import sys, threading
from edge.node.lean_imports import lean_imports
lean_imports()
import pickle
sys.setswitchinterval(1e-6)
ready, said = threading.Barrier(8), []
def ask():
    ready.wait()
    said.append(pickle.dumps(1))
threads = [threading.Thread(target=ask) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(said), len(set(said)))
"""


def test_threads_that_ask_for_a_postponed_module_at_once_all_have_it() -> None:
    command = [sys.executable, "-c", AT_ONCE]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (said.stdout, said.stderr) == ("8 1\n", "")


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
