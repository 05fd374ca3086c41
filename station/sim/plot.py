"""A picture of a simulated session: what really moved, and what the sensors made of it."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from station.sim.session import SimulatedSet

COLOURS = {"eccentric": "tab:blue", "concentric": "tab:orange"}


def plot(path: Path, simulated: SimulatedSet) -> None:
    """Draw motion and phases, velocity, force, and the path; the file's suffix chooses the format."""
    motion, dense = simulated.motion, simulated.dense
    band = dense.x_m is None
    figure, axes = plt.subplots(3, 1, figsize=(14, 10), sharex=True, layout="constrained")
    axes[0].plot(motion.time_s, dense.s, "k", lw=0.8, label="true")
    if "position_m" in simulated.recording and simulated.station.station.kind == "cable":
        seen = simulated.recording["position_m"]
        axes[0].plot(seen.time_s, seen.value, ".", ms=1, label="stack travel")
    axes[0].set_ylabel("tension in N" if band else "s in m")
    axes[1].plot(motion.time_s, np.gradient(dense.s, motion.time_s), "k", lw=0.8)
    axes[1].set_ylabel("N/s" if band else "v in m/s")
    axes[2].set_ylabel("force in N")
    if dense.force_n is not None:
        axes[2].plot(motion.time_s, dense.force_n, "k", lw=0.8, label="true")
    for name, channel in simulated.recording.items():
        if name.endswith("_n"):
            axes[2].plot(channel.time_s, channel.value, ".", ms=1, label=name)
    axes[2].set_xlabel("s")
    for axis in axes:
        for item in simulated.truth["not_reps"]:
            axis.axvspan(item["start_s"], item["end_s"], color="0.88", lw=0)
    for one in simulated.truth["sets"]:
        for rep in one["reps"]:
            low = rep["start_s"] if rep["eccentric_end_s"] and rep["eccentric_end_s"] < rep["end_s"] else None
            ecc = (low if low is not None else rep["concentric_end_s"], rep["eccentric_end_s"])
            if ecc[1] is not None:
                axes[0].axvspan(*ecc, color=COLOURS["eccentric"], alpha=0.2, lw=0)
            axes[0].axvspan(
                rep["concentric_start_s"],
                rep["concentric_end_s"],
                color=COLOURS["concentric"],
                alpha=0.3,
                lw=0,
            )
            axes[0].annotate(str(rep["number"]), (rep["concentric_end_s"], axes[0].get_ylim()[1]), va="top")
    axes[0].set_title(f"{simulated.plan.id}: {simulated.exercise}")
    axes[2].legend(loc="upper right", fontsize=7, markerscale=6)
    if dense.x_m is not None and dense.y_m is not None:
        inset = axes[1].inset_axes((0.9, 0.55, 0.1, 0.45))
        moving = np.concatenate(
            [
                np.arange(int(r["start_s"] * 1e3), int(r["end_s"] * 1e3), 5)
                for o in simulated.truth["sets"]
                for r in o["reps"]
            ]
            or [np.zeros(0, int)]
        )
        inset.plot(dense.x_m[moving], dense.y_m[moving], ".", ms=0.5)
        inset.set_aspect("equal")
        inset.set_title("path in m", fontsize=7)
        inset.tick_params(labelsize=6)
    figure.savefig(path, dpi=80)
    plt.close(figure)
