"""One session as a picture: the motion, what was true above it, what was said below."""

from pathlib import Path

import msgspec
import numpy as np
import tomlkit

from edge.tools.analysis import analyse
from station.exercises import load_profile
from tests.second_simulator.scoring import NUMBERS, match
from tests.second_simulator.sessions import Session
from tests.second_simulator.strokes import DT_S


def draw(session: Session, path: Path, span: tuple[float, float] | None = None) -> str:
    """Draw a session and return what was said of it, as text. span: of the recording's clock, seconds."""
    import matplotlib as mpl  # noqa: PLC0415 - slow, and for pictures alone

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    analysis = analyse(session.recording, session.station, load_profile(session.scene.exercise))
    said = [rep for one in analysis.sets for rep in one.reps]
    found = match(session.reps, said)
    seen = session.seen
    at = seen.zero_s + np.arange(len(seen.place_m)) * DT_S
    figure, (above, below) = plt.subplots(2, 1, figsize=(22, 10), sharex=True)
    channel = "force_n" if session.scene.station == "band" else "position_m"
    raw = seen.columns[channel]
    shift = np.nanmedian(raw) - np.median(seen.place_m)
    above.plot(seen.time_s, raw - shift, ".", ms=1.5, color="0.7")
    above.plot(at, seen.place_m, lw=0.8, color="C0")
    below.plot(at, np.gradient(seen.place_m, DT_S), lw=0.6)
    low, high = seen.place_m.min(), seen.place_m.max()
    for one in session.reps:
        above.axvspan(*one.lift_s, 0.5, 1.0, color="C2" if one.counts else "C1", alpha=0.25)
    for i, rep in enumerate(said):
        right = i in found and session.reps[found[i]].counts == rep.counted
        end_s = rep.concentric_end_s or rep.end_s
        color = ("C2" if right else "C3") if rep.counted else "0.5"
        above.axvspan(rep.concentric_start_s or rep.start_s, end_s, 0.0, 0.5, color=color, alpha=0.25)
        above.text(end_s, low, f"{rep.confidence:.2f}" if rep.confidence is not None else "", fontsize=6)
    for one in analysis.rejected:
        above.text(
            one.start_s, low + 0.03 * (high - low), one.reason[:18], fontsize=6, rotation=70, color="C3"
        )
    for count, words in session.scene.track.notes:
        above.text(seen.zero_s + count * DT_S, high, words, fontsize=7, rotation=40)
    above.set_title(f"seed {session.seed}: {session.name}; above: true, below: said; orange: partial")
    if span:
        above.set_xlim(*span)
        inside = (at >= span[0]) & (at <= span[1])
        above.set_ylim(seen.place_m[inside].min() - 0.05, seen.place_m[inside].max() + 0.1)
    for axes in (above, below):
        axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=70)
    plt.close(figure)
    return _said(session)


def _said(session: Session) -> str:
    analysis = analyse(session.recording, session.station, load_profile(session.scene.exercise))
    said = [rep for one in analysis.sets for rep in one.reps]
    found = match(session.reps, said)
    back = {j: i for i, j in found.items()}
    lines = [session.name]
    for j, one in enumerate(session.reps):
        rep = said[back[j]] if j in back else None
        head = f"true {'rep' if one.counts else 'partial'} {one.lift_s[0]:8.2f} to {one.lift_s[1]:.2f}: "
        if rep is None:
            lines.append(head + "not seen")
            continue
        words = [f"{'counted' if rep.counted else f'not counted ({rep.reason})'} {rep.confidence}"]
        for name, sigma_name in NUMBERS.items():
            value, sigma = getattr(rep, name), getattr(rep, sigma_name)
            if name in one.numbers and value is not None and sigma:
                off = (value - one.numbers[name]) / sigma
                if abs(off) > 3.0:
                    words.append(f"{name} {value:.3f} ±{sigma:.3f}, true {one.numbers[name]:.3f}")
        lines.append(head + "; ".join(words))
    for i, rep in enumerate(said):
        if i not in found:
            lines.append(
                f"said, not true: {rep.start_s:.2f} to {rep.end_s:.2f} counted {rep.counted} {rep.confidence}"
            )
    lines += [f"not reps: {one.start_s:.2f} to {one.end_s:.2f} {one.reason}" for one in analysis.rejected]
    return "\n".join(lines)


def write(session: Session, folder: Path) -> str:
    """The recording, station file and truth, for `plumbline analyze`."""
    folder.mkdir(parents=True, exist_ok=True)
    seen = session.seen
    names = ["time_s", *seen.columns]
    table = np.column_stack([seen.time_s, *seen.columns.values()])
    rows = (",".join("" if np.isnan(cell) else f"{cell:.6f}" for cell in row) for row in table)
    (folder / "rec.csv").write_text("\n".join([",".join(names), *rows, ""]))
    (folder / "station.toml").write_text(tomlkit.dumps(seen.station))
    (folder / "truth.json").write_bytes(msgspec.json.format(msgspec.json.encode(session.reps)))
    files = f"{folder}/rec.csv --station {folder}/station.toml"
    return f"plumbline analyze {files} --exercise {session.scene.exercise}"
