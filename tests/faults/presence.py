"""What the retained state says when a node stops, dies, or falls into a black hole."""

import time

import msgspec
import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from station.sim.session import simulate_set
from tests.faults.gym import Gym, Verdict
from tests.faults.hardware import PROFILE, Board, edge, until
from tests.faults.proxy import Proxy


class State:
    """Hears the newest state of the station."""

    def __init__(self, port: int) -> None:
        self.newest = ""
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.on_message = self._heard
        self._client.on_connect = lambda client, *_: client.subscribe("plumbline/1/gym/sim-1/state")
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _heard(self, client: paho.Client, _: object, message: paho.MQTTMessage) -> None:
        self.newest = msgspec.json.decode(message.payload)["state"]

    def close(self) -> None:
        """Hear no more."""
        self._client.disconnect()
        self._client.loop_stop()


def presence(_quick: bool) -> Verdict:
    """Ready; stopping after a clean stop; lost after a kill and in a black hole; ready again."""
    simulated = simulate_set(PROFILE, reps=1, rng=np.random.default_rng(5))
    seen: dict[str, float] = {}
    with Gym() as gym, Proxy(gym.broker.port) as proxy:
        gym.station_port = proxy.port
        board = Board(gym.folder / "board")
        state = State(gym.broker.port)
        node = edge(gym, simulated, board, {})
        seen["ready"] = until(lambda: state.newest == "ready", 5.0)
        node.kill()
        node.wait()
        seen["lost after a kill"] = until(lambda: state.newest == "lost", 5.0)
        node = edge(gym, simulated, board, {})
        until(lambda: state.newest == "ready", 5.0)
        proxy.set("hole")
        seen["lost in a black hole"] = until(lambda: state.newest == "lost", 40.0)
        proxy.set("pass")
        seen["ready after it"] = until(lambda: state.newest == "ready", 10.0)
        start_s = time.monotonic()
        node.terminate()
        status = node.wait(5.0)
        stop_s = time.monotonic() - start_s
        seen["stopping"] = until(lambda: state.newest == "stopping", 2.0)
        time.sleep(0.5)  # a last will would come now
        held = state.newest == "stopping"
        state.close()
    words = ", ".join(f"{name} {took_s:.1f} s" for name, took_s in seen.items())
    return Verdict(
        "state and last will",
        f"{words}; clean stop in {stop_s:.1f} s",
        held and status == 0 and stop_s <= 2.0 and max(seen.values()) < 40.0,
    )
