"""One rep against its prescription, and its numbers in a screen's words."""

import math

import msgspec

from dashboard.floor.coaching import tempo_target
from station.exercises import Profile
from station.messages import RepMessage
from station.records import Rep

# A phase this close to its target is kept: a share of a zero target would be no room at all.
TEMPO_FLOOR_S = 0.25
_LONG_MM = 9999.0

TempoTimes = tuple[float | None, float | None, float | None, float | None]  # seconds, contract's order
NO_TEMPO: TempoTimes = (None, None, None, None)


class RepView(msgspec.Struct, frozen=True, kw_only=True):
    """One rep against its prescription. True in a mark: kept; None: not measured or not prescribed."""

    event_id: str
    number: int
    start_s: float  # session time
    end_s: float
    pending: bool
    counted: bool
    reason: str | None
    mean_velocity_mps: float | None
    tempo_s: TempoTimes
    tempo_kept: tuple[bool | None, bool | None, bool | None, bool | None]
    rom_m: float | None
    path_m: float | None
    path_sigma_m: float | None
    path_kept: bool | None
    velocity_loss_pct: float | None
    loss_reached: bool

    @property
    def off(self) -> bool:
        """Tempo or path outside what was asked for."""
        return self.path_kept is False or False in self.tempo_kept


def rep_view(message: RepMessage, profile: Profile | None) -> RepView:
    """A rep judged by the profile it was counted by."""
    rep = message.rep
    share = (profile.tempo.tolerance_pct if profile else 20.0) / 100.0
    limit_m = profile.path_limit_m if profile else None
    loss_pct = rep.velocity_loss_pct
    first, second, third, fourth = (
        None if did is None or asked is None else abs(did - asked) <= max(share * asked, TEMPO_FLOOR_S)
        for did, asked in zip(
            rep_tempo(rep), tempo_target(profile.tempo) if profile else NO_TEMPO, strict=True
        )
    )
    deviation_m = rep.path_deviation_m
    return RepView(
        event_id=message.event_id,
        number=rep.number,
        start_s=rep.start_s,
        end_s=rep.end_s,
        pending=message.state == "pending",
        counted=rep.counted,
        reason=rep.reason,
        mean_velocity_mps=rep.mean_concentric_velocity_mps,
        tempo_s=rep_tempo(rep),
        tempo_kept=(first, second, third, fourth),
        rom_m=rep.rom_m,
        path_m=deviation_m,
        path_sigma_m=rep.path_deviation_sigma_m,
        path_kept=_path_kept(deviation_m, rep.path_deviation_sigma_m, limit_m),
        velocity_loss_pct=loss_pct,
        loss_reached=bool(profile and loss_pct is not None and loss_pct >= profile.velocity_loss_cutoff_pct),
    )


def rep_tempo(rep: Rep) -> TempoTimes:
    """The four phases of a rep in the contract's order."""
    return rep.eccentric_s, rep.bottom_pause_s, rep.concentric_s, rep.top_pause_s


def asked_tempo(tempo_s: TempoTimes) -> list[str]:
    """A prescription phase by phase, x for as fast as possible; empty where there is none."""
    if all(seconds is None for seconds in tempo_s):
        return []
    return ["x" if seconds is None else f"{seconds:g}" for seconds in tempo_s]


def path_mm(deviation_m: float, sigma_m: float | None) -> str:
    """A deviation and its standard uncertainty in millimetres; the uncertainty is rounded up."""
    if sigma_m is None:
        return f"{1000 * deviation_m:.0f}"[:9]
    return f"{1000 * deviation_m:.0f}"[:9] + f" ± {math.ceil(max(0.0, min(1000 * sigma_m, _LONG_MM)))}"


def _path_kept(deviation_m: float | None, sigma_m: float | None, limit_m: float | None) -> bool | None:
    if deviation_m is None or limit_m is None or (sigma_m is not None and sigma_m > limit_m):
        return None  # not measured, nothing asked, or too uncertain to say
    return deviation_m <= limit_m
