"""The pytest plugin: somebody else's integration test is ten lines."""

import queue
import shutil

import paho.mqtt.client as mqtt
import pytest

from station.messages import RepMessage, decode

DEADLINE_S = 40.0


@pytest.mark.skipif(shutil.which("mosquitto", path="/usr/sbin:/usr/bin") is None, reason="no mosquitto here")
def test_a_listener_hears_every_rep_of_a_simulated_station(simulated_station, running_edge) -> None:
    station = simulated_station("back-squat", reps=3, speed=2.5)
    heard: queue.Queue[bytes] = queue.Queue()
    listener = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    listener.on_message = lambda _client, _data, message: heard.put(message.payload)
    listener.on_connect = lambda client, *_: client.subscribe(f"{station.topic}/rep")
    listener.connect(*station.broker)
    listener.loop_start()
    running_edge(station)
    lockouts: dict[str, float] = {}
    while len(lockouts) < 3:
        message = decode("rep", heard.get(timeout=DEADLINE_S))
        assert isinstance(message, RepMessage)
        lockouts[message.event_id] = message.rep.concentric_s
    listener.loop_stop()
    listener.disconnect()
    truth = [rep["concentric_s"] for rep in station.truth["sets"][0]["reps"]]
    assert list(lockouts.values()) == pytest.approx(truth, abs=0.08)
